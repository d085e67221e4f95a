"""Candles for a run: what is stored, in the run's frame, with its warm-up, and a hash that names it.

Decided here:
* Minutes are the source where they cover the span as well as the stored candles of the frame do; they are resampled
  from closed bars. Otherwise the venue's own candles of the frame are taken. A result says which.
* The hash is over exactly the candles that the run saw, warm-up included.
* Nothing is fetched in here: what is missing is said, with the command that fetches it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from polotui.core.errors import UsageError
from polotui.model.candles import DAY_MS, Timeframe
from polotui.storage.candles import CandleStore
from polotui.storage.columns import CandleArrays
from polotui.strategy.runtime.columns import Bars, resample

DEFAULT_DAYS = 365
#: Minutes that lack more than this share of the frame's own bars are not taken for whole.
MOST_LACKING = 0.01


@dataclass
class Loaded:
    """Bars by symbol in the asked order; `detail` holds the minutes where there are some."""

    frame: Timeframe
    from_ms: int
    to_ms: int
    bars: dict[str, Bars] = field(default_factory=dict)
    detail: dict[str, Bars] = field(default_factory=dict)
    hash: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def bars_of(candles: CandleArrays, frame: Timeframe) -> Bars:
    """The same memory, as the strategy runtime names it."""
    return Bars(candles.open_ms, candles.open, candles.high, candles.low, candles.close, candles.volume, frame.ms)


def no_data(symbol: str, frame: Timeframe) -> UsageError:
    return UsageError(
        f"There are no candles of {symbol} from which {frame.value} bars could be made.",
        safe="Nothing was run.",
        next_step=f"polotui data download {symbol} --days 365 fetches them; polotui data list shows what is there.",
        code="no-data",
    )


async def spans(store: CandleStore, symbols: Sequence[str], frame: Timeframe) -> dict[str, tuple[int, int]]:
    """What is stored of each symbol in minutes or in the frame itself: [from, to). Raises UsageError."""
    found: dict[str, tuple[int, int]] = {}
    for entry in await store.coverage():
        if entry.symbol in symbols and entry.timeframe in (frame, Timeframe.M1):
            from_ms, to_ms = found.get(entry.symbol, (entry.from_ms, entry.to_ms))
            found[entry.symbol] = (min(from_ms, entry.from_ms), max(to_ms, entry.to_ms))
    for symbol in symbols:
        if symbol not in found:
            raise no_data(symbol, frame)
    return found


async def load(
    store: CandleStore,
    symbols: Sequence[str],
    frame: Timeframe,
    from_ms: int,
    to_ms: int,
    warmup_bars: int,
) -> Loaded:
    """Bars of the span and what precedes it. With `from_ms` and `to_ms` 0 the span is the last 365 days stored.

    Raises UsageError when a symbol has nothing in the span.
    """
    stored = await spans(store, symbols, frame)
    end = to_ms or max(to for _, to in stored.values())
    start = from_ms or (end - DEFAULT_DAYS * DAY_MS if not to_ms else min(first for first, _ in stored.values()))
    start = max(start, min(first for first, _ in stored.values()))
    loaded = Loaded(frame, frame.floor(start + frame.ms - 1), frame.floor(end))
    if loaded.from_ms >= loaded.to_ms:
        raise UsageError(
            "The span holds no whole bar of what is stored.",
            safe="Nothing was run.",
            next_step="polotui data list shows the spans.",
            code="no-data",
        )
    digest = hashlib.sha256()
    for symbol in symbols:
        # One higher bar of room, so that the first warm-up bar of every frame is whole.
        early = max(0, loaded.from_ms - warmup_bars * frame.ms - DAY_MS)
        await _load_symbol(store, symbol, loaded, early, digest)
    loaded.hash = digest.hexdigest()
    return loaded


async def _load_symbol(store: CandleStore, symbol: str, loaded: Loaded, early: int, digest: hashlib._Hash) -> None:
    frame = loaded.frame
    minutes = await store.load_arrays(symbol, Timeframe.M1, early, loaded.to_ms)
    own = minutes
    if frame is not Timeframe.M1:
        own = await store.load_arrays(symbol, frame, early, loaded.to_ms)
    use_minutes = frame is Timeframe.M1 or covers(minutes, Timeframe.M1, own, frame)
    candles = minutes if use_minutes else own
    if not len(candles):
        raise no_data(symbol, frame)
    digest.update(f"{symbol} {frame.value} {'1m' if use_minutes else frame.value}\n".encode())
    digest.update(candles.blob())
    if len(minutes) and not use_minutes:
        digest.update(minutes.blob())  # they decide within bars
    bars = bars_of(candles, Timeframe.M1 if use_minutes else frame)
    if use_minutes and frame is not Timeframe.M1:
        bars = resample(bars, frame.ms)
    if not len(bars.time) or not np.any((bars.time >= loaded.from_ms) & (bars.time < loaded.to_ms)):
        raise no_data(symbol, frame)
    loaded.bars[symbol] = bars
    loaded.sources[symbol] = "1m candles" if use_minutes else f"the exchange's {frame.value} candles"
    if len(minutes) and frame is not Timeframe.M1:
        loaded.detail[symbol] = bars_of(minutes, Timeframe.M1)
    missing = _missing(bars, loaded)
    if missing:
        loaded.notes.append(f"{symbol}: {missing:,} bars of the span have no candle and were not traded.")


def covers(minutes: CandleArrays, small: Timeframe, own: CandleArrays, frame: Timeframe) -> bool:
    """Whether the minutes reach as far as the frame's own candles, to one bar, at both ends, and have no hole that
    those do not have."""
    if not len(own):
        return True
    if not len(minutes):
        return False
    starts = int(minutes.open_ms[0]) <= int(own.open_ms[0]) + frame.ms
    ends = int(minutes.open_ms[-1]) + small.ms >= int(own.open_ms[-1])
    bars = 1 + int(np.count_nonzero(np.diff(minutes.open_ms // frame.ms)))
    return starts and ends and bars >= len(own) * (1.0 - MOST_LACKING)


def _missing(bars: Bars, loaded: Loaded) -> int:
    inside = bars.time[(bars.time >= loaded.from_ms) & (bars.time < loaded.to_ms)]
    return int((inside[-1] - inside[0]) // loaded.frame.ms + 1 - len(inside))
