"""Price first, then time: the book against a naive one, and self-trade prevention."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.simulator.matching import BUY, SELL, Book, Resting

_orders = st.tuples(
    st.sampled_from(["add", "take", "budget", "cancel"]),
    st.sampled_from([BUY, SELL]),
    st.integers(1, 12),
    st.integers(1, 9),
)


class Naive:
    """A list, sorted anew for every question."""

    def __init__(self) -> None:
        self.orders: list[list[int]] = []

    def opposite(self, side: int, limit: int) -> list[list[int]]:
        reached = [o for o in self.orders if o[1] == 1 - side and (o[2] <= limit if side == BUY else o[2] >= limit)]
        return sorted(reached, key=lambda o: (o[2] if side == BUY else -o[2], o[0]))

    def take(self, side: int, limit: int, wanted: int, budget: bool) -> list[tuple[int, int, int]]:
        fills = []
        for order in self.opposite(side, limit):
            taken = min(wanted // order[2] if budget else wanted, order[3])
            if taken == 0:
                break
            wanted -= taken * order[2] if budget else taken
            order[3] -= taken
            fills.append((order[0], order[2], taken))
            if order[3]:
                break  # money that does not pay for the rest of the best order passes no worse one
        self.orders = [o for o in self.orders if o[3]]
        return fills


@settings(max_examples=150, deadline=None)
@given(st.lists(_orders, max_size=60))
def test_fills_come_by_price_then_time_and_levels_sum_up(steps: list[tuple[str, int, int, int]]) -> None:
    book, naive = Book(), Naive()
    for number, (verb, side, price, quantity) in enumerate(steps):
        if verb == "cancel":
            victim = naive.orders[price % len(naive.orders)][0] if naive.orders else -1
            assert (book.remove(victim) is None) == (victim == -1)
            naive.orders = [o for o in naive.orders if o[0] != victim]
        elif verb == "add":
            book.add(Resting(number, side, price, quantity))
            naive.orders.append([number, side, price, quantity])
        else:
            wanted = quantity * (price if verb == "budget" else 1)
            match = book.match(side, wanted, price, budget=verb == "budget")
            assert [(f.maker.id, f.price, f.quantity) for f in match.fills] == naive.take(
                side, price, wanted, verb == "budget"
            )
            spent = sum(f.quantity * (f.price if verb == "budget" else 1) for f in match.fills)
            assert match.left == wanted - spent
        for at in (BUY, SELL):
            totals: dict[int, int] = {}
            for o in naive.orders:
                if o[1] == at:
                    totals[o[2]] = totals.get(o[2], 0) + o[3]
            assert book.top(at, 99) == sorted(totals.items(), reverse=at == BUY)


def test_a_taker_stops_at_its_own_order_and_keeps_what_it_got() -> None:
    book, me = Book(), object()
    book.add(Resting(1, SELL, 10, 5))
    book.add(Resting(2, SELL, 11, 5, owner=me))
    book.add(Resting(3, SELL, 12, 5))
    match = book.match(BUY, 15, None, owner=me)
    assert [fill.maker.id for fill in match.fills] == [1]
    assert match.self_met
    assert match.left == 10
    assert not book.match(BUY, 10, None).self_met


def test_resizing_an_order_keeps_its_turn() -> None:
    book = Book()
    first, second = Resting(1, SELL, 10, 5), Resting(2, SELL, 10, 5)
    book.add(first)
    book.add(second)
    book.resize(first, 2)
    assert book.top(SELL, 1) == [(10, 7)]
    assert [fill.maker.id for fill in book.match(BUY, 3, 10).fills] == [1, 2]
