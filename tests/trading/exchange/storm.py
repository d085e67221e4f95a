"""Ten minutes of trading through every kind of trouble, then two of healing, then the judgement.

Every draw comes from the seed. What is checked: one intent is at most one order, sent at most once; no order is
believed absent that is there, or there that is absent; every trade is booked once and the money agrees to the last
digit; nothing stays unknown; and whenever the stream calls itself live, what happened before the connection is booked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from polotui.model.orders import FINAL, OrderState, OrderTerms
from polotui.simulator.config import Config
from polotui.simulator.faults import Rule
from polotui.simulator.serve import Simulator
from tests.rig import World, rig
from tests.trading.exchange.bench import Bench, connect
from tests.trading.exchange.ledger_desk import LedgerDesk

MINUTES = 10
HEAL_S = 150.0
QUIET_S = 120.0
S = OrderState
_CANCELLABLE = (S.ACCEPTED, S.PARTIAL, S.UNKNOWN)
#: Rates of an ordinary seed; a seed draws 0, 1 or 2 times each.
REQUESTS = (
    Rule(kind="lost", method="POST", path="/orders", effect="before", rate=0.04),
    Rule(kind="lost", method="POST", path="/orders", effect="after", rate=0.06),
    Rule(kind="error", method="POST", path="/orders", effect="before", rate=0.02, status=502),
    Rule(kind="error", method="POST", path="/orders", effect="after", rate=0.04, status=500),
    Rule(kind="slow", method="POST", path="/orders", rate=0.02, seconds=(2.0, 14.0)),
    Rule(kind="lost", method="DELETE", path="/orders", effect="before", rate=0.05),
    Rule(kind="lost", method="DELETE", path="/orders", effect="after", rate=0.05),
    Rule(kind="error", method="GET", path="/orders", rate=0.05),
    Rule(kind="error", method="GET", path="/trades", rate=0.1),
    Rule(kind="lost", method="GET", path="/", rate=0.02),
    Rule(kind="throttle", path="/orders", rate=0.01, retry_after=2),
)
FRAMES = (
    Rule(kind="drop", channel="orders", rate=0.05),
    Rule(kind="duplicate", channel="orders", rate=0.05),
    Rule(kind="reorder", channel="orders", rate=0.05),
    Rule(kind="delay", channel="orders", rate=0.05, seconds=(0.2, 8.0)),
    Rule(kind="corrupt", channel="orders", rate=0.02),
)


def storm(
    seed: int,
    defect: AbstractContextManager[Any] | None = None,
    minutes: int = MINUTES,
    *,
    ledger: Path | None = None,
) -> list[str]:
    """What was found wrong, in words; empty when nothing was. With a folder the real gateway keeps its ledger there."""

    async def main(world: World) -> list[str]:
        return await Storm(world, seed, ledger).run(minutes)

    with defect or nullcontext():
        try:
            return rig(main, f"storm-{seed}")
        except Exception as error:  # noqa: BLE001 - a run that breaks is a finding like the others
            return [f"broke: {type(error).__name__}: {error}"]


class Storm:
    def __init__(self, world: World, seed: int, ledger: Path | None) -> None:
        self.ledger = ledger
        self.world = world
        self.seed = seed
        self.rng = world.chance.child("storm").generator()
        self.wrong: list[str] = []
        self.posted: Counter[str] = Counter()
        self.restarts = 0
        self.down = False
        self.sending: set[asyncio.Task[Any]] = set()
        self.bench: Bench

    async def run(self, minutes: int) -> list[str]:
        self.minutes = minutes
        world = self.world
        config = Config(seed=self.seed, activity=4.0, cancel_delay=(0.01, 1.0))
        simulator = Simulator(config, world.clock, world.chance.child("exchange"), 3)
        port = await simulator.start("127.0.0.1")
        desk: Any = None
        if self.ledger is not None:
            desk = LedgerDesk(world.clock, world.chance.child("ledger"), self.ledger)
            await desk.open()
        self.bench = connect(simulator, port, world.clock, world.chance.child("first"), desk=desk)
        if desk is not None:
            await desk.books.open_books("spot", self.bench.their_balances())
        else:
            self.bench.desk.opening = self.bench.their_balances()
        await self._up()
        faults = asyncio.create_task(self._faults(minutes), name="faults")
        traders = [asyncio.create_task(self._trade(market), name="trader") for market in simulator.exchange.markets]
        await asyncio.sleep(minutes * 60)
        for task in traders:
            task.cancel()
        for ended in await asyncio.gather(faults, *traders, return_exceptions=True):
            if isinstance(ended, Exception):
                self.wrong.append(f"broke: {type(ended).__name__}: {ended}")
        self._heal()
        await asyncio.sleep(HEAL_S)
        self._judge_open()
        for standing in self.bench.desk.not_final("spot"):
            await self.bench.cancel(standing.terms)
        await asyncio.sleep(90)
        self._count_posts()
        self.wrong += await self.bench.desk.refresh()
        try:
            self._judge()
        finally:
            await self.bench.stop()
            if self.ledger is not None:
                await self.bench.desk.close()
            await asyncio.sleep(20)
        return self.wrong

    # -- trading --------------------------------------------------------------------------------------------------

    async def _trade(self, symbol: str) -> None:
        while True:
            await asyncio.sleep(self.rng.uniform(0.5, 6.0))
            if self.down:
                continue
            desk, book = self.bench.desk, self.bench.simulator.exchange.market(symbol).book
            mine = [s.terms for s in desk.not_final("spot") if s.terms.symbol == symbol and s.state in _CANCELLABLE]
            if mine and self.rng.random() < 0.35:
                await self._until_done(self.bench.cancel(self.rng.choice(mine)))
                continue
            await self._until_done(self.bench.submit(self._wish(symbol, book)))

    def _wish(self, symbol: str, book: Any) -> OrderTerms:
        desk, spec = self.bench.desk, self.bench.simulator.exchange.markets[symbol].spec
        side = self.rng.choice(("BUY", "SELL"))
        best = book.best(0 if side == "BUY" else 1)
        quantity = max(0.001, round(30 / (best * 10**-spec.price_scale), 3))
        if self.rng.random() < 0.4:
            if side == "BUY":
                return desk.new(side, symbol, amount=f"{self.rng.uniform(5, 60):.2f}")
            return desk.new(side, symbol, quantity=f"{quantity}")
        away = self.rng.randint(-2, 8) * (1 if side == "SELL" else -1)
        price = f"{(best + away) * 10**-spec.price_scale:.{spec.price_scale}f}"
        return desk.new(side, symbol, price=price, quantity=f"{quantity}")

    async def _until_done(self, work: Coroutine[Any, Any, Any]) -> None:
        """A crash ends it wherever it is."""
        self.sending.add(task := asyncio.create_task(work, name="trade"))
        await asyncio.wait((task,))
        self.sending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    # -- trouble --------------------------------------------------------------------------------------------------

    async def _faults(self, minutes: int) -> None:
        chosen = []
        for rule in (*REQUESTS, *FRAMES):
            factor = self.rng.choice((0, 1, 2))
            if factor:
                chosen.append(Rule(**{**_members(rule), "rate": rule.rate * factor}))
        self.bench.simulator.faults.load(chosen)
        happenings = (self._reset, self._half_open, self._maintenance, self._crash, self._step, self._late_order)
        # The last minutes belong to the connection that then stands: what it loses nobody fetches by accident.
        until = self.world.loop.now + minutes * 60 - QUIET_S
        while (now := self.world.loop.now) < until:
            await asyncio.sleep(min(self.rng.uniform(10, 60), until - now))
            await self.rng.choice(happenings)()

    async def _reset(self) -> None:
        self.bench.simulator.reset_connections(self.rng.choice(("all", "private", "http")))

    async def _half_open(self) -> None:
        self.bench.simulator.half_open("private")

    async def _maintenance(self) -> None:
        self.bench.simulator.hard_maintenance = True
        await asyncio.sleep(self.rng.uniform(1, 40))
        self.bench.simulator.hard_maintenance = False

    async def _late_order(self) -> None:
        """An order's bytes are seconds under way, and its sender is gone and back before they arrive."""
        network, http, usual = self.world.network, self.bench.http, self.world.network.latency
        connect, send = network.connect, http.send
        under_way = asyncio.Event()

        async def slow_connect(factory: Any, port: int) -> Any:
            made = await connect(factory, port)
            network.latency = (1.5, 4.5)
            self.world.loop.call_later(0.02, setattr, network, "latency", usual)
            under_way.set()
            return made

        async def hooked(method: str, target: str, headers: Any, body: str, deadline_s: float) -> Any:
            if method == "POST" and not under_way.is_set():
                network.connect = slow_connect  # type: ignore[method-assign]
            return await send(method, target, headers, body, deadline_s)

        http.send = hooked  # type: ignore[method-assign]
        try:
            async with asyncio.timeout(60):
                await under_way.wait()
            await asyncio.sleep(0.03)
        except TimeoutError:
            return
        finally:
            network.connect = connect  # type: ignore[method-assign]
            http.send = send  # type: ignore[method-assign]
        await self._crash(pause_s=0.0)

    async def _step(self) -> None:
        self.world.clock.step(self.rng.choice((-8_000, 8_000, 120_000)))

    async def _crash(self, pause_s: float | None = None) -> None:
        """The client is gone between two moments; the desk's books stay."""
        self._count_posts()
        self.down = True
        old = self.bench
        for task in (*old.tasks, *self.sending):
            task.cancel()
        await asyncio.gather(*old.tasks, *self.sending, return_exceptions=True)
        await old.venue.rest.close()
        await old.desk.restart()
        await asyncio.sleep(self.rng.uniform(0, 20) if pause_s is None else pause_s)
        self.restarts += 1
        chance = self.world.chance.child(f"restart-{self.restarts}")
        self.bench = connect(old.simulator, old.port, old.clock, chance, desk=old.desk)
        await self._up(wait=False)
        self.down = False

    async def _up(self, *, wait: bool = True) -> None:
        bench = self.bench
        if self.ledger is not None:
            bench.desk.gateway.serve(bench.venue)
        bench.account.watch(self._look)
        self._was_live = self._was_open = False
        self._before = 0
        if wait:
            await bench.start()
        else:
            bench.tasks = [
                asyncio.create_task(bench.account.run(), name="account"),
                asyncio.create_task(bench.resolver.run(), name="resolver"),
            ]

    def _look(self) -> None:
        """At the moment it becomes live, the trades of before the connection are booked."""
        account, fills = self.bench.account, self.bench.user.fills
        if account.state.phase == "open" and not self._was_open:
            self._before = len(fills)
        self._was_open = account.state.phase == "open"
        became, self._was_live = account.live and not self._was_live, account.live
        if became:
            names = [f"{f.order.spec.symbol}:{f.trade_id}:{f.order.id}" for f in fills[: self._before]]
            missing = [name for name in names if name not in self.bench.desk.fills]
            self._expect(not missing, f"live with {len(missing)} trades of before not booked")

    def _heal(self) -> None:
        self.bench.simulator.faults.load([])
        self.bench.simulator.hard_maintenance = False

    # -- judgement ------------------------------------------------------------------------------------------------

    def _count_posts(self) -> None:
        for method, target, body in self.bench.http.sent:
            if method == "POST" and target == "/orders":
                self.posted[body.split('"clientOrderId":"')[1].split('"')[0]] += 1
        self.bench.http.sent.clear()

    def _judge_open(self) -> None:
        """Before anything mends the evidence: what is believed to rest does rest."""
        before = self.world.clock.wall_ms() - 10_000
        theirs = {order.terms.client_id: order for order in self.bench.user.orders.values()}
        for standing in self.bench.desk.not_final("spot"):
            order = theirs.get(standing.terms.id)
            if order is None or (not order.is_open and order.updated_ms < before):
                self.wrong.append(f"{standing.state}, but the exchange has nothing open")

    def _judge(self) -> None:
        bench, desk = self.bench, self.bench.desk
        theirs = {order.terms.client_id: order for order in bench.user.orders.values()}
        self._expect(len(theirs) == len(bench.user.orders), "two orders of one intent")
        self._expect(set(theirs) <= set(desk.terms), "an order without an intent")
        self._expect(not any(count > 1 for count in self.posted.values()), "an order was sent twice")
        for order_id in desk.terms:
            state, order = desk.state(order_id), theirs.get(order_id)
            if state not in FINAL:
                self.wrong.append(f"still {state} after healing")
            elif order is None and state not in (S.REJECTED, S.CANCELLED):
                self.wrong.append(f"{state}, but the exchange never had it")
            elif order is not None and state is S.REJECTED:
                self.wrong.append(f"{state}, but the exchange has it")
            elif order is not None and (order.state == "FILLED") != (state is S.FILLED):
                self.wrong.append(f"{state}, but at the exchange {order.state}")
        self._expect(len(desk.fills) == len(bench.user.fills), "trades are missing or booked twice")
        self._expect(bench.money_agrees(), "the money does not agree")
        self._expect(not desk.risen, "an order was believed absent that came to be")
        self._expect(not desk.stops, f"stopped: {desk.stops[:1]}")
        self._expect(not desk.foreign, "an own order was called foreign")
        self._expect(bench.account.live, "not live after healing")
        busy = len(desk.terms) > 6 * self.minutes and len(desk.fills) > 2 * self.minutes
        self._expect(busy, f"too quiet: {len(desk.terms)} orders, {len(desk.fills)} trades")
        self._expect(bench.user.open == {}, "orders rest after everything was cancelled")

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)


def _members(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__struct_fields__}
