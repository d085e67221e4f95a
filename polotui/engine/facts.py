"""Facts: stored first, then told. Anything in the engine may state one without waiting.

Decided here: facts wait in a bounded queue for the one task that stores them; a full queue (the disk is stuck) is an
error in the log with the fact's text, because a fact must not vanish without a trace.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Literal, cast

from polotui.api.events import Fact
from polotui.core.clock import Clock
from polotui.core.errors import StorageError
from polotui.core.text import clean
from polotui.trading.facts import FactLog

log = logging.getLogger("polotui.engine.facts")

QUEUE = 10_000
STORE_AGAIN_SECONDS = 2.0


class Facts:
    """The queue before the store and the numbers after it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: asyncio.Queue[tuple[str, str, str, str, int, str, int]] = asyncio.Queue(QUEUE)
        self._store: FactLog | None = None
        self.told: Callable[[], None] = lambda: None
        self.last = 0

    def submit(
        self, kind: str, level: str, text: str, symbol: str = "", bot: int = 0, ref: str = "", at_ms: int = 0
    ) -> None:
        """Takes a fact; never waits. Outside text in it is cleaned here."""
        fact = (kind, level, clean(text, 400), clean(symbol, 40), bot, ref, at_ms)
        log.log(logging.INFO if level == "info" else logging.WARNING, fact[2], extra={"kind": kind, "symbol": symbol})
        try:
            self._queue.put_nowait(fact)
        except asyncio.QueueFull:
            log.error("a fact could not be queued for storing", extra={"fact": fact})

    def stored(self, number: int) -> None:
        """A fact was stored in somebody's transaction; tells whoever listens."""
        self.last = max(self.last, number)
        self.told()

    async def open(self, store: FactLog) -> None:
        self._store = store
        self.last = await store.last_number()

    async def run(self) -> None:
        """Stores what comes; for the supervisor."""
        assert self._store is not None
        while True:
            fact = await self._queue.get()
            while True:
                try:
                    self.last = max(self.last, (await self._store.append_fact(*fact)).number)
                    break
                except StorageError as error:
                    # The fact waits, and so do those behind it; a disk that is full may have room again.
                    log.error("a fact could not be stored yet", extra={"detail": str(error)})
                    await asyncio.sleep(STORE_AGAIN_SECONDS)
            self.told()

    async def flush(self) -> None:
        """Stores all that waits: at the end of the engine."""
        while self._store is not None and not self._queue.empty():
            fact = self._queue.get_nowait()
            try:
                self.last = (await self._store.append_fact(*fact)).number
            except StorageError as error:
                log.error("a fact was not stored", extra={"fact": fact, "detail": str(error)})

    async def after(self, number: int, limit: int) -> list[Fact]:
        if self._store is None:
            return []
        rows = await self._store.facts_after(number, limit)
        return [
            Fact(
                at_ms=row.at_ms,
                number=row.number,
                kind=row.kind,
                level=cast(Literal["info", "warning", "error"], row.level),
                text=row.text,
                symbol=row.symbol,
                bot=row.bot,
                ref=row.ref,
            )
            for row in rows
        ]
