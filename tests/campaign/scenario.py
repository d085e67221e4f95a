"""One run: the exchange, the client, a face, the faults; an hour; then healing, settling, and the judgement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from polotui.api.events import TradesBatch
from polotui.core.errors import ExchangeError
from polotui.engine.hub import Hub, Subscriber
from polotui.market.feed import MarketFeed
from polotui.market.state import FeedState
from polotui.model.candles import Candle
from polotui.model.market import Ticker, Trade
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import SecretSigner
from polotui.poloniex.streams import StreamState
from polotui.poloniex.transport import HttpReply, HttpxTransport
from polotui.simulator.config import Config
from polotui.simulator.serve import Simulator
from tests.campaign.faults import Faults, Plan
from tests.rig import World, rig
from tests.rig.clock import RigClock

SETTLE_SECONDS = 120.0
#: Chosen so that three symbols give about ten stream messages a second.
ACTIVITY = 0.55


@dataclass
class Sent:
    """A request as it left, and what came back."""

    at: float
    target: str
    status: int = 0
    retry_after: float | None = None
    answered: float = 0.0


class RecordingTransport(HttpxTransport):
    """The real transport, with a list of what it carried."""

    def __init__(self, base_url: str, world: World) -> None:
        super().__init__(base_url)
        self._world = world
        self.sent: list[Sent] = []

    async def send(self, method: str, target: str, headers: dict[str, str], body: str, deadline_s: float) -> HttpReply:
        entry = Sent(self._world.loop.now, target)
        self.sent.append(entry)
        reply = await super().send(method, target, headers, body, deadline_s)
        entry.status, entry.answered = reply.status, self._world.loop.now
        text = {name.lower(): value for name, value in reply.headers.items()}.get("retry-after")
        entry.retry_after = float(text) if text else None
        return reply


@dataclass
class Seen:
    """Everything the judgement needs."""

    plan: Plan = field(default_factory=Plan)
    states: list[tuple[float, StreamState]] = field(default_factory=list)
    trades: dict[str, list[Trade]] = field(default_factory=dict)
    face_trades: dict[str, list[int]] = field(default_factory=dict)
    face_missed: int = 0
    resyncs: list[tuple[float, float]] = field(default_factory=list)
    stale_shown: list[str] = field(default_factory=list)
    silent_shown: list[str] = field(default_factory=list)
    refused: list[tuple[float, str]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    attempts: list[float] = field(default_factory=list)
    books: dict[str, str] = field(default_factory=dict)
    exchange_trades: dict[str, list[Any]] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)
    fresh: dict[str, bool] = field(default_factory=dict)
    ring: int = 0
    close_seconds: float = 0.0
    messages: int = 0
    error: str = ""
    trace: str = ""
    virtual_seconds: float = 0.0
    cpu_seconds: float = 0.0
    counters: Any = None


class Listener:
    """The desk's part: everything into the hub, trades also into the record."""

    def __init__(self, seen: Seen, hub: Hub, world: World) -> None:
        self._seen, self._hub, self._world = seen, hub, world

    def on_ticker(self, ticker: Ticker) -> None:
        self._hub.touch("watch", ticker.symbol)

    def on_trades(self, symbol: str, trades: list[Trade]) -> None:
        self._seen.trades.setdefault(symbol, []).extend(trades)
        self._hub.add(f"trades:{symbol}", trades)
        self._world.note(symbol, trades[-1].id)

    def on_book(self, symbol: str) -> None:
        self._hub.touch(f"book:{symbol}")

    def on_candle(self, symbol: str, candle: Candle) -> None:
        self._world.note(symbol, candle.open_ms, candle.close)

    def on_feed_state(self, state: FeedState) -> None:
        self._world.note(state.phase)


def run(seed: int, *, hours: float = 1.0, defect: Callable[[World], Any] | None = None, faults: bool = True) -> Seen:
    """One run. `defect` is a context manager that plants a fault in the product before it starts."""
    started = time.process_time()

    async def main(world: World) -> Seen:
        return await _scenario(world, hours, faults)

    try:
        if defect is None:
            seen = rig(main, seed)
        else:
            with defect():  # type: ignore[call-arg]
                seen = rig(main, seed)
    except Exception as error:  # noqa: BLE001 - a run that breaks is a finding, named like the others
        seen = Seen(error=f"{type(error).__name__}: {error}")
    seen.cpu_seconds = time.process_time() - started
    return seen


async def _scenario(world: World, hours: float, with_faults: bool) -> Seen:
    seen = Seen()
    exchange = Simulator(Config(activity=ACTIVITY, seed=str(world.seed)), world.clock, world.chance.child("ex"), 3)
    port = await exchange.start("exchange")
    symbols = list(exchange.exchange.markets)
    plan_rng = world.chance.child("skew").generator()
    clock = RigClock(world.loop, skew_ms=plan_rng.randint(-300_000, 300_000), drift_ppm=plan_rng.uniform(-500, 500))
    world.client_clock = clock  # type: ignore[attr-defined]
    transport = RecordingTransport(f"http://exchange:{port}", world)
    rest = SpotRest(
        clock=clock,
        chance=world.chance.child("rest"),
        base_url=f"http://exchange:{port}",
        signer=SecretSigner("demo-key", b"demo-secret"),
        http=transport,
    )
    hub = Hub(clock, lambda *fact: None)
    feed = MarketFeed(
        rest,
        Listener(seen, hub, world),
        clock=clock,
        chance=world.chance.child("feed"),
        url=f"ws://exchange:{port}/ws/public",
        symbols=symbols,
    )
    _observe(feed, seen, world)
    faults = Faults(world, exchange, symbols)
    seen.plan = faults.plan
    tasks = [
        asyncio.create_task(feed.run(), name="feed"),
        asyncio.create_task(_ask_for_balances(rest, seen, world), name="balances"),
        asyncio.create_task(_ask_for_prices(rest), name="prices"),
        asyncio.create_task(_watch_books(feed, exchange, seen, world, symbols), name="watch"),
        asyncio.create_task(_face(hub, symbols, seen, world), name="face"),
    ]
    if with_faults:
        faults.begin()
        tasks.append(asyncio.create_task(faults.run(), name="faults"))
    await asyncio.sleep(hours * 3600)
    if with_faults:
        tasks.pop().cancel()
    faults.heal()
    await asyncio.sleep(SETTLE_SECONDS)
    _record_the_end(feed, exchange, hub, seen, symbols, world.clock.wall_ms())
    begun = world.loop.now
    # A service that ended by itself is a fault, also where the engine's supervisor would start it again.
    fallen = [f"{task.get_name()}: {task.exception()!r}" for task in tasks if task.done() and not task.cancelled()]
    seen.error = "; ".join(fallen)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=60)
    seen.close_seconds = world.loop.now - begun
    await rest.close()
    await exchange.stop()
    await asyncio.sleep(5)
    seen.sent, seen.trace, seen.virtual_seconds = transport.sent, world.trace, world.loop.now
    return seen


def _observe(feed: MarketFeed, seen: Seen, world: World) -> None:
    """Listens beside the feed, without changing what it does."""
    told, resynced = feed.on_stream_state, feed._tally.resynced

    def on_stream_state(name: str, state: StreamState) -> None:
        seen.states.append((world.loop.now, state))
        if state.phase == "connecting":
            seen.attempts.append(world.loop.now)
        told(name, state)

    def on_resync(seconds: float) -> None:
        seen.resyncs.append((world.loop.now, seconds))
        resynced(seconds)

    feed.on_stream_state = on_stream_state  # type: ignore[method-assign]
    feed._tally.resynced = on_resync  # type: ignore[method-assign]


async def _ask_for_balances(rest: SpotRest, seen: Seen, world: World) -> None:
    """A signed read a minute: the clock offset must hold."""
    while True:
        try:
            await rest.balances()
        except ExchangeError as error:
            seen.refused.append((world.loop.now, type(error).__name__))
        await asyncio.sleep(60)


async def _ask_for_prices(rest: SpotRest) -> None:
    """Several requests of one class in a row, so that a refusal of one is a word to the others."""

    async def ask(after: float) -> None:
        await asyncio.sleep(after)
        with suppress(ExchangeError):
            await rest.ticker("BTC_USDT")

    while True:
        await asyncio.gather(*(ask(0.4 * number) for number in range(5)))
        await asyncio.sleep(60)


async def _watch_books(feed: MarketFeed, exchange: Simulator, seen: Seen, world: World, symbols: list[str]) -> None:
    """Twice a second: no book that is called fresh may differ from the exchange's, or be far behind it."""
    history: dict[str, list[tuple[float, int]]] = {symbol: [] for symbol in symbols}
    while True:
        await asyncio.sleep(0.5)
        now = world.loop.now
        for symbol in symbols:
            window = exchange.exchange.book_lv2(symbol)
            past = history[symbol]
            if window is not None and (not past or past[-1][1] != window.id):
                past.append((now, window.id))
                del past[:-400]
            book = feed.book(symbol)
            if book is None or not feed.fresh(symbol):
                continue
            view = book.view(20)
            theirs = exchange.exchange.book_lv2(symbol, view.id)
            if theirs is not None and not _equal(view, theirs):
                seen.stale_shown.append(f"{now:.1f} s: {symbol} differs from the exchange's at id {view.id}")
            # A missed message shows at the next one; a silent channel after its bound of 30 s at the latest.
            old = [at for at, number in past if number > view.id]
            if old and now - old[0] > 31.0:
                seen.silent_shown.append(f"{now:.1f} s: {symbol} shown as live {now - old[0]:.0f} s behind")


async def _face(hub: Hub, symbols: list[str], seen: Seen, world: World) -> None:
    """A face that reads four times a second and sometimes not for half a minute."""
    rng = world.chance.child("face").generator()
    face = Subscriber(hub)
    hub.subscribe(face, [f"trades:{symbol}" for symbol in symbols], rate=4, facts_after=0)
    try:
        while True:
            await asyncio.sleep(rng.choice((0.25, 0.25, 0.25, 0.25, 30.0)))
            for event in face.collect():
                if isinstance(event, TradesBatch):
                    seen.face_missed += event.missed
                    seen.face_trades.setdefault(event.symbol, []).extend(trade.id for trade in event.trades)
    finally:
        hub.unsubscribe(face)


def _record_the_end(
    feed: MarketFeed, exchange: Simulator, hub: Hub, seen: Seen, symbols: list[str], now_ms: int
) -> None:
    for symbol in symbols:
        book = feed.book(symbol)
        view = book.view(20) if book is not None else None
        theirs = exchange.exchange.book_lv2(symbol, view.id) if view is not None else None
        newest = exchange.exchange.book_lv2(symbol)
        if view is None or theirs is None or newest is None:
            seen.books[symbol] = "no common id"
        elif not _equal(view, theirs):
            seen.books[symbol] = f"differs at id {view.id}"
        # What happened within the last second may still be on its way.
        before = now_ms - 1_000
        seen.exchange_trades[symbol] = [t for t in exchange.exchange.trades(symbol) if t.created_ms <= before]
        seen.fresh[symbol] = feed.fresh(symbol)
    seen.phases = feed.state().symbols
    seen.counters = feed.state().counters
    seen.messages = feed.stream.counters.messages
    seen.ring = max((len(ring.items) for ring in hub.rings.values()), default=0)


def _equal(view: Any, window: Any) -> bool:
    ours = [*view.bids, *view.asks]
    theirs = [(float(price), float(quantity)) for price, quantity in [*window.bids, *window.asks]]
    return ours == theirs
