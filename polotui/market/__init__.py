"""What is the market now? Books, trades, candles, tickers, and how fresh each of them is."""
