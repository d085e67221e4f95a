"""The fast transport: `picows` behind the same three functions as `sockets`.

Decided here: frames are handed over inside the library's own read callback, so a burst costs no wake-up a message and
there is no queue between the socket and the feed. The pure-Python library is used wherever picows is not installed;
both pass the same tests. Messages in several frames are put together here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import picows

from polotui.poloniex.sockets import MAX_FRAME, Socket, SocketFailed
from polotui.poloniex.transport import USER_AGENT

_TEXT, _CONTINUATION, _CLOSE = picows.WSMsgType.TEXT, picows.WSMsgType.CONTINUATION, picows.WSMsgType.CLOSE
_BINARY = picows.WSMsgType.BINARY


class _Listener(picows.WSListener):
    """Hands frames to whoever receives; keeps those that come before anybody does."""

    def __init__(self) -> None:
        super().__init__()
        self.on_frame: Callable[[bytes], None] | None = None
        self.early: list[bytes] = []
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.failure: Exception | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._writable = asyncio.Event()
        self._writable.set()

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind == _TEXT and frame.fin and not self._parts:
            self._take(transport, frame.get_payload_as_bytes())
        elif kind in (_TEXT, _BINARY, _CONTINUATION):
            self._join(transport, frame)
        elif kind == _CLOSE:
            self.end(f"closed by the server ({frame.get_close_code()})")
            transport.disconnect(False)

    def _join(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self._parts.append(frame.get_payload_as_bytes())
        self._size += len(self._parts[-1])
        if self._size > MAX_FRAME:
            self.end(f"a message of more than {MAX_FRAME} bytes")
            transport.disconnect(False)
        elif frame.fin:
            whole = b"".join(self._parts)
            self._parts, self._size = [], 0
            self._take(transport, whole)

    def _take(self, transport: picows.WSTransport, message: bytes) -> None:
        if self.on_frame is None:
            self.early.append(message)
            return
        try:
            self.on_frame(message)
        except Exception as error:  # noqa: BLE001 - raised again where the caller awaits `receive`
            self.failure = error
            self.end("the handler failed")
            transport.disconnect(False)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self.end("the connection ended without a closing frame")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def writable(self) -> None:
        await self._writable.wait()

    def end(self, reason: str) -> None:
        self._writable.set()
        if not self.ended.done():
            self.ended.set_result(reason)


class PicowsSocket:
    """A connection of the `picows` library."""

    def __init__(self, transport: picows.WSTransport, listener: _Listener) -> None:
        self._transport = transport
        self._listener = listener

    async def send(self, text: str) -> None:
        await self._listener.writable()
        if self._listener.ended.done():
            raise SocketFailed(self._listener.ended.result())
        self._transport.send(_TEXT, text.encode())

    async def receive(self, on_frame: Callable[[bytes], None]) -> None:
        listener = self._listener
        early, listener.early = listener.early, []
        for message in early:
            on_frame(message)
        listener.on_frame = on_frame
        reason = await asyncio.shield(listener.ended)
        if listener.failure is not None:
            raise listener.failure
        raise SocketFailed(reason)

    async def close(self) -> None:
        """Ends it without the closing handshake, which a half-open peer would never answer."""
        self._listener.on_frame = _drop
        self._transport.disconnect(False)
        self._listener.end("closed by us")


def _drop(message: bytes) -> None:
    """Frames that arrive while we leave are nobody's."""


class PicowsConnector:
    """Opens connections with `picows`."""

    def __init__(self, *, open_timeout_s: float = 10.0, ssl_context: ssl.SSLContext | None = None) -> None:
        self._open_timeout_s = open_timeout_s
        self._ssl_context = ssl_context

    async def __call__(self, url: str) -> Socket:
        try:
            async with asyncio.timeout(self._open_timeout_s):
                transport, listener = await picows.ws_connect(
                    _Listener,
                    url,
                    ssl_context=self._ssl_context,
                    websocket_handshake_timeout=self._open_timeout_s,
                    enable_auto_ping=False,
                    max_frame_size=MAX_FRAME,
                    max_redirects=0,
                    extra_headers={"User-Agent": USER_AGENT},
                    use_aiofastnet=False,
                )
        except TimeoutError as error:
            raise SocketFailed(f"no connection within {self._open_timeout_s:.0f} s") from error
        except (picows.WSError, OSError, EOFError) as error:
            raise SocketFailed(f"{type(error).__name__}: {error}") from error
        # A connection lost in the instant of its opening comes without a listener (campaign, seed 89).
        if not isinstance(listener, _Listener):
            raise SocketFailed("the connection ended while it was opened")
        return PicowsSocket(transport, listener)
