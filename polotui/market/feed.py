"""The live market of the wanted symbols: one public stream, kept whole.

Decided here: «live» is said of a symbol only after its book had a snapshot and the trades since the last contiguous id
were fetched, at the start and after every reconnection. A hole in a book renews that one book; a hole in the trade ids
fetches that symbol's trades; a channel that is silent for too long is renewed alone. Listeners are called directly,
so no message can be lost between here and them; a listener that raises ends the feed, because it is a defect.

The feed keeps the market, it does not trade: whoever decides on its data asks `fresh` first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.market.book import Applied, OrderBook
from polotui.market.freshness import TICKER, ChannelState, Freshness
from polotui.market.kept import KeptSymbol
from polotui.market.repair import BOOK, CANDLES, CHANNELS, TRADES, FeedSettings, MarketHistory, Repair
from polotui.market.state import BACKFILLING, CLOSED, CONNECTING, LIVE, FeedState, StaleChannel
from polotui.market.tally import Tally
from polotui.market.trade_log import TradeLog
from polotui.model.candles import Candle
from polotui.model.market import Ticker, Trade
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
from polotui.poloniex.streams import PUBLIC_URL, Stream, StreamState

__all__ = ["BOOK", "CANDLES", "TICKER", "TRADES", "FeedSettings", "MarketFeed", "MarketHistory", "MarketListener"]


class MarketListener(Protocol):
    """Who is told, in plain calls that must return quickly."""

    def on_ticker(self, ticker: Ticker) -> None: ...

    def on_trades(self, symbol: str, trades: list[Trade]) -> None: ...

    def on_book(self, symbol: str) -> None: ...

    def on_candle(self, symbol: str, candle: Candle) -> None: ...

    def on_feed_state(self, state: FeedState) -> None: ...


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
        self._symbols: dict[str, KeptSymbol] = {}
        self._tally = Tally()
        self.freshness = Freshness(clock, history.exchange_ms)
        self.stream = Stream(url, self, clock=clock, chance=chance, connector=connector, settings=self.settings.stream)
        self.repair = Repair(
            self,
            self.stream,
            history,
            self.freshness,
            self._tally,
            clock=clock,
            chance=chance,
            settings=self.settings,
        )
        self._running = False
        self._phase = CONNECTING
        self._phase_since_ms = clock.wall_ms()
        self._told: FeedState | None = None
        self._by_type: dict[type, Callable[[Any, float], None]] = {
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

    def make_book(self, symbol: str) -> OrderBook:
        return OrderBook(symbol)

    # What callers use

    def want(self, symbols: Iterable[str]) -> None:
        """From now on exactly these symbols are kept."""
        wanted = dict.fromkeys(symbols)
        for name in [name for name in self._symbols if name not in wanted]:
            self._drop(name)
        new = [name for name in wanted if name not in self._symbols]
        for name in new:
            kept = self._symbols[name] = KeptSymbol(name, self.make_trade_log(), self.make_book(name))
            kept.asked_at = self._clock.monotonic()
            for channel in CHANNELS:
                self.freshness.watch(channel, name)
        for channel in CHANNELS if new else ():
            self.stream.subscribe(channel, new)
        if self._running:
            self._tell_state()

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

    def forming(self, symbol: str) -> Candle | None:
        """The minute that is forming."""
        kept = self._symbols.get(symbol)
        return kept.candles.forming if kept is not None else None

    def fresh(self, symbol: str, channel: str = BOOK) -> bool:
        """Whether a decision may rest on this channel of this symbol now."""
        kept = self._symbols.get(symbol)
        if kept is None or self.stream.state.phase != "open" or kept.phase != LIVE:
            return False
        if channel == BOOK and not kept.book.ready:
            return False
        return self.freshness.state(channel, symbol).fresh

    async def run(self) -> None:
        """Keeps the feed up until cancelled."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                self.repair.open(group)
                group.create_task(self.stream.run(), name="feed-stream")
                group.create_task(self._look_after(), name="feed-look-after")
                group.create_task(self._keep_time(), name="feed-keep-time")
        finally:
            self.repair.open(None)
            self._running = False
            self._tell_state(CLOSED)

    # The stream's calls

    def on_stream_state(self, name: str, state: StreamState) -> None:
        now = self._clock.monotonic()
        for kept in self._symbols.values():
            if state.phase == "open":
                # Answers may have come while the last requests were still being sent: they stay.
                kept.asked_at = now
            else:
                kept.restart(now)
            for channel in CHANNELS:
                if state.phase != "open" or not self.freshness.heard(channel, kept.name):
                    self.freshness.watch(channel, kept.name)
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
        self.freshness.touch(TICKER, kept.name, received, message.ts)
        kept.renewed.pop(TICKER, None)
        if kept.ticker is not None and message.ts < kept.ticker.ts_ms:
            self._tally.duplicates += 1
            return
        kept.witness.ticker(message.trade_count, received)
        kept.ticker = message.value()
        self._listener.on_ticker(kept.ticker)

    def _on_trade(self, message: TradeMessage, received: float) -> None:
        kept = self._symbols.get(message.symbol)
        if kept is None:
            return
        self.freshness.touch(TRADES, kept.name, received, message.ts)
        kept.renewed.pop(TRADES, None)
        kept.witness.trade(received)
        log = kept.trades
        duplicates, had_gap = log.duplicates, log.gap
        published = log.add(message.value())
        self._tally.duplicates += log.duplicates - duplicates
        self.publish_trades(kept, published)
        if kept.filled and log.gap and not had_gap:
            self._tally.trade_gaps += 1
            self.repair.start_backfill(kept, self.settings.gap_grace_s)

    def _on_book_update(self, message: BookUpdate, received: float) -> None:
        kept = self._symbols.get(message.symbol)
        if kept is None:
            return
        self.freshness.touch(BOOK, kept.name, received, message.ts)
        answer = kept.book.update(message.last_id, message.id, message.ts, message.bids, message.asks)
        if answer is Applied.APPLIED:
            self._listener.on_book(kept.name)
        else:
            self._book_trouble(kept, answer, received)

    def _on_book_snapshot(self, message: BookSnapshot, received: float) -> None:
        kept = self._symbols.get(message.symbol)
        if kept is None:
            return
        self.freshness.touch(BOOK, kept.name, received, message.ts)
        answer = kept.book.snapshot(message.id, message.ts, message.bids, message.asks)
        if answer is not Applied.APPLIED:
            self._book_trouble(kept, answer, received)
            return
        kept.renewed.pop(BOOK, None)
        if kept.gap_since is not None:
            self._tally.resynced(received - kept.gap_since)
            kept.gap_since = None
        self.settle(kept)
        self._listener.on_book(kept.name)

    def _book_trouble(self, kept: KeptSymbol, answer: Applied, received: float) -> None:
        if answer is Applied.DUPLICATE:
            self._tally.duplicates += 1
        elif answer is Applied.GAP:
            self._tally.book_gaps += 1
            kept.gap_since = received if kept.gap_since is None else kept.gap_since
            self.repair.renew(kept, BOOK, received)
            self._tell_state()

    def _on_candle(self, message: CandleMessage, received: float) -> None:
        kept = self._symbols.get(message.symbol)
        if kept is None or message.channel != CANDLES:
            return
        self.freshness.touch(CANDLES, kept.name, received, message.ts)
        kept.renewed.pop(CANDLES, None)
        self.publish_candles(kept, kept.candles.add(message.value(closed=False)))
        if kept.filled and kept.candles.missing_from() is not None:
            self.repair.start_backfill(kept, self.settings.gap_grace_s)

    def _on_ack(self, message: Ack, received: float) -> None:
        """Trades are fetched once the stream is known to deliver new ones, so that none falls in between."""
        if message.event != "subscribe" or message.channel != TRADES:
            return
        for name in message.symbols or tuple(self._symbols):
            kept = self._symbols.get(name)
            if kept is not None and not (kept.acked and kept.filled):
                kept.acked = True
                kept.phase = BACKFILLING
                self.repair.start_backfill(kept)
        self._tell_state()

    def _on_error(self, message: ErrorFrame, received: float) -> None:
        self._tally.errors += 1
        self._tally.last_error = foreign_text(message.text)

    # The repair's calls

    def publish_trades(self, kept: KeptSymbol, trades: list[Trade]) -> None:
        if trades and self._symbols.get(kept.name) is kept:
            kept.counts.note(trades)
            self._listener.on_trades(kept.name, trades)

    def publish_candles(self, kept: KeptSymbol, candles: list[Candle]) -> None:
        for candle in candles:
            self._listener.on_candle(kept.name, candle)

    def settle(self, kept: KeptSymbol) -> None:
        """Says «live» when everything holds."""
        if kept.phase == BACKFILLING and kept.filled and kept.book.ready:
            kept.phase = LIVE
            self._tell_state()

    async def _look_after(self) -> None:
        """Each second: what is silent, what was never answered, and the state for the listener."""
        while True:
            await asyncio.sleep(self.settings.look_s)
            if self.stream.state.phase == "open":
                self.repair.renew_silent(self._symbols, self._clock.monotonic())
            self._tell_state()

    async def _keep_time(self) -> None:
        """Without the exchange's time nobody could tell that data arrives late."""
        while True:
            try:
                await self._history.keep_time()
                self._tally.last_error = ""
            except ExchangeError as error:
                self._tally.last_error = error.cause
            await asyncio.sleep(self.settings.keep_time_s)

    # State

    def state(self) -> FeedState:
        """The feed as it is now."""
        stream, tally = self.stream, self._tally
        last_ms = 0
        if stream.counters.frames:
            silent_s = self._clock.monotonic() - stream.last_frame_at()
            last_ms = self._clock.wall_ms() - round(silent_s * 1000)
        return FeedState(
            phase=self._phase,
            since_ms=self._phase_since_ms,
            last_message_ms=last_ms,
            attempt=stream.state.attempt,
            reconnects=stream.counters.reconnects,
            reason=stream.state.reason or tally.last_error,
            symbols={name: kept.phase for name, kept in self._symbols.items()},
            counters=tally.counters(stream.counters, self._symbols.values()),
            stale=tuple(
                StaleChannel(channel, symbol, round(state.age_s * 1000), state.why)
                for channel, symbol, state in self._stale()
            ),
        )

    def _stale(self) -> Iterator[tuple[str, str, ChannelState]]:
        yield from self.freshness.stale()
        for kept in self._symbols.values():
            state = self.freshness.state(BOOK, kept.name)
            if not kept.book.ready and state.fresh:
                yield BOOK, kept.name, msgspec.structs.replace(state, fresh=False, why="a snapshot is awaited")

    def _tell_state(self, phase: str | None = None) -> None:
        now_phase = phase or self._worst_phase()
        if now_phase != self._phase:
            self._phase, self._phase_since_ms = now_phase, self._clock.wall_ms()
        state = self.state()
        if state != self._told:
            self._told = state
            self._listener.on_feed_state(state)

    def _worst_phase(self) -> str:
        if self.stream.state.phase != "open":
            return CONNECTING
        phases = {kept.phase for kept in self._symbols.values()}
        return next((phase for phase in (CONNECTING, BACKFILLING) if phase in phases), LIVE)
