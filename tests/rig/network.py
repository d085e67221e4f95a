"""TCP in memory: ordered bytes, seeded latency, bounded buffers, and the ways in which networks fail.

Decided here: a link is two directions; each delivers in order after a latency drawn from the seed. A reader that pauses
fills the writer's buffer, and the writer's protocol is told to pause, as over a real socket. Faults are methods, so a
plan can call them at any moment: `reset`, `half_open` (nothing arrives any more, nobody is told), `refuse`, `dns_down`,
`latency`. What arrives is handled in the context of the side that it arrives at, as with a real socket.
"""

from __future__ import annotations

import asyncio
import contextvars
import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from polotui.core.ids import Chance

if TYPE_CHECKING:
    from tests.rig.loop import SimLoop

HIGH_WATER = 64 * 1024
LOW_WATER = 16 * 1024


class Network:
    """Listeners by port, links between them."""

    def __init__(self, loop: SimLoop, chance: Chance) -> None:
        self.loop = loop
        self._chance = chance
        self._listeners: dict[int, tuple[Callable[[], asyncio.BaseProtocol], contextvars.Context]] = {}
        self._next_port = 20_000
        self.links: list[Link] = []
        self.latency: tuple[float, float] = (0.005, 0.060)
        self.refuse = False
        self.dns_down = False
        self.connects = 0

    def delay(self) -> float:
        return self._chance.uniform(*self.latency)

    async def look_up(self) -> None:
        if self.dns_down:
            raise socket.gaierror(-3, "Temporary failure in name resolution")

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> tuple[MemoryTransport, asyncio.BaseProtocol]:
        self.connects += 1
        await asyncio.sleep(self.delay() * 2)
        if self.refuse or port not in self._listeners:
            raise ConnectionRefusedError(111, "Connection refused")
        self.links = [link for link in self.links if link.alive]
        link = Link(self, port)
        self.links.append(link)
        accept, there = self._listeners[port]
        near, far = factory(), there.run(accept)
        ours = MemoryTransport(link, 0, near, contextvars.copy_context())
        theirs = there.run(MemoryTransport, link, 1, far, there)
        link.ends = (ours, theirs)
        there.run(far.connection_made, theirs)
        near.connection_made(ours)
        return ours, near

    def listen(self, factory: Callable[[], asyncio.BaseProtocol], port: int) -> MemoryServer:
        if port == 0:
            self._next_port += 1
            port = self._next_port
        if port in self._listeners:
            raise OSError(98, "Address already in use")
        self._listeners[port] = factory, contextvars.copy_context()
        return MemoryServer(self, port)

    def close(self, port: int) -> None:
        self._listeners.pop(port, None)


class Link:
    """One connection. Direction 0 goes from the one who connected, direction 1 back."""

    def __init__(self, network: Network, port: int) -> None:
        self.network = network
        self.port = port
        self.ends: tuple[MemoryTransport, MemoryTransport] = None  # type: ignore[assignment]
        self.deaf = [False, False]
        self.over = False
        self._arrives = [0.0, 0.0]
        self._under_way: tuple[deque[bytes | None], deque[bytes | None]] = (deque(), deque())

    def send(self, side: int, data: bytes | None) -> None:
        """Carries `data` (None: end of file) to the other side."""
        if self.over or self.deaf[side]:
            return
        loop = self.network.loop
        self._arrives[side] = max(self._arrives[side], loop.now + self.network.delay())
        self._under_way[side].append(data)
        loop.call_at(self._arrives[side], self._arrive, side, context=self.ends[1 - side].context)

    def _arrive(self, side: int) -> None:
        # Timers of one moment have no order among themselves; the bytes have.
        data = self._under_way[side].popleft()
        if not self.over and not self.deaf[side]:
            self.ends[1 - side].receive(data)

    def half_open(self, *, both: bool = True) -> None:
        """From now on nothing arrives, and nobody is told. Not both: only what the server sends is lost."""
        self.deaf = [both, True]

    @property
    def alive(self) -> bool:
        """False once either side has closed it or lost it."""
        return not self.over and not any(end.is_closing() for end in self.ends)

    def reset(self) -> None:
        """Both sides lose the connection at once."""
        if not self.over:
            self.over = True
            for end in self.ends:
                error = ConnectionResetError(104, "Connection reset by peer")
                self.network.loop.call_soon(end.lost, error, context=end.context)


class MemoryTransport(asyncio.Transport):
    """One end of a link."""

    def __init__(self, link: Link, side: int, protocol: asyncio.BaseProtocol, context: contextvars.Context) -> None:
        names = [("10.0.0.1", 40_000), ("10.0.0.2", link.port)]
        here, there = names[side], names[1 - side]
        super().__init__({"socket": _Socket(here, there), "sockname": here, "peername": there})
        self.context = context
        self._link = link
        self._side = side
        self._protocol = protocol
        self._closing = False
        self._lost = False
        self._reading = True
        self._ended = False
        self._inbox: deque[bytes | None] = deque()
        self._unread = 0
        self._limits = (LOW_WATER, HIGH_WATER)
        self._paused_writing = False

    # -- the protocol's side --------------------------------------------------------------------------------------

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            self._link.network.loop.call_soon(self._drain, context=self.context)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._ended:
            self._ended = True
            self._link.send(self._side, None)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or self._ended or not data:
            return
        self._link.send(self._side, bytes(data))
        self._check_buffer()

    def writelines(self, lines: Any) -> None:
        self.write(b"".join(lines))

    def get_write_buffer_size(self) -> int:
        """What the other side has received and not read: the network itself holds nothing back."""
        return self._link.ends[1 - self._side]._unread

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._limits

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        top = HIGH_WATER if high is None else high
        self._limits = (top // 4 if low is None else low, top)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.write_eof()
            self._link.network.loop.call_soon(self.lost, None, context=self.context)

    def abort(self) -> None:
        if not self._lost:
            self._closing = True
            self._link.send(self._side, None)
            self._link.network.loop.call_soon(self.lost, None, context=self.context)

    # -- the network's side ---------------------------------------------------------------------------------------

    def receive(self, data: bytes | None) -> None:
        if self._lost or self._closing:
            return
        self._inbox.append(data)
        self._unread += len(data or b"")
        if self._reading:
            self._drain()
        else:
            self._link.ends[1 - self._side]._check_buffer()

    def lost(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self._protocol.connection_lost(error)

    def _drain(self) -> None:
        while self._inbox and self._reading and not self._closing:
            data = self._inbox.popleft()
            self._unread -= len(data or b"")
            self._deliver(data)
        self._link.ends[1 - self._side]._check_buffer()

    def _deliver(self, data: bytes | None) -> None:
        protocol: Any = self._protocol
        if data is None:
            if not protocol.eof_received():
                self.close()
        elif isinstance(protocol, asyncio.BufferedProtocol):
            view = memoryview(data)
            while view:
                buffer = protocol.get_buffer(len(view))
                count = min(len(buffer), len(view))
                buffer[:count] = view[:count]
                protocol.buffer_updated(count)
                view = view[count:]
        else:
            protocol.data_received(data)

    def _check_buffer(self) -> None:
        size = self.get_write_buffer_size()
        protocol: Any = self._protocol
        if size > self._limits[1] and not self._paused_writing:
            self._paused_writing = True
            protocol.pause_writing()
        elif size <= self._limits[0] and self._paused_writing:
            self._paused_writing = False
            protocol.resume_writing()


class MemoryServer:
    """What `create_server` returns."""

    def __init__(self, network: Network, port: int) -> None:
        self._network = network
        self.port = port
        self.sockets = (_Socket(("10.0.0.2", port), ("", 0)),)

    def close(self) -> None:
        self._network.close(self.port)

    async def wait_closed(self) -> None:
        return None

    async def start_serving(self) -> None:
        return None

    def is_serving(self) -> bool:
        return self.port in self._network._listeners

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._network.loop


class _Socket:
    """As much of a socket as libraries look at."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = 6

    def __init__(self, here: tuple[str, int], there: tuple[str, int]) -> None:
        self._here, self._there = here, there

    def fileno(self) -> int:
        return -1

    def getsockname(self) -> tuple[str, int]:
        return self._here

    def getpeername(self) -> tuple[str, int]:
        return self._there

    def setsockopt(self, *options: Any) -> None:
        return None

    def getsockopt(self, *options: Any) -> int:
        return 0
