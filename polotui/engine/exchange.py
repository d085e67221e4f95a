"""The engine's exchange: one REST client, the public feed, the private stream when there are keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from polotui.api.events import LimitUse, StreamStatus
from polotui.core.cache import Cache
from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.core.settings.schema import Settings
from polotui.core.tasks import Supervisor
from polotui.market.feed import MarketFeed, MarketListener
from polotui.market.state import FeedState
from polotui.model.market import BookView, Ticker
from polotui.poloniex.calls import RestSettings
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import SecretSigner
from polotui.poloniex.stream_wire import BalanceEvent, OrderEvent
from polotui.poloniex.streams import Stream, StreamState

log = logging.getLogger("polotui.engine.exchange")

#: The clock's offset is checked this often; the client measures it again when that is due.
CLOCK_CHECK_SECONDS = 30.0
#: Longer silence of a live stream is called stale in the header.
SILENT_MS = 5_000


@dataclass(frozen=True)
class Venue:
    """Which exchange. `key` and `secret` are empty without keys."""

    title: str
    rest_url: str
    public_url: str
    private_url: str
    key: str = ""
    secret: str = ""
    demo: bool = False

    @classmethod
    def official(cls, settings: Settings) -> Venue:
        exchange = settings.exchange
        return cls("Poloniex", exchange.rest_url, exchange.public_url, exchange.private_url)

    @property
    def host(self) -> str:
        return urlsplit(self.rest_url).netloc


class PrivateFeed:
    """Listens to the account's stream; every word on it means: ask REST for the balances again."""

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        self._clock = clock
        self._changed = changed
        self.state = StreamState(phase="closed", since_ms=clock.wall_ms())
        self.last_message_ms = 0

    def on_stream_state(self, name: str, state: StreamState) -> None:
        self.state = state
        self._changed()

    def on_message(self, message: Any, received: float) -> None:
        self.last_message_ms = self._clock.wall_ms()
        if isinstance(message, BalanceEvent | OrderEvent):
            self._changed()


class Exchange:
    """`listen` once, then `start_feed`. Streams run as supervised services."""

    def __init__(
        self,
        venue: Venue,
        settings: Settings,
        clock: Clock,
        chance: Chance,
        *,
        supervisor: Supervisor,
        cache: Cache,
    ) -> None:
        self.venue = venue
        self._clock = clock
        self._chance = chance
        self._supervisor = supervisor
        self._cache = cache
        self._signer = SecretSigner(venue.key, venue.secret.encode()) if venue.key else None
        self.rest = SpotRest(
            clock=clock,
            chance=chance.child("rest"),
            base_url=venue.rest_url,
            signer=self._signer,
            settings=RestSettings(request_s=settings.exchange.timeout_seconds),
        )
        self.feed: MarketFeed | None = None
        self.private: PrivateFeed | None = None
        self._private_stream: Stream | None = None

    @property
    def has_keys(self) -> bool:
        return self._signer is not None

    # -- streams --------------------------------------------------------------------------------------------------

    def listen(self, listener: MarketListener) -> None:
        self.feed = MarketFeed(
            self.rest, listener, clock=self._clock, chance=self._chance.child("feed"), url=self.venue.public_url
        )

    def start_feed(self, symbols: list[str]) -> None:
        assert self.feed is not None
        self.feed.want(symbols)
        self._supervisor.service("exchange-clock", self._keep_clock)
        self._supervisor.service("feed", self.feed.run)

    def want(self, symbols: list[str]) -> None:
        assert self.feed is not None
        self.feed.want(symbols)

    def start_private(self, changed: Callable[[], None]) -> None:
        """The account's stream; without keys there is none."""
        if self._signer is None:
            return
        self.private = PrivateFeed(self._clock, changed)
        stream = self._private_stream = Stream(
            self.venue.private_url,
            self.private,
            clock=self._clock,
            chance=self._chance.child("private"),
            name="private",
            signer=self._signer,
            sign_ms=self.rest.sign_ms,
        )
        stream.subscribe("orders", ["all"])
        stream.subscribe("balances")
        self._supervisor.service("private-stream", stream.run)

    async def close(self) -> None:
        await self.rest.close()

    async def _keep_clock(self) -> None:
        while True:
            try:
                await self.rest.offset.ensure()
            except ExchangeError as error:
                log.warning("the exchange's clock could not be measured", extra={"detail": str(error)})
                await asyncio.sleep(5)
                continue
            await asyncio.sleep(CLOCK_CHECK_SECONDS)

    # -- figures --------------------------------------------------------------------------------------------------

    async def all_tickers(self) -> tuple[list[Ticker], bool, float]:
        """The tickers of all symbols from one call: (tickers, from cache, age in seconds)."""
        found = await self._cache.wrap("tickers", "prices", self.rest.tickers)
        return found.value, found.from_cache, found.age_s

    def book_view(self, symbol: str, depth: int) -> BookView | None:
        """The best levels of the live book; None before its first snapshot."""
        book = self.feed.book(symbol) if self.feed is not None else None
        if book is None or book.best_bid() is None:
            return None
        return book.view(depth)

    def stale_since(self, channel: str, symbol: str) -> int:
        """0 while fresh; else the wall time up to which the channel's data is known to be true (1 = never had any)."""
        if self.feed is None or symbol not in self.feed.symbols():
            return 1
        if self.feed.fresh(symbol, channel):
            return 0
        age_s = self.feed.freshness.state(channel, symbol).age_s
        return max(1, self._clock.wall_ms() - round(age_s * 1000))

    def why_stale(self, channel: str, symbol: str) -> str:
        if self.feed is None:
            return "not connected"
        state = self.feed.state()
        if state.phase not in ("live", "backfilling"):
            return state.reason or state.phase
        return self.feed.freshness.state(channel, symbol).why or "being filled after a reconnect"

    def clock_offset_ms(self) -> float | None:
        return self.rest.offset.offset_ms()

    def limits(self) -> list[LimitUse]:
        now = self._clock.wall_ms()
        return [
            LimitUse(
                name=use.pool,
                used=use.used,
                capacity=use.capacity,
                blocked_until_ms=now + use.blocked_ms if use.blocked_ms else 0,
            )
            for use in self.rest.use()
        ]

    def streams(self) -> list[StreamStatus]:
        found = []
        if self.feed is not None:
            found.append(self._public_status(self.feed.state()))
        if self.private is not None and self._private_stream is not None:
            state = self.private.state
            found.append(
                StreamStatus(
                    name="private",
                    phase=_WORDS.get(state.phase, state.phase),
                    since_ms=state.since_ms,
                    last_message_ms=self.private.last_message_ms,
                    attempt=state.attempt,
                    reconnects=state.reconnects,
                    detail=state.reason,
                    messages=self._private_stream.counters.messages,
                    malformed=self._private_stream.counters.malformed,
                )
            )
        return found

    def _public_status(self, state: FeedState) -> StreamStatus:
        counters = state.counters
        silent = state.last_message_ms and self._clock.wall_ms() - state.last_message_ms > SILENT_MS
        phase = "stale" if state.phase == "live" and silent else state.phase
        return StreamStatus(
            name="public",
            phase="down" if phase == "connecting" and state.attempt >= 3 else phase,
            since_ms=state.since_ms,
            last_message_ms=state.last_message_ms,
            attempt=state.attempt,
            reconnects=state.reconnects,
            detail=state.reason,
            messages=counters.messages,
            book_gaps=counters.book_gaps,
            trade_gaps=counters.trade_gaps,
            resyncs=counters.resyncs,
            duplicates=counters.duplicates,
            malformed=counters.malformed,
            lost=counters.trades_lost,
        )


#: The stream's own words as the header knows them.
_WORDS = {"open": "live", "waiting": "connecting", "closed": "off"}
