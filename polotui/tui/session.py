"""The face's line to the engine: attach, listen, ask, and attach again when it ended.

Decided here: one task owns the link. It tries again after 0.2 s, doubling to 2 s, for as long as the face is open.
An engine that is not heard for 2 s counts as gone although its socket is open. What the person sees stays as it was,
marked stale; topics and the last fact's number are kept, so that attaching again shows the same place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from polotui.api.command import Command
from polotui.api.commands import GetCandles
from polotui.api.events import EngineState
from polotui.api.link import EngineLink
from polotui.core.clock import Clock
from polotui.core.errors import EngineGone, PolotuiError
from polotui.tui.series import Series
from polotui.tui.store import Store

log = logging.getLogger("polotui.tui")

HEARTBEAT_SECONDS = 2.0
#: Between two tries to load a chart that the engine could not give.
RETRY_SECONDS = 5.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0
PAGE = 300

#: Always listened to.
GROUND = ("engine", "symbols", "watch", "feed", "accounts", "jobs", "facts", "trading")


class Session:
    """Owned by the app; `run` is its one task."""

    def __init__(
        self, connect: Callable[[], Awaitable[EngineLink]], clock: Clock, store: Store, changed: Callable[[], None]
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._store = store
        self._changed = changed
        self._link: EngineLink | None = None
        self._topics: list[str] = list(GROUND)
        self._rate = 10.0
        self._heard = 0.0
        self._heard_ms = 0
        self._now = asyncio.Event()

    @property
    def attached(self) -> bool:
        return self._link is not None

    async def run(self) -> None:
        """Attaches and listens until cancelled."""
        pause = _FIRST_PAUSE
        try:
            while True:
                try:
                    self._link = await self._connect()
                    pause = _FIRST_PAUSE
                    await self._listen(self._link)
                except PolotuiError as error:
                    self._lost(error)
                finally:
                    await self._drop()
                self._store.attempt += 1
                self._changed()
                await self._pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            await self._drop()

    async def _listen(self, link: EngineLink) -> None:
        self._heard, self._heard_ms = self._clock.monotonic(), self._clock.wall_ms()
        batches = link.events(tuple(self._topics), rate=self._rate, facts_after=self._store.last_fact)
        async for batch in batches:
            self._heard, self._heard_ms = self._clock.monotonic(), self._clock.wall_ms()
            if self._store.link != "live" and any(isinstance(event, EngineState) for event in batch):
                self._store.back()
            for event in batch:
                self._store.apply(event)
            self._changed()
        raise EngineGone("The engine ended the connection.", next_step="ctrl+r starts it again.")

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _pause(self, seconds: float) -> None:
        self._now.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._now.wait()
        except TimeoutError:
            pass  # the pause is over

    def _lost(self, error: PolotuiError) -> None:
        log.info("engine link: %s", error)
        if self._store.engine is not None or not isinstance(error, EngineGone) or self._store.attempt >= 3:
            self._store.gone(self._heard_ms or self._clock.wall_ms(), error.cause)
        self._changed()

    def retry_now(self) -> None:
        """Ends the pause between two tries."""
        self._now.set()

    def check_heartbeat(self) -> None:
        """Called on each frame: an engine that says nothing for 2 s is gone, whatever its socket says."""
        if self._store.link == "live" and self._clock.monotonic() - self._heard > HEARTBEAT_SECONDS:
            self._store.gone(self._heard_ms, "It has not been heard for 2 s.")
            self._changed()

    async def subscribe(self, topics: list[str], rate: float) -> None:
        """What the visible screen needs, beside the ground topics."""
        wanted = [*GROUND, *topics]
        if wanted == self._topics and rate == self._rate:
            return
        self._topics, self._rate = wanted, min(rate, 10.0)
        if self._link is not None:
            try:
                await self._link.retopic(tuple(wanted), rate=self._rate)
            except EngineGone:
                return  # `run` notices, and attaches again with these topics

    async def call(self, command: Command) -> Any:
        """The reply. Raises PolotuiError."""
        if self._link is None:
            raise EngineGone(
                "The engine is not attached.", safe="Nothing was sent.", next_step="ctrl+r starts it; trying anyway."
            )
        return await self._link.call(command)

    async def load(self, series: Series) -> None:
        """The newest page of a chart."""
        await self._fetch(series, before_ms=0)

    async def load_older(self, series: Series) -> int:
        """One page further back; how many candles came."""
        return await self._fetch(series, before_ms=series.candles[0].open_ms) if series.candles else 0

    async def _fetch(self, series: Series, *, before_ms: int) -> int:
        if series.loading:
            return 0
        series.loading = True
        try:
            reply = await self.call(
                GetCandles(
                    symbol=series.symbol,
                    timeframe=series.timeframe,
                    limit=PAGE,
                    before_ms=before_ms,
                    overlays=list(series.overlays),
                )
            )
        except PolotuiError as error:
            series.fault = error.record().sentence()
            series.retry_at = self._clock.monotonic() + RETRY_SECONDS
            return 0
        finally:
            series.loading = False
            self._store.mark(f"chart:{series.symbol}")
        if before_ms:
            return series.prepend(reply)
        series.replace(reply)
        return len(series.candles)
