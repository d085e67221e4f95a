"""Which stored candles an export of a timeframe means, and what has to be said about them.

Decided here: stored candles of that timeframe come first, because they are what `data verify` and its hash speak of;
without any, or when asked, they are built from the stored minutes. The two are never mixed in one file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from polotui.market.data_checks import gaps_in, moment
from polotui.market.frames import lacking, resampled
from polotui.model.candles import Timeframe
from polotui.storage.candles import CandleStore
from polotui.storage.columns import CandleArrays

_FOREVER = 2**62


@dataclass(frozen=True)
class Collected:
    """Candles with their source («stored 1h», «built from 1m») and what they lack."""

    candles: CandleArrays
    source: str
    warnings: list[str] = field(default_factory=list)


async def collect(
    store: CandleStore, symbol: str, frame: Timeframe, from_ms: int = 0, to_ms: int = 0, *, from_minutes: bool = False
) -> Collected:
    """The candles that open in [from_ms, to_ms), 0 = to the last one."""
    end = to_ms or _FOREVER
    build = from_minutes and frame is not Timeframe.M1
    stored = CandleArrays.empty() if build else await store.load_arrays(symbol, frame, from_ms, end)
    if len(stored) or frame is Timeframe.M1:
        more = await _minutes_have_more(store, symbol, frame)
        return Collected(stored, f"stored {frame.value}", [*more, *_gaps(stored, frame)])
    window = (_up(from_ms, frame), _up(end, frame) if to_ms else _FOREVER)
    minutes = await store.load_arrays(symbol, Timeframe.M1, *window)
    empty = [(gap.from_ms, gap.to_ms) for gap in await store.gaps(symbol, Timeframe.M1, *window)]
    built = resampled(minutes, frame)
    holes = lacking(minutes, frame, empty=empty)
    said = []
    if holes:
        total = sum(hole.missing for hole in holes)
        said = [
            f"{len(holes):,} of {len(built):,} candles are built without all their minutes ({total:,} lack),"
            f" the first at {moment(holes[0].open_ms)}"
        ]
    return Collected(built, f"built from {Timeframe.M1.value}", [*said, *_gaps(built, frame)])


def plain(candles: CandleArrays) -> CandleArrays:
    """As a file of six columns holds them: without amount and trades."""
    block = candles.block.copy()
    block[6] = 0
    block[7] = -1
    return CandleArrays(np.ascontiguousarray(block))


def _up(at_ms: int, frame: Timeframe) -> int:
    return frame.floor(at_ms + frame.ms - 1)


def _gaps(candles: CandleArrays, frame: Timeframe) -> list[str]:
    found = gaps_in(candles, frame)
    if not found:
        return []
    count = np.count_nonzero(np.diff(candles.open_ms) > frame.ms)
    return [f"{count:,} gap{'s' if count != 1 else ''}; the first: {found[0].text}"]


async def _minutes_have_more(store: CandleStore, symbol: str, frame: Timeframe) -> list[str]:
    """A chart stores few candles of its own beside a year of minutes: that should not go unnoticed."""
    if frame is Timeframe.M1:
        return []
    spans = {entry.timeframe: entry for entry in await store.coverage() if entry.symbol == symbol}
    own, minutes = spans.get(frame), spans.get(Timeframe.M1)
    if own is None or minutes is None or minutes.candles * Timeframe.M1.ms <= own.candles * frame.ms:
        return []
    return ["the stored 1m candles cover more time than these: --from-minutes builds from them"]
