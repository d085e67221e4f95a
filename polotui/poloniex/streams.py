"""One socket to the exchange that is kept up: subscriptions as wanted state, pings, watchdog, reconnection.

Decided here: `run` is the only task, owned by whoever starts it; it ends only by being cancelled. What should be
subscribed is state and is sent in full after every connect, so nothing depends on what was said before a fault. Every
message reaches the handler in a plain call from the reading task: no queue in between that could overflow or drop,
and a slow handler slows the socket down. A frame that makes no sense is counted and put aside, with its hash.

connecting -> (authenticating) -> open -> waiting -> connecting …    closed when cancelled
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import PolotuiError
from polotui.core.ids import Chance
from polotui.poloniex.backoff import Backoff
from polotui.poloniex.errors import ExchangeBusy, foreign_text
from polotui.poloniex.limits import SHARE, Bucket
from polotui.poloniex.signing import Signer, websocket_auth
from polotui.poloniex.sockets import Connector, Socket, SocketFailed, best_connector
from polotui.poloniex.stream_wire import AuthReply, ErrorFrame, Malformed, Pong, Unknown, read
from polotui.poloniex.subscriptions import Subscriptions
from polotui.poloniex.watchdog import Watchdog

PUBLIC_URL = "wss://ws.poloniex.com/ws/public"
PRIVATE_URL = "wss://ws.poloniex.com/ws/private"
PING = '{"event":"ping"}'


class StreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times and bounds of one stream."""

    ping_s: float = 8.0
    pong_s: float = 5.0
    silence_s: float = 15.0
    auth_s: float = 10.0
    healthy_s: float = 60.0
    base_s: float = 0.5
    cap_s: float = 30.0
    attempts_per_minute: int = 12
    requests_per_second: int = 500
    most_waiting: int = 1_000
    most_quarantined: int = 50


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stream stands. `reason` says why it is not open; `wait_ms` until the next attempt."""

    phase: str
    since_ms: int
    attempt: int = 0
    reconnects: int = 0
    reason: str = ""
    wait_ms: int = 0


class StreamCounters(msgspec.Struct):
    """What happened since the start."""

    frames: int = 0
    messages: int = 0
    malformed: int = 0
    unknown: int = 0
    errors: int = 0
    pings: int = 0
    pongs: int = 0
    connects: int = 0
    reconnects: int = 0


class Quarantined(msgspec.Struct, frozen=True):
    """A frame that could not be used: when, why, its SHA-256 and its first bytes."""

    at_ms: int
    why: str
    sha256: str
    head: bytes
    size: int


class StreamHandler(Protocol):
    """Who is told. Both are plain calls and must return quickly."""

    def on_stream_state(self, name: str, state: StreamState) -> None: ...

    def on_message(self, message: Any, received: float) -> None:
        """A message of `polotui.poloniex.stream_wire`, and the monotonic time at which it arrived."""
        ...


class Stream:
    """A public or private socket. With a signer it authenticates before it subscribes."""

    def __init__(
        self,
        url: str,
        handler: StreamHandler,
        *,
        clock: Clock,
        chance: Chance,
        name: str = "public",
        connector: Connector | None = None,
        signer: Signer | None = None,
        sign_ms: Callable[[], Awaitable[int]] | None = None,
        settings: StreamSettings | None = None,
    ) -> None:
        if (signer is None) != (sign_ms is None):
            raise ValueError("a signer needs the exchange's time, and the other way round")
        self.url = url
        self.name = name
        self.counters = StreamCounters()
        self.settings = settings or StreamSettings()
        self.quarantine: deque[Quarantined] = deque(maxlen=self.settings.most_quarantined)
        self._handler = handler
        self._clock = clock
        self._connector = connector or best_connector()
        self._signer = signer
        self._sign_ms = sign_ms
        self._subscriptions = Subscriptions()
        self._backoff = self.make_backoff(clock, chance)
        self._bucket = Bucket(f"{name} requests", self.settings.requests_per_second, clock, SHARE)
        self._watchdog = self.make_watchdog()
        self._outbox: deque[str] = deque()
        self._outbox_filled = asyncio.Event()
        self._dropped = asyncio.Event()
        self._drop_reason = ""
        self._auth_reply: AuthReply | None = None
        self._auth_came = asyncio.Event()
        self._talking = False
        self._state = StreamState(phase="idle", since_ms=clock.wall_ms())

    # Replaceable parts

    def make_backoff(self, clock: Clock, chance: Chance) -> Backoff:
        settings = self.settings
        return Backoff(
            clock, chance, base_s=settings.base_s, cap_s=settings.cap_s, per_minute=settings.attempts_per_minute
        )

    def make_watchdog(self) -> Watchdog:
        settings = self.settings
        return Watchdog(
            self._clock.monotonic(), ping_s=settings.ping_s, pong_s=settings.pong_s, silence_s=settings.silence_s
        )

    # What callers use

    @property
    def state(self) -> StreamState:
        return self._state

    def last_frame_at(self) -> float:
        """Monotonic time of the last frame; of the connection's opening before the first."""
        return self._watchdog.frame_at

    def subscribe(self, channel: str, symbols: Iterable[str] = (), **extra: object) -> None:
        """Wants `channel` for `symbols` from now on, across reconnects. `extra` are further members (depth=20)."""
        self._say(self._subscriptions.add(channel, symbols, extra))

    def unsubscribe(self, channel: str, symbols: Iterable[str] = ()) -> None:
        self._say(self._subscriptions.remove(channel, symbols))

    def resubscribe(self, channel: str, symbol: str) -> None:
        """Drops and renews one channel of one symbol; its snapshot comes again."""
        self._say(self._subscriptions.again(channel, symbol))

    def reconnect(self, reason: str) -> None:
        """Ends the present connection; a new one follows after the usual pause."""
        self._drop_reason = reason
        self._dropped.set()

    async def run(self) -> None:
        """Keeps the stream up until cancelled."""
        try:
            while True:
                self._backoff.attempt()
                self._become("connecting")
                reason = await self._connection()
                wait = self._backoff.next_wait_s()
                self._become("waiting", reason=reason, wait_ms=round(wait * 1000))
                await asyncio.sleep(wait)
        finally:
            self._become("closed")

    # One connection

    async def _connection(self) -> str:
        """From connect to its end; says why it ended."""
        try:
            socket = await self._connector(self.url)
        except SocketFailed as failure:
            return str(failure)
        self.counters.reconnects += self.counters.connects > 0
        self.counters.connects += 1
        self._watchdog = self.make_watchdog()
        self._dropped.clear()
        self._auth_came.clear()
        self._auth_reply = None
        try:
            return await self._until_one_fails(
                receive=socket.receive(self._on_frame), guard=self._guard(socket), talk=self._talk(socket)
            )
        finally:
            self._talking = False
            await socket.close()

    async def _until_one_fails(self, **parts: Coroutine[Any, Any, None]) -> str:
        """Runs the parts of a connection together; says why the first one failed.

        Not a task group: one that fails in the same moment in which it is cancelled forgets the cancel (Python 3.11).
        """
        tasks = [asyncio.create_task(part, name=f"{self.name}-{name}") for name, part in parts.items()]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        errors = [error for task in tasks if not task.cancelled() and (error := task.exception()) is not None]
        for error in errors:
            if not isinstance(error, SocketFailed):
                raise error
        return str(errors[0]) if errors else ""

    async def _guard(self, socket: Socket) -> None:
        """Pings, and raises SocketFailed when the connection is dead or no longer wanted."""
        while True:
            try:
                async with asyncio.timeout(self._watchdog.next_look_s(self._clock.monotonic())):
                    await self._dropped.wait()
                raise SocketFailed(self._drop_reason)
            except TimeoutError:
                pass
            now = self._clock.monotonic()
            if verdict := self._watchdog.verdict(now):
                raise SocketFailed(verdict)
            if now - self._watchdog.opened_at >= self.settings.healthy_s:
                self._backoff.reset()
            if self._watchdog.ping_due(now):
                await self._ping(socket, now)

    async def _ping(self, socket: Socket, now: float) -> None:
        self._watchdog.pinged(now)
        self.counters.pings += 1
        try:
            async with asyncio.timeout(self.settings.pong_s):
                await socket.send(PING)
        except TimeoutError as error:
            raise SocketFailed(f"a ping could not be sent within {self.settings.pong_s:g} s") from error

    async def _talk(self, socket: Socket) -> None:
        """Authenticates, subscribes to everything wanted, then sends what is asked for, under the server's limit."""
        await self._authenticate(socket)
        self._outbox.clear()
        self._talking = True
        for frame in self._subscriptions.everything():
            await self._send(socket, frame)
        self._become("open")
        while True:
            while self._outbox:
                await self._send(socket, self._outbox.popleft())
            self._outbox_filled.clear()
            await self._outbox_filled.wait()

    async def _authenticate(self, socket: Socket) -> None:
        if self._signer is None or self._sign_ms is None:
            return
        self._become("authenticating")
        try:
            async with asyncio.timeout(self.settings.auth_s):
                await self._send(socket, websocket_auth(self._signer, await self._sign_ms()))
                await self._auth_came.wait()
        except TimeoutError as error:
            raise SocketFailed(f"no answer to the authentication within {self.settings.auth_s:g} s") from error
        except PolotuiError as error:
            raise SocketFailed(error.cause) from error
        if self._auth_reply is None or not self._auth_reply.success:
            said = "" if self._auth_reply is None else self._auth_reply.message
            raise SocketFailed(f"authentication refused: {foreign_text(said) or 'no reason given'}")

    async def _send(self, socket: Socket, frame: str) -> None:
        try:
            await self._bucket.take("a stream request", patience_s=self.settings.silence_s)
        except ExchangeBusy as error:
            raise SocketFailed(error.cause) from error
        await socket.send(frame)

    def _say(self, frames: list[str]) -> None:
        if not self._talking or not frames:
            return
        if len(self._outbox) + len(frames) > self.settings.most_waiting:
            # A new connection sends the wanted state once, which is shorter than the backlog.
            self.reconnect("too many requests were waiting")
            return
        self._outbox.extend(frames)
        self._outbox_filled.set()

    # Receiving

    def _on_frame(self, frame: bytes) -> None:
        now = self._clock.monotonic()
        counters = self.counters
        counters.frames += 1
        self._watchdog.frame(now)
        try:
            messages = read(frame)
        except Malformed as error:
            self._put_aside(frame, str(error))
            return
        for message in messages:
            counters.messages += 1
            if type(message) in _NOTED:
                self._note(message, now, frame)
            self._handler.on_message(message, now)

    def _note(self, message: Any, now: float, frame: bytes) -> None:
        """What the stream itself has to know."""
        if isinstance(message, Pong):
            self.counters.pongs += 1
            self._watchdog.pong(now)
        elif isinstance(message, AuthReply):
            self._auth_reply = message
            self._auth_came.set()
        elif isinstance(message, ErrorFrame):
            self.counters.errors += 1
        elif isinstance(message, Unknown):
            self.counters.unknown += 1
            self._keep(frame, f"unknown channel {foreign_text(message.channel, 60)}")

    def _put_aside(self, frame: bytes, why: str) -> None:
        self.counters.malformed += 1
        self._keep(frame, why)

    def _keep(self, frame: bytes, why: str) -> None:
        digest = hashlib.sha256(frame).hexdigest()
        self.quarantine.append(Quarantined(self._clock.wall_ms(), why, digest, bytes(frame[:80]), len(frame)))

    def _become(self, phase: str, *, reason: str = "", wait_ms: int = 0) -> None:
        self._state = StreamState(
            phase=phase,
            since_ms=self._clock.wall_ms(),
            attempt=self._backoff.failures,
            reconnects=self.counters.reconnects,
            reason=foreign_text(reason),
            wait_ms=wait_ms,
        )
        self._handler.on_stream_state(self.name, self._state)


_NOTED = frozenset({Pong, AuthReply, ErrorFrame, Unknown})
