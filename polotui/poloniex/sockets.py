"""The transport under a stream: connect, send, receive until it ends.

Decided here: three functions, and received frames are handed to a callback, so that a faster transport that calls back
from the event loop fits as well. The default is `websockets` without its own pings (the exchange wants pings of its own
kind), without compression and without a proxy from the environment; frames stay bytes, the decoder wants them so.

Deliberate limit: `max_size` bounds one frame, and the library's own queue bounds how many wait; when the reader is
slow the socket is, and nothing piles up here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Protocol

import websockets
from websockets.asyncio.client import ClientConnection, connect

from polotui.poloniex.transport import USER_AGENT

MAX_FRAME = 2 * 1024 * 1024


class SocketFailed(Exception):
    """The connection could not be made, or ended."""


class Socket(Protocol):
    """One open connection."""

    async def send(self, text: str) -> None: ...

    async def receive(self, on_frame: Callable[[bytes], None]) -> None:
        """Calls `on_frame` for each frame; raises SocketFailed when the connection ends."""
        ...

    async def close(self) -> None: ...


class Connector(Protocol):
    """Opens a connection to `url`, or raises SocketFailed."""

    async def __call__(self, url: str) -> Socket: ...


class WebsocketsSocket:
    """A connection of the `websockets` library."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except (websockets.ConnectionClosed, OSError) as error:
            raise SocketFailed(_words(error)) from error

    async def receive(self, on_frame: Callable[[bytes], None]) -> None:
        receive = self._connection.recv
        try:
            while True:
                on_frame(await receive(decode=False))
        except (websockets.ConnectionClosed, OSError) as error:
            raise SocketFailed(_words(error)) from error

    async def close(self) -> None:
        """Ends it without the closing handshake, which a half-open peer would never answer."""
        self._connection.transport.abort()
        try:
            async with asyncio.timeout(1.0):
                await self._connection.wait_closed()
        except TimeoutError:
            pass


class WebsocketsConnector:
    """Opens connections with `websockets`."""

    def __init__(
        self, *, open_timeout_s: float = 10.0, max_frame: int = MAX_FRAME, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._open_timeout_s = open_timeout_s
        self._max_frame = max_frame
        # The library refuses `ssl` on ws:// and None on wss://, so it is named only when there is a context.
        self._tls: dict[str, Any] = {} if ssl_context is None else {"ssl": ssl_context}

    async def __call__(self, url: str) -> Socket:
        try:
            async with asyncio.timeout(self._open_timeout_s):
                connection = await connect(
                    url,
                    proxy=None,
                    ping_interval=None,
                    compression=None,
                    open_timeout=None,
                    close_timeout=1,
                    max_size=self._max_frame,
                    user_agent_header=USER_AGENT,
                    **self._tls,
                )
        except TimeoutError as error:
            raise SocketFailed(f"no connection within {self._open_timeout_s:.0f} s") from error
        except (websockets.WebSocketException, OSError, EOFError) as error:
            raise SocketFailed(_words(error)) from error
        return WebsocketsSocket(connection)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def best_connector() -> Connector:
    """The fast transport where its library is installed, else the pure-Python one."""
    try:
        from polotui.poloniex.fast_sockets import PicowsConnector
    except ImportError:
        return WebsocketsConnector()
    return PicowsConnector()
