"""The simulator as a whole: one exchange, one port, REST and WebSocket.

Decided here: it runs on the loop it is started on, with `create_server` and `call_later` only: no threads, no
tasks, no timers while nothing happens. So it runs unmodified under a virtual-time loop with an in-memory network.
The clock may be another than the client's.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable

import msgspec

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.simulator.auth import authenticate
from polotui.simulator.burst import Burst
from polotui.simulator.config import Config
from polotui.simulator.exchange import Exchange, Timer
from polotui.simulator.faults import Faults, Rule
from polotui.simulator.http import Connection, Reply, Request, Side
from polotui.simulator.limits import RateLimits
from polotui.simulator.market_model import MarketModel
from polotui.simulator.markettime import MarketTime
from polotui.simulator.recorded import discover
from polotui.simulator.refusals import Refusal
from polotui.simulator.replay import Replay
from polotui.simulator.routes import Routes
from polotui.simulator.routes_control import ControlRoutes
from polotui.simulator.routes_private import PrivateRoutes
from polotui.simulator.routes_public import PublicRoutes
from polotui.simulator.session import Session
from polotui.simulator.smart import SmartOrders
from polotui.simulator.socket import Socket
from polotui.simulator.streams import Streams

encode = msgspec.json.Encoder().encode
_GOODBYE_TURNS = 100


class Simulator:
    """A simulated exchange that can be started and stopped."""

    def __init__(self, config: Config, clock: Clock, chance: Chance, symbols: int = 20) -> None:
        self.config = config
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: set[_Once] = set()
        self.connections: dict[Connection, Socket | None] = {}
        self.hard_maintenance = False
        self.last_left = clock.monotonic()
        self.requests = 0
        self.limits = RateLimits()
        time = MarketTime(clock, config.speed)
        recordings = discover(config.recordings) if config.recordings else []
        specs = tuple(recording.spec for recording in recordings) or config.with_default_symbols(symbols)
        self.exchange = Exchange(config, time, chance, self.later, specs)
        self.faults = Faults(chance, self.later)
        self.streams = Streams(self.exchange, self.faults, self.later)
        self.session = Session(self.exchange, self.streams)
        self.burst = Burst(self.exchange, self.streams, chance, self.later)
        self.model: MarketModel | Replay
        if recordings:
            self.model = Replay(self.exchange, self.streams, recordings, self.later)
        else:
            self.model = MarketModel(self.exchange, chance, self.later)
        self._private = PrivateRoutes(self.exchange, self.later)
        self._routes = Routes()
        PublicRoutes(self.exchange).register(self._routes)
        self._private.register(self._routes)
        SmartOrders(self.exchange).register(self._routes)

    # Life

    async def start(self, host: str = "127.0.0.1", port: int = 0, rules: list[Rule] | None = None) -> int:
        """Listens and lets the market move; returns the port."""
        self._loop = asyncio.get_running_loop()
        if _is_loopback(host):
            ControlRoutes(self).register(self._routes)
        self.faults.load(rules or [])
        self._server = await self._loop.create_server(lambda: Connection(self), host, port)
        if not self.config.quiet_market:
            self.model.start()
        sockets = getattr(self._server, "sockets", None)
        return int(sockets[0].getsockname()[1]) if sockets else port

    async def stop(self) -> None:
        """Ends every connection and every timer."""
        self.model.stop()
        self.burst.stop()
        self.streams.stop()
        self._private.stop()
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()
        for timer in list(self._timers):
            timer.cancel()
        # An aborted transport says goodbye on a later turn of the loop.
        for _ in range(_GOODBYE_TURNS):
            if not self.connections:
                break
            await asyncio.sleep(0)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def later(self, seconds: float, work: Callable[[], None]) -> Timer:
        """Runs `work` after a delay; everything still waiting is dropped at the stop."""
        return _Once(self._loop or asyncio.get_running_loop(), seconds, work, self._timers)

    # Connections

    def joined(self, connection: Connection) -> None:
        self.connections[connection] = None

    def left(self, connection: Connection) -> None:
        socket = self.connections.pop(connection, None)
        self.last_left = self._clock.monotonic()
        if socket is not None:
            socket.gone()
            self.streams.forget(socket)
            self.faults.forget(socket)
            self.session.forget(socket)

    def open_socket(self, connection: Connection) -> Side:
        socket = Socket(connection, self.later, self._clock.monotonic, self.config.idle_drop, self.config.write_limit)
        socket.on_open = lambda _: not self.hard_maintenance
        socket.on_text = self.session.hear
        self.connections[connection] = socket
        return socket.feed

    def writable(self, connection: Connection, yes: bool) -> None:
        socket = self.connections.get(connection)
        if socket is not None:
            socket.writable = yes

    def reset_connections(self, kind: str = "all", besides: Request | None = None) -> int:
        """Ends connections at once, without a word; the asker's own stays."""

        def cut(connection: Connection) -> None:
            if connection.transport is not None:
                connection.transport.abort()

        return self._each(kind, besides, cut)

    def half_open(self, kind: str = "all", besides: Request | None = None) -> int:
        """Leaves connections open but dead: nothing is sent or read any more."""

        def deafen(connection: Connection) -> None:
            connection.half_open = True

        return self._each(kind, besides, deafen)

    def _each(self, kind: str, besides: Request | None, work: Callable[[Connection], None]) -> int:
        count = 0
        for connection, socket in list(self.connections.items()):
            mine = "http" if socket is None else "private" if socket.private else "public"
            if kind in ("all", mine) and (besides is None or connection is not besides.connection):
                count += 1
                work(connection)
        return count

    # Requests

    def answer(self, request: Request, connection: Connection) -> Reply:
        """The reply to one request, with whatever the fault plan does to it."""
        self.requests += 1
        request.connection = connection
        control = request.path.startswith("/_simulator/")
        if self.hard_maintenance and not control:
            return _refused(Refusal(503, "Service unavailable", status=503))
        rule = None if control else self.faults.for_request(request.method, request.path)
        if rule is None:
            return self._work(request)
        if rule.kind == "throttle":
            return _refused(Refusal(429, "Too many requests", status=429, retry_after=rule.retry_after))
        reply = self._work(request) if rule.effect == "after" or rule.kind == "slow" else Reply(500, b"")
        if rule.kind == "slow":
            reply.delay = self.faults.seconds(rule)
        elif rule.kind == "lost":
            reply.lost = True
        else:
            reply = _refused(Refusal(500, "Internal system error", status=rule.status, retry_after=rule.retry_after))
        return reply

    def _work(self, request: Request) -> Reply:
        try:
            route, request.parts = self._routes.find(request.method, request.path)
            if route.private:
                request.account = authenticate(
                    self.exchange.ledger.accounts,
                    request.headers,
                    request.method,
                    request.raw_path,
                    request.query,
                    request.body,
                    self.exchange.time.wall_ms(),
                )
            if route.limit:
                who = request.account.key if request.account is not None else request.peer
                allowed = getattr(self.config.limits, route.limit)
                self.limits.spend(who, route.limit, allowed, self._clock.monotonic())
            return Reply(200, encode(route.handler(request)))
        except Refusal as refusal:
            return _refused(refusal)

    def state(self) -> dict[str, object]:
        """What a test or a person wants to know about the simulator."""
        exchange = self.exchange
        return {
            "symbols": list(exchange.markets),
            "seed": self.config.seed,
            "speed": exchange.time.speed,
            "wall_ms": exchange.time.wall_ms(),
            "market_ms": exchange.time.now_ms(),
            "maintenance": exchange.maintenance,
            "connections": len(self.connections),
            "sockets": sum(socket is not None for socket in self.connections.values()),
            "requests": self.requests,
            "throttled": self.limits.refused,
            "frames": self.streams.frames,
            "faulted": dict(self.faults.counts),
            "rules": msgspec.to_builtins(self.faults.rules),
            "burst": {"left": self.burst.left, "done": self.burst.done},
            "imbalance": {name: str(amount) for name, amount in exchange.ledger.imbalance().items()},
            "accounts": {
                account.key: {
                    "open": len(account.open),
                    "orders": len(account.orders),
                    "fills": len(account.fills),
                    "balances": {name: [str(b.available), str(b.hold)] for name, b in account.balances.items()},
                }
                for account in exchange.ledger.accounts.values()
            },
        }


class _Once:
    """A timer that knows it is done, so that the stop can drop what is left."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, work: Callable[[], None], waiting: set[_Once]
    ) -> None:
        self._work = work
        self._waiting = waiting
        self._handle = loop.call_later(seconds, self._run)
        waiting.add(self)

    def _run(self) -> None:
        self._waiting.discard(self)
        self._work()

    def cancel(self) -> None:
        self._waiting.discard(self)
        self._handle.cancel()


def _refused(refusal: Refusal) -> Reply:
    headers = [("retry-after", str(refusal.retry_after))] if refusal.retry_after is not None else []
    return Reply(refusal.status, encode(refusal.body()), headers)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
