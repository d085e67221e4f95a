"""One run under the rig, from an empty loop to a loop that left nothing behind."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from unittest.mock import patch

from polotui.core.ids import Chance
from tests.rig.clock import RigClock
from tests.rig.database import inline_databases
from tests.rig.loop import SimLoop
from tests.rig.network import Network
from tests.rig.threads import inline_threads

T = TypeVar("T")


class _Time:
    """In place of the module `time` where a library measures how long a connection was idle."""

    def __init__(self, loop: SimLoop) -> None:
        self.monotonic = loop.time


class LeftBehind(AssertionError):
    """The run ended with tasks that nobody owned, or with errors that nobody took."""


class World:
    """What a run is made of."""

    def __init__(self, seed: int | str) -> None:
        self.seed = seed
        self.chance = Chance(f"rig-{seed}")
        self.loop = SimLoop()
        self.network = self.loop.network = Network(self.loop, self.chance.child("network"))
        self.clock = RigClock(self.loop)
        self._trace = hashlib.sha256()
        self.steps = 0

    def note(self, *what: Any) -> None:
        """Adds to the trace: two runs of one seed must note the same at the same virtual times."""
        self.steps += 1
        self._trace.update(repr((round(self.loop.now, 6), *what)).encode())

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()[:16]


def rig(main: Callable[[World], Awaitable[T]], seed: int | str = 0) -> T:
    """Runs `main(world)` under virtual time. Raises LeftBehind for tasks that outlive it and errors that nobody
    took."""
    world = World(seed)
    loop = world.loop
    asyncio.set_event_loop(loop)
    try:
        with (
            inline_databases(world.chance.child("disk")),
            inline_threads(world.chance.child("threads")),
            patch("httpcore._async.http11.time", _Time(loop)),
        ):
            result = loop.run_until_complete(main(world))
            left = [task for task in asyncio.all_tasks(loop) if not task.done()]
            names = sorted(task.get_name() for task in left)
            for task in left:
                task.cancel()
            if left:
                _, stubborn = loop.run_until_complete(asyncio.wait(left, timeout=60))
                for task in stubborn:
                    # It swallowed its cancellation; the loop is closed under it, and that is told below.
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    names.append(f"{task.get_name()} will not end")
            loop.run_until_complete(loop.shutdown_asyncgens())
        if names or loop.complaints:
            raise LeftBehind(f"tasks: {names}; complaints: {loop.complaints[:5]}")
        return result
    finally:
        asyncio.set_event_loop(None)
        loop.close()
