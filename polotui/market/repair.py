"""Repair of the feed: what was missed is fetched, what went silent is renewed.

Decided here: a channel is renewed alone, at once the first time and then at a doubling distance. Only a ticker or a
book that stays silent after several renewals ends the connection: both answer a subscription with data, trades and
minutes do not. Silence that REST confirms (no trade happened) is not staleness. Missed trades are fetched from the
contiguous mark; what REST no longer has is counted as lost, not passed over.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.market.freshness import TICKER, Freshness
from polotui.market.kept import KeptSymbol
from polotui.market.tally import Tally
from polotui.model.candles import Candle, Timeframe
from polotui.model.market import Trade
from polotui.poloniex.backoff import Backoff
from polotui.poloniex.streams import Stream, StreamSettings

TRADES, BOOK, CANDLES = "trades", "book_lv2", "candles_minute_1"
CHANNELS = (TICKER, TRADES, BOOK, CANDLES)


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
    keep_time_s: float = 60.0
    stream: StreamSettings = StreamSettings()


class MarketHistory(Protocol):
    """Where missed trades and minutes are fetched, and whose clock counts; `SpotRest` is one."""

    async def trades(self, symbol: str, *, limit: int = 500) -> list[Trade]: ...

    async def candles(
        self, symbol: str, frame: Timeframe, *, start_ms: int | None = None, limit: int = 500
    ) -> list[Candle]: ...

    async def keep_time(self) -> None:
        """Measures the exchange's time when that is due."""
        ...

    def exchange_ms(self) -> int | None: ...


class Told(Protocol):
    """Who takes what the repair found."""

    def publish_trades(self, kept: KeptSymbol, trades: list[Trade]) -> None: ...

    def publish_candles(self, kept: KeptSymbol, candles: list[Candle]) -> None: ...

    def settle(self, kept: KeptSymbol) -> None:
        """Something of this symbol was repaired; it may be live now."""
        ...


class Repair:
    """Works for one feed. Its tasks live in the group that `open` is given."""

    def __init__(
        self,
        told: Told,
        stream: Stream,
        history: MarketHistory,
        freshness: Freshness,
        tally: Tally,
        *,
        clock: Clock,
        chance: Chance,
        settings: FeedSettings,
    ) -> None:
        self._told = told
        self._stream = stream
        self._history = history
        self._freshness = freshness
        self._tally = tally
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._group: asyncio.TaskGroup | None = None
        self._turns = asyncio.Semaphore(settings.backfills_at_once)

    def open(self, group: asyncio.TaskGroup | None) -> None:
        self._group = group

    # What was missed

    def start_backfill(self, kept: KeptSymbol, after_s: float = 0.0) -> None:
        """Fetches what is missing; one task a symbol, and a running one goes on until nothing is missing."""
        if self._group is None or (kept.task is not None and not kept.task.done()):
            return
        kept.task = self._group.create_task(self._backfill(kept, after_s), name=f"backfill-{kept.name}")

    async def _backfill(self, kept: KeptSymbol, after_s: float) -> None:
        await asyncio.sleep(after_s)
        backoff = Backoff(self._clock, self._chance, base_s=self._settings.stream.base_s)
        in_vain = rounds = 0
        while kept.acked and not kept.whole():
            mark = kept.trades.high_water()
            try:
                async with self._turns:
                    await self._fetch(kept, final=rounds + 1 >= self._settings.backfill_tries)
                rounds += 1
                self._tally.last_error = ""
                in_vain = in_vain + 1 if kept.trades.high_water() == mark else 0
            except ExchangeError as error:
                self._tally.last_error = error.cause
            if kept.trades.gap and in_vain >= self._settings.backfill_tries:
                self._told.publish_trades(kept, kept.trades.give_up())
            self._told.settle(kept)
            if not kept.whole():
                await asyncio.sleep(max(self._settings.gap_grace_s, backoff.next_wait_s()))

    async def _fetch(self, kept: KeptSymbol, *, final: bool) -> None:
        """One round: the trades above the contiguous mark, and the minutes that may be incomplete."""
        connection = kept.connection
        if not kept.filled or kept.trades.gap:
            await self._fetch_trades(kept)
        start_ms = kept.candles.missing_from()
        if start_ms is not None:
            rows = await self._history.candles(kept.name, Timeframe.M1, start_ms=start_ms)
            self._told.publish_candles(kept, kept.candles.backfill(rows, final=final))
        # A connection that broke meanwhile starts over: what was fetched for the old one is not enough.
        kept.filled = kept.acked and kept.connection == connection

    async def _fetch_trades(self, kept: KeptSymbol) -> None:
        log, settings = kept.trades, self._settings
        before = log.high_water()
        first = before is None
        trades = await self._history.trades(kept.name, limit=settings.first_trades if first else settings.most_trades)
        self._told.publish_trades(kept, log.backfill(trades))
        mark = log.high_water()
        if log.gap and trades and mark is not None and trades[0].id > mark + 1:
            # The hole is older than everything that REST still has: asking again cannot fill it.
            self._told.publish_trades(kept, log.give_up())
        if not first and log.high_water() == before and not log.gap:
            self._freshness.confirm(TRADES, kept.name)

    # What went silent

    def renew(self, kept: KeptSymbol, channel: str, now: float) -> bool:
        """Subscribes one channel of one symbol again, at a growing distance. True when something was done."""
        settings = self._settings
        last, times = kept.renewed.get(channel, (0.0, 0))
        if times and now - last < min(settings.renew_most_s, settings.renew_least_s * 2.0 ** (times - 1)):
            return False
        answers = channel in (TICKER, BOOK)
        if (
            answers
            and times >= settings.renewals_before_reconnect
            and not self._freshness.heard_since(channel, kept.name, last)
        ):
            kept.renewed.pop(channel)
            self._stream.reconnect(f"{channel} of {kept.name} stays silent")
            return True
        kept.renewed[channel] = (now, times + 1)
        self._tally.renewals += 1
        self._stream.resubscribe(channel, kept.name)
        return True

    def renew_silent(self, symbols: dict[str, KeptSymbol], now: float) -> None:
        """Renews what is older than its bound, and what was never answered."""
        for channel, name, state in self._freshness.stale():
            if state.bound_s is not None:
                self._renew_stale(symbols[name], channel, now)
        for kept in symbols.values():
            waited = now - kept.asked_at > self._settings.answer_s
            if (not kept.book.ready and (waited or kept.gap_since is not None)) or self._freshness.unconfirmed(
                BOOK, kept.name
            ):
                self.renew(kept, BOOK, now)
            if waited and not kept.acked:
                self.renew(kept, TRADES, now)
            elif kept.witness.missing(now):
                self._freshness.doubt(TRADES, kept.name, "the ticker counts trades that did not arrive")
                self._renew_stale(kept, TRADES, now)
            elif kept.acked and not kept.whole():
                self.start_backfill(kept)

    def _renew_stale(self, kept: KeptSymbol, channel: str, now: float) -> None:
        """What was missed during the silence is fetched as well."""
        if not self.renew(kept, channel, now):
            return
        if channel == CANDLES:
            kept.candles.interrupt()
        elif channel == TRADES:
            kept.filled = False
            kept.witness.trade(now)
