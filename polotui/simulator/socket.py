"""One WebSocket of the simulated exchange.

Decided here: the handshake and the client's frames go through the `websockets` library's own protocol machine;
frames to the client are built here, once for all subscribers, and written straight to the transport. Nothing waits
for a slow reader: past a limit of unsent bytes the connection is cut. A client that sends nothing for 30 s is
dropped without a close frame, which it sees as code 1006; the server's own frames do not count, and it never pings.
"""

from __future__ import annotations

import asyncio
import struct
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

if TYPE_CHECKING:
    from polotui.simulator.accounts import Account
    from polotui.simulator.exchange import Later, Timer
    from polotui.simulator.http import Connection

_MESSAGE_LIMIT = 1024 * 1024


def text_frame(payload: bytes) -> bytes:
    """An unmasked, final text frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size) + payload
    return struct.pack("!BBQ", 0x81, 127, size) + payload


class Socket:
    """The server's end of one WebSocket."""

    def __init__(
        self, connection: Connection, later: Later, now: Callable[[], float], idle: float, write_limit: int
    ) -> None:
        assert connection.transport is not None
        self.connection = connection
        self._transport: asyncio.Transport = connection.transport
        self._held: list[bytes] | None = None
        self._later = later
        self._now = now
        self._idle = idle
        self._write_limit = write_limit
        self._protocol = ServerProtocol(max_size=_MESSAGE_LIMIT)
        self._deadline: Timer | None = None
        self._heard = now()
        self._fragments: list[bytes] = []
        self.private = False
        self.account: Account | None = None
        self.topics: defaultdict[str, set[str]] = defaultdict(set)
        self.depth = 5
        self.writable = True
        self.open = False
        self.frames_sent = 0
        self.on_open: Callable[[Socket], bool] | None = None
        self.on_text: Callable[[Socket, str], None] | None = None

    def feed(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.connection.half_open:
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Handshake):
                self._accept(event)
            elif not isinstance(event, Frame):
                continue
            elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._heard = self._now()
                self._fragments.append(bytes(event.data))
                if event.fin:
                    whole, self._fragments = b"".join(self._fragments), []
                    if self.on_text is not None and self.open:
                        self.on_text(self, whole.decode("utf-8", "replace"))
            else:
                self._heard = self._now()
        self._flush()

    def _accept(self, request: Handshake) -> None:
        self.private = request.path.partition("?")[0].rstrip("/") == "/ws/private"
        response = self._protocol.accept(request)
        known = request.path.partition("?")[0].rstrip("/") in ("/ws/public", "/ws/private")
        if not known:
            response = self._protocol.reject(404, "Resources do not exist")
        elif self.on_open is not None and not self.on_open(self):
            response = self._protocol.reject(503, "Service unavailable")
        self._protocol.send_response(response)
        self._flush()
        if self._protocol.state is State.OPEN:
            self.open = True
            self._watch()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
        if self._protocol.close_expected() and not self._transport.is_closing():
            self._transport.close()

    def send(self, frame: bytes) -> None:
        """Writes a ready frame; never waits."""
        if self.connection.half_open or not self.open or self._transport.is_closing():
            return
        if self._protocol.state is not State.OPEN:
            return
        self.frames_sent += 1
        if self._held is not None:
            self._held.append(frame)
            return
        self._transport.write(frame)
        if self._transport.get_write_buffer_size() > self._write_limit:
            self._transport.abort()

    def hold(self) -> None:
        """Frames are collected until `release`: a burst reaches the reader as a burst, not frame by frame."""
        self._held = []

    def release(self) -> None:
        held, self._held = self._held, None
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))

    def _watch(self) -> None:
        if self._idle > 0:
            left = self._heard + self._idle - self._now()
            self._deadline = self._later(max(0.001, left), self._check_idle)

    def _check_idle(self) -> None:
        if self.connection.half_open:
            return
        if self._now() - self._heard >= self._idle:
            self._transport.abort()
        else:
            self._watch()

    def gone(self) -> None:
        """The connection ended."""
        self.open = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def reset(self) -> None:
        """Ends the connection at once, without a close frame."""
        self._transport.abort()
