"""The order book's rules, and any sequence of updates against the server's own book."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.market.book import MOST_DUPLICATES, Applied, OrderBook

BIDS = [(100.0, 1.0), (99.5, 2.0)]
ASKS = [(101.0, 1.5), (101.5, 2.5)]


@pytest.fixture
def book() -> OrderBook:
    book = OrderBook("BTC_USDT")
    assert book.snapshot(10, 1, BIDS, ASKS) is Applied.APPLIED
    return book


def test_an_update_before_the_snapshot_is_dropped() -> None:
    book = OrderBook("BTC_USDT")
    assert book.update(1, 2, 1, BIDS, ASKS) is Applied.EARLY
    assert not book.ready
    assert book.view().bids == []


def test_a_snapshot_replaces_everything_at_any_time(book: OrderBook) -> None:
    assert book.snapshot(3, 2, [(50.0, 1.0)], []) is Applied.APPLIED
    assert (book.id, book.view().bids, book.view().asks) == (3, [(50.0, 1.0)], [])


def test_the_id_may_jump_as_long_as_the_last_one_fits(book: OrderBook) -> None:
    assert book.update(10, 25, 2, [(100.0, 3.0), (99.0, 1.0)], [(101.0, 0.0)]) is Applied.APPLIED
    view = book.view()
    assert view.bids == [(100.0, 3.0), (99.5, 2.0), (99.0, 1.0)]
    assert view.asks == [(101.5, 2.5)]
    assert (view.id, view.ts_ms) == (25, 2)
    assert (book.best_bid(), book.best_ask()) == ((100.0, 3.0), (101.5, 2.5))


def test_a_gap_makes_the_book_unusable_until_the_next_snapshot(book: OrderBook) -> None:
    assert book.update(11, 12, 2, [(100.0, 9.0)], []) is Applied.GAP
    assert not book.ready
    assert book.update(10, 13, 3, [(100.0, 9.0)], []) is Applied.EARLY
    assert dict(book.view().bids)[100.0] == 1.0
    assert book.snapshot(20, 4, BIDS, ASKS) is Applied.APPLIED
    assert book.ready


def test_lower_ids_are_repeats_and_change_nothing(book: OrderBook) -> None:
    assert book.update(9, 10, 1, [(100.0, 9.0)], []) is Applied.DUPLICATE
    assert book.update(3, 4, 1, [(100.0, 9.0)], []) is Applied.DUPLICATE
    assert book.view().bids == BIDS
    assert book.ready


def test_a_sequence_that_started_again_is_not_taken_for_an_endless_echo(book: OrderBook) -> None:
    answers = [book.update(number, number + 1, 5, [(100.0, 2.0)], []) for number in range(9)]
    assert set(answers) == {Applied.DUPLICATE}
    answers = [book.update(1, 2, 5, [(100.0, 2.0)], []) for _ in range(MOST_DUPLICATES)]
    assert answers[-1] is Applied.EARLY
    assert Applied.GAP in answers
    assert not book.ready


@pytest.mark.parametrize("bids", [[(101.0, 1.0)], [(102.0, 1.0)]])
def test_a_book_that_crosses_is_a_gap(book: OrderBook, bids: list[tuple[float, float]]) -> None:
    assert book.update(10, 11, 2, bids, []) is Applied.GAP
    assert not book.ready
    assert OrderBook("X_Y").snapshot(1, 1, bids, ASKS) is Applied.GAP


def test_removing_what_is_not_there_is_tolerated_and_counted(book: OrderBook) -> None:
    assert book.update(10, 11, 2, [(42.0, 0.0)], [(4200.0, 0.0)]) is Applied.APPLIED
    assert book.unknown_levels == 2
    assert book.view().bids == BIDS


def test_one_side_may_be_empty(book: OrderBook) -> None:
    assert book.update(10, 11, 2, [(100.0, 0.0), (99.5, 0.0)], []) is Applied.APPLIED
    assert book.best_bid() is None
    assert book.view().bids == []


def test_a_view_is_a_copy_of_the_asked_depth(book: OrderBook) -> None:
    view = book.view(1)
    book.update(10, 11, 2, [(100.0, 7.0)], [])
    assert view.bids == [(100.0, 1.0)]


changes = st.lists(
    st.tuples(
        st.booleans(),
        st.lists(
            st.tuples(st.integers(1, 30), st.floats(0, 10).map(lambda quantity: round(quantity, 2))),
            min_size=1,
            max_size=4,
        ),
        st.integers(1, 15),
        st.sampled_from(["send", "send", "send", "twice", "lose", "old"]),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(changes)
def test_any_sequence_with_losses_and_repeats_rebuilds_the_servers_book(
    steps: list[tuple[bool, list[tuple[int, float]], int, str]],
) -> None:
    bids: dict[float, float] = {90.0: 1.0}
    asks: dict[float, float] = {110.0: 1.0}
    server_id = 1
    book = OrderBook("BTC_USDT")
    book.snapshot(server_id, 0, list(bids.items()), list(asks.items()))
    sent: list[tuple[int, int, list[tuple[float, float]], list[tuple[float, float]]]] = []
    for is_bid, levels, jump, fate in steps:
        prices = [(100.0 - step if is_bid else 100.0 + step, quantity) for step, quantity in levels]
        side = bids if is_bid else asks
        for price, quantity in prices:
            if quantity:
                side[price] = quantity
            else:
                side.pop(price, None)
        last_id, server_id = server_id, server_id + jump
        message = (last_id, server_id, prices if is_bid else [], [] if is_bid else prices)
        sent.append(message)
        if fate != "lose":
            _deliver(book, message, server_id, bids, asks)
        if fate == "twice":
            _deliver(book, message, server_id, bids, asks)
        if fate == "old":
            _deliver(book, sent[0], server_id, bids, asks)
        if fate != "lose":
            assert book.ready
            view = book.view(100)
            assert dict(view.bids) == bids
            assert dict(view.asks) == asks
            assert view.bids == sorted(view.bids, reverse=True)
            assert view.asks == sorted(view.asks)


def _deliver(
    book: OrderBook,
    message: tuple[int, int, list[tuple[float, float]], list[tuple[float, float]]],
    server_id: int,
    bids: dict[float, float],
    asks: dict[float, float],
) -> None:
    """Delivers one message; a gap is answered with a snapshot, as the feed does."""
    last_id, new_id, bid_changes, ask_changes = message
    if book.update(last_id, new_id, new_id, bid_changes, ask_changes) in (Applied.GAP, Applied.EARLY):
        book.snapshot(server_id, server_id, list(bids.items()), list(asks.items()))


def test_what_stands_at_a_price_is_known_only_within_the_visible_levels() -> None:
    book = OrderBook("BTC_USDT")
    book.snapshot(1, 1, [(99.0, 1.0), (98.0, 2.0)], [(100.0, 3.0), (102.0, 4.0)])
    assert [book.size_at(price, bids=True) for price in (99.5, 99.0, 98.5, 98.0, 97.0)] == [0.0, 1.0, 0.0, 2.0, None]
    assert [book.size_at(price, bids=False) for price in (99.5, 100.0, 101.0, 102.0, 103.0)] == [
        0.0,
        3.0,
        0.0,
        4.0,
        None,
    ]
