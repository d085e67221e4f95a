"""Charts: history from the store and the exchange, the end of it live, overlays over both.

Decided here:

* A chart's candles below now come from `History`; the live end from the symbol's `CandleBook`, which builds every
  higher timeframe from closed minutes. A forming candle is shown only when the whole of its window was seen or filled.
* Closed minutes of the stream go into the store in batches, so that history does not fetch what we saw ourselves.
* Market time may run ahead of the machine's clock (the demo with --speed): «now» is the later of both.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polotui.api.events import ChartTail, Event
from polotui.api.replies import CandleSeries, Source
from polotui.core.clock import Clock
from polotui.core.errors import PolotuiError, StorageError
from polotui.engine import overlays
from polotui.market.candles import CandleBook
from polotui.market.history import History
from polotui.model.candles import Candle, Timeframe

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

log = logging.getLogger("polotui.engine.charts")

STORE_SECONDS = 5.0
SEAL_SECONDS = 3600.0
REPAIR_AGAIN_SECONDS = 2.0
MOST_UNSTORED = 60
REPAIRS_WAITING = 200
STREAM_SOURCE = "poloniex stream"


class MarketClock:
    """The machine's clock, or the newest candle's time when the market runs ahead of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.newest_ms = 0

    def wall_ms(self) -> int:
        return max(self._clock.wall_ms(), self.newest_ms)

    def monotonic(self) -> float:
        return self._clock.monotonic()


@dataclass
class _Live:
    """A chart that somebody watches: the closed candles that its overlays need, newest last."""

    symbol: str
    frame: Timeframe
    names: list[str]
    closed: list[Candle] = field(default_factory=list)
    ready: bool = False


class Charts:
    """Publishes `chart:SYMBOL:FRAME:OVERLAYS`."""

    def __init__(self, engine: Engine) -> None:
        assert engine.exchange is not None
        assert engine.stores is not None
        self._engine = engine
        self._exchange = engine.exchange
        self._store = engine.stores.candles
        self._clock = MarketClock(engine.clock)
        self.past = History(self._exchange.rest, self._store, self._clock)
        self._books: dict[str, CandleBook] = {}
        self._live: dict[str, _Live] = {}
        self._closed: dict[str, list[Candle]] = {}
        self._repairs: asyncio.Queue[str] = asyncio.Queue(REPAIRS_WAITING)
        self._queued: set[str] = set()
        self._whole: set[str] = set()
        #: Told of each candle that closes, of every timeframe.
        self.on_closed: Callable[[str, Timeframe, Candle], None] = lambda symbol, frame, candle: None

    async def start(self) -> None:
        overlays.talib()
        self._engine.hub.provide("chart", self._event, interest=self._interest)
        supervisor = self._engine.supervisor
        supervisor.service("candle-repairs", self._keep_repairing)
        supervisor.service("candle-store", self._keep_storing)
        supervisor.service("candle-seals", self._keep_sealing)

    async def end(self) -> None:
        """Stores what has not been stored yet."""
        await self._store_closed()

    # -- from the desk --------------------------------------------------------------------------------------------

    def on_candle(self, symbol: str, candle: Candle) -> None:
        """A minute from the feed, forming or closed."""
        self._clock.newest_ms = max(self._clock.newest_ms, candle.open_ms)
        self._book(symbol).on_candle(candle)
        for topic, live in self._live.items():
            if live.symbol == symbol:
                self._engine.hub.touch(topic)

    def freshness_changed(self) -> None:
        for topic in self._live:
            self._engine.hub.touch(topic)

    def market_ms(self) -> int:
        """Now in market time, which may run ahead of the machine's clock."""
        return self._clock.wall_ms()

    @property
    def newest_ms(self) -> int:
        """When the newest candle opened, by the exchange alone; 0 before the first."""
        return self._clock.newest_ms

    # -- history --------------------------------------------------------------------------------------------------

    async def history(self, symbol: str, frame: Timeframe, limit: int) -> list[Candle]:
        """The newest `limit` closed candles."""
        return (await self.past.ensure(symbol, frame, limit)).candles

    async def series(self, symbol: str, frame: Timeframe, limit: int, before_ms: int, names: list[str]) -> CandleSeries:
        """Candles for a chart with its overlay lines; the forming one at the end when `before_ms` is 0."""
        warm = overlays.warmup(names)
        self._want_whole(symbol)
        found = await self.past.ensure(symbol, frame, limit + warm, before_ms)
        candles = found.candles
        if not before_ms:
            candles = self._with_live_end(symbol, frame, candles)
        shown = candles[-limit:]
        return CandleSeries(
            symbol=symbol,
            timeframe=frame.value,
            candles=shown,
            lines=overlays.compute(names, candles, len(shown)),
            more=found.more or len(candles) > limit,
            revision=self._book(symbol).series(frame).revision,
            source=Source(name="store" if found.problem else "exchange", stale=bool(found.problem)),
            gaps=[gap for gap in found.gaps if shown and gap[1] > shown[0].open_ms],
        )

    def _with_live_end(self, symbol: str, frame: Timeframe, candles: list[Candle]) -> list[Candle]:
        book = self._book(symbol)
        tail = book.tail(frame)
        last = candles[-1].open_ms if candles else -1
        newer = [candle for candle in book.series(frame).closed if candle.open_ms > last]
        if (
            tail.forming is not None
            and tail.whole
            and tail.forming.open_ms > (newer or candles or [tail.forming])[-1].open_ms
        ):
            newer.append(tail.forming)
        return candles + newer

    # -- live -----------------------------------------------------------------------------------------------------

    def _book(self, symbol: str) -> CandleBook:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = CandleBook(symbol, on_hole=self._hole)
            book.add_listener(self._candle_closed)
        return book

    def _candle_closed(self, symbol: str, frame: Timeframe, candle: Candle) -> None:
        if frame is Timeframe.M1:
            self._closed.setdefault(symbol, []).append(candle)
        self.on_closed(symbol, frame, candle)
        for live in self._live.values():
            if (live.symbol, live.frame, live.ready) != (symbol, frame, True):
                continue
            if not live.closed or candle.open_ms > live.closed[-1].open_ms:
                live.closed.append(candle)
                del live.closed[: -(overlays.warmup(live.names) + 2)]

    def _interest(self, topic: str, wanted: bool) -> None:
        if not wanted:
            self._live.pop(topic, None)
            return
        try:
            _, symbol, frame, *names = topic.split(":")
            live = _Live(symbol, Timeframe.parse(frame), [name for name in (names or [""])[0].split(",") if name])
            overlays.warmup(live.names)
        except (ValueError, PolotuiError) as error:
            log.warning("no such chart", extra={"topic": topic, "detail": str(error)})
            return
        self._live[topic] = live
        self._want_whole(symbol)
        self._engine.supervisor.task(f"chart-{symbol}-{frame}", self._warm_up(topic, live))

    async def _warm_up(self, topic: str, live: _Live) -> None:
        pause = 1.0
        while self._live.get(topic) is live:
            try:
                wanted = overlays.warmup(live.names) + 2
                found = await self.past.ensure(live.symbol, live.frame, wanted)
                live.closed = found.candles
                book = self._books.get(live.symbol)
                if book is not None:
                    last = live.closed[-1].open_ms if live.closed else -1
                    live.closed += [c for c in book.series(live.frame).closed if c.open_ms > last]
                live.ready = True
                self._engine.hub.touch(topic)
                return
            except PolotuiError as error:
                log.info("chart not ready", extra={"topic": topic, "detail": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, 15.0)

    def _event(self, topic: str, key: str) -> Event | None:
        live = self._live.get(topic)
        if live is None or not live.ready:
            return None
        book = self._book(live.symbol)
        tail = book.tail(live.frame)
        candles = live.closed[-1:]
        if tail.forming is not None and tail.whole and (not candles or tail.forming.open_ms > candles[-1].open_ms):
            candles = [*candles, tail.forming]
            lines = overlays.compute(live.names, [*live.closed, tail.forming], len(candles))
        else:
            lines = overlays.compute(live.names, live.closed, len(candles))
        return ChartTail(
            topic=topic,
            symbol=live.symbol,
            timeframe=live.frame.value,
            candles=candles,
            lines=lines,
            revision=book.series(live.frame).revision,
            stale_since_ms=self._exchange.stale_since("candles_minute_1", live.symbol),
        )

    # -- upkeep ---------------------------------------------------------------------------------------------------

    def _hole(self, symbol: str, from_ms: int, to_ms: int) -> None:
        # Told before the candle behind the hole is in the book; by the time of the repair it is.
        if symbol in self._whole or any(live.symbol == symbol for live in self._live.values()):
            self._queue_repair(symbol)

    def keep_whole(self, symbol: str) -> None:
        """From now on the symbol's candles are filled as soon as one is missing, whoever looks."""
        self._whole.add(symbol)
        self._want_whole(symbol)

    def _want_whole(self, symbol: str) -> None:
        """Somebody looks at the symbol: fill what its day lacks. Nobody's charts cost no requests."""
        if self._book(symbol).holes():
            self._queue_repair(symbol)

    def _queue_repair(self, symbol: str) -> None:
        if symbol not in self._queued and not self._repairs.full():
            self._queued.add(symbol)
            self._repairs.put_nowait(symbol)

    async def _keep_repairing(self) -> None:
        while True:
            symbol = await self._repairs.get()
            try:
                await self.past.repair(self._book(symbol))
            except PolotuiError as error:
                log.info("candles could not be filled yet", extra={"symbol": symbol, "detail": str(error)})
                await asyncio.sleep(2.0)
                self._repairs.put_nowait(symbol)
                continue
            self._queued.discard(symbol)
            if self._book(symbol).holes():
                # The newest minute may not be published yet.
                self._engine.supervisor.task(f"repair-{symbol}", self._repair_again(symbol))
            for topic, live in self._live.items():
                if live.symbol == symbol:
                    self._engine.hub.touch(topic)

    async def _repair_again(self, symbol: str) -> None:
        await asyncio.sleep(REPAIR_AGAIN_SECONDS)
        self._want_whole(symbol)

    async def _keep_storing(self) -> None:
        while True:
            await asyncio.sleep(STORE_SECONDS)
            await self._store_closed()

    async def _store_closed(self) -> None:
        waiting, self._closed = self._closed, {}
        for symbol, candles in waiting.items():
            try:
                await self._store.put(symbol, Timeframe.M1, candles, STREAM_SOURCE)
            except StorageError as error:
                # Kept for the next round, an hour's worth at most; history can fetch the rest again.
                log.warning("candles could not be stored yet", extra={"symbol": symbol, "detail": str(error)})
                self._closed[symbol] = (candles + self._closed.get(symbol, []))[-MOST_UNSTORED:]

    async def _keep_sealing(self) -> None:
        while True:
            try:
                await self._store.seal_days()
            except StorageError as error:
                log.warning("days could not be sealed yet", extra={"detail": str(error)})
            await asyncio.sleep(SEAL_SECONDS)
