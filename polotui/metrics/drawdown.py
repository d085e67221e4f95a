"""How deep and how long the equity was below its peak.

Decided here: the starting capital counts as the first peak, so a run that only loses has a drawdown. Depths are zero
or negative fractions of the peak. The depth that a trader felt is that on bars; the one on daily values is given beside
it, because ratios and other programs use that. One that has not recovered is open, and its length runs to the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from polotui.metrics.daily import DAY_MS, Floats, Longs
from polotui.metrics.figure import Figure, counted, unknown


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest one. Times are bars' closes (the start is the first bar's open); `recovery_ms` is None while open."""

    depth: float
    peak_ms: int
    trough_ms: int
    recovery_ms: int | None
    end_ms: int

    @property
    def open(self) -> bool:
        return self.recovery_ms is None

    @property
    def days(self) -> float:
        """From the peak to the recovery, or to the end of the curve."""
        end = self.end_ms if self.recovery_ms is None else self.recovery_ms
        return (end - self.peak_ms) / DAY_MS


def drawdown_curve(equity: Floats, start_capital: float) -> Floats:
    """For each value, how far it is below the highest before it: 0 at a peak, −0.1 for ten percent."""
    peaks = np.maximum.accumulate(equity)
    np.maximum(peaks, start_capital, out=peaks)
    return equity / peaks - 1.0


def max_drawdown(equity: Floats, start_capital: float) -> Figure:
    """The lowest of the drawdown curve; 0 when the equity never fell."""
    return counted(min(float(drawdown_curve(equity, start_capital).min()), 0.0))


def deepest(open_ms: Longs, frame_ms: int, equity: Floats, start_capital: float) -> Drawdown | None:
    """Where the maximum drawdown was, or None when there was none. Of two equal ones the first."""
    curve = drawdown_curve(equity, start_capital)
    trough = int(curve.argmin())
    depth = float(curve[trough])
    if depth >= 0:
        return None
    peak_at = int(equity[: trough + 1].argmax())
    peak = float(equity[peak_at])
    # A start that no bar reached again is the peak, and it was at the first bar's open.
    from_start = start_capital >= peak
    peak = start_capital if from_start else peak
    healed = np.flatnonzero(equity[trough:] >= peak)
    return Drawdown(
        depth=depth,
        peak_ms=int(open_ms[0]) if from_start else int(open_ms[peak_at]) + frame_ms,
        trough_ms=int(open_ms[trough]) + frame_ms,
        recovery_ms=int(open_ms[trough + int(healed[0])]) + frame_ms if len(healed) else None,
        end_ms=int(open_ms[-1]) + frame_ms,
    )


def calmar(growth: Figure, depth: Figure) -> Figure:
    """CAGR over the absolute maximum drawdown of the daily values."""
    if growth.value is None:
        return growth
    if depth.value is None:
        return depth
    return counted(growth.value / -depth.value) if depth.value else unknown("no drawdown")


def ulcer_index(daily: Floats, start_capital: float) -> Figure:
    """√mean(drawdown²) over the daily values: depth and length in one figure."""
    curve = drawdown_curve(daily, start_capital)
    return counted(math.sqrt(float(curve @ curve) / len(curve)))
