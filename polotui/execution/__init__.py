"""How does an order become fills? Fill, fee, slippage and exit rules: one source for backtest and paper.

Decided here: plain functions over floats and whole numbers, without state, arrays or imports beyond `math`. The
backtest
compiles these very functions with numba, paper trading calls them as they stand, and so both decide alike. Directions
and sides are +1 (long, buy) and -1 (short, sell).
"""
