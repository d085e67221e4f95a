"""How a bot should do: the returns that its strategy's newest backtest had over spans as long as the bot has run.

The method in words: the backtest's equity at each close is cut into every stretch of as many bars as the bot has run,
one beginning at each bar. Each stretch has a return, its last equity over its first less one. The band goes from the
5th to the 95th percentile of them; so of ten such stretches nine ended within it.

Decided here:
* The backtest is of the same text, symbols, timeframe and params. A shorter one than twice the bot's time says nothing.
* Stretches overlap, and may begin with a position open, which a new bot has not: for the first bars the band is wider
  than the truth.
* Lengths are rounded to two leading digits, so that a band is computed once for many bars; in a thread, because a year
  of minutes has half a million stretches. Asking is synchronous: what is not computed yet is unknown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from polotui.backtest.tasks import curve_of
from polotui.core import threads

LOW, HIGH = 5.0, 95.0
MOST_KEPT = 500

Band = tuple[float | None, float | None]
UNKNOWN: Band = (None, None)


def bucket(bars: int) -> int:
    """`bars` with its first two digits, the others nought."""
    size = int("1" + "0" * (len(str(bars)) - 2)) if bars >= 100 else 1
    return bars // size * size


def band_of(equity: Any, capital: float, bars: int) -> Band:
    """The band of returns over `bars` bars of an equity curve that began with `capital`."""
    curve = np.concatenate(([capital], equity))
    if bars < 1 or len(equity) < 2 * bars or not np.all(curve > 0.0):
        return UNKNOWN
    low, high = np.percentile(curve[bars:] / curve[:-bars] - 1.0, (LOW, HIGH))
    return float(low), float(high)


class Bands:
    """Bands by run and length, kept. `part` gets a stored part of a run."""

    def __init__(self, part: Callable[[int, str], Awaitable[bytes]]) -> None:
        self._part = part
        self._kept: dict[tuple[int, int], Band] = {}

    async def band(self, run: int, capital: float, bars: int) -> Band:
        """The band of a run over this many bars; raises what reading the run's curve raises."""
        key = (run, bucket(bars))
        if key not in self._kept:
            data = await self._part(run, "curve")
            self._kept[key] = await threads.beside(lambda: band_of(curve_of(data)[1], capital, key[1]), "expected band")
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return self._kept[key]
