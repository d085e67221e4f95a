"""Candles of the past: from the store, and what the store lacks from the exchange, each page asked for once.

Decided here:
* Pages lie on a fixed grid of 500 candles, so two callers that want overlapping windows want the same pages, and
  one request serves both. A page is asked for with a window of its own size: what an exchange returns for a wider
  one than its limit is not documented.
* A download is «fill what is missing», so stopping it and starting it again continues where it was.
* A minute that the exchange did not send, and that is over for two minutes, is noted as a gap; so is a candle that
  cannot be (high below low), with that reason, so that one bad row does not block its page for ever.
* A chart above 1 minute is built from stored minutes where they are complete; where they are not, the venue's own
  candles of that timeframe are fetched and stored under their own name. Which part is which is said in `spans`.
* When the exchange cannot be reached, what is stored is served together with the `problem`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from polotui.core.cache import SingleFlight
from polotui.core.clock import Clock
from polotui.core.errors import PolotuiError, UsageError
from polotui.market.candles import CandleBook
from polotui.market.frames import higher
from polotui.model.candles import Candle, Timeframe
from polotui.storage.candles import CandleStore
from polotui.storage.columns import CandleArrays, impossible, joined, windows, without

PAGE = 500
#: A minute that ended this recently may still be published: its absence is no gap yet.
PUBLISH_MS = 120_000
_NONE_THERE = "the exchange has none"
_MOST_STEPS_BACK = 4

Progress = Callable[[float, str], None]
Window = tuple[int, int]


class CandleSource(Protocol):
    """What History needs of an exchange's client: candles that open in [start_ms, end_ms], at most `limit`."""

    async def candles(
        self, symbol: str, frame: Timeframe, *, start_ms: int, end_ms: int, limit: int
    ) -> list[Candle]: ...


@dataclass(frozen=True)
class SourceSpan:
    """Where the candles that open in [from_ms, to_ms) come from: «built from 1m», «poloniex 1h»."""

    from_ms: int
    to_ms: int
    source: str


@dataclass(frozen=True)
class ChartSeries:
    """Closed candles for a chart, oldest first. `more`: older ones may exist. `problem`: why newer ones may lack."""

    symbol: str
    frame: Timeframe
    candles: list[Candle]
    more: bool
    gaps: list[Window]
    spans: list[SourceSpan]
    problem: str = ""


@dataclass
class Filled:
    """What filling a window did."""

    pages: int = 0
    new: int = 0
    gaps: int = 0


@dataclass
class _Assembly:
    """A chart being put together from its newest part backwards."""

    candles: CandleArrays = field(default_factory=CandleArrays.empty)
    spans: list[SourceSpan] = field(default_factory=list)
    problem: PolotuiError | None = None


class History:
    """The past of all symbols of one exchange."""

    def __init__(
        self, source: CandleSource, store: CandleStore, clock: Clock, *, venue_name: str = "poloniex", page: int = PAGE
    ) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._venue = venue_name
        self._page = page
        self._flights = SingleFlight()

    async def ensure(self, symbol: str, frame: Timeframe, limit: int = 300, before_ms: int = 0) -> ChartSeries:
        """The newest `limit` closed candles that open before `before_ms` (0 = now); fetches only what is missing.
        Raises the exchange's error when it cannot be asked and nothing is stored."""
        latest = frame.floor(self._clock.wall_ms())
        end = min(frame.floor(before_ms + frame.ms - 1), latest) if before_ms else latest
        assembly = _Assembly()
        for _ in range(_MOST_STEPS_BACK):
            start = max(0, end - (limit - len(assembly.candles)) * frame.ms)
            before = len(assembly.candles)
            await self._add_window(assembly, symbol, frame, (start, end))
            end = start
            if len(assembly.candles) in (before, limit) or start == 0:
                break
        if assembly.problem is not None and not len(assembly.candles):
            raise assembly.problem
        first, last = (end, end) if not len(assembly.candles) else _bounds(assembly.candles, frame)
        return ChartSeries(
            symbol,
            frame,
            assembly.candles.candles(),
            more=len(assembly.candles) >= limit,
            gaps=without((first, last), windows(assembly.candles.open_ms, frame)),
            spans=_joined(assembly.spans),
            problem=assembly.problem.cause if assembly.problem else "",
        )

    async def fill(
        self, symbol: str, frame: Timeframe, from_ms: int, to_ms: int, progress: Progress | None = None
    ) -> Filled:
        """Fetches what [from_ms, to_ms) lacks, page by page, oldest first. Cancel the task to stop it."""
        end = min(frame.floor(to_ms + frame.ms - 1), frame.floor(self._clock.wall_ms()))
        total = Filled()
        pages = self._pages(await self._store.missing(symbol, frame, from_ms, end), frame)
        for number, page in enumerate(pages):
            if progress is not None:
                progress(number / len(pages), f"{symbol} {frame.value}, page {number + 1} of {len(pages)}")
            done = await self._flights.run(
                f"{symbol} {frame.value} {page}", partial(self._fetch_page, symbol, frame, page)
            )
            total.pages += done.pages
            total.new += done.new
            total.gaps += done.gaps
        if progress is not None:
            progress(1.0, f"{symbol} {frame.value}, complete")
        return total

    async def download(self, symbol: str, from_ms: int, to_ms: int = 0, progress: Progress | None = None) -> Filled:
        """All minutes of [from_ms, to_ms), 0 = now. Resumes where an earlier download ended."""
        now = self._clock.wall_ms()
        end = to_ms or now
        if not 0 <= from_ms < min(end, now):
            raise UsageError(
                "The download's start is not before its end, or lies in the future.",
                safe="Nothing was fetched.",
                next_step="Give a start in the past, before the end.",
            )
        return await self.fill(symbol, Timeframe.M1, from_ms, end, progress)

    async def repair(self, book: CandleBook) -> Filled:
        """Fills the holes of a live book from the store and the exchange, and tells it which minutes do not exist."""
        total = Filled()
        for start, end in book.holes():
            done = await self.fill(book.symbol, Timeframe.M1, start, end)
            total.pages, total.new, total.gaps = total.pages + done.pages, total.new + done.new, total.gaps + done.gaps
            book.fill(await self._store.load(book.symbol, Timeframe.M1, start, end))
            for gap in await self._store.gaps(book.symbol, Timeframe.M1, start, end):
                book.note_empty(max(gap.from_ms, start), min(gap.to_ms, end))
        return total

    async def lacking(
        self, symbol: str, frame: Timeframe, from_ms: int, to_ms: int, there: Sequence[int]
    ) -> list[Window]:
        """The windows in [from_ms, to_ms) without the candles that open at the times `there`, and of which it is not
        known that the exchange has none. It has none of a chart's timeframe where it has no minute."""
        holes = without((from_ms, to_ms), windows(np.array(there, np.int64), frame))
        if not holes:
            return []
        gaps = [
            (gap.from_ms, gap.to_ms)
            for each in dict.fromkeys((frame, Timeframe.M1))
            for gap in await self._store.gaps(symbol, each, holes[0][0], holes[-1][1])
        ]
        opens = np.concatenate([np.arange(start, end, frame.ms, dtype=np.int64) for start, end in holes])
        if not gaps:
            return windows(opens, frame)
        # A quiet symbol has a gap for every few minutes: each candle is looked up, not compared with all of them.
        starts, ends = np.array(joined(gaps), np.int64).T
        place = np.searchsorted(starts, opens, side="right") - 1
        known = (place >= 0) & (ends[place] >= opens + frame.ms)
        return windows(opens[~known], frame)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _pages(self, missing: Sequence[Window], frame: Timeframe) -> list[int]:
        """The grid pages that contain these windows."""
        width = self._page * frame.ms
        return sorted({page for start, end in missing for page in range(start // width, (end - 1) // width + 1)})

    async def _fetch_page(self, symbol: str, frame: Timeframe, page: int) -> Filled:
        """Asks for what the whole page lacks, so that whoever shares the request gets what they need."""
        width = self._page * frame.ms
        now = self._clock.wall_ms()
        missing = await self._store.missing(symbol, frame, page * width, min((page + 1) * width, frame.floor(now)))
        if not missing:
            return Filled()
        start, end = missing[0][0], missing[-1][1]
        received = await self._source.candles(symbol, frame, start_ms=start, end_ms=end - 1, limit=self._page)
        candles = CandleArrays.of([c for c in received if c.closed and start <= c.open_ms < end])
        wrong = impossible(candles, frame)
        sound = CandleArrays(np.delete(candles.block, [place for place, _ in wrong], axis=1))
        put = await self._store.put_arrays(symbol, frame, sound, f"{self._venue} {frame.value}")
        gaps = 0
        for place, reason in wrong:
            at = frame.floor(int(candles.open_ms[place]))
            await self._store.mark_gap(symbol, frame, at, at + frame.ms, f"the exchange sent a bad candle: {reason}")
            gaps += 1
        over = min(end, frame.floor(now - PUBLISH_MS))
        for window in await self._store.missing(symbol, frame, start, over):
            await self._store.mark_gap(symbol, frame, *window, _NONE_THERE)
            gaps += 1
        return Filled(1, put.new, gaps)

    async def _add_window(self, assembly: _Assembly, symbol: str, frame: Timeframe, window: Window) -> None:
        if frame is Timeframe.M1:
            await self._try_fill(assembly, symbol, frame, window)
            found = await self._store.load_arrays(symbol, frame, *window)
            _add(assembly, found, frame, "stored 1m")
            return
        minutes = await self._store.load_arrays(symbol, Timeframe.M1, *window)
        empty = [(gap.from_ms, gap.to_ms) for gap in await self._store.gaps(symbol, Timeframe.M1, *window)]
        built = higher(minutes, frame, empty)
        _add(assembly, built, frame, f"built from {Timeframe.M1.value}")
        for part in without(window, windows(built.open_ms, frame)):
            await self._try_fill(assembly, symbol, frame, part)
            found = await self._store.load_arrays(symbol, frame, *part)
            _add(assembly, found, frame, f"{self._venue} {frame.value}")

    async def _try_fill(self, assembly: _Assembly, symbol: str, frame: Timeframe, window: Window) -> None:
        """Once it failed, the rest of the chart comes from the store alone: one timeout is enough."""
        if assembly.problem is not None:
            return
        try:
            await self.fill(symbol, frame, *window)
        except PolotuiError as error:
            assembly.problem = error


def _add(assembly: _Assembly, candles: CandleArrays, frame: Timeframe, source: str) -> None:
    if len(candles):
        assembly.candles = assembly.candles.updated(candles)
        assembly.spans += [SourceSpan(start, end, source) for start, end in windows(candles.open_ms, frame)]


def _bounds(candles: CandleArrays, frame: Timeframe) -> Window:
    return int(candles.open_ms[0]), int(candles.open_ms[-1]) + frame.ms


def _joined(spans: list[SourceSpan]) -> list[SourceSpan]:
    """Neighbours of one source as one span, also across a gap between them."""
    joined: list[SourceSpan] = []
    for span in sorted(spans, key=lambda item: item.from_ms):
        if joined and joined[-1].source == span.source:
            joined[-1] = SourceSpan(joined[-1].from_ms, span.to_ms, span.source)
        else:
            joined.append(span)
    return joined
