"""The panes of the backtest screen, and what they know together (`bench`)."""
