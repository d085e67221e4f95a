"""One WebSocket connection to Poloniex, kept alive for as long as `run` runs.

Decided here: what is wanted is a set; after every connect all of it is subscribed again, so nothing depends on what was said
on an earlier connection. Every frame is handed to the handler at once and in order, on the loop, without a task a message:
no frame is lost between the socket and the handler. The server drops clients that are silent, so we ping; a connection on
which nothing arrives is given up (see watchdog.py).

The transport below is three functions (connect, send, receive); `websockets` stands behind it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from polotui import __version__
from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.poloniex import signing, stream_wire
from polotui.poloniex.stream_wire import AuthReply, Malformed, Message, Pong, ServerError
from polotui.poloniex.watchdog import PING_SECONDS, Backoff, Watchdog

log = logging.getLogger("polotui.poloniex.streams")

MAX_FRAME = 4 * 1024 * 1024
OPEN_SECONDS = 10.0
#: The server allows 500 requests a second; a pause between ours keeps far below.
REQUEST_PAUSE = 0.01
_PING = '{"event":"ping"}'


class StreamHandler(Protocol):
    """Who listens. All calls come on the loop, in the order of the wire, and must not block."""

    def on_connected(self) -> None:
        """Connected (and authenticated); subscriptions are being sent."""
        ...

    def on_message(self, message: Message) -> None: ...

    def on_disconnected(self, reason: str, pause: float) -> None:
        """The connection ended; the next attempt begins after `pause` seconds."""
        ...


@dataclass
class StreamCounters:
    """What has come over this stream since its start."""

    frames: int = 0
    connects: int = 0
    attempts: int = 0
    malformed: int = 0
    server_errors: int = 0


class AuthFailed(ConnectionError):
    """The server refused the key on the private stream."""


class Stream:
    """`run` it in a supervised task; `want` may be called at any time.

    `sign` returns the authentication frame for a private stream (None: public). `offset_ms` is not needed here: the
    caller's `sign` uses the exchange's time.
    """

    def __init__(
        self,
        url: str,
        handler: StreamHandler,
        *,
        clock: Clock,
        chance: Chance,
        sign: Callable[[], dict[str, object]] | None = None,
    ) -> None:
        self._url = url
        self._handler = handler
        self._clock = clock
        self._sign = sign
        self._wanted: dict[tuple[str, str], dict[str, Any]] = {}
        self._requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue(10_000)
        self._connection: ClientConnection | None = None
        self._backoff = Backoff(clock, chance)
        self._watchdog = Watchdog(clock)
        self.counters = StreamCounters()
        self.last_frame = 0.0

    # -- what is wanted -------------------------------------------------------------------------------------------

    def want(self, channel: str, symbols: Iterable[str] = ("",), **extra: Any) -> None:
        """Subscribes now (if connected) and after every connect. Channels without symbols: leave them out."""
        new = [symbol for symbol in symbols if (channel, symbol) not in self._wanted]
        for symbol in new:
            self._wanted[(channel, symbol)] = extra
        if new and self._connection is not None:
            self._ask("subscribe", channel, new, extra)

    def unwant(self, channel: str, symbols: Iterable[str] = ("",)) -> None:
        old = [symbol for symbol in symbols if self._wanted.pop((channel, symbol), None) is not None]
        if old and self._connection is not None:
            self._ask("unsubscribe", channel, old, {})

    def resubscribe(self, channel: str, symbol: str) -> None:
        """One channel of one symbol again: the server sends a new snapshot."""
        extra = self._wanted.get((channel, symbol))
        if extra is not None and self._connection is not None:
            self._ask("unsubscribe", channel, [symbol], {})
            self._ask("subscribe", channel, [symbol], extra)

    def drop(self) -> None:
        """Gives the present connection up; `run` makes a new one."""
        if self._connection is not None:
            self._connection.transport.abort()

    # -- the connection -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connects for ever. Ends only by cancellation."""
        while True:
            self._backoff.attempt()
            self.counters.attempts += 1
            reason = "closed by the server"
            try:
                await self._session()
            except TimeoutError:
                reason = "no answer in time"
            except (OSError, WebSocketException, AuthFailed) as error:
                reason = f"{type(error).__name__}: {error}"
            except _Silence:
                reason = "silent"
            finally:
                self._connection = None
            pause = self._backoff.pause()
            log.info("stream disconnected", extra={"url": self._url, "reason": reason[:200], "pause": round(pause, 3)})
            self._handler.on_disconnected(reason, pause)
            await asyncio.sleep(pause)

    async def _session(self) -> None:
        async with asyncio.timeout(OPEN_SECONDS):
            connection = await connect(
                self._url,
                ping_interval=None,
                compression=None,
                max_size=MAX_FRAME,
                max_queue=1024,
                open_timeout=None,
                close_timeout=1,
                proxy=None,
                user_agent_header=f"polotui/{__version__}",
            )
        try:
            self._watchdog = self._new_watchdog()
            if self._sign is not None:
                await self._authenticate(connection)
            self._requests = asyncio.Queue(10_000)
            self._connection = connection
            self.counters.connects += 1
            self._handler.on_connected()
            self._ask_for_everything()
            await self._carry(connection)
        finally:
            # Never politely: a half-open peer would not answer a close frame anyway.
            connection.transport.abort()

    async def _carry(self, connection: ClientConnection) -> None:
        tasks = [
            asyncio.create_task(self._receive(connection), name="stream-receive"),
            asyncio.create_task(self._ping(connection), name="stream-ping"),
            asyncio.create_task(self._send(connection), name="stream-send"),
            asyncio.create_task(self._watch(), name="stream-watch"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _authenticate(self, connection: ClientConnection) -> None:
        assert self._sign is not None
        async with asyncio.timeout(OPEN_SECONDS):
            await connection.send(msgspec.json.encode(self._sign()).decode())
            while True:
                for message in stream_wire.decode(await connection.recv(decode=False)):
                    if isinstance(message, AuthReply):
                        if message.success:
                            return
                        raise AuthFailed(message.message)

    async def _receive(self, connection: ClientConnection) -> None:
        decode, handle = stream_wire.decode, self._take
        monotonic, heard = self._clock.monotonic, self._watchdog.heard
        while True:
            frame = await connection.recv(decode=False)
            self.counters.frames += 1
            now = self.last_frame = monotonic()
            heard(now)
            for message in decode(frame):
                handle(message)

    def _take(self, message: Message) -> None:
        kind = type(message)
        if kind is Pong:
            return
        self._backoff.healthy()
        if kind is Malformed:
            self.counters.malformed += 1
            log.warning("malformed frame", extra={"reason": message.reason, "start": message.start})  # type: ignore[union-attr]
        elif kind is ServerError:
            self.counters.server_errors += 1
            log.warning("the exchange reported", extra={"detail": message.message})  # type: ignore[union-attr]
        self._handler.on_message(message)

    async def _ping(self, connection: ClientConnection) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await connection.send(_PING)

    async def _watch(self) -> None:
        while (left := self._watchdog.left()) > 0:
            await asyncio.sleep(left)
        raise _Silence

    async def _send(self, connection: ClientConnection) -> None:
        while True:
            request = await self._requests.get()
            await connection.send(msgspec.json.encode(request).decode())
            await asyncio.sleep(REQUEST_PAUSE)

    def _new_watchdog(self) -> Watchdog:
        return Watchdog(self._clock)

    def _ask_for_everything(self) -> None:
        groups: dict[tuple[str, str], tuple[list[str], dict[str, Any]]] = {}
        for (channel, symbol), extra in self._wanted.items():
            groups.setdefault((channel, repr(extra)), ([], extra))[0].append(symbol)
        for (channel, _), (symbols, extra) in groups.items():
            self._ask("subscribe", channel, symbols, extra)

    def _ask(self, event: str, channel: str, symbols: list[str], extra: dict[str, Any]) -> None:
        request: dict[str, Any] = {"event": event, "channel": [channel], **extra}
        named = [symbol for symbol in symbols if symbol]
        if named:
            request["symbols"] = named
        self._requests.put_nowait(request)


class _Silence(Exception):
    """The watchdog gave the connection up."""


def private_signer(key: str, secret: str, server_ms: Callable[[], int]) -> Callable[[], dict[str, object]]:
    """The `sign` of a private stream."""
    return lambda: signing.stream_auth(key, secret, server_ms())
