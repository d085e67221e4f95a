"""A desk that records, in front of the real venue, the real client and the real simulator.

The desk keeps its books by folding what it is told, as the ledger does, and refuses nothing. It works on a real loop
over real sockets and under the rig.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from polotui.core.clock import Clock, SystemClock
from polotui.core.errors import PolotuiError
from polotui.core.ids import Chance
from polotui.model.account import Order
from polotui.model.orders import FINAL, LEGAL, Execution, OrderState, OrderTerms, OrderType, Placement, Purpose, Side
from polotui.model.symbols import Market, base_and_quote
from polotui.poloniex.signing import SecretSigner
from polotui.poloniex.transport import HttpReply, HttpxTransport
from polotui.simulator.config import Config
from polotui.simulator.serve import Simulator
from polotui.trading.exchange.evidence import Standing
from polotui.trading.exchange.private import AccountStream
from polotui.trading.exchange.resolve import Resolver
from polotui.trading.exchange.token import Gate
from polotui.trading.exchange.venue import ExchangeVenue, open_rest

BTC = "BTC_USDT"
KEY, SECRET = "demo-key", "demo-secret"


class Desk:
    """The listener, and the folds."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self.terms: dict[str, OrderTerms] = {}
        self.states: dict[str, list[OrderState]] = {}
        self.since: dict[str, int] = {}
        self.venue_ids: dict[str, str] = {}
        self.fills: dict[str, Execution] = {}
        self.told_fills = 0
        self.foreign: list[Order] = []
        self.risen: list[str] = []
        self.stops: list[tuple[str, str]] = []
        self.opening: dict[str, Decimal] | None = None
        self.news = asyncio.Event()
        self.halted = False

    # VenueListener

    async def on_state(
        self, order_id: str, state: OrderState, *, venue_id: str = "", code: str = "", words: str = "", at_ms: int = 0
    ) -> None:
        if venue_id:
            self.venue_ids[order_id] = venue_id
        if state in LEGAL[self.state(order_id)]:
            if self.state(order_id) is OrderState.REJECTED:
                self.risen.append(order_id)
            self.states[order_id].append(state)
            self.since[order_id] = self._clock.wall_ms()
        self.news.set()

    async def on_fill(self, execution: Execution) -> None:
        assert execution.order_id in self.terms
        self.told_fills += 1
        known = self.fills.setdefault(execution.id, execution)
        assert known == execution, f"one trade told in two ways: {known} {execution}"
        self.news.set()

    async def on_foreign(self, order: Order) -> None:
        self.foreign.append(order)
        self.news.set()

    def stop(self, code: str, text: str) -> None:
        self.stops.append((code, text))

    # OwnOrders

    async def standing(self, order_id: str) -> Standing | None:
        return self.where(order_id)

    def where(self, order_id: str) -> Standing | None:
        if order_id not in self.terms:
            return None
        return Standing(
            terms=self.terms[order_id],
            state=self.state(order_id),
            since_ms=self.since[order_id],
            filled=self.filled(order_id),
            venue_id=self.venue_ids.get(order_id, ""),
        )

    def not_final(self, root: str) -> Sequence[Standing]:
        found = [self.where(order_id) for order_id in self.terms if self.state(order_id) not in FINAL]
        return [standing for standing in found if standing is not None and standing.terms.account.startswith(root)]

    # Books

    async def expected_balances(self, root: str) -> dict[str, Decimal]:
        return self.expected()

    def expected(self) -> dict[str, Decimal]:
        """Opening deposits and every fill, folded."""
        sums: defaultdict[str, Decimal] = defaultdict(Decimal, self.opening or {})
        for fill in self.fills.values():
            base, quote = base_and_quote(fill.symbol)
            sums[base] += fill.quantity * fill.side.sign
            sums[quote] -= fill.amount * fill.side.sign
            sums[fill.fee_currency] -= fill.fee
        return dict(sums)

    async def has_books(self, root: str) -> bool:
        return self.opening is not None

    async def open_books(self, root: str, balances: dict[str, Decimal]) -> None:
        assert self.opening is None
        self.opening = dict(balances)

    # What the gateway does

    async def submit(self, bench: Bench, terms: OrderTerms) -> Placement:
        """A token, the venue, the state."""
        placed = await bench.venue.place(terms, bench.gate.issue(terms))
        await self.on_state(terms.id, placed.state, venue_id=placed.venue_id, code=placed.code, words=placed.words)
        return placed

    async def cancel(self, bench: Bench, terms: OrderTerms) -> Placement:
        await self.on_state(terms.id, OrderState.CANCELLING)
        return await bench.venue.cancel(terms)

    async def restart(self) -> None:
        """A crash of the client; what was durable is all there is here."""

    async def refresh(self) -> list[str]:
        """Everything is at hand."""
        return []

    # Convenience

    def state(self, order_id: str) -> OrderState:
        return self.states[order_id][-1]

    def filled(self, order_id: str) -> Decimal:
        return sum((fill.quantity for fill in self.fills.values() if fill.order_id == order_id), Decimal(0))

    def new(self, side: str, symbol: str = BTC, **given: Any) -> OrderTerms:
        """Terms with an id of ours; a limit order when a price is given, else a market order."""
        numbers = {name: Decimal(given.pop(name)) for name in ("price", "quantity", "amount") if name in given}
        kind = OrderType.LIMIT if "price" in numbers else OrderType.MARKET
        terms = OrderTerms(
            id=f"pt-{self._chance.token(16)}",
            account="spot",
            symbol=symbol,
            side=Side(side),
            type=given.pop("type", kind),
            purpose=Purpose.MANUAL,
            created_ms=self._clock.wall_ms(),
            **numbers,
            **given,
        )
        self.terms[terms.id] = terms
        self.states[terms.id] = [OrderState.DRAFT, OrderState.SUBMITTING]
        self.since[terms.id] = self._clock.wall_ms()
        return terms


class CountingTransport(HttpxTransport):
    """The real transport, with a list of what it carried."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url)
        self.sent: list[tuple[str, str, str]] = []

    async def send(self, method: str, target: str, headers: dict[str, str], body: str, deadline_s: float) -> HttpReply:
        self.sent.append((method, target, body))
        return await super().send(method, target, headers, body, deadline_s)

    def count(self, method: str, path: str) -> int:
        return sum(1 for entry in self.sent if entry[0] == method and entry[1].split("?")[0] == path)


@dataclass
class Bench:
    simulator: Simulator
    port: int
    clock: Clock
    chance: Chance
    desk: Any
    gate: Gate
    venue: ExchangeVenue
    resolver: Resolver
    account: AccountStream
    http: CountingTransport
    host: str
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def user(self) -> Any:
        return self.simulator.exchange.ledger.accounts[KEY]

    async def submit(self, terms: OrderTerms) -> Any:
        return await self.desk.submit(self, terms)

    async def cancel(self, terms: OrderTerms) -> Any:
        return await self.desk.cancel(self, terms)

    async def until(self, done: Callable[[], bool], seconds: float = 20.0) -> None:
        """Waits for news until `done`."""
        async with asyncio.timeout(seconds):
            while not done():
                self.desk.news.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self.desk.news.wait()
                except TimeoutError:
                    continue

    async def start(self) -> None:
        self.tasks = [
            asyncio.create_task(self.account.run(), name="account"),
            asyncio.create_task(self.resolver.run(), name="resolver"),
        ]
        await self.until(lambda: self.account.live or any(task.done() for task in self.tasks))
        self.check()

    def check(self) -> None:
        for task in self.tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                raise AssertionError(f"{task.get_name()} fell") from task.exception()

    async def stop(self) -> None:
        self.check()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.venue.rest.close()
        await self.simulator.stop()

    def their_balances(self) -> dict[str, Decimal]:
        return {name: balance.total for name, balance in self.user.balances.items() if balance.total}

    def money_agrees(self) -> bool:
        ours = {name: amount for name, amount in self.desk.expected().items() if amount}
        return ours == self.their_balances() and self.simulator.exchange.ledger.imbalance() == {}


async def build(
    clock: Clock | None = None,
    chance: Chance | None = None,
    *,
    host: str = "127.0.0.1",
    symbols: int = 3,
    **config: Any,
) -> Bench:
    """Everything, not yet running. The simulated market stands still unless told otherwise."""
    clock, chance = clock or SystemClock(), chance or Chance("bench")
    config.setdefault("quiet_market", True)
    simulator = Simulator(Config(seed=5, **config), clock, chance.child("exchange"), symbols)
    port = await simulator.start("127.0.0.1")
    return connect(simulator, port, clock, chance, host=host)


def connect(
    simulator: Simulator, port: int, clock: Clock, chance: Chance, *, host: str = "127.0.0.1", desk: Any = None
) -> Bench:
    """A client of a simulator that runs already; with a desk from before, it is a restart."""
    desk = desk or Desk(clock, chance.child("desk"))
    http = CountingTransport(f"http://{host}:{port}")
    signer = SecretSigner(KEY, SECRET.encode())
    rest = open_rest(f"http://{host}:{port}", signer, clock=clock, chance=chance, http=http)
    gate: Gate = getattr(desk, "gate", None) or Gate(clock, chance)
    orders, listener = getattr(desk, "orders", desk), getattr(desk, "gateway", desk)
    markets = {spec.symbol: _market(spec) for spec in (m.spec for m in simulator.exchange.markets.values())}
    venue = ExchangeVenue(
        rest, gate=gate, orders=orders, listener=listener, market_of=markets.get, stop=desk.stop,
        halted=lambda: listener.halted,
    )  # fmt: skip
    resolver = Resolver(venue, orders, listener, clock=clock, chance=chance)
    account = AccountStream(
        venue, resolver, orders, signer, clock=clock, chance=chance, url=f"ws://{host}:{port}/ws/private"
    )
    return Bench(simulator, port, clock, chance, desk, gate, venue, resolver, account, http, host)


def _market(spec: Any) -> Market:
    return Market(
        symbol=spec.symbol,
        base=spec.base,
        quote=spec.quote,
        price_scale=spec.price_scale,
        quantity_scale=spec.quantity_scale,
        amount_scale=spec.amount_scale,
        min_quantity=Decimal(spec.min_quantity),
        min_amount=Decimal(spec.min_amount),
    )


@asynccontextmanager
async def running(**config: Any) -> AsyncIterator[Bench]:
    """A bench over real sockets, live."""
    bench = await build(**config)
    bench.desk.opening = bench.their_balances()
    try:
        await bench.start()
        yield bench
    finally:
        await bench.stop()


__all__ = ["BTC", "Bench", "Desk", "PolotuiError", "build", "connect", "running"]
