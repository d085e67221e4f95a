"""Many candles as one block of columns: how a past day is stored and how a year is opened.

Decided here:
* A block is eight rows of int64 (open time, open, high, low, close, volume, amount, trades), the prices and volumes
  being the bits of their float64. One dtype makes a year of days one `concatenate`, and nothing is ever converted.
* Not compressed. zlib level 1 nearly halves the 34 MB of a year of minutes, but unpacking alone takes six times as
  long as opening the plain blocks does (115 ms against 18; `benchmarks/bench_candles.py` prints both).
* Little-endian on disk and in the hash, so that a file can move to another machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polotui.model.candles import Candle, Timeframe

COLUMNS = ("open_ms", "open", "high", "low", "close", "volume", "amount", "trades")
_STORED = np.dtype("<i8")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CandleArrays:
    """Closed candles, oldest first, each open time once. The columns are views of one block."""

    block: Ints

    @classmethod
    def empty(cls) -> CandleArrays:
        return cls(np.empty((8, 0), np.int64))

    @classmethod
    def of(cls, candles: Sequence[Candle]) -> CandleArrays:
        """From candles in any order; of several with one open time the last one counts."""
        columns = (
            np.array([candle.open_ms for candle in candles], np.int64),
            *(np.array([getattr(c, name) for c in candles], np.float64).view(np.int64) for name in COLUMNS[1:7]),
            np.array([candle.trades for candle in candles], np.int64),
        )
        return cls(np.stack(columns)).in_order()

    @classmethod
    def from_columns(cls, open_ms: Ints, prices: Sequence[Floats], trades: Ints) -> CandleArrays:
        """From open times, the six float columns in their order, and trade counts. Already oldest first."""
        return cls(np.stack([open_ms, *(np.ascontiguousarray(column).view(np.int64) for column in prices), trades]))

    @classmethod
    def from_blobs(cls, blobs: Iterable[bytes], total: int) -> CandleArrays:
        """From stored days, oldest first, `total` candles in all. One at a time into its place: half the memory."""
        block = np.empty((8, total), np.int64)
        filled = 0
        for blob in blobs:
            size = len(blob) // 64
            block[:, filled : filled + size] = np.frombuffer(blob, _STORED).reshape(8, size)
            filled += size
        return cls(block[:, :filled])

    def blob(self) -> bytes:
        return np.ascontiguousarray(self.block, _STORED).tobytes()

    def __len__(self) -> int:
        return int(self.block.shape[1])

    def _ints(self, row: int) -> Ints:
        column: Ints = self.block[row]
        return column

    def _floats(self, row: int) -> Floats:
        return self._ints(row).view(np.float64)

    @property
    def open_ms(self) -> Ints:
        return self._ints(0)

    @property
    def open(self) -> Floats:
        return self._floats(1)

    @property
    def high(self) -> Floats:
        return self._floats(2)

    @property
    def low(self) -> Floats:
        return self._floats(3)

    @property
    def close(self) -> Floats:
        return self._floats(4)

    @property
    def volume(self) -> Floats:
        return self._floats(5)

    @property
    def amount(self) -> Floats:
        return self._floats(6)

    @property
    def trades(self) -> Ints:
        return self._ints(7)

    def candles(self) -> list[Candle]:
        columns = [self.open_ms.tolist(), *(self._floats(row).tolist() for row in range(1, 7)), self.trades.tolist()]
        return list(map(Candle, *columns))

    def rows(self) -> list[tuple[int | float, ...]]:
        """One tuple a candle, as a table wants them."""
        columns = [self.open_ms.tolist(), *(self._floats(row).tolist() for row in range(1, 7)), self.trades.tolist()]
        return list(zip(*columns, strict=True))

    def window(self, from_ms: int, to_ms: int) -> CandleArrays:
        """The candles that open in [from_ms, to_ms)."""
        first, last = np.searchsorted(self.open_ms, (from_ms, to_ms))
        return CandleArrays(self.block[:, first:last])

    def tail(self, count: int) -> CandleArrays:
        return CandleArrays(self.block[:, max(0, len(self) - count) :])

    def in_order(self) -> CandleArrays:
        """Oldest first, each time once, the last one given winning. Returns itself when it is so already."""
        times = self.block[0]
        if len(self) < 2 or bool(np.all(times[1:] > times[:-1])):
            return self
        order = np.argsort(times, kind="stable")
        ordered = self.block[:, order]
        last_of_time = np.append(ordered[0, 1:] != ordered[0, :-1], True)
        return CandleArrays(ordered[:, last_of_time])

    def updated(self, newer: CandleArrays) -> CandleArrays:
        """These and the newer ones; a newer one replaces one of the same time."""
        return CandleArrays(np.concatenate([self.block, newer.block], axis=1)).in_order()

    def differing(self, stored: CandleArrays) -> tuple[CandleArrays, int]:
        """Those of these candles that `stored` lacks or has otherwise, and how many of them it lacks."""
        if not len(stored) or not len(self):
            return self, len(self)
        place = np.minimum(np.searchsorted(stored.open_ms, self.open_ms), len(stored) - 1)
        known = stored.open_ms[place] == self.open_ms
        same = known & np.all(stored.block[:, place] == self.block, axis=0)
        return CandleArrays(self.block[:, ~same]), int(np.count_nonzero(~known))

    def sha256(self) -> str:
        """Names exactly these candles, however they are stored."""
        return hashlib.sha256(self.blob()).hexdigest()


def impossible(candles: CandleArrays, frame: Timeframe) -> list[tuple[int, str]]:
    """Places and reasons of candles that cannot be: not finite, high below low, open or close outside, off the grid."""
    open_, high, low, close = candles.open, candles.high, candles.low, candles.close
    finite = np.isfinite(candles.block[1:7].view(np.float64)).all(axis=0)
    tests: list[tuple[Any, str]] = [
        (~finite, "a number is not finite"),
        (finite & (high < low), "the high is below the low"),
        (finite & (low <= high) & ((open_ > high) | (open_ < low)), "the open is outside of low and high"),
        (finite & (low <= high) & ((close > high) | (close < low)), "the close is outside of low and high"),
        (finite & (low <= 0), "a price is not above zero"),
        (finite & ((candles.volume < 0) | (candles.amount < 0)), "the volume is negative"),
        (candles.open_ms % frame.ms != 0, f"the time is not on the {frame.value} grid"),
        (candles.open_ms < 0, "the time is before 1970"),
    ]
    found = [(int(place), words) for bad, words in tests for place in np.flatnonzero(bad)]
    return sorted(found)


def windows(times: Ints, frame: Timeframe) -> list[tuple[int, int]]:
    """The contiguous windows [from, to) that candles at these times fill."""
    if not len(times):
        return []
    breaks = np.flatnonzero(np.diff(times) != frame.ms)
    starts = np.append(times[:1], times[breaks + 1])
    ends = np.append(times[breaks], times[-1:]) + frame.ms
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def joined(taken: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """These windows in their order, those that overlap or touch as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(taken):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def without(window: tuple[int, int], taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What remains of a window when the taken ones are cut out of it."""
    left, end = window
    remaining = []
    for start, stop in sorted(taken):
        if stop <= left or start >= end:
            continue
        if start > left:
            remaining.append((left, start))
        left = max(left, stop)
    if left < end:
        remaining.append((left, end))
    return remaining
