"""What is trading made of? Symbols, money, candles, books, trades, orders, balances. Pure values, no numpy."""
