from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from polotui.model.orders import OrderState, OrderType, Purpose, Side
from polotui.trading.paper import models
from polotui.trading.paper.models import PaperSettings
from tests.trading.paper.world import D, Desk


async def test_a_buy_walks_the_asks_and_pays_the_fee_in_coins(desk: Desk) -> None:
    placed = await desk.venue.place(desk.terms(Side.BUY, amount="201"), None)
    assert placed.state is OrderState.ACCEPTED
    await desk.venue.settled()
    fills = desk.books.of("pt-1")
    assert [(fill.price, fill.quantity) for fill in fills] == [(D(100), D(1)), (D(101), D(1))]
    assert [(fill.fee, fill.fee_currency) for fill in fills] == [(D("0.002"), "BTC"), (D("0.002"), "BTC")]
    assert desk.books.states("pt-1") == [OrderState.FILLED]
    assert desk.books.booked("paper", "USDT") == D(10000) - 201
    assert desk.books.booked("paper", "BTC") == D("11.996")


async def test_a_sell_walks_the_bids_and_pays_the_fee_in_quote(desk: Desk) -> None:
    await desk.venue.place(desk.terms(Side.SELL, quantity="1.5"), None)
    await desk.venue.settled()
    fills = desk.books.of("pt-1")
    assert [(fill.price, fill.quantity) for fill in fills] == [(D(99), D(1)), (D(98), D("0.5"))]
    assert [(fill.fee, fill.fee_currency) for fill in fills] == [(D("0.198"), "USDT"), (D("0.098"), "USDT")]


async def test_what_the_book_does_not_hold_is_cancelled_and_never_invented(desk: Desk) -> None:
    await desk.venue.place(desk.terms(Side.SELL, quantity="5"), None)
    await desk.venue.settled()
    assert sum(fill.quantity for fill in desk.books.of("pt-1")) == 3
    assert desk.books.states("pt-1") == [OrderState.CANCELLED]
    found = await desk.venue.lookup(desk.terms(Side.SELL, id="pt-1"))
    assert (found.state, found.code) == (OrderState.CANCELLED, models.BOOK_EXHAUSTED)


async def test_the_same_level_is_not_taken_twice(desk: Desk) -> None:
    await desk.venue.place(desk.terms(Side.SELL, quantity="1"), None)
    await desk.venue.place(desk.terms(Side.SELL, quantity="1"), None)
    await desk.venue.settled()
    assert desk.books.of("pt-2")[0].price == D(98)


async def test_a_level_that_grows_gives_its_growth_and_one_that_left_and_came_is_new(desk: Desk) -> None:
    await desk.venue.place(desk.terms(Side.SELL, quantity="1"), None)
    desk.show([(99.0, 1.25), (98.0, 2.0)], [(100.0, 1.0)])
    await desk.venue.place(desk.terms(Side.SELL, quantity="1"), None)
    await desk.venue.settled()
    assert [(fill.price, fill.quantity) for fill in desk.books.of("pt-2")] == [(D(99), D("0.25")), (D(98), D("0.75"))]
    desk.show([(98.0, 2.0)], [(100.0, 1.0)])
    desk.show([(99.0, 1.0), (98.0, 2.0)], [(100.0, 1.0)])
    await desk.venue.place(desk.terms(Side.SELL, quantity="1"), None)
    await desk.venue.settled()
    assert [(fill.price, fill.quantity) for fill in desk.books.of("pt-3")] == [(D(99), D(1))]


async def test_a_level_that_shrinks_below_what_was_taken_gives_only_what_comes_later(desk: Desk) -> None:
    await desk.venue.place(desk.terms(Side.SELL, quantity="1"), None)
    desk.show([(99.0, 0.4), (98.0, 2.0)], [(100.0, 1.0)])
    desk.show([(99.0, 0.7), (98.0, 2.0)], [(100.0, 1.0)])
    await desk.venue.place(desk.terms(Side.SELL, quantity="1"), None)
    await desk.venue.settled()
    assert desk.books.of("pt-2")[0].quantity == D("0.3")


async def test_extra_slippage_moves_each_piece_to_the_worse_tick() -> None:
    desk = Desk(settings=PaperSettings(latency_ms=0, jitter_ms=0, slippage_bp=D("1.5")))
    desk.markets.show([(99.0, 1.0)], [(100.0, 1.0)])
    await desk.venue.place(desk.terms(Side.BUY, amount="50"), None)
    await desk.venue.place(desk.terms(Side.SELL, quantity="0.5"), None)
    assert [item.price for item in desk.waiting("pt-1")] == [D("100.02")]
    assert [item.price for item in desk.waiting("pt-2")] == [D("98.98")]


async def test_a_buy_by_amount_never_spends_more_than_the_amount(desk: Desk) -> None:
    await desk.venue.place(desk.terms(Side.BUY, amount="33.337"), None)
    await desk.venue.settled()
    (fill,) = desk.books.of("pt-1")
    assert fill.quantity == D("0.3333")
    # FILLED would say that all of the amount was spent.
    assert desk.books.states("pt-1") == [OrderState.CANCELLED]
    assert (await desk.venue.lookup(desk.terms(Side.BUY, id="pt-1"))).code == models.REST


@pytest.mark.parametrize(
    ("bids", "asks", "stale", "code"),
    [
        ([(99.0, 1.0)], [(100.0, 1.0)], True, models.STALE_BOOK),
        ([], [(100.0, 1.0)], False, models.EMPTY_BOOK),
        ([(99.0, 1.0)], [], False, models.EMPTY_BOOK),
        ([], [], False, models.EMPTY_BOOK),
        ([(100.0, 1.0)], [(100.0, 1.0)], False, models.STALE_BOOK),
    ],
    ids=["stale", "no-bids", "no-asks", "empty", "crossed"],
)
@pytest.mark.parametrize("side", Side)
async def test_a_book_that_cannot_be_traded_on_refuses(
    side: Side, bids: list[tuple[float, float]], asks: list[tuple[float, float]], stale: bool, code: str
) -> None:
    desk = Desk()
    desk.markets.show(bids, asks)
    if stale:
        desk.markets.stale.add("BTC_USDT")
    size = {"amount": "50"} if side is Side.BUY else {"quantity": "1"}
    placed = await desk.venue.place(desk.terms(side, **size), None)
    assert (placed.state, placed.code) == (OrderState.REJECTED, code)
    assert placed.words


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": Side.BUY, "quantity": "1"}, models.TERMS),
        ({"side": Side.SELL, "amount": "100"}, models.TERMS),
        ({"side": Side.SELL, "quantity": "-1"}, models.TERMS),
        ({"side": Side.SELL, "quantity": "NaN"}, models.TERMS),
        ({"side": Side.SELL, "quantity": "1e30"}, models.TERMS),
        ({"side": Side.SELL, "quantity": "0.00099999"}, models.MIN_QUANTITY),
        ({"side": Side.SELL, "quantity": "0.00009"}, models.MIN_QUANTITY),
        ({"side": Side.SELL, "quantity": "0.01"}, models.MIN_AMOUNT),
        ({"side": Side.BUY, "amount": "0.99"}, models.MIN_AMOUNT),
        ({"side": Side.BUY, "amount": "0.05"}, models.MIN_QUANTITY),
        ({"side": Side.SELL, "quantity": "10.0001"}, models.FUNDS),
        ({"side": Side.BUY, "amount": "10000.01"}, models.FUNDS),
        ({"side": Side.BUY, "amount": "100", "account": "paper/bot-1"}, models.FUNDS),
        ({"side": Side.BUY, "amount": "100", "account": "spot"}, models.OTHER_ACCOUNT),
        ({"side": Side.BUY, "amount": "100", "account": "paperless"}, models.OTHER_ACCOUNT),
        ({"side": Side.BUY, "amount": "100", "symbol": "NO_USDT"}, models.UNKNOWN_SYMBOL),
        ({"side": Side.BUY, "amount": "100", "time_in_force": "DAY"}, models.TERMS),
        ({"side": Side.BUY, "type": OrderType.LIMIT, "quantity": "1"}, models.TERMS),
        ({"side": Side.BUY, "type": OrderType.LIMIT, "quantity": "1", "price": "0.004"}, models.TERMS),
        ({"side": Side.SELL, "type": OrderType.STOP, "quantity": "1"}, models.TERMS),
        ({"side": Side.SELL, "type": OrderType.OCO, "quantity": "1", "stop": "90"}, models.TERMS),
    ],
)
async def test_each_refusal_has_its_code(desk: Desk, changes: dict[str, object], code: str) -> None:
    placed = await desk.venue.place(desk.terms(**changes), None)  # type: ignore[arg-type]
    assert (placed.state, placed.code) == (OrderState.REJECTED, code)
    assert placed.words
    assert not desk.venue.holds("paper")


async def test_fees_are_products_that_are_never_rounded(desk: Desk) -> None:
    await desk.venue.place(desk.terms(Side.BUY, amount="77.77"), None)
    await desk.venue.place(desk.terms(Side.SELL, quantity="0.1234"), None)
    await desk.venue.settled()
    (bought,), (sold,) = desk.books.of("pt-1"), desk.books.of("pt-2")
    assert bought.fee == bought.quantity * Decimal("0.002") == D("0.0015554")
    assert sold.fee == D("99") * D("0.1234") * D("0.002") == D("0.0244332")


async def test_a_known_id_makes_no_second_order(desk: Desk) -> None:
    terms = desk.terms(Side.SELL, quantity="1")
    first = await desk.venue.place(terms, None)
    again = await desk.venue.place(terms, None)
    await desk.venue.settled()
    assert (again.state, again.venue_id) == (OrderState.ACCEPTED, first.venue_id)
    assert len(desk.books.of("pt-1")) == 1


async def test_a_paused_market_refuses_and_reducing_is_no_exception(desk: Desk) -> None:
    desk.markets.markets["BTC_USDT"] = msgspec.structs.replace(desk.markets.markets["BTC_USDT"], state="PAUSE")
    placed = await desk.venue.place(desk.terms(Side.SELL, quantity="1", purpose=Purpose.EXIT), None)
    assert placed.code == models.NOT_TRADABLE
