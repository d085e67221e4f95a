"""The tick and lot grid that every fill lies on.

Decided here: sizes go down, prices to the side that is worse for us. A value within a billionth of a step counts as on
the grid, because 0.3 / 0.1 is 2.9999999999999996 in floats.
"""

from __future__ import annotations

import math

NEAR = 1e-9


def quantise(value: float, step: float) -> float:
    """The largest multiple of `step` that is not above `value`; `value` itself when there is no grid (step 0)."""
    if step <= 0.0 or math.isnan(value):
        return value
    return math.floor(value / step + NEAR) * step


def quantise_up(value: float, step: float) -> float:
    """The smallest multiple of `step` that is not below `value`."""
    if step <= 0.0 or math.isnan(value):
        return value
    return math.ceil(value / step - NEAR) * step


def quantise_price(price: float, tick: float, side: int) -> float:
    """On the tick grid on the side that is worse for us: up for a buy, down for a sell."""
    if side > 0:
        return quantise_up(price, tick)
    return quantise(price, tick)
