"""`LocalLink`: the engine in the same process, for tests and for tools that embed it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from polotui.api.command import Command
from polotui.api.events import AnyEvent, Event, Fact
from polotui.engine.hub import Subscriber
from polotui.engine.server import Backend


class LocalLink:
    """The same two methods as the socket, without the socket. Values are shared, not copied: they are frozen."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._subscriber = Subscriber(backend.hub)

    async def call(self, command: Command) -> Any:
        return await self._backend.handle(command)

    async def events(
        self, topics: Sequence[str], *, rate: float = 10.0, facts_after: int = -1
    ) -> AsyncIterator[list[AnyEvent]]:
        subscriber = self._subscriber
        after = self._backend.last_fact() if facts_after == -1 else facts_after
        self._backend.hub.subscribe(subscriber, topics, rate=rate, facts_after=after)
        while True:
            await subscriber.wake.wait()
            events: list[Event] = subscriber.collect()
            facts: list[Fact] = []
            if subscriber.wants_facts and subscriber.facts_after < self._backend.last_fact():
                facts = await self._backend.facts_after(subscriber.facts_after, 200)
            if facts:
                subscriber.facts_after = facts[-1].number
                subscriber.wake.set()
            if events or facts:
                yield [*events, *facts]  # type: ignore[list-item]
            await asyncio.sleep(1.0 / subscriber.rate)

    async def retopic(self, topics: Sequence[str], *, rate: float = 10.0) -> None:
        self._backend.hub.subscribe(self._subscriber, topics, rate=rate, facts_after=-2)

    async def close(self) -> None:
        self._backend.hub.unsubscribe(self._subscriber)
