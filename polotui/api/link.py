"""How a face reaches the engine: two methods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from polotui.api.command import Command
from polotui.api.events import AnyEvent


class EngineLink(Protocol):
    """A connection to an engine. `SocketLink` speaks over the socket, the engine's `LocalLink` inside one process."""

    async def call(self, command: Command) -> Any:
        """The command's reply struct. Raises PolotuiError: EngineGone when the engine ended meanwhile."""
        ...

    def events(
        self, topics: Sequence[str], *, rate: float = 10.0, facts_after: int = -1
    ) -> AsyncIterator[list[AnyEvent]]:
        """Batches of events on `topics`, until the caller stops or the engine ends (EngineGone)."""
        ...

    async def retopic(self, topics: Sequence[str], *, rate: float = 10.0) -> None:
        """Changes the topics of the running `events` without a break."""
        ...

    async def close(self) -> None: ...
