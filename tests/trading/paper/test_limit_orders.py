from __future__ import annotations

import asyncio

import pytest

from polotui.core.clock import FrozenClock
from polotui.model.orders import OrderState, OrderType, Side
from polotui.trading.paper import models
from tests.trading.paper.world import D, Desk

S = OrderState


async def rest(desk: Desk, side: Side, quantity: str, price: str, **changes: object) -> str:
    terms = desk.terms(side, OrderType.LIMIT, quantity=quantity, price=price, **changes)
    placed = await desk.venue.place(terms, None)
    assert placed.state is S.ACCEPTED, placed
    return terms.id


async def filled(desk: Desk, order_id: str) -> object:
    await desk.venue.settled()
    return sum((fill.quantity for fill in desk.books.of(order_id)), D(0))


# Taking


async def test_the_marketable_part_takes_and_the_rest_rests(desk: Desk) -> None:
    order = await rest(desk, Side.BUY, "1.5", "100.50")
    await desk.venue.settled()
    assert [(fill.price, fill.quantity, fill.maker) for fill in desk.books.of(order)] == [(D(100), D(1), False)]
    assert desk.books.states(order) == [S.PARTIAL]
    assert desk.venue.holds("paper") == {"USDT": D("50.25")}
    (stated,) = await desk.venue.open_orders()
    assert (stated.filled_quantity, stated.quantity, stated.state) == (D(1), D("1.5"), "PARTIAL")


async def test_a_limit_takes_nothing_beyond_it(desk: Desk) -> None:
    order = await rest(desk, Side.SELL, "5", "98.5", time_in_force="IOC")
    await desk.venue.settled()
    assert [fill.price for fill in desk.books.of(order)] == [D(99)]
    assert desk.books.states(order) == [S.CANCELLED]


async def test_fill_or_kill_fills_whole_or_not_at_all(desk: Desk) -> None:
    killed = await rest(desk, Side.BUY, "1.1", "100", time_in_force="FOK")
    whole = await rest(desk, Side.BUY, "1", "100", time_in_force="FOK")
    await desk.venue.settled()
    assert (desk.books.of(killed), desk.books.states(killed)) == ([], [S.CANCELLED])
    assert desk.books.states(whole) == [S.FILLED]


async def test_a_maker_order_that_would_take_is_refused(desk: Desk) -> None:
    for side, price in ((Side.BUY, "100"), (Side.SELL, "99")):
        placed = await desk.venue.place(desk.terms(side, OrderType.LIMIT_MAKER, quantity="1", price=price), None)
        assert placed.code == models.WOULD_TAKE
    placed = await desk.venue.place(desk.terms(Side.BUY, OrderType.LIMIT_MAKER, quantity="1", price="99.99"), None)
    assert placed.state is S.ACCEPTED


async def test_quantity_goes_down_to_the_lot_and_the_limit_to_the_safe_side_of_the_tick(desk: Desk) -> None:
    await rest(desk, Side.BUY, "0.123456", "98.127")
    await rest(desk, Side.SELL, "0.123456", "103.121")
    buy, sell = await desk.venue.open_orders()
    assert (buy.quantity, buy.price) == (D("0.1234"), D("98.12"))
    assert (sell.quantity, sell.price) == (D("0.1234"), D("103.13"))


# The queue


async def test_prints_eat_the_queue_before_us(desk: Desk) -> None:
    order = await rest(desk, Side.BUY, "1", "99")
    desk.trade(99.0, 0.6, buy=False)
    assert await filled(desk, order) == 0
    desk.trade(99.0, 0.6, buy=False)
    assert await filled(desk, order) == D("0.2")
    assert desk.books.states(order) == [S.PARTIAL]
    desk.trade(99.0, 5.0, buy=False)
    await desk.venue.settled()
    assert [(fill.price, fill.maker) for fill in desk.books.of(order)] == [(D(99), True)] * 2
    assert desk.books.states(order) == [S.PARTIAL, S.FILLED]
    assert not desk.venue.holds("paper")


async def test_buyers_do_not_fill_our_bid(desk: Desk) -> None:
    order = await rest(desk, Side.BUY, "1", "99")
    desk.trade(99.0, 9.0, buy=True)
    assert await filled(desk, order) == 0


async def test_who_joins_an_empty_price_is_first(desk: Desk) -> None:
    order = await rest(desk, Side.SELL, "1", "99.50")
    desk.trade(99.5, 0.3, buy=True)
    assert await filled(desk, order) == D("0.3")


async def test_a_print_beyond_our_price_fills_as_much_as_was_printed_there(desk: Desk) -> None:
    order = await rest(desk, Side.BUY, "1", "99")
    desk.trade(98.5, 0.4, buy=False)
    assert await filled(desk, order) == D("0.4")
    assert desk.books.of(order)[0].price == D(99)


async def test_a_print_from_before_we_joined_does_not_count(desk: Desk) -> None:
    desk.show([(99.0, 1.0)], [(100.0, 1.0)], ts_ms=50)
    order = await rest(desk, Side.BUY, "1", "99")
    desk.trade(98.0, 9.0, buy=False, ts_ms=50)
    assert await filled(desk, order) == 0
    desk.trade(98.0, 9.0, buy=False, ts_ms=51)
    assert await filled(desk, order) == 1


@pytest.mark.parametrize("book_first", [True, False])
async def test_one_trade_seen_as_a_print_and_as_a_smaller_level_counts_once(desk: Desk, book_first: bool) -> None:
    order = await rest(desk, Side.BUY, "1", "99")
    steps = [
        lambda: desk.show([(99.0, 0.4), (98.0, 2.0)], [(100.0, 1.0)], ts_ms=7),
        lambda: desk.trade(99.0, 0.6, buy=False, ts_ms=6),
    ]
    for step in steps if book_first else reversed(steps):
        step()
    assert await filled(desk, order) == 0
    desk.trade(99.0, 0.5, buy=False, ts_ms=8)
    assert await filled(desk, order) == D("0.1")


async def test_a_level_that_falls_below_the_queue_shortens_it(desk: Desk) -> None:
    order = await rest(desk, Side.BUY, "1", "99")
    desk.show([(99.0, 0.25), (98.0, 2.0)], [(100.0, 1.0)], ts_ms=7)
    desk.trade(99.0, 0.5, buy=False, ts_ms=8)
    assert await filled(desk, order) == D("0.25")


async def test_a_level_that_leaves_the_visible_book_keeps_its_queue(desk: Desk) -> None:
    order = await rest(desk, Side.BUY, "1", "98")
    desk.show([(99.0, 1.0)], [(100.0, 1.0)], ts_ms=7)
    desk.trade(98.0, 2.0, buy=False, ts_ms=8)
    assert await filled(desk, order) == 0
    desk.trade(98.0, 0.1, buy=False, ts_ms=8)
    assert await filled(desk, order) == D("0.1")


async def test_an_order_beyond_the_visible_book_waits_for_its_level_to_be_seen(desk: Desk) -> None:
    order = await rest(desk, Side.BUY, "1", "90")
    desk.trade(90.0, 50.0, buy=False, ts_ms=8)
    assert await filled(desk, order) == 0
    desk.show([(91.0, 1.0), (90.0, 3.0)], [(100.0, 1.0)], ts_ms=9)
    desk.trade(90.0, 3.5, buy=False, ts_ms=10)
    assert await filled(desk, order) == D("0.5")


async def test_two_of_ours_share_one_print_by_price_then_age(desk: Desk) -> None:
    worse = await rest(desk, Side.BUY, "1", "99.10")
    better = await rest(desk, Side.BUY, "1", "99.20")
    younger = await rest(desk, Side.BUY, "1", "99.20")
    desk.trade(99.05, 2.5, buy=False)
    assert [await filled(desk, order) for order in (better, younger, worse)] == [1, 1, D("0.5")]


# The book comes to us


async def test_a_book_that_crosses_us_fills_at_our_price_up_to_what_crosses_and_once(desk: Desk) -> None:
    order = await rest(desk, Side.BUY, "1", "99.5")
    desk.show([(99.0, 1.0)], [(99.4, 0.3), (99.5, 0.2), (99.6, 5.0)], ts_ms=5)
    desk.show([(99.0, 1.1)], [(99.4, 0.3), (99.5, 0.2), (99.6, 5.0)], ts_ms=6)
    assert await filled(desk, order) == D("0.5")
    assert {(fill.price, fill.maker) for fill in desk.books.of(order)} == {(D("99.5"), True)}
    desk.show([(99.0, 1.0)], [(99.4, 0.45), (99.6, 5.0)], ts_ms=7)
    assert await filled(desk, order) == D("0.65")


async def test_a_stale_book_that_crosses_waits_for_freshness(desk: Desk) -> None:
    order = await rest(desk, Side.SELL, "1", "99.5")
    desk.markets.stale.add("BTC_USDT")
    desk.show([(99.7, 2.0)], [(100.0, 1.0)], ts_ms=5)
    assert await filled(desk, order) == 0
    desk.markets.stale.clear()
    desk.show([(99.6, 2.0)], [(100.0, 1.0)], ts_ms=6)
    assert await filled(desk, order) == 1


async def test_our_own_orders_never_meet(desk: Desk) -> None:
    sell = await rest(desk, Side.SELL, "1", "99.50")
    buy = await rest(desk, Side.BUY, "1", "99.60")
    desk.show([(99.0, 1.0)], [(100.0, 1.0)], ts_ms=9)
    assert [await filled(desk, order) for order in (sell, buy)] == [0, 0]


# Ends


async def test_a_cancel_frees_what_was_bound(desk: Desk) -> None:
    terms = desk.terms(Side.BUY, OrderType.LIMIT, quantity="10", price="98")
    await desk.venue.place(terms, None)
    assert desk.venue.available("paper", "USDT") == D(9020)
    refused = await desk.venue.place(desk.terms(Side.BUY, OrderType.LIMIT, quantity="100", price="98"), None)
    assert refused.code == models.FUNDS
    answer = await desk.venue.cancel(terms)
    await desk.venue.settled()
    assert (answer.state, answer.code) == (S.CANCELLED, models.ASKED)
    assert desk.books.states(terms.id) == [S.CANCELLED]
    assert desk.venue.available("paper", "USDT") == D(10000)


async def test_cancel_all_may_be_of_some_symbols(desk: Desk) -> None:
    order = await rest(desk, Side.BUY, "1", "98")
    await desk.venue.cancel_all(["ETH_USDT"])
    assert len(await desk.venue.open_orders()) == 1
    await desk.venue.cancel_all()
    await desk.venue.settled()
    assert desk.books.states(order) == [S.CANCELLED]


async def test_a_cancel_of_what_is_filled_or_unknown_says_so(desk: Desk) -> None:
    terms = desk.terms(Side.SELL, quantity="1")
    await desk.venue.place(terms, None)
    assert (await desk.venue.cancel(terms)).state is S.FILLED
    nobody = await desk.venue.cancel(desk.terms(Side.SELL, quantity="1"))
    assert (nobody.absent, nobody.code) == (True, models.NOT_KNOWN)


async def test_an_order_expires_by_its_time(desk: Desk) -> None:
    assert isinstance(desk.clock, FrozenClock)
    order = await rest(desk, Side.BUY, "1", "99", expire_ms=desk.clock.wall_ms() + 1000)
    desk.clock.advance(1.0)
    # The print comes after its time, before anybody looked at the clock.
    desk.trade(98.0, 9.0, buy=False)
    await desk.venue.settled()
    assert (desk.books.of(order), desk.books.states(order)) == ([], [S.EXPIRED])
    late = await desk.venue.place(
        desk.terms(Side.BUY, OrderType.LIMIT, quantity="1", price="99", expire_ms=desk.clock.wall_ms()), None
    )
    assert late.code == models.TIME_OVER


# News


async def test_news_that_cannot_be_taken_is_told_again_in_order_and_once(desk: Desk) -> None:
    assert isinstance(desk.clock, FrozenClock)
    desk.books.fail_next = 4
    order = await rest(desk, Side.SELL, "1.5", "98")
    for _ in range(300):
        await asyncio.sleep(0.01)
        desk.clock.advance(1.0)
        if not desk.books.fail_next:
            break
    await desk.venue.settled()
    assert [fill.price for fill in desk.books.of(order)] == [D(99), D(98)]
    assert desk.books.states(order) == [S.FILLED]
    assert not desk.venue.holds("paper")


async def test_what_is_spent_is_bound_until_it_is_booked() -> None:
    desk = Desk(USDT="100")
    desk.markets.show([(99.0, 1.0)], [(100.0, 5.0)])
    await desk.venue.place(desk.terms(Side.BUY, amount="60"), None)
    assert desk.venue.holds("paper") == {"USDT": D(60)}
    second = await desk.venue.place(desk.terms(Side.BUY, amount="60"), None)
    assert second.code == models.FUNDS
    task = asyncio.create_task(desk.venue.run())
    await desk.venue.settled()
    assert (desk.venue.holds("paper"), desk.venue.available("paper", "USDT")) == ({}, D(40))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_balances_name_what_is_bound(desk: Desk) -> None:
    await rest(desk, Side.BUY, "1", "98")
    account = await desk.venue.balances()
    held = {balance.currency: (balance.available, balance.hold) for balance in account.balances}
    assert held == {"BTC": (D(10), D(0)), "USDT": (D(9902), D(98))}
