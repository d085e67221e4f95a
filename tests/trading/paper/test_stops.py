from __future__ import annotations

import asyncio

import pytest

from polotui.core.clock import FrozenClock
from polotui.model.orders import OrderState, OrderType, Side
from polotui.trading.paper import models
from polotui.trading.paper.models import OpenOrder
from tests.trading.paper.world import D, Desk

S = OrderState


async def test_a_stop_is_reached_by_a_print_and_sells_at_the_market(desk: Desk) -> None:
    terms = desk.terms(Side.SELL, OrderType.STOP, quantity="1.5", stop="98.50")
    await desk.venue.place(terms, None)
    desk.trade(98.6, 1.0, buy=False)
    assert len(await desk.venue.open_orders()) == 1
    desk.trade(98.5, 0.01, buy=True)
    await desk.venue.settled()
    assert [(fill.price, fill.maker, fill.late_ms) for fill in desk.books.of(terms.id)] == [
        (D(99), False, 0),
        (D(98), False, 0),
    ]
    assert desk.books.states(terms.id) == [S.FILLED]


async def test_a_stop_is_reached_by_the_best_price_too(desk: Desk) -> None:
    sell = desk.terms(Side.SELL, OrderType.STOP, quantity="1", stop="98.50")
    buy = desk.terms(Side.BUY, OrderType.STOP, quantity="1", stop="102")
    for terms in (sell, buy):
        await desk.venue.place(terms, None)
    desk.show([(98.4, 3.0)], [(100.0, 1.0)])
    desk.show([(99.4, 3.0)], [(102.0, 4.0)])
    await desk.venue.settled()
    assert [fill.price for fill in desk.books.of(sell.id)] == [D("98.4")]
    assert [fill.price for fill in desk.books.of(buy.id)] == [D(102)]


async def test_a_stop_beyond_the_market_acts_when_it_arrives(desk: Desk) -> None:
    terms = desk.terms(Side.SELL, OrderType.STOP, quantity="1", stop="99.10")
    await desk.venue.place(terms, None)
    await desk.venue.settled()
    assert desk.books.states(terms.id) == [S.FILLED]


async def test_a_stop_reached_on_a_stale_book_waits_and_is_marked_late(desk: Desk) -> None:
    terms = desk.terms(Side.SELL, OrderType.STOP, quantity="1", stop="98.50")
    await desk.venue.place(terms, None)
    desk.markets.stale.add("BTC_USDT")
    desk.trade(98.0, 1.0, buy=False, ts_ms=77)
    assert not desk.waiting(terms.id)
    desk.markets.stale.clear()
    desk.show([(105.0, 3.0)], [(106.0, 1.0)])
    await desk.venue.settled()
    (fill,) = desk.books.of(terms.id)
    assert (fill.price, fill.late_ms, fill.at_ms) == (D(105), 77, desk.clock.wall_ms())


async def test_a_stop_whose_coins_are_bound_ends_cancelled_as_at_the_exchange(desk: Desk) -> None:
    stop = desk.terms(Side.SELL, OrderType.STOP, quantity="10", stop="98.50")
    await desk.venue.place(stop, None)
    target = desk.terms(Side.SELL, OrderType.LIMIT, quantity="1", price="110")
    await desk.venue.place(target, None)
    desk.trade(98.0, 1.0, buy=False)
    await desk.venue.settled()
    assert (desk.books.of(stop.id), desk.books.states(stop.id)) == ([], [S.CANCELLED])
    assert (await desk.venue.lookup(stop)).code == models.FUNDS


async def test_a_stop_that_buys_never_spends_what_is_not_there() -> None:
    desk = Desk(USDT="110")
    desk.markets.show([(99.0, 9.0)], [(100.0, 9.0)])
    stop = desk.terms(Side.BUY, OrderType.STOP, quantity="1", stop="105")
    await desk.venue.place(stop, None)
    desk.show([(99.0, 9.0)], [(111.0, 9.0)])
    assert not desk.waiting(stop.id)
    assert (await desk.venue.lookup(stop)).code == models.FUNDS


async def test_stop_and_target_end_each_other_and_bind_once(desk: Desk) -> None:
    both = [desk.terms(Side.SELL, OrderType.OCO, quantity="5", stop="95", target="105") for _ in range(2)]
    for terms in both:
        await desk.venue.place(terms, None)
    assert desk.venue.holds("paper") == {"BTC": D(10)}
    desk.trade(105.5, 7.0, buy=True, ts_ms=2)
    desk.show([(94.0, 50.0)], [(100.0, 1.0)], ts_ms=3)
    await desk.venue.settled()
    assert [(fill.price, fill.quantity) for fill in desk.books.of(both[0].id)] == [(D(105), D(5))]
    assert [(fill.price, fill.quantity) for fill in desk.books.of(both[1].id)] == [(D(105), D(2)), (D(94), D(3))]
    assert desk.books.states(both[1].id) == [S.PARTIAL, S.FILLED]
    assert not desk.venue.holds("paper")


# After a restart


async def told(desk: Desk) -> None:
    task = asyncio.create_task(desk.venue.run())
    await desk.venue.settled()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_restored_limit_has_the_whole_level_ahead_and_what_was_left() -> None:
    desk = Desk()
    terms = desk.terms(Side.BUY, OrderType.LIMIT, quantity="2", price="99")
    assert desk.venue.restore([OpenOrder(terms=terms, left=D("0.5"), venue_id="pv-old")]) == {}
    assert desk.venue.holds("paper") == {"USDT": D("49.5")}
    desk.trade(98.0, 50.0, buy=False, ts_ms=3)  # Nobody knows yet what stands ahead, nor since when.
    desk.show([(99.0, 1.0)], [(100.0, 1.0)], ts_ms=10)
    desk.trade(99.0, 1.2, buy=False, ts_ms=11)
    await told(desk)
    assert [fill.quantity for fill in desk.books.of(terms.id)] == [D("0.2")]
    assert (await desk.venue.lookup(terms)).venue_id == "pv-old"


@pytest.mark.parametrize("known_ms", [0, 123_456])
async def test_a_stop_crossed_while_down_is_carried_out_at_the_first_price_and_marked_late(known_ms: int) -> None:
    desk = Desk()
    terms = desk.terms(Side.SELL, OrderType.STOP, quantity="1", stop="98")
    desk.venue.restore([OpenOrder(terms=terms, left=D(1), crossed_ms=known_ms)])
    assert isinstance(desk.clock, FrozenClock)
    desk.clock.advance(5)
    # With a known crossing the price may have come back meanwhile; it is sold all the same.
    bid = 99.0 if known_ms else 97.0
    desk.show([(bid, 3.0)], [(100.0, 1.0)], ts_ms=10)
    await told(desk)
    (fill,) = desk.books.of(terms.id)
    assert (float(fill.price), fill.at_ms) == (bid, desk.clock.wall_ms())
    assert fill.late_ms == (known_ms or desk.clock.wall_ms())


async def test_a_stop_that_was_not_crossed_goes_on_watching() -> None:
    desk = Desk()
    terms = desk.terms(Side.SELL, OrderType.STOP, quantity="1", stop="98")
    desk.venue.restore([OpenOrder(terms=terms, left=D(1))])
    desk.show([(99.0, 3.0)], [(100.0, 1.0)], ts_ms=10)
    assert not desk.waiting(terms.id)
    desk.trade(98.0, 1.0, buy=False, ts_ms=12)
    await told(desk)
    assert [fill.late_ms for fill in desk.books.of(terms.id)] == [0]


async def test_what_could_not_have_stayed_open_ends() -> None:
    desk = Desk()
    market = desk.terms(Side.SELL, quantity="1")
    done = desk.terms(Side.SELL, OrderType.LIMIT, quantity="1", price="110")
    gone = desk.terms(Side.SELL, OrderType.LIMIT, quantity="1", price="110", symbol="NO_USDT")
    left_out = desk.venue.restore(
        [OpenOrder(terms=market, left=D(1)), OpenOrder(terms=done, left=D(0)), OpenOrder(terms=gone, left=D(1))]
    )
    await told(desk)
    assert desk.books.states(market.id) == [S.CANCELLED]
    assert desk.books.states(done.id) == [S.FILLED]
    assert list(left_out) == [gone.id]


async def test_orders_of_a_market_that_is_not_known_yet_wait_and_rest_when_it_is() -> None:
    """At a start the list of markets may come later than the ledger's orders."""
    desk = Desk()
    rules = dict(desk.markets.markets)
    desk.markets.markets.clear()
    terms = desk.terms(Side.BUY, OrderType.LIMIT, quantity="2", price="99")
    assert list(desk.venue.restore([OpenOrder(terms=terms, left=D(2), venue_id="pv-old")])) == [terms.id]
    found = await desk.venue.lookup(terms)
    assert (found.absent, found.venue_id) == (False, "pv-old")
    assert [order.client_id for order in await desk.venue.open_orders()] == [terms.id]
    assert desk.venue.holds("paper") == {}
    desk.markets.markets.update(rules)
    desk.venue.on_rules()
    assert desk.venue.holds("paper") == {"USDT": D(198)}
    desk.show([(99.0, 1.0)], [(100.0, 1.0)], ts_ms=10)
    desk.show([(98.0, 1.0)], [(98.5, 5.0)], ts_ms=11)
    await told(desk)
    assert [fill.quantity for fill in desk.books.of(terms.id)] == [D(2)]


@pytest.mark.parametrize("all_of_them", [True, False])
async def test_an_order_that_waits_for_its_market_can_be_cancelled(all_of_them: bool) -> None:
    desk = Desk()
    rules = dict(desk.markets.markets)
    desk.markets.markets.clear()
    terms = desk.terms(Side.BUY, OrderType.LIMIT, quantity="2", price="99")
    desk.venue.restore([OpenOrder(terms=terms, left=D(2))])
    if all_of_them:
        await desk.venue.cancel_all()
    else:
        assert (await desk.venue.cancel(terms)).state is S.CANCELLED
    desk.markets.markets.update(rules)
    desk.venue.on_rules()
    await told(desk)
    assert desk.books.states(terms.id) == [S.CANCELLED]
    assert await desk.venue.open_orders() == []
