"""A bar curve as one value for each UTC day, and the daily returns.

Decided here: ratios come from daily values, since hourly ones give another Sharpe for the same run. The value of a day
is the last one in it, a day without a bar carries the value before it (its return is zero), and the first day is
measured against the starting capital, so no day is lost.

A bar is told by the time at which it OPENS while its equity is that at its CLOSE: the bar from 23:59 to 00:00 ends on
the next day's first instant, and yet it belongs to the day in which it opened.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


def daily_equity(open_ms: Longs, equity: Floats, start_capital: float) -> tuple[Longs, Floats]:
    """The days from the first bar's to the last one's (days since 1970-01-01, UTC), and the last equity of each.

    `open_ms` are the bars' OPEN times, rising; `equity` is marked at their closes. A position that is carried for
    days without a bar keeps its last mark.
    """
    check_curve(open_ms, equity, start_capital)
    first, last = int(open_ms[0]) // DAY_MS, int(open_ms[-1]) // DAY_MS
    days = np.arange(first, last + 1, dtype=np.int64)
    # The last bar before each midnight; where a day has none, that is the bar of an earlier day.
    at = np.searchsorted(open_ms, (days + 1) * DAY_MS, side="left") - 1
    return days, equity[at]


def daily_returns(values: Floats, start_capital: float) -> Floats:
    """Simple returns of each day, the first against the starting capital.

    After the equity has fallen to zero there are no returns: those entries are NaN, and every figure made of them is
    unknown for that reason.
    """
    before = np.empty_like(values)
    before[0] = start_capital
    before[1:] = values[:-1]
    if before.min() > 0:
        return values / before - 1.0
    ruined = int(np.argmax(before <= 0))
    result = np.full(len(values), np.nan)
    result[:ruined] = values[:ruined] / before[:ruined] - 1.0
    return result


def check_curve(open_ms: Longs, equity: Floats, start_capital: float) -> None:
    """Raises ValueError where a curve cannot be one: it is the caller's mistake, not a missing figure."""
    if len(open_ms) == 0 or len(open_ms) != len(equity):
        raise ValueError(f"a curve needs as many times as values and at least one, not {len(open_ms)}, {len(equity)}")
    if not start_capital > 0:
        raise ValueError(f"starting capital must be above zero, not {start_capital}")
    if not np.isfinite(equity).all():
        raise ValueError("equity must be finite")
    if not (open_ms[1:] > open_ms[:-1]).all():
        raise ValueError("the bars' times must rise")
