"""The deepest fall of an equity curve, in one pass and without a division for each bar.

Decided here: against one peak the lowest equity gives the deepest fall, also after rounding, so the division is made
only when a peak ends. The result has the bits of `metrics.drawdown.max_drawdown`.
"""

from __future__ import annotations

from polotui.backtest.kernel.shapes import Floats


def deepest_fall(equity: Floats, start_capital: float) -> float:
    """0 or a negative fraction of the highest equity before; the start counts as the first peak."""
    peak = lowest = start_capital
    deepest = 0.0
    for place in range(len(equity)):
        value = equity[place]
        if value > peak:
            deepest = min(deepest, lowest / peak - 1.0)
            peak = lowest = value
        elif value < lowest:
            lowest = value
    return min(deepest, lowest / peak - 1.0)
