"""One port for everything: an asyncio protocol that reads the first line and becomes HTTP or WebSocket.

Decided here: HTTP is h11 driven directly from the transport, without tasks and without a server's own ticking
timer, so a virtual-time loop wakes only when there is work. A request whose path starts with `/ws/` hands the
connection to `Socket`. A handler answers at once; a reply that must come late (a fault) is written by a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import h11
import msgspec

from polotui.simulator.refusals import Refusal

if TYPE_CHECKING:
    from polotui.simulator.accounts import Account
    from polotui.simulator.serve import Simulator

_HEAD_LIMIT = 65_536
_BODY_LIMIT = 2 * 1024 * 1024


@dataclass(slots=True)
class Request:
    """One HTTP request, read to its end."""

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str
    parts: tuple[str, ...] = ()
    account: Account | None = None
    connection: Connection | None = None
    _params: dict[str, str] | None = None

    @property
    def path(self) -> str:
        return self.raw_path.rstrip("/") or "/"

    @property
    def params(self) -> dict[str, str]:
        """Query parameters, decoded; the last of a name wins."""
        if self._params is None:
            pairs = (part.partition("=") for part in self.query.split("&") if part)
            self._params = {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}
        return self._params

    def json(self) -> object:
        """The body as JSON; an empty body is an empty object."""
        if not self.body:
            return {}
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal(400, "Malformed JSON request", status=400) from error

    def json_object(self) -> dict[str, object]:
        value = self.json()
        if not isinstance(value, dict):
            raise Refusal(400, "Malformed JSON request", status=400)
        return value

    @property
    def user(self) -> Account:
        """The signed-in account of a private route."""
        if self.account is None:
            raise Refusal(401, "Invalid Apikey or Signature", status=401)
        return self.account


@dataclass(slots=True)
class Reply:
    """One HTTP reply. `delay` is in seconds; `lost` ends the connection instead of answering."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    delay: float = 0.0
    lost: bool = False


Side = Callable[[bytes], None]


class Connection(asyncio.Protocol):
    """One TCP connection, of either kind."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._head = b""
        self._side: HttpSide | None = None
        self._feed: Side | None = None
        self.transport: asyncio.Transport | None = None
        self.half_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._simulator.joined(self)

    def data_received(self, data: bytes) -> None:
        if self.half_open or self.transport is None:
            return
        # A client may ask for the WebSocket on a connection it has used for HTTP before.
        if self._side is not None and self._side.idle and data.startswith(b"GET /ws"):
            self._side = self._feed = None
        if self._feed is not None:
            self._feed(data)
            return
        self._head += data
        if b"\r\n" not in self._head:
            if len(self._head) > _HEAD_LIMIT:
                self.transport.abort()
            return
        first = self._head.split(b"\r\n", 1)[0].split(b" ")
        if len(first) >= 2 and first[1].startswith(b"/ws"):
            self._feed = self._simulator.open_socket(self)
        else:
            self._side = HttpSide(self._simulator, self.transport, self)
            self._feed = self._side.feed
        head, self._head = self._head, b""
        self._feed(head)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._simulator.left(self)
        self._feed = None

    def pause_writing(self) -> None:
        self._simulator.writable(self, False)

    def resume_writing(self) -> None:
        self._simulator.writable(self, True)


class HttpSide:
    """HTTP/1.1 with keep-alive on one connection."""

    def __init__(self, simulator: Simulator, transport: asyncio.Transport, connection: Connection) -> None:
        self._simulator = simulator
        self._transport = transport
        self._connection = connection
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._waiting = False
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if isinstance(name, tuple) and name else "local"

    @property
    def idle(self) -> bool:
        """Between two requests, with nothing half-read."""
        return self._protocol.their_state is h11.IDLE and not self._protocol.trailing_data[0] and not self._waiting

    def feed(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._advance()

    def _advance(self) -> None:
        while not self._waiting and not self._transport.is_closing():
            try:
                event = self._protocol.next_event()
            except h11.RemoteProtocolError as error:
                self._broken(error.error_status_hint)
                return
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.Request):
                self._request = event
                self._body.clear()
                if self._protocol.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > _BODY_LIMIT:
                    self._broken(413)
                    return
            elif isinstance(event, h11.EndOfMessage):
                self._answer()
            else:
                self._transport.close()
                return

    def _answer(self) -> None:
        event = self._request
        assert event is not None
        path, _, query = event.target.decode("ascii", "replace").partition("?")
        request = Request(
            method=event.method.decode("ascii"),
            raw_path=path,
            query=query,
            headers={name.decode("ascii"): value.decode("latin-1") for name, value in event.headers},
            body=bytes(self._body),
            peer=self._peer,
        )
        reply = self._simulator.answer(request, self._connection)
        if reply.delay > 0:
            self._waiting = True
            self._simulator.later(reply.delay, lambda: self._deliver(reply))
        else:
            self._deliver(reply)

    def _deliver(self, reply: Reply) -> None:
        late, self._waiting = self._waiting, False
        if self._transport.is_closing() or self._connection.half_open:
            return
        if reply.lost:
            self._transport.abort()
            return
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(reply.body))),
            ("ratelimit-filter", "updated"),
            *reply.headers,
        ]
        self._send(h11.Response(status_code=reply.status, headers=headers))
        self._send(h11.Data(data=reply.body))
        self._send(h11.EndOfMessage())
        if self._protocol.our_state is h11.MUST_CLOSE:
            self._transport.close()
            return
        self._protocol.start_next_cycle()
        if late:
            self._advance()

    def _send(self, event: h11.Event) -> None:
        data = self._protocol.send(event)
        if data:
            self._transport.write(data)

    def _broken(self, status: int) -> None:
        if self._protocol.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            head = [("content-length", "0"), ("connection", "close")]
            self._send(h11.Response(status_code=status, headers=head))
            self._send(h11.EndOfMessage())
        self._transport.close()
