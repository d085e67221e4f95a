"""An event loop whose time is a number: when nothing is ready it jumps to the next timer, and never sleeps.

Decided here: asyncio's own first-in-first-out order stays, because libraries rely on it. Two detectors end a run that
can
never end: no callback and no timer (deadlock), and 50,000 turns without time moving (livelock: a retry that forgot to
wait).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.rig.network import Network

MOST_TURNS = 50_000


class Deadlock(RuntimeError):
    """Nothing is ready and no timer runs: nothing can ever happen again."""


class Livelock(RuntimeError):
    """The loop turns and turns while time stands still."""


class _JumpingSelector(selectors.BaseSelector):
    """Reports no file as ready, ever; moves the loop's time instead of waiting."""

    def __init__(self) -> None:
        self.loop: SimLoop | None = None
        self._files: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = selectors.SelectorKey(fileobj, number, events, data)
        self._files[number] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._files.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def get_map(self) -> Any:
        return self._files

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._files[fileobj if isinstance(fileobj, int) else fileobj.fileno()]

    def select(self, timeout: float | None = None) -> list[Any]:
        loop = self.loop
        assert loop is not None
        if timeout is not None and timeout <= 0:
            loop.turns += 1
            if loop.turns > MOST_TURNS:
                raise Livelock(f"{MOST_TURNS:,} turns of the loop at {loop.time():.3f} s without time moving")
            return []
        loop.turns = 0
        scheduled = loop._scheduled  # type: ignore[attr-defined]
        if timeout is None or not scheduled:
            raise Deadlock(f"nothing is ready and no timer runs at {loop.time():.3f} s")
        loop.now = max(loop.now, scheduled[0]._when)
        loop.jumps += 1
        return []


class _Timer(asyncio.TimerHandle):
    """Of two timers of one moment the one that was set first comes first; asyncio itself leaves that to the heap."""

    __slots__ = ("_turn",)

    def __init__(self, turn: int, when: float, callback: Any, args: Any, loop: SimLoop, context: Any) -> None:
        super().__init__(when, callback, args, loop, context)
        self._turn = turn

    def __lt__(self, other: Any) -> bool:
        return (self._when, self._turn) < (other._when, other._turn)


class SimLoop(asyncio.SelectorEventLoop):
    """`now` is the virtual time in seconds; connections go to `network`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns = 0
        self.jumps = 0
        self._turn = itertools.count()
        self.network: Network = None  # type: ignore[assignment]
        self.complaints: list[str] = []
        selector = _JumpingSelector()
        super().__init__(selector)
        selector.loop = self
        # Timers of the same moment run in one turn; the default resolution is that of the machine's clock.
        self._clock_resolution = 1e-9
        self.set_exception_handler(self._complain)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        self._check_closed()  # type: ignore[attr-defined]
        timer = _Timer(next(self._turn), when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.complaints.append(f"{context.get('message', '')}: {error!r}")

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:  # type: ignore[override]
        await self.network.look_up()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.2", int(port)))]

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return await self.network.connect(protocol_factory, int(port))

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return self.network.listen(protocol_factory, int(port or 0))
