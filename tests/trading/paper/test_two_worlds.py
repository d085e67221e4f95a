"""Two markets by the simulator's own matching: the real one without us, which the paper venue sees, and one with our
order in it, which says what it would have got. Takers, limits, cancels; prints and books in either order.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.model.orders import OrderState, OrderType, Side
from polotui.simulator.matching import BUY, SELL, Book, Resting
from tests.trading.paper.world import Desk

PER_UNIT = 10_000
OUR_ID = 1
OUR_LOTS = 9

LOTS = st.integers(1, 15)
PRICES = st.integers(95, 109)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("limit"), st.sampled_from([BUY, SELL]), PRICES, LOTS),
        st.tuples(st.just("take"), st.sampled_from([BUY, SELL]), st.just(0), LOTS),
        st.tuples(st.just("cancel"), st.just(0), st.integers(0, 30), st.just(0)),
    ),
    max_size=30,
)


class Market:
    """One world. Returns what was printed."""

    def __init__(self) -> None:
        self.book = Book()

    def limit(self, id: int, side: int, price: int, lots: int) -> list[tuple[int, int]]:
        match = self.book.match(side, lots, price)
        if match.left:
            self.book.add(Resting(id, side, price, match.left))
        return [(fill.price, fill.quantity) for fill in match.fills]

    def take(self, side: int, lots: int) -> list[tuple[int, int]]:
        return [(fill.price, fill.quantity) for fill in self.book.match(side, lots, None).fills]

    def levels(self, side: int) -> list[tuple[float, float]]:
        return [(float(price), lots / PER_UNIT) for price, lots in self.book.top(side, 50)]


class TwoWorlds:
    def __init__(self, start: list[tuple[int, int]], price: int, print_first: list[bool]) -> None:
        self.real, self.with_us = Market(), Market()
        self.desk = Desk(USDT="100000")
        self.print_first = iter(print_first)
        self.now_ms = 10
        self.next_id = OUR_ID + 1
        self.price = price
        for at, lots in [*start, (95, 10**6), (110, 10**6)]:
            side = BUY if at <= 102 else SELL
            self._both(lambda market, id, side=side, at=at, lots=lots: market.limit(id, side, at, lots))
        self._show()

    def _both(self, act: object) -> list[tuple[int, int]]:
        id, self.next_id = self.next_id, self.next_id + 1
        act(self.with_us, id)  # type: ignore[operator]
        return act(self.real, id)  # type: ignore[operator,no-any-return]

    def _show(self) -> None:
        self.desk.show(self.real.levels(BUY), self.real.levels(SELL), self.now_ms)

    async def join(self) -> None:
        price = Decimal(self.price)
        terms = self.desk.terms(Side.BUY, OrderType.LIMIT, quantity=Decimal(OUR_LOTS * 100) / PER_UNIT, price=price)
        self.lots = OUR_LOTS * 100
        placed = await self.desk.venue.place(terms, None)
        assert placed.state is OrderState.ACCEPTED, placed
        self.with_us.limit(OUR_ID, BUY, self.price, self.lots)

    def act(self, what: str, side: int, number: int, lots: int) -> None:
        self.now_ms += 10
        lots *= 100
        printed: list[tuple[int, int]] = []
        if what == "limit":
            printed = self._both(lambda market, id: market.limit(id, side, number, lots))
        elif what == "take":
            printed = self._both(lambda market, id: market.take(side, lots))
        elif number != OUR_ID:
            for market in (self.real, self.with_us):
                market.book.remove(number)
        first = next(self.print_first, False)
        if not first:
            self._show()
        for price, quantity in printed:
            self.desk.trade(float(price), quantity / PER_UNIT, buy=side == BUY, ts_ms=self.now_ms)
        if first:
            self._show()

    @property
    def got(self) -> int:
        fills = self.desk.waiting("pt-1")
        return int(sum(fill.quantity for fill in fills) * PER_UNIT)

    @property
    def would_have_got(self) -> int:
        left = self.with_us.book.orders.get(OUR_ID)
        return self.lots - (left.left if left is not None else 0)


START = st.lists(st.tuples(st.integers(96, 109), LOTS.map(lambda lots: lots * 100)), max_size=8)


def play(
    start: list[tuple[int, int]], price: int, acts: list[tuple[str, int, int, int]], print_first: list[bool]
) -> TwoWorlds:
    async def main() -> TwoWorlds:
        worlds = TwoWorlds(start, price, print_first)
        await worlds.join()
        for act in acts:
            worlds.act(*act)
            assert worlds.got <= worlds.would_have_got, act
            asks = worlds.real.book.best(SELL)
            if asks is not None and asks <= price:
                # It sold to us in the one world and rests in the other; whoever takes it there rests here, before us.
                break
        return worlds

    return asyncio.run(main())


@settings(max_examples=300, deadline=None)
@given(START, st.integers(96, 102), ACTS, st.lists(st.booleans(), max_size=30))
def test_never_more_than_in_the_market_that_has_our_order(
    start: list[tuple[int, int]], price: int, acts: list[tuple[str, int, int, int]], print_first: list[bool]
) -> None:
    play(start, price, acts, print_first)


@settings(max_examples=300, deadline=None)
@given(START, st.integers(96, 102), ACTS, st.lists(st.booleans(), max_size=30))
def test_exactly_as_much_while_nobody_cancels_and_nobody_rests_across_us(
    start: list[tuple[int, int]], price: int, acts: list[tuple[str, int, int, int]], print_first: list[bool]
) -> None:
    calm = [
        act
        for act in acts
        if act[0] == "take" or (act[0] == "limit" and (act[2] <= 102 if act[1] == BUY else act[2] > 102))
    ]
    worlds = play(start, price, calm, print_first)
    assert worlds.got == worlds.would_have_got
