"""Small peers on loopback for the client's tests: an HTTP server that answers what a test says, and sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import h11
import msgspec

Answer = Callable[["Asked"], Awaitable[bytes | tuple[int, dict[str, str], bytes]]]


class Asked(msgspec.Struct):
    """A request as it arrived: raw target and raw body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


class HttpPeer:
    """An HTTP/1.1 server. `answer` gives a body (200) or (status, headers, body); raising drops the connection."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while await self._exchange(connection, reader, writer):
                connection.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError):
            pass
        finally:
            writer.close()

    async def _exchange(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        asked: Asked | None = None
        body = b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Request):
                headers = {name.decode().lower(): value.decode() for name, value in event.headers}
                asked = Asked(event.method.decode(), event.target.decode(), headers, b"")
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        assert asked is not None
        asked.body = body
        self.asked.append(asked)
        given = await self.answer(asked)
        status, extra, content = given if isinstance(given, tuple) else (200, {}, given)
        fields = {"content-length": str(len(content)), "content-type": "application/json", **extra}
        writer.write(connection.send(h11.Response(status_code=status, headers=list(fields.items()))) or b"")
        writer.write(connection.send(h11.Data(content)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        return True


@asynccontextmanager
async def http_peer(answer: Answer) -> AsyncIterator[HttpPeer]:
    peer = HttpPeer(answer)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    peer.url = f"http://127.0.0.1:{port}"
    try:
        yield peer
    finally:
        server.close()


def as_json(value: Any) -> bytes:
    return msgspec.json.encode(value)


class Heard:
    """A stream handler that keeps everything and lets a test wait for something."""

    def __init__(self) -> None:
        self.states: list[Any] = []
        self.messages: list[Any] = []
        self._changed = asyncio.Event()

    def on_stream_state(self, name: str, state: Any) -> None:
        self.states.append(state)
        self._changed.set()

    def on_message(self, message: Any, received: float) -> None:
        self.messages.append(message)
        self._changed.set()

    async def until(self, true: Callable[[], object], within_s: float = 10.0) -> None:
        """Waits until `true()` holds; looks again after each call."""
        async with asyncio.timeout(within_s):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    @property
    def phases(self) -> list[str]:
        return [state.phase for state in self.states]

    @property
    def phase(self) -> str:
        return self.states[-1].phase if self.states else ""

    @property
    def reason(self) -> str:
        return self.states[-1].reason if self.states else ""
