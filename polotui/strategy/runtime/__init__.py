"""Documents at work: indicators and rules over columns of candles, and bar by bar, with the same bits."""
