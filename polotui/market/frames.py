"""Higher candles from lower ones, for whole arrays at once.

Decided here:
* For a chart (`higher`) a candle is built only when every minute of its window is there or is known to be empty at
  the exchange; half a candle would look like a whole one.
* For a backtest and an export (`resampled`) a window with holes inside counts as well, since in thin markets most
  minutes have no trade, and `lacking` tells which windows those are. The windows at both ends count only when the
  candles reach their edge: the last one may still be running, and using it would be a look into the future.
* The same numbers as `model.candles.merge` to the last bit: volumes are added from left to right, one minute of all
  windows at a time, because numpy's own sum adds in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polotui.core.errors import UsageError
from polotui.model.candles import MINUTE_MS, Timeframe
from polotui.storage.columns import CandleArrays, Floats, Ints

Window = tuple[int, int]


@dataclass(frozen=True)
class Lacking:
    """A window that was built although it has holes. `missing` counts lower candles."""

    open_ms: int
    missing: int


def higher(minutes: CandleArrays, frame: Timeframe, empty: Sequence[Window] = ()) -> CandleArrays:
    """The complete candles of `frame` inside these minutes. `empty` are the windows known to have no candles."""
    if frame is Timeframe.M1 or not len(minutes):
        return minutes
    starts, counts, opens = _windows(minutes, frame)
    complete = counts + _empty(opens, frame, empty, MINUTE_MS) >= frame.ms // MINUTE_MS
    return _built(minutes, starts[complete], counts[complete], opens[complete])


def resampled(candles: CandleArrays, frame: Timeframe, lower: Timeframe = Timeframe.M1) -> CandleArrays:
    """Candles of `frame` from closed ones of `lower`; `lacking` tells those that have holes."""
    if frame is lower or not len(candles):
        return candles
    starts, counts, opens = _whole_windows(candles, frame, lower)
    return _built(candles, starts, counts, opens)


def lacking(
    candles: CandleArrays, frame: Timeframe, lower: Timeframe = Timeframe.M1, empty: Sequence[Window] = ()
) -> list[Lacking]:
    """The windows of `resampled` that miss lower candles, oldest first. Those in `empty` are not missing: the
    exchange has none. A window without any candle is a gap of the result and not told here."""
    if frame is lower or not len(candles):
        return []
    _, counts, opens = _whole_windows(candles, frame, lower)
    missing = frame.ms // lower.ms - counts - _empty(opens, frame, empty, lower.ms)
    places = np.flatnonzero(missing > 0)
    return [Lacking(*pair) for pair in zip(opens[places].tolist(), missing[places].tolist(), strict=True)]


def _windows(candles: CandleArrays, frame: Timeframe) -> tuple[Ints, Ints, Ints]:
    """Of each window that has candles: the place of its first, their number, its open time."""
    buckets = candles.open_ms // frame.ms
    starts = np.append(0, np.flatnonzero(np.diff(buckets)) + 1)
    return starts, np.diff(np.append(starts, len(candles))), buckets[starts] * frame.ms


def _whole_windows(candles: CandleArrays, frame: Timeframe, lower: Timeframe) -> tuple[Ints, Ints, Ints]:
    if frame.ms % lower.ms or frame.ms < lower.ms:
        raise UsageError(
            f"{frame.value} candles cannot be built from {lower.value} ones.",
            safe="Nothing was built.",
            next_step="Give a timeframe that divides it, such as 1m.",
        )
    starts, counts, opens = _windows(candles, frame)
    first = 0 if int(candles.open_ms[0]) == int(opens[0]) else 1
    last = len(starts) if int(candles.open_ms[-1]) + lower.ms == int(opens[-1]) + frame.ms else len(starts) - 1
    return starts[first:last], counts[first:last], opens[first:last]


def _built(candles: CandleArrays, starts: Ints, counts: Ints, opens: Ints) -> CandleArrays:
    if not len(starts):
        return CandleArrays.empty()
    ends = starts + counts
    # Windows that do not follow each other leave candles between; `reduceat` gets each end as a start of its own.
    edges = np.stack([starts, ends], axis=1).ravel()
    edges = edges[:-1] if int(ends[-1]) == len(candles) else edges
    counted = np.minimum.reduceat(candles.trades, edges)[::2]
    trades = np.where(counted < 0, -1, np.add.reduceat(candles.trades, edges)[::2]).astype(np.int64)
    return CandleArrays.from_columns(
        opens,
        [
            candles.open[starts],
            np.maximum.reduceat(candles.high, edges)[::2],
            np.minimum.reduceat(candles.low, edges)[::2],
            candles.close[ends - 1],
            _added(candles.volume, starts, counts),
            _added(candles.amount, starts, counts),
        ],
        trades,
    )


def _added(values: Floats, starts: Ints, counts: Ints) -> Floats:
    """Sums from left to right, longest windows first, so that those still being added are at the front."""
    longest_first = np.argsort(-counts, kind="stable")
    places, lengths = starts[longest_first], -counts[longest_first]
    total = np.zeros(len(starts))
    for step in range(int(counts.max())):
        alive = int(np.searchsorted(lengths, -step))
        total[:alive] += values[places[:alive] + step]
    ordered = np.empty_like(total)
    ordered[longest_first] = total
    return ordered


def _empty(opens: Ints, frame: Timeframe, empty: Sequence[Window], lower_ms: int) -> Ints:
    """How many lower candles of each window, given by its open time, are known not to exist."""
    total = np.zeros(len(opens), np.int64)
    for start, end in empty:
        overlap = np.minimum(opens + frame.ms, end) - np.maximum(opens, start)
        total += np.maximum(overlap, 0) // lower_ms
    return total
