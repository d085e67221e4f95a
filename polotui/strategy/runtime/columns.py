"""Candles as columns, and longer frames made of them: at once over a whole history, and bar by bar with the same bits.

Decided here:
* A longer bar is closed when a base bar closes at or after its end. Until then nobody can see it, so `closed_index` is
  all that `@frame` needs to keep out the future.
* A window that has no bars at all gives no longer bar, as at the exchange; one that lacks some is made of those it has.
  Only the first window must be seen from its beginning: a history that starts in the middle of an hour does not know
  that hour's open.
* Volumes are added one after the other, from the window's first bar to its last. numpy's `sum` and `reduceat` add in
  pairs and would differ from the stream in the last bit; `accumulate` does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polotui.core.errors import UsageError
from polotui.model.candles import Timeframe

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FRAME_MS: dict[str, int] = {frame.value: frame.ms for frame in Timeframe}


class Bar(NamedTuple):
    """One candle; `time` is its open in milliseconds."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, eq=False)
class Bars:
    """Candles of one symbol and frame, oldest first, as contiguous columns. `time` is open_ms and strictly rises."""

    time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    frame_ms: int

    def __post_init__(self) -> None:
        size = len(self.time)
        for name in ("time", *Bar._fields[1:]):
            column = getattr(self, name)
            kind = np.int64 if name == "time" else np.float64
            if column.dtype != kind or column.shape != (size,) or not column.flags.c_contiguous:
                raise ValueError(f"{name} must be one contiguous column of {size} {np.dtype(kind).name}")
        if not (self.time[1:] > self.time[:-1]).all():
            raise ValueError("bars must be in the order of their times, each time once")
        if size and (self.time % self.frame_ms).any():
            raise ValueError(f"a bar does not open on a whole multiple of {self.frame_ms} ms")

    def __len__(self) -> int:
        return len(self.time)

    def bar(self, index: int) -> Bar:
        return Bar(
            int(self.time[index]),
            float(self.open[index]),
            float(self.high[index]),
            float(self.low[index]),
            float(self.close[index]),
            float(self.volume[index]),
        )

    def slice(self, start: int, stop: int) -> Bars:
        """The bars from `start` up to but without `stop`; a view, nothing is copied."""
        part = slice(start, stop)
        return Bars(
            self.time[part],
            self.open[part],
            self.high[part],
            self.low[part],
            self.close[part],
            self.volume[part],
            self.frame_ms,
        )


def empty(frame_ms: int) -> Bars:
    none = np.empty(0)
    return Bars(np.empty(0, np.int64), none, none, none, none, none, frame_ms)


def bars_of(rows: list[Bar], frame_ms: int) -> Bars:
    """Columns of single bars."""
    if not rows:
        return empty(frame_ms)
    times, *prices = zip(*rows, strict=True)
    opens, highs, lows, closes, volumes = (np.array(values, np.float64) for values in prices)
    return Bars(np.array(times, np.int64), opens, highs, lows, closes, volumes, frame_ms)


def frame_name(frame_ms: int) -> str:
    for name, ms in FRAME_MS.items():
        if ms == frame_ms:
            return name
    raise UsageError(f"There is no timeframe of {frame_ms} ms.", next_step=f"Use one of {', '.join(FRAME_MS)}.")


def check_frame(base_ms: int, frame_ms: int) -> None:
    if frame_ms < base_ms or frame_ms % base_ms:
        raise UsageError(
            f"Bars of {frame_ms // 60_000} minutes cannot be made of bars of {base_ms // 60_000} minutes.",
            next_step="Take a frame that is a whole multiple of the document's timeframe.",
        )


def resample(bars: Bars, frame_ms: int) -> Bars:
    """The longer bars that are closed when the last of `bars` closes."""
    check_frame(bars.frame_ms, frame_ms)
    if frame_ms == bars.frame_ms:
        return bars
    if not len(bars):
        return empty(frame_ms)
    first_window = -(-int(bars.time[0]) // frame_ms)
    seen_until = int(bars.time[-1]) + bars.frame_ms
    begin, end = np.searchsorted(bars.time, [first_window * frame_ms, seen_until // frame_ms * frame_ms]).tolist()
    if begin >= end:
        return empty(frame_ms)
    window = bars.time[begin:end] // frame_ms
    starts = np.flatnonzero(np.concatenate(([True], window[1:] != window[:-1])))
    lasts = np.append(starts[1:], end - begin) - 1
    return Bars(
        window[starts] * frame_ms,
        bars.open[begin:end][starts],
        np.maximum.reduceat(bars.high[begin:end], starts),
        np.minimum.reduceat(bars.low[begin:end], starts),
        bars.close[begin:end][lasts],
        _sums(bars.volume[begin:end], bars.time[begin:end], lasts - starts + 1, bars.frame_ms, frame_ms),
        frame_ms,
    )


def _sums(volume: Floats, time: Integers, counts: Integers, base_ms: int, frame_ms: int) -> Floats:
    """Each window's volumes (`counts` of them), added in their order. A missing bar is a zero, which changes no sum."""
    size = frame_ms // base_ms
    if len(volume) == len(counts) * size:
        table = volume.reshape(-1, size)
    else:
        table = np.zeros((len(counts), size))
        row = np.repeat(np.arange(len(counts)), counts)
        table[row, time % frame_ms // base_ms] = volume
    return np.ascontiguousarray(np.add.accumulate(table, axis=1)[:, -1])


def closings(base: Bars, higher: Bars) -> Integers:
    """For each higher bar the index of the base bar at whose close it is closed; len(base) when that is yet to come."""
    return np.searchsorted(base.time, higher.time + (higher.frame_ms - base.frame_ms)).astype(np.int64)


def closed_index(base: Bars, higher: Bars) -> Integers:
    """For each base bar the index of the last higher bar closed at its close, -1 for none."""
    return np.repeat(np.arange(-1, len(higher), dtype=np.int64), _runs(base, higher))


def spread(values: Any, base: Bars, higher: Bars, lag: int = 0, unknown: float = np.nan) -> Any:
    """A column of the higher frame as the base bars see it, `lag` higher bars back; `unknown` where there is none."""
    seen = np.full(len(higher) + 1, unknown, values.dtype)
    seen[1 + lag :] = values[: max(0, len(higher) - lag)]
    return np.repeat(seen, _runs(base, higher))


def _runs(base: Bars, higher: Bars) -> Integers:
    """How many base bars see no higher bar, the first one, the second one, …"""
    edges = np.empty(len(higher) + 2, np.int64)
    edges[0], edges[-1] = 0, len(base)
    edges[1:-1] = closings(base, higher)
    return np.diff(edges)


class Resampler:
    """`resample`, bar by bar: `push` gives the longer bars that close with a base bar, two after a gap."""

    def __init__(self, base_ms: int, frame_ms: int) -> None:
        check_frame(base_ms, frame_ms)
        self._base_ms = base_ms
        self._frame_ms = frame_ms
        self._forming: Bar | None = None
        self._from: int | None = None

    def push(self, bar: Bar) -> list[Bar]:
        closed, self._forming, self._from = self._step(bar)
        return closed

    def peek(self, bar: Bar) -> list[Bar]:
        """What `push` would give."""
        return self._step(bar)[0]

    def resume(self, bars: Bars) -> None:
        """As if all of `bars` had been pushed; only those of the last window are."""
        if not len(bars):
            return
        self._from = -(-int(bars.time[0]) // self._frame_ms) * self._frame_ms
        last = int(bars.time[-1])
        for index in range(int(np.searchsorted(bars.time, last - last % self._frame_ms)), len(bars)):
            self.push(bars.bar(index))

    def _step(self, bar: Bar) -> tuple[list[Bar], Bar | None, int]:
        since = self._from if self._from is not None else -(-bar.time // self._frame_ms) * self._frame_ms
        closed: list[Bar] = []
        forming = self._forming
        if forming is not None and bar.time >= forming.time + self._frame_ms:
            closed.append(forming)
            forming = None
        if bar.time < since:
            return closed, forming, since
        if forming is None:
            forming = bar._replace(time=bar.time - bar.time % self._frame_ms)
        else:
            forming = Bar(
                forming.time,
                forming.open,
                max(forming.high, bar.high),
                min(forming.low, bar.low),
                bar.close,
                forming.volume + bar.volume,
            )
        if bar.time + self._base_ms >= forming.time + self._frame_ms:
            closed.append(forming)
            forming = None
        return closed, forming, since
