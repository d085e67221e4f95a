"""The queue against a market that knows it all: who stands ahead of us, who behind, and what each taker brought."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.trading.paper.grid import Grid
from polotui.trading.paper.queue import QueuePlace
from tests.trading.paper.world import BTC

PER_UNIT = 10_000
OURS = 7


class AllKnowing:
    """One price level. Those ahead of us are hit before us, those behind after us; what exceeds all goes beyond."""

    def __init__(self, ahead: list[int]) -> None:
        self.ahead = list(ahead)
        self.behind: list[int] = []
        self.filled = 0

    @property
    def shown(self) -> int:
        return sum(self.ahead) + sum(self.behind)

    def leave(self, index: int, lots: int) -> None:
        whose = self.ahead if index < len(self.ahead) else self.behind
        place = index if index < len(self.ahead) else index - len(self.ahead)
        if place < len(whose):
            whose[place] = max(0, whose[place] - lots)

    def hit(self, lots: int) -> tuple[int, int]:
        """What is printed at the price and beyond it, in the market without us."""
        at_price = min(lots, self.shown)
        self.filled += min(OURS - self.filled, max(0, lots - sum(self.ahead)))
        left = at_price
        for whose in (self.ahead, self.behind):
            for place, there in enumerate(whose):
                met = min(there, left)
                whose[place] -= met
                left -= met
        return at_price, lots - at_price


LOTS = st.integers(1, 12)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("hit"), LOTS, st.just(0)),
        st.tuples(st.just("join"), LOTS, st.just(0)),
        st.tuples(st.just("leave"), LOTS, st.integers(0, 6)),
    ),
    max_size=25,
)


def play(ahead: list[int], events: list[tuple[str, int, int]], turns: list[bool]) -> tuple[int, int]:
    """What the queue gave us and what the truth was. Books and prints each keep their order, and overtake each other as
    `turns` says."""
    truth = AllKnowing(ahead)
    books: deque[tuple[int, int]] = deque([(truth.shown, 0)])
    prints: deque[tuple[int, int, int]] = deque()
    for ts, (what, lots, index) in enumerate(events, 1):
        if what == "hit":
            prints.append((*truth.hit(lots), ts))
        elif what == "join":
            truth.behind.append(lots)
        else:
            truth.leave(index, lots)
        books.append((truth.shown, ts))

    place, given_to_us = QueuePlace(Grid(BTC)), 0
    turn = iter([True, *turns])
    while books or prints:
        if books and (not prints or next(turn, True)):
            shown, ts = books.popleft()
            place.see(shown / PER_UNIT, ts)
            continue
        at_price, beyond, ts = prints.popleft()
        reaches = place.at_price(at_price, ts) if at_price else 0
        reaches += place.beyond_price(beyond) if beyond else 0
        given_to_us += min(reaches, OURS - given_to_us)
    return given_to_us, truth.filled


@settings(max_examples=400, deadline=None)
@given(st.lists(LOTS, max_size=4), EVENTS, st.lists(st.booleans(), max_size=60))
def test_never_more_than_a_real_order_in_that_place_would_have_got(
    ahead: list[int], events: list[tuple[str, int, int]], turns: list[bool]
) -> None:
    got, would_have_got = play(ahead, events, turns)
    assert got <= would_have_got


@settings(max_examples=400, deadline=None)
@given(st.lists(LOTS, max_size=4), EVENTS, st.lists(st.booleans(), max_size=60))
def test_exactly_as_much_while_nobody_leaves(
    ahead: list[int], events: list[tuple[str, int, int]], turns: list[bool]
) -> None:
    got, would_have_got = play(ahead, [event for event in events if event[0] != "leave"], turns)
    assert got == would_have_got


def test_an_unknown_queue_gives_nothing_at_its_price_and_all_beyond_it() -> None:
    place = QueuePlace(Grid(BTC))
    assert place.at_price(100, 1) == 0
    place.see(None, 2)
    assert place.at_price(100, 3) == 0
    assert place.beyond_price(5) == 5
    assert place.at_price(4, 5) == 4
