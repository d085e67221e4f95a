"""The live market of the wanted symbols: one public stream, kept whole.

Decided here: «live» is said of a symbol only after its book had a snapshot and the trades since the last contiguous id
were fetched, at the start and after every reconnection. A hole in a book renews that one book; a hole in the trade ids
fetches that symbol's trades; a channel that is silent for too long is renewed alone, and only when that does not help
either is the connection given up. Listeners are called directly, so no message can be lost between here and them.

The feed repairs, it does not trade: whoever decides on its data asks `fresh` first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.market.book import Applied, OrderBook
from polotui.market.candle_log import CandleLog
from polotui.market.freshness import TICKER, Freshness
from polotui.market.state import BACKFILLING, CLOSED, CONNECTING, LIVE, FeedState, StaleChannel
from polotui.market.tally import Tally
from polotui.market.trade_log import TradeLog
from polotui.model.candles import Candle, Timeframe
from polotui.model.market import Ticker, Trade
from polotui.poloniex.backoff import Backoff
from polotui.poloniex.errors import foreign_text
from polotui.poloniex.sockets import Connector
from polotui.poloniex.stream_wire import (
    Ack,
    BookSnapshot,
    BookUpdate,
    CandleMessage,
    ErrorFrame,
    TickerMessage,
    TradeMessage,
)
from polotui.poloniex.streams import PUBLIC_URL, Stream, StreamSettings, StreamState

TRADES, BOOK, CANDLES = "trades", "book_lv2", "candles_minute_1"
CHANNELS = (TICKER, TRADES, BOOK, CANDLES)


class MarketHistory(Protocol):
    """Where missed trades and minutes are fetched; `SpotRest` is one."""

    async def trades(self, symbol: str, *, limit: int = 500) -> list[Trade]: ...

    async def candles(
        self, symbol: str, frame: Timeframe, *, start_ms: int | None = None, limit: int = 500
    ) -> list[Candle]: ...

    def exchange_ms(self) -> int | None: ...


class MarketListener(Protocol):
    """Who is told, in plain calls that must return quickly."""

    def on_ticker(self, ticker: Ticker) -> None: ...

    def on_trades(self, symbol: str, trades: list[Trade]) -> None: ...

    def on_book(self, symbol: str) -> None: ...

    def on_candle(self, symbol: str, candle: Candle) -> None: ...

    def on_feed_state(self, state: FeedState) -> None: ...


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times and bounds of the feed."""

    look_s: float = 1.0
    gap_grace_s: float = 0.25
    answer_s: float = 5.0
    renew_least_s: float = 2.0
    renew_most_s: float = 60.0
    renewals_before_reconnect: int = 3
    first_trades: int = 500
    most_trades: int = 1000
    backfills_at_once: int = 4
    backfill_tries: int = 4
    stream: StreamSettings = StreamSettings()


class _Symbol:
    """Everything that is kept of one symbol."""

    def __init__(self, symbol: str, trades: TradeLog) -> None:
        self.name = symbol
        self.book = OrderBook(symbol)
        self.trades = trades
        self.candles = CandleLog()
        self.ticker: Ticker | None = None
        self.phase = CONNECTING
        self.asked_at = 0.0
        self.acked = False
        self.filled = False
        self.gap_since: float | None = None
        self.task: asyncio.Task[None] | None = None
        #: Per channel: when it was renewed last, and how often without a message since.
        self.renewed: dict[str, tuple[float, int]] = {}

    def restart(self, now: float) -> None:
        """The connection is new: nothing is known until it is shown again."""
        self.phase = CONNECTING
        self.asked_at = now
        self.acked = False
        self.filled = False
        self.gap_since = None
        self.book.invalidate()
        self.candles.interrupt()


class MarketFeed:
    """Keeps tickers, trades, books and minutes of the wanted symbols. Start it with `run` in a task you own."""

    def __init__(
        self,
        history: MarketHistory,
        listener: MarketListener,
        *,
        clock: Clock,
        chance: Chance,
        url: str = PUBLIC_URL,
        connector: Connector | None = None,
        symbols: Iterable[str] = (),
        settings: FeedSettings | None = None,
    ) -> None:
        self.settings = settings or FeedSettings()
        self._history = history
        self._listener = listener
        self._clock = clock
        self._chance = chance
        self._symbols: dict[str, _Symbol] = {}
        self._tally = Tally()
        self.freshness = Freshness(clock, history.exchange_ms)
        self.stream = Stream(url, self, clock=clock, chance=chance, connector=connector, settings=self.settings.stream)
        self._stream_state = self.stream.state
        self._group: asyncio.TaskGroup | None = None
        self._turns = asyncio.Semaphore(self.settings.backfills_at_once)
        self._phase_since_ms = clock.wall_ms()
        self._phase = CONNECTING
        self._last_message_ms = 0
        self._told: FeedState | None = None
        self._by_type: dict[type, Any] = {
            TickerMessage: self._on_ticker,
            TradeMessage: self._on_trade,
            BookUpdate: self._on_book_update,
            BookSnapshot: self._on_book_snapshot,
            CandleMessage: self._on_candle,
            Ack: self._on_ack,
            ErrorFrame: self._on_error,
        }
        self.want(symbols)

    # Replaceable parts

    def make_trade_log(self) -> TradeLog:
        return TradeLog()

    # What callers use

    def want(self, symbols: Iterable[str]) -> None:
        """From now on exactly these symbols are kept."""
        wanted = dict.fromkeys(symbols)
        now = self._clock.monotonic()
        for name in [name for name in self._symbols if name not in wanted]:
            self._drop(name)
        new = [name for name in wanted if name not in self._symbols]
        for name in new:
            kept = self._symbols[name] = _Symbol(name, self.make_trade_log())
            kept.asked_at = now
            for channel in CHANNELS:
                self.freshness.watch(channel, name)
        for channel in CHANNELS if new else ():
            self.stream.subscribe(channel, new)

    def _drop(self, name: str) -> None:
        kept = self._symbols.pop(name)
        if kept.task is not None:
            kept.task.cancel()
        for channel in CHANNELS:
            self.stream.unsubscribe(channel, [name])
            self.freshness.forget(channel, name)

    def symbols(self) -> tuple[str, ...]:
        return tuple(self._symbols)

    def book(self, symbol: str) -> OrderBook | None:
        """The live book; copy what you keep with `view`."""
        kept = self._symbols.get(symbol)
        return kept.book if kept is not None else None

    def ticker(self, symbol: str) -> Ticker | None:
        kept = self._symbols.get(symbol)
        return kept.ticker if kept is not None else None

    def trades(self, symbol: str) -> TradeLog | None:
        kept = self._symbols.get(symbol)
        return kept.trades if kept is not None else None

    def fresh(self, symbol: str, channel: str = BOOK) -> bool:
        """Whether a decision may rest on this channel of this symbol now."""
        kept = self._symbols.get(symbol)
        if kept is None or self._stream_state.phase != "open" or kept.phase != LIVE:
            return False
        if channel == BOOK and not kept.book.ready:
            return False
        return self.freshness.state(channel, symbol).fresh

    async def run(self) -> None:
        """Keeps the feed up until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self.stream.run(), name="feed-stream")
                group.create_task(self._look_after(), name="feed-look-after")
        finally:
            self._group = None
            self._tell_state(CLOSED)

    # The stream's calls

    def on_stream_state(self, name: str, state: StreamState) -> None:
        self._stream_state = state
        now = self._clock.monotonic()
        if state.phase in ("connecting", "open"):
            for kept in self._symbols.values():
                kept.restart(now)
                for channel in CHANNELS:
                    self.freshness.watch(channel, kept.name)
        elif state.phase == "waiting":
            for kept in self._symbols.values():
                kept.restart(now)
        self._tell_state()

    def on_message(self, message: Any, received: float) -> None:
        handle = self._by_type.get(type(message))
        if handle is not None:
            self._tally.messages += 1
            handle(message, received)

    def _on_ticker(self, message: TickerMessage, received: float) -> None:
        kept = self._symbols.get(message.symbol)
        if kept is None:
            return
        self._heard(kept, TICKER, received, message.ts)
        if kept.ticker is not None and message.ts < kept.ticker.ts_ms:
            self._tally.duplicates += 1
            return
        kept.ticker = message.value()
        self._listener.on_ticker(kept.ticker)

    def _on_trade(self, message: TradeMessage, received: float) -> None:
        kept = self._symbols.get(message.symbol)
        if kept is None:
            return
        self._heard(kept, TRADES, received, message.ts)
        log = kept.trades
        before, had_gap = log.duplicates, log.gap
        published = log.add(message.value())
        self._tally.duplicates += log.duplicates - before
        if published:
            self._listener.on_trades(kept.name, published)
        if kept.filled and log.gap and not had_gap:
            self._tally.trade_gaps += 1
            self._start_backfill(kept, self.settings.gap_grace_s)

    def _on_book_update(self, message: BookUpdate, received: float) -> None:
        kept = self._symbols.get(message.symbol)
        if kept is None:
            return
        self._heard(kept, BOOK, received, message.ts)
        answer = kept.book.update(message.last_id, message.id, message.ts, message.bids, message.asks)
        if answer is Applied.APPLIED:
            self._listener.on_book(kept.name)
        else:
            self._book_trouble(kept, answer, received)

    def _on_book_snapshot(self, message: BookSnapshot, received: float) -> None:
        kept = self._symbols.get(message.symbol)
        if kept is None:
            return
        self._heard(kept, BOOK, received, message.ts)
        answer = kept.book.snapshot(message.id, message.ts, message.bids, message.asks)
        if answer is not Applied.APPLIED:
            self._book_trouble(kept, answer, received)
            return
        if kept.gap_since is not None:
            self._tally.resynced(received - kept.gap_since)
            kept.gap_since = None
        self._settle(kept)
        self._listener.on_book(kept.name)

    def _book_trouble(self, kept: _Symbol, answer: Applied, received: float) -> None:
        if answer is Applied.DUPLICATE:
            self._tally.duplicates += 1
        elif answer is Applied.GAP:
            self._tally.book_gaps += 1
            kept.gap_since = received if kept.gap_since is None else kept.gap_since
            self._renew(kept, BOOK, received)
            self._tell_state()

    def _on_candle(self, message: CandleMessage, received: float) -> None:
        kept = self._symbols.get(message.symbol)
        if kept is None or message.channel != CANDLES:
            return
        self._heard(kept, CANDLES, received, message.ts)
        for candle in kept.candles.add(message.value(closed=False)):
            self._listener.on_candle(kept.name, candle)
        if kept.filled and kept.candles.missing_from() is not None:
            self._start_backfill(kept, self.settings.gap_grace_s)

    def _on_ack(self, message: Ack, received: float) -> None:
        """Trades are fetched once the stream is known to deliver new ones, so that none falls in between."""
        if message.event != "subscribe" or message.channel != TRADES:
            return
        for name in message.symbols or tuple(self._symbols):
            kept = self._symbols.get(name)
            if kept is not None and not kept.acked:
                kept.acked = True
                kept.phase = BACKFILLING
                self._start_backfill(kept, 0.0)
        self._tell_state()

    def _on_error(self, message: ErrorFrame, received: float) -> None:
        self._tally.errors += 1
        self._tally.last_error = foreign_text(message.text)

    def _heard(self, kept: _Symbol, channel: str, received: float, ts_ms: int) -> None:
        self.freshness.touch(channel, kept.name, received, ts_ms)
        # A renewed book counts only once its snapshot came; see `_settle`.
        if kept.renewed and channel != BOOK:
            kept.renewed.pop(channel, None)

    # Repair

    def _start_backfill(self, kept: _Symbol, after_s: float) -> None:
        if self._group is None or (kept.task is not None and not kept.task.done()):
            return
        kept.task = self._group.create_task(self._backfill(kept, after_s), name=f"backfill-{kept.name}")

    async def _backfill(self, kept: _Symbol, after_s: float) -> None:
        """Fetches until nothing is missing, or until it is known that the rest cannot be had."""
        await asyncio.sleep(after_s)
        backoff = Backoff(self._clock, self._chance, base_s=self.settings.stream.base_s)
        tries = 0
        while not kept.filled or kept.trades.gap or kept.candles.missing_from() is not None:
            try:
                async with self._turns:
                    await self._fetch(kept)
                tries += 1
            except ExchangeError as error:
                self._tally.last_error = error.cause
            if self._settled(kept):
                return
            if kept.trades.gap and tries >= self.settings.backfill_tries:
                self._publish_trades(kept, kept.trades.give_up())
            await asyncio.sleep(max(self.settings.gap_grace_s, backoff.next_wait_s()))

    def _settled(self, kept: _Symbol) -> bool:
        self._settle(kept)
        return kept.filled and not kept.trades.gap and kept.candles.missing_from() is None

    async def _fetch(self, kept: _Symbol) -> None:
        """One round: the trades above the contiguous mark, and the minutes that may be incomplete."""
        stream_of_request = kept.asked_at
        first = kept.trades.high_water() is None
        limit = self.settings.first_trades if first else self.settings.most_trades
        if not kept.filled or kept.trades.gap:
            trades = await self._history.trades(kept.name, limit=limit)
            self._publish_trades(kept, kept.trades.backfill(trades))
            if trades and kept.trades.gap and trades[0].id > (kept.trades.high_water() or 0) + 1:
                # The hole is older than everything that REST still has: asking again cannot fill it.
                self._publish_trades(kept, kept.trades.give_up())
        start_ms = kept.candles.missing_from()
        if start_ms is not None:
            rows = await self._history.candles(kept.name, Timeframe.M1, start_ms=start_ms)
            for candle in kept.candles.backfill(rows):
                self._listener.on_candle(kept.name, candle)
        # A connection that broke meanwhile starts over: what was fetched for the old one is not enough.
        kept.filled = kept.acked and kept.asked_at == stream_of_request

    def _publish_trades(self, kept: _Symbol, trades: list[Trade]) -> None:
        if trades and self._symbols.get(kept.name) is kept:
            self._listener.on_trades(kept.name, trades)

    def _settle(self, kept: _Symbol) -> None:
        """Says «live» when everything holds."""
        kept.renewed.pop(BOOK, None) if kept.book.ready else None
        if kept.phase != LIVE and kept.filled and kept.book.ready:
            kept.phase = LIVE
            self._tell_state()

    def _renew(self, kept: _Symbol, channel: str, now: float) -> None:
        """Subscribes one channel of one symbol again, at a growing distance; gives the connection up in the end."""
        last, times = kept.renewed.get(channel, (float("-inf"), 0))
        if times and now - last < min(self.settings.renew_most_s, self.settings.renew_least_s * 2.0 ** (times - 1)):
            return
        kept.renewed[channel] = (now, times + 1)
        # A subscription to trades and candles brings nothing by itself, so only these two prove a dead connection.
        if times >= self.settings.renewals_before_reconnect and channel in (TICKER, BOOK):
            kept.renewed.pop(channel)
            self.stream.reconnect(f"{channel} of {kept.name} stays silent")
            return
        self._tally.renewals += 1
        self.stream.resubscribe(channel, kept.name)

    async def _look_after(self) -> None:
        """Each second: what is silent, what was never answered, and the state for the listener."""
        while True:
            await asyncio.sleep(self.settings.look_s)
            if self._stream_state.phase == "open":
                self._renew_silent(self._clock.monotonic())
            self._tell_state()

    def _renew_silent(self, now: float) -> None:
        for channel, name, state in self.freshness.stale():
            if state.bound_s is not None:
                if channel == CANDLES:
                    self._symbols[name].candles.interrupt()
                self._renew(self._symbols[name], channel, now)
        for kept in self._symbols.values():
            waited = now - kept.asked_at > self.settings.answer_s
            if not kept.book.ready and (waited or kept.gap_since is not None):
                self._renew(kept, BOOK, now)
            if waited and not kept.acked:
                self._renew(kept, TRADES, now)
            elif kept.acked and not self._settled(kept):
                self._start_backfill(kept, 0.0)

    # State

    def state(self) -> FeedState:
        """The feed as it is now."""
        stream, tally = self.stream, self._tally
        return FeedState(
            phase=self._phase,
            since_ms=self._phase_since_ms,
            last_message_ms=self._last_message_ms,
            attempt=self._stream_state.attempt,
            reconnects=stream.counters.reconnects,
            reason=self._stream_state.reason or tally.last_error,
            symbols={name: kept.phase for name, kept in self._symbols.items()},
            counters=tally.counters(stream.counters, self._symbols.values()),
            stale=tuple(
                StaleChannel(channel, symbol, round(state.age_s * 1000), state.why)
                for channel, symbol, state in self._stale()
            ),
        )

    def _stale(self) -> Iterable[tuple[str, str, Any]]:
        yield from self.freshness.stale()
        for kept in self._symbols.values():
            state = self.freshness.state(BOOK, kept.name)
            if not kept.book.ready and state.fresh:
                yield BOOK, kept.name, msgspec.structs.replace(state, fresh=False, why="a snapshot is awaited")

    def _tell_state(self, phase: str | None = None) -> None:
        now_phase = phase or self._worst_phase()
        if now_phase != self._phase:
            self._phase, self._phase_since_ms = now_phase, self._clock.wall_ms()
        if self.stream.counters.messages:
            silent_s = self._clock.monotonic() - self.stream.last_frame_at()
            self._last_message_ms = self._clock.wall_ms() - round(silent_s * 1000)
        state = self.state()
        if state != self._told:
            self._told = state
            self._listener.on_feed_state(state)

    def _worst_phase(self) -> str:
        if self._stream_state.phase != "open":
            return CONNECTING
        phases = {kept.phase for kept in self._symbols.values()}
        return next((phase for phase in (CONNECTING, BACKFILLING) if phase in phases), LIVE)
