"""Random desks under virtual time: money is conserved, and nobody gets what the market did not show."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.model.money import ZERO
from polotui.model.orders import Execution, OrderState, OrderTerms, OrderType, Side
from polotui.trading.paper.models import PaperSettings
from tests.rig.world import World, rig
from tests.trading.paper.world import D, Desk

ACCOUNTS = ("paper", "paper/bot-1")
FEE = D("0.002")


class RandomDesk:
    """A market that wanders, and traders who ask for anything."""

    def __init__(self, world: World, seed: int) -> None:
        self.rng = Random(seed)
        self.desk = Desk(
            clock=world.clock,
            chance=world.chance.child("paper"),
            settings=PaperSettings(latency_ms=20, jitter_ms=200),
            USDT="500",
            BTC="3",
        )
        self.desk.books.give("paper/bot-1", "USDT", "100")
        self.world = world
        self.mid = 10_000
        self.orders: dict[str, OrderTerms] = {}
        self.placed: dict[str, OrderState] = {}
        self.tasks: list[asyncio.Task[Any]] = []

    def market_moves(self) -> None:
        rng, now_ms = self.rng, self.world.clock.wall_ms()
        self.mid = max(50, self.mid + rng.randint(-6, 6))
        spread = rng.randint(1, 5)
        bids = [((self.mid - spread - step) / 100, rng.randint(0, 9000) / 10_000) for step in range(rng.randint(0, 4))]
        asks = [((self.mid + spread + step) / 100, rng.randint(0, 9000) / 10_000) for step in range(rng.randint(0, 4))]
        if rng.random() < 0.1:
            self.desk.markets.stale ^= {"BTC_USDT"}
        self.desk.show(bids, asks, now_ms)

    def market_trades(self) -> None:
        price = (self.mid + self.rng.randint(-8, 8)) / 100
        quantity = self.rng.randint(1, 20_000) / 10_000
        self.desk.trade(price, quantity, buy=self.rng.random() < 0.5, ts_ms=self.world.clock.wall_ms())

    def order(self) -> None:
        rng = self.rng
        type, side = rng.choice(list(OrderType)), rng.choice(list(Side))
        price = Decimal(self.mid + rng.randint(-10, 10)) / 100
        changes: dict[str, Any] = {
            "account": rng.choice(ACCOUNTS),
            "quantity": Decimal(rng.randint(1, 20_000)) / 10_000,
        }
        if type is OrderType.MARKET and side is Side.BUY:
            changes = changes | {"amount": Decimal(rng.randint(1, 30_000)) / 100, "quantity": None}
        if type in (OrderType.LIMIT, OrderType.LIMIT_MAKER):
            changes["price"] = price
        if type in (OrderType.STOP, OrderType.OCO):
            changes["stop"] = price - side.sign * -1 * Decimal(rng.randint(0, 10)) / 100
        if type is OrderType.OCO:
            changes["target"] = price - side.sign * Decimal(rng.randint(1, 10)) / 100
        if type in (OrderType.LIMIT, OrderType.MARKET):
            changes["time_in_force"] = rng.choice(["GTC", "GTC", "IOC", "FOK"])
        if rng.random() < 0.2:
            changes["expire_ms"] = self.world.clock.wall_ms() + rng.randint(1, 5000)
        terms = self.desk.terms(side, type, **changes)
        self.orders[terms.id] = terms
        self.tasks.append(asyncio.create_task(self._place(terms)))

    async def _place(self, terms: OrderTerms) -> None:
        self.placed[terms.id] = (await self.desk.venue.place(terms, None)).state

    def cancel(self) -> None:
        if self.orders:
            terms = self.rng.choice(list(self.orders.values()))
            self.tasks.append(asyncio.create_task(self._cancel(terms)))

    async def _cancel(self, terms: OrderTerms) -> None:
        await self.desk.venue.cancel(terms)

    def check_money(self) -> None:
        for account in ACCOUNTS:
            for currency in ("BTC", "USDT"):
                assert self.desk.venue.available(account, currency) >= 0, (account, currency)
                assert self.desk.books.booked(account, currency) >= 0, (account, currency)

    async def run(self, steps: int) -> list[Execution]:
        telling = asyncio.create_task(self.desk.venue.run())
        self.market_moves()
        for _ in range(steps):
            self.rng.choice(
                [self.market_moves, self.market_moves, self.market_trades, self.order, self.order, self.cancel]
            )()
            if self.rng.random() < 0.05:
                self.desk.books.fail_next = self.rng.randint(1, 4)
            await asyncio.sleep(self.rng.random() * 0.2)
            self.check_money()
        await asyncio.gather(*self.tasks)
        await self.desk.venue.cancel_all()
        self.desk.books.fail_next = 0
        await self.desk.venue.settled()
        self.check_money()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        return [what for _, what in self.desk.books.told if isinstance(what, Execution)]


def check_fills(run: RandomDesk, fills: list[Execution]) -> None:
    """Each fill by itself, and each order's fills together."""
    filled: dict[str, Decimal] = {}
    spent: dict[str, Decimal] = {}
    for fill in fills:
        terms = run.orders[fill.order_id]
        assert run.placed[terms.id] is OrderState.ACCEPTED
        assert (fill.side, fill.symbol) == (terms.side, terms.symbol)
        assert fill.price % D("0.01") == 0
        assert fill.quantity % D("0.0001") == 0
        assert fill.quantity > 0
        limit = terms.price if terms.type is not OrderType.OCO else None
        if limit is not None:
            assert (limit - fill.price) * terms.side.sign >= 0
        if fill.maker:
            assert fill.price == (terms.target or terms.price)
        received = fill.quantity if fill.side is Side.BUY else fill.price * fill.quantity
        assert fill.fee == received * FEE
        assert fill.fee_currency == ("BTC" if fill.side is Side.BUY else "USDT")
        filled[terms.id] = filled.get(terms.id, ZERO) + fill.quantity
        spent[terms.id] = spent.get(terms.id, ZERO) + fill.amount
    for order_id, terms in run.orders.items():
        if terms.quantity is not None:
            assert filled.get(order_id, ZERO) <= terms.quantity
        if terms.amount is not None:
            assert spent.get(order_id, ZERO) <= terms.amount


def check_states(run: RandomDesk) -> None:
    """Each accepted order ended exactly once, and its end is the last that was told."""
    final = {OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED}
    for order_id, state in run.placed.items():
        told = [what for id, what in run.desk.books.told if id == order_id]
        if state is OrderState.REJECTED:
            assert told == []
            continue
        assert told[-1] in final
        assert sum(what in final for what in told) == 1
        if run.orders[order_id].quantity is not None:
            whole = sum(what.quantity for what in told if isinstance(what, Execution)) == run.orders[order_id].quantity
            assert (told[-1] is OrderState.FILLED) == whole


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_money_is_conserved_and_fills_keep_their_terms(seed: int) -> None:
    async def main(world: World) -> tuple[RandomDesk, list[Execution]]:
        run = RandomDesk(world, seed)
        return run, await run.run(120)

    run, fills = rig(main, seed)
    check_fills(run, fills)
    check_states(run)
    assert not run.desk.venue.holds("paper")
    assert not run.desk.venue.holds("paper/bot-1")
    # An independent fold: what both accounts lost to fees and to the market is what the fills say.
    coins = sum((fill.quantity * fill.side.sign for fill in fills), ZERO)
    cash = sum((fill.amount * fill.side.sign for fill in fills), ZERO)
    fees = {name: sum((fill.fee for fill in fills if fill.fee_currency == name), ZERO) for name in ("BTC", "USDT")}
    assert run.desk.books.total() == {"BTC": 3 + coins - fees["BTC"], "USDT": 600 - cash - fees["USDT"]}


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_fills(seed: int) -> None:
    async def main(world: World) -> list[Execution]:
        return await RandomDesk(world, seed).run(200)

    first, second = rig(main, seed), rig(main, seed)
    assert first
    assert first == second


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_takers_stay_inside_the_book_and_never_take_a_level_twice(data: st.DataObject) -> None:
    """A book that stands still: all takers together get what it holds, at its prices, best first."""

    async def main(world: World) -> None:
        sizes = st.integers(0, 5000)
        bids = [((9_900 - step) / 100, data.draw(sizes) / 10_000) for step in range(4)]
        asks = [((10_000 + step) / 100, data.draw(sizes) / 10_000) for step in range(4)]
        desk = Desk(USDT="1000000", BTC="100", settings=PaperSettings(latency_ms=0, jitter_ms=0))
        desk.markets.show(bids, asks)
        for _ in range(data.draw(st.integers(1, 6))):
            side = data.draw(st.sampled_from(list(Side)))
            limited = data.draw(st.booleans())
            if limited:
                price = Decimal(data.draw(st.integers(9_890, 10_010))) / 100
                terms = desk.terms(side, OrderType.LIMIT, quantity=D("0.7"), price=price)
            else:
                size = {"amount": D("70")} if side is Side.BUY else {"quantity": D("0.7")}
                terms = desk.terms(side, **size)
            await desk.venue.place(terms, None)
            desk.show(bids, asks)
        task = asyncio.create_task(desk.venue.run())
        await desk.venue.settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        got: dict[tuple[Side, Decimal], Decimal] = {}
        for fill in desk.books.fills.values():
            assert not fill.maker
            got[(fill.side, fill.price)] = got.get((fill.side, fill.price), ZERO) + fill.quantity
        shown = {(Side.BUY, D(str(p))): D(str(q)) for p, q in asks} | {
            (Side.SELL, D(str(p))): D(str(q)) for p, q in bids
        }
        for level, quantity in got.items():
            assert quantity <= shown[level]
        # Best first: a level is touched only when the better ones are used up to less than a lot that is worth it.
        for side, levels in ((Side.BUY, asks), (Side.SELL, bids)):
            touched = [D(str(p)) for p, _ in levels if (side, D(str(p))) in got]
            for price, _ in levels:
                if touched and (touched[-1] - D(str(price))) * side.sign > 0:
                    assert got.get((side, D(str(price))), ZERO) == shown[(side, D(str(price)))]

    rig(main)
