"""The engine's exchange: one REST client, the public stream with its feed, the private stream when there are keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from polotui.api.events import LimitUse, StreamStatus
from polotui.core.cache import TtlCache
from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.core.settings.schema import Settings
from polotui.core.tasks import Supervisor
from polotui.market.feed import FeedListener, MarketFeed
from polotui.model.market import BookView, Ticker
from polotui.poloniex.clock_offset import MEASURE_SECONDS
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.stream_wire import BalanceMessage, Message, OrderMessage
from polotui.poloniex.streams import Stream, private_signer

log = logging.getLogger("polotui.engine.exchange")


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
        self.phase = "off"
        self.since_ms = clock.wall_ms()
        self.last_message_ms = 0
        self.messages = 0
        self.attempt = 0
        self.reconnects = -1
        self.detail = ""

    def on_connected(self) -> None:
        self.reconnects += 1
        self.attempt = 0
        self._enter("live", "")
        self._changed()

    def on_message(self, message: Message) -> None:
        self.messages += 1
        self.last_message_ms = self._clock.wall_ms()
        if isinstance(message, BalanceMessage | OrderMessage):
            self._changed()

    def on_disconnected(self, reason: str, pause: float) -> None:
        self.attempt += 1
        self._enter("connecting" if self.attempt < 4 else "down", reason)
        self._changed()

    def _enter(self, phase: str, detail: str) -> None:
        if phase != self.phase:
            self.since_ms = self._clock.wall_ms()
        self.phase, self.detail = phase, detail


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
        cache: TtlCache,
    ) -> None:
        self.venue = venue
        self._clock = clock
        self._chance = chance
        self._supervisor = supervisor
        self._cache = cache
        self.rest = SpotRest(
            venue.rest_url,
            clock=clock,
            chance=chance.child("rest"),
            key=venue.key,
            secret=venue.secret,
            deadline_s=settings.exchange.timeout_seconds,
        )
        self.feed: MarketFeed | None = None
        self.private: PrivateFeed | None = None
        self._stream: Stream | None = None

    @property
    def has_keys(self) -> bool:
        return bool(self.venue.key)

    # -- streams --------------------------------------------------------------------------------------------------

    def listen(self, listener: FeedListener) -> None:
        self.feed = MarketFeed(
            self.rest,
            listener,
            clock=self._clock,
            chance=self._chance.child("feed"),
            server_ms=self.rest.offset.server_ms,
        )
        self._stream = self.feed.stream = Stream(
            self.venue.public_url, self.feed, clock=self._clock, chance=self._chance.child("public")
        )

    async def start_feed(self, symbols: list[str]) -> None:
        assert self.feed is not None
        assert self._stream is not None
        self.feed.want(symbols)
        self._supervisor.service("exchange-clock", self._keep_clock)
        self._supervisor.service("feed", self.feed.run)
        self._supervisor.service("public-stream", self._stream.run)

    async def want(self, symbols: list[str]) -> None:
        assert self.feed is not None
        self.feed.want(symbols)

    def start_private(self, changed: Callable[[], None]) -> None:
        """The account's stream; without keys there is none."""
        if not self.has_keys:
            return
        self.private = PrivateFeed(self._clock, changed)
        stream = Stream(
            self.venue.private_url,
            self.private,
            clock=self._clock,
            chance=self._chance.child("private"),
            sign=private_signer(self.venue.key, self.venue.secret, self.rest.offset.server_ms),
        )
        stream.want("orders", ["all"])
        stream.want("balances")

        async def run() -> None:
            # The stream's first word is signed with the exchange's time, so that must be known.
            while not self.rest.offset.known:
                await asyncio.sleep(0.1)
            await stream.run()

        self._supervisor.service("private-stream", run)

    async def close(self) -> None:
        await self.rest.close()

    async def _keep_clock(self) -> None:
        while True:
            try:
                await self.rest.measure_offset()
            except ExchangeError as error:
                log.warning("the exchange's clock could not be measured", extra={"detail": str(error)})
                await asyncio.sleep(5)
                continue
            await asyncio.sleep(MEASURE_SECONDS)

    # -- figures --------------------------------------------------------------------------------------------------

    async def all_tickers(self) -> tuple[list[Ticker], bool, float]:
        """The tickers of all symbols from one call: (tickers, from cache, age in seconds)."""
        found = await self._cache.wrap("tickers", "prices", self.rest.tickers)
        return found.value, found.from_cache, found.age_s

    def book_view(self, symbol: str, depth: int) -> BookView | None:
        return self.feed.view(symbol, depth) if self.feed is not None else None

    def stale_since(self, channel: str, symbol: str) -> int:
        """0 while fresh; else the wall time up to which the channel's data is known to be true."""
        return self.feed.stale_since(channel, symbol) if self.feed is not None else 1

    def why_stale(self, channel: str, symbol: str) -> str:
        return self.feed.why_stale(channel, symbol) if self.feed is not None else "not connected"

    def clock_offset_ms(self) -> float | None:
        best = self.rest.offset.best
        return best.offset_ms if best is not None else None

    def limits(self) -> list[LimitUse]:
        now = self._clock.wall_ms()
        return [
            LimitUse(
                name=use.name,
                used=use.used,
                capacity=use.capacity,
                blocked_until_ms=now + round(use.blocked_for * 1000) if use.blocked_for else 0,
            )
            for use in self.rest.limits.uses()
        ]

    def streams(self) -> list[StreamStatus]:
        found = []
        if self.feed is not None:
            state, counters = self.feed.state, self.feed.counters
            stale = any(item.channel != "trades" for item in state.stale)
            found.append(
                StreamStatus(
                    name="public",
                    phase="stale" if state.phase == "live" and stale and self._silent() else state.phase,
                    since_ms=state.since_ms,
                    last_message_ms=state.last_message_ms,
                    attempt=state.attempt,
                    reconnects=state.reconnects,
                    detail=state.detail,
                    messages=counters.messages,
                    book_gaps=counters.book_gaps,
                    trade_gaps=counters.trade_gaps,
                    resyncs=counters.resyncs,
                    duplicates=counters.duplicates,
                    malformed=counters.malformed,
                    lost=counters.lost,
                )
            )
        private = self.private
        if private is not None:
            found.append(
                StreamStatus(
                    name="private",
                    phase=private.phase,
                    since_ms=private.since_ms,
                    last_message_ms=private.last_message_ms,
                    attempt=private.attempt,
                    reconnects=max(0, private.reconnects),
                    detail=private.detail,
                    messages=private.messages,
                )
            )
        return found

    def _silent(self) -> bool:
        assert self.feed is not None
        last = self.feed.state.last_message_ms
        return bool(last) and self._clock.wall_ms() - last > 5_000
