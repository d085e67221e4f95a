"""The market feed: from one public stream to books, tickers, tapes and candles that are known to be right.

Decided here:

* «live» is said of a symbol only after its book has a snapshot *and* its tape has been backfilled; a reconnect starts over.
* A gap in a book makes that book stale at once and asks for it again; the rest goes on. A hole in a tape is filled from
  REST, from the high-water mark.
* One silent channel of one symbol is stale and subscribed again alone.
* Listeners are called at once, in order, on the loop. They must not block, and nothing here waits for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.market.book import Applied, OrderBook
from polotui.market.freshness import Channel, Freshness
from polotui.market.state import FeedCounters, FeedState, StaleChannel
from polotui.market.tape import Tape
from polotui.model.candles import Candle
from polotui.model.market import BookView, Ticker, Trade
from polotui.poloniex.stream_wire import (
    BookMessage,
    CandleMessage,
    Malformed,
    Message,
    OtherMessage,
    TickerMessage,
    TradesMessage,
)
from polotui.poloniex.streams import Stream

log = logging.getLogger("polotui.market.feed")

CHANNELS = ("ticker", "book_lv2", "trades", "candles_minute_1")
TICK_SECONDS = 0.5
RESYNC_AGAIN_SECONDS = 2.0
BACKFILL_LIMIT = 1_000
FIRST_TRADES = 60
BACKFILLS_AT_ONCE = 4


class TradeSource(Protocol):
    """Where missing trades come from (SpotRest)."""

    async def trades(self, symbol: str, limit: int = 500) -> list[Trade]: ...


class FeedListener(Protocol):
    """Who hears of the market. Called on the loop; must not block."""

    def on_ticker(self, ticker: Ticker) -> None: ...

    def on_trades(self, symbol: str, trades: list[Trade]) -> None: ...

    def on_book(self, symbol: str) -> None: ...

    def on_candle(self, symbol: str, candle: Candle) -> None: ...

    def on_feed_state(self, state: FeedState) -> None: ...


class MarketFeed:
    """Give it to a `Stream` as its handler, then run `run` in a supervised task beside the stream's."""

    def __init__(
        self,
        rest: TradeSource,
        listener: FeedListener,
        *,
        clock: Clock,
        chance: Chance,
        server_ms: Callable[[], int] | None = None,
    ) -> None:
        self._rest = rest
        self._listener = listener
        self._clock = clock
        self._chance = chance
        self._server_ms = server_ms or clock.wall_ms
        self.stream: Stream | None = None
        self.freshness = Freshness(clock)
        self.counters = FeedCounters()
        self._symbols: dict[str, None] = {}
        self._books: dict[str, OrderBook] = {}
        self._tapes: dict[str, Tape] = {}
        self._asked: dict[Channel, float] = {}
        self._gap_at: dict[str, float] = {}
        self.resync_seconds: list[float] = []
        self._complete: set[str] = set()
        self._backfill: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()
        self._phase = "off"
        self._since = clock.wall_ms()
        self._detail = ""
        self._attempt = 0
        self._reconnects = -1
        self._connected = False
        self._maintenance = False
        self._last_wall = 0
        self._told: FeedState | None = None

    # -- what is wanted -------------------------------------------------------------------------------------------

    def want(self, symbols: Iterable[str]) -> None:
        """Exactly these symbols from now on."""
        assert self.stream is not None
        wanted = dict.fromkeys(symbols)
        gone = [symbol for symbol in self._symbols if symbol not in wanted]
        new = [symbol for symbol in wanted if symbol not in self._symbols]
        self._symbols = wanted
        for symbol in gone:
            self._books.pop(symbol, None)
            self._tapes.pop(symbol, None)
            self._complete.discard(symbol)
            self._gap_at.pop(symbol, None)
        now = self._clock.monotonic()
        for symbol in new:
            self._books[symbol] = OrderBook(symbol)
            self._tapes[symbol] = self._new_tape()
            for channel in CHANNELS:
                self._asked[(channel, symbol)] = now
            if self._connected:
                self._queue_backfill(symbol)
        if not self._reconnects >= 0:
            self.stream.want("exchange")
        for channel in CHANNELS:
            self.stream.unwant(channel, gone)
            self.stream.want(channel, new)

    # -- what is known --------------------------------------------------------------------------------------------

    def book(self, symbol: str) -> OrderBook | None:
        return self._books.get(symbol)

    def view(self, symbol: str, depth: int) -> BookView | None:
        """The book's best levels; None before the first snapshot."""
        book = self._books.get(symbol)
        return book.view(depth) if book is not None and book.id >= 0 else None

    def tape(self, symbol: str) -> Tape | None:
        return self._tapes.get(symbol)

    def why_stale(self, channel: str, symbol: str) -> str:
        """"" while fresh; else why not."""
        if not self._connected:
            return self._detail or "not connected"
        if channel == "book_lv2":
            book = self._books.get(symbol)
            if book is None or not book.synced:
                return "waiting for a snapshot"
        if channel == "trades" and symbol not in self._complete:
            return "being backfilled"
        return self.freshness.why((channel, symbol), self._clock.monotonic())

    def stale_since(self, channel: str, symbol: str) -> int:
        """0 while fresh; else the wall time up to which it is true (1 = never had any)."""
        if symbol not in self._symbols:
            return 1
        if not self.why_stale(channel, symbol):
            return 0
        return self.freshness.true_at_ms((channel, symbol)) or 1

    @property
    def state(self) -> FeedState:
        stale = tuple(
            StaleChannel(channel, symbol, self.stale_since(channel, symbol), why)
            for symbol in self._symbols
            for channel in ("ticker", "book_lv2", "trades")
            if (why := self.why_stale(channel, symbol))
        )
        return FeedState(
            phase=self._phase,
            since_ms=self._since,
            last_message_ms=self._last_wall,
            attempt=self._attempt,
            reconnects=max(0, self._reconnects),
            detail=self._detail,
            stale=stale,
        )

    # -- the stream's callbacks -----------------------------------------------------------------------------------

    def on_connected(self) -> None:
        self._connected = True
        self._reconnects += 1
        self.freshness.reset()
        now = self._clock.monotonic()
        for symbol in self._symbols:
            self._books[symbol].synced = False
            for channel in CHANNELS:
                self._asked[(channel, symbol)] = now
            self._queue_backfill(symbol)
        self._enter("backfilling", "")

    def on_disconnected(self, reason: str, pause: float) -> None:
        self._connected = False
        self._attempt += 1
        self._complete.clear()
        for book in self._books.values():
            book.synced = False
        self._enter("connecting" if self._attempt < 4 else "down", reason)

    def on_message(self, message: Message) -> None:
        self.counters.messages += 1
        self._last_wall = self._clock.wall_ms()
        if isinstance(message, BookMessage):
            self._on_book(message)
        elif isinstance(message, TradesMessage):
            self._on_trades(message)
        elif isinstance(message, TickerMessage):
            self._on_ticker(message)
        elif isinstance(message, CandleMessage):
            self._touch(message.channel, message.symbol, message.ts_ms)
            self._listener.on_candle(message.symbol, message.candle)
        elif isinstance(message, Malformed):
            self.counters.malformed += 1
        elif isinstance(message, OtherMessage) and message.channel == "exchange":
            self._on_exchange(message)

    def _on_book(self, message: BookMessage) -> None:
        data = message.book
        book = self._books.get(data.symbol)
        if book is None:
            return
        self._touch("book_lv2", data.symbol, data.ts)
        was_synced = book.synced
        result = book.apply(data, snapshot=message.snapshot)
        if result is Applied.APPLIED:
            if not was_synced:
                self._synced(data.symbol)
            self._listener.on_book(data.symbol)
        elif result is Applied.DUPLICATE:
            self.counters.duplicates += 1
        elif result is Applied.GAP:
            self.counters.book_gaps += 1
            self._gap_at.setdefault(data.symbol, self._clock.monotonic())
            self._again("book_lv2", data.symbol)
            self._listener.on_book(data.symbol)

    def _synced(self, symbol: str) -> None:
        self.counters.resyncs += 1
        gap = self._gap_at.pop(symbol, None)
        if gap is not None:
            self.resync_seconds.append(self._clock.monotonic() - gap)
            del self.resync_seconds[:-1000]

    def _on_trades(self, message: TradesMessage) -> None:
        tape = self._tapes.get(message.symbol)
        if tape is None:
            return
        newest = message.trades[-1]
        self._touch("trades", message.symbol, newest.ts_ms)
        before = tape.duplicates
        self._emit(message.symbol, tape.offer(message.trades))
        self.counters.duplicates += tape.duplicates - before
        if tape.has_hole and tape.high_water is not None and message.symbol not in self._queued:
            self.counters.trade_gaps += 1
            self._queue_backfill(message.symbol)

    def _emit(self, symbol: str, trades: list[Trade]) -> None:
        if trades:
            self.counters.trades += len(trades)
            self._listener.on_trades(symbol, trades)

    def _on_ticker(self, message: TickerMessage) -> None:
        symbol = message.ticker.symbol
        tape = self._tapes.get(symbol)
        if tape is None:
            return
        self._touch("ticker", symbol, message.ticker.ts_ms)
        if message.traded_ms:
            self.freshness.trades_agree(symbol, message.traded_ms, tape.last_ms, self._clock.monotonic())
        self._listener.on_ticker(message.ticker)

    def _on_exchange(self, message: OtherMessage) -> None:
        for row in message.rows:
            if isinstance(row, dict) and "MM" in row:
                self._maintenance = row["MM"] == "ON"
        self._judge()

    # -- upkeep ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Judges freshness twice a second and fills holes in tapes."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._upkeep(), name="feed-upkeep")
            for number in range(BACKFILLS_AT_ONCE):
                group.create_task(self._fill_holes(), name=f"feed-backfill-{number}")

    async def _upkeep(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self._connected:
                self._mend()
            self._judge()

    def _mend(self) -> None:
        """Asks again for every channel that should have spoken."""
        now = self._clock.monotonic()
        for symbol in self._symbols:
            for channel in CHANNELS:
                key = (channel, symbol)
                if channel == "book_lv2" and not self._books[symbol].synced:
                    wrong = now - self._asked.get(key, now) > RESYNC_AGAIN_SECONDS
                else:
                    why = self.freshness.why(key, now)
                    wrong = why in ("silent", "trades are missing") and now - self._asked.get(key, 0.0) > 5.0
                if wrong:
                    self._again(channel, symbol)
                    if channel == "trades":
                        self._queue_backfill(symbol)

    def _again(self, channel: str, symbol: str) -> None:
        assert self.stream is not None
        now = self._clock.monotonic()
        self._asked[(channel, symbol)] = now
        self.stream.resubscribe(channel, symbol)

    def _queue_backfill(self, symbol: str) -> None:
        if symbol not in self._queued:
            self._queued.add(symbol)
            self._backfill.put_nowait(symbol)

    async def _fill_holes(self) -> None:
        while True:
            symbol = await self._backfill.get()
            tape = self._tapes.get(symbol)
            try:
                if tape is not None and self._connected:
                    await self._fill(symbol, tape)
            except ExchangeError as error:
                log.warning("trades could not be backfilled", extra={"symbol": symbol, "detail": str(error)})
                await asyncio.sleep(0.5 + self._chance.jitter(1.0))
                self._backfill.put_nowait(symbol)
                continue
            self._queued.discard(symbol)
            if tape is not None and tape.has_hole:
                self._queue_backfill(symbol)

    async def _fill(self, symbol: str, tape: Tape) -> None:
        connection = self._reconnects
        first = tape.high_water is None
        trades = await self._rest.trades(symbol, limit=FIRST_TRADES if first else BACKFILL_LIMIT)
        lost = tape.lost
        if first:
            self._emit(symbol, tape.begin(trades))
        else:
            self._emit(symbol, tape.offer(self.missing(tape, trades)))
            oldest = min((trade.id for trade in trades), default=0)
            if tape.has_hole and tape.high_water is not None and oldest > tape.high_water + 1:
                # The exchange no longer has them.
                self._emit(symbol, tape.give_up())
        if tape.lost > lost:
            self.counters.lost += tape.lost - lost
            log.error("trades were lost", extra={"symbol": symbol, "count": tape.lost - lost})
        if connection == self._reconnects and self._connected:
            self._complete.add(symbol)
            self._judge()

    def missing(self, tape: Tape, trades: list[Trade]) -> list[Trade]:
        """Those of `trades` that the tape does not have: everything above its contiguous high-water mark."""
        mark = tape.high_water or 0
        return [trade for trade in trades if trade.id > mark and not tape.is_known(trade)]

    def _new_tape(self) -> Tape:
        return Tape()

    def _touch(self, channel: str, symbol: str, ts_ms: int) -> None:
        self.freshness.touch((channel, symbol), self._clock.monotonic(), self._server_ms(), ts_ms)

    def _judge(self) -> None:
        """The phase that follows from all there is."""
        if self._connected:
            waiting = [
                symbol for symbol in self._symbols if symbol not in self._complete or not self._books[symbol].synced
            ]
            if self._maintenance:
                self._enter("maintenance", "the exchange is in maintenance")
            elif self._phase == "live" or not waiting:
                # One book being mended does not take «live» from the rest: it is marked itself.
                self._attempt = 0
                self._enter("live", "")
            else:
                self._enter("backfilling", f"{len(waiting)} of {len(self._symbols)} symbols")
        else:
            self._tell()

    def _enter(self, phase: str, detail: str) -> None:
        if phase != self._phase:
            self._since = self._clock.wall_ms()
        self._phase, self._detail = phase, detail
        self._tell()

    def _tell(self) -> None:
        state = self.state
        told = self._told
        # Times of last messages change all the time; who needs them asks for the state.
        same = told is not None and (told.phase, told.detail, told.stale, told.attempt) == (
            state.phase,
            state.detail,
            state.stale,
            state.attempt,
        )
        if not same:
            self._told = state
            self._listener.on_feed_state(state)
