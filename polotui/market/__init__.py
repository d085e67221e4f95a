"""What is the market now? Books, candles, tickers, trades, how fresh each is, and the history behind them."""
