"""Higher candles from minutes, for whole arrays at once.

Decided here: a higher candle is built only when every minute of its window is there or is known to be empty at the
exchange; half a candle would look like a whole one. Prices come out exactly as from the minutes; the sums of volume
and amount may differ from a sum in another order by the last bits of a float.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polotui.model.candles import MINUTE_MS, Timeframe
from polotui.storage.columns import CandleArrays, Ints

Window = tuple[int, int]


def higher(minutes: CandleArrays, frame: Timeframe, empty: Sequence[Window] = ()) -> CandleArrays:
    """The complete candles of `frame` inside these minutes. `empty` are the windows known to have no candles."""
    if frame is Timeframe.M1 or not len(minutes):
        return minutes
    buckets = minutes.open_ms // frame.ms
    starts = np.append(0, np.flatnonzero(np.diff(buckets)) + 1)
    counts = np.diff(np.append(starts, len(minutes)))
    opens = buckets[starts] * frame.ms
    complete = counts + _empty_minutes(opens, frame, empty) >= frame.ms // MINUTE_MS
    trades = np.where(
        np.minimum.reduceat(minutes.trades, starts) < 0, -1, np.add.reduceat(minutes.trades, starts)
    ).astype(np.int64)
    built = CandleArrays.from_columns(
        opens,
        [
            minutes.open[starts],
            np.maximum.reduceat(minutes.high, starts),
            np.minimum.reduceat(minutes.low, starts),
            minutes.close[starts + counts - 1],
            np.add.reduceat(minutes.volume, starts),
            np.add.reduceat(minutes.amount, starts),
        ],
        trades,
    )
    return CandleArrays(built.block[:, complete])


def _empty_minutes(opens: Ints, frame: Timeframe, empty: Sequence[Window]) -> Ints:
    """How many minutes of each window, given by its open time, are known to be empty."""
    total = np.zeros(len(opens), np.int64)
    for start, end in empty:
        overlap = np.minimum(opens + frame.ms, end) - np.maximum(opens, start)
        total += np.maximum(overlap, 0) // MINUTE_MS
    return total
