"""From an order to its last event: states, kinds, races, refusals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from polotui.simulator.refusals import Refusal
from tests.simulator.stage import BUY, SELL, Stage


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    for level in range(5):
        stage.quote(SELL, 1001 + level, 100)
        stage.quote(BUY, 999 - level, 100)
    stage.exchange.publish(stage.market)
    return stage


def test_a_resting_order_is_placed_and_shown_in_the_book(stage: Stage) -> None:
    order = stage.limit("BUY", "100.0", "2")
    assert order.state == "NEW"
    assert order.id > 2**53
    assert stage.kinds() == [("place", "NEW")]
    assert stage.changes[-1].bids == [(1000, 200)]
    assert stage.events[0]["matchRole"] == "MAKER"


def test_a_taker_that_meets_three_makers_gives_three_trade_events(stage: Stage) -> None:
    order = stage.limit("BUY", "100.3", "3")
    assert stage.kinds() == [
        ("place", "NEW"),
        ("trade", "PARTIALLY_FILLED"),
        ("trade", "PARTIALLY_FILLED"),
        ("trade", "FILLED"),
    ]
    assert [event["tradePrice"] for event in stage.events[1:]] == ["100.1", "100.2", "100.3"]
    assert [event["filledQuantity"] for event in stage.events[1:]] == ["1", "2", "3"]
    assert order.average() == "100.2"
    assert [str(trade.id) for trade in stage.trades] == [event["tradeId"] for event in stage.events[1:]]


def test_a_cancel_is_accepted_first_and_done_later(stage: Stage) -> None:
    order = stage.limit("BUY", "90", "2")
    assert stage.exchange.request_cancel(stage.account(), str(order.id)).state == "PENDING_CANCEL"
    assert order.id in stage.market.book.orders
    assert stage.held("USDT") == 180
    stage.advance(0.05)
    assert stage.kinds()[-1] == ("canceled", "CANCELED")
    assert stage.balances[-1][:3] == ("a", "USDT", "CANCELED_ORDER")
    assert stage.held("USDT") == 0
    with pytest.raises(Refusal) as refused:
        stage.exchange.request_cancel(stage.account(), str(order.id))
    assert refused.value.number == 21359


def test_a_fill_can_be_faster_than_a_cancel(stage: Stage) -> None:
    order = stage.limit("SELL", "100.0", "1")
    stage.exchange.request_cancel(stage.account(), str(order.id))
    stage.exchange.background_take(stage.market, BUY, 100, 1000)
    assert order.state == "FILLED"
    stage.advance(0.05)
    assert stage.kinds() == [("place", "NEW"), ("trade", "FILLED")]


def test_a_cancel_after_a_partial_fill_ends_partially_canceled(stage: Stage) -> None:
    order = stage.limit("SELL", "100.0", "1")
    stage.exchange.background_take(stage.market, BUY, 40, 1000)
    stage.exchange.request_cancel(stage.account(), f"{order.id}")
    stage.exchange.background_take(stage.market, BUY, 10, 1000)
    assert order.state == "PENDING_CANCEL"
    stage.advance(0.05)
    assert order.state == "PARTIALLY_CANCELED"
    assert stage.held("COIN") == 0
    assert order.rest()["cancelReason"] == 1


@pytest.mark.parametrize(
    ("terms", "state", "filled"),
    [
        (
            {"side": "BUY", "type": "LIMIT", "price": "100.2", "quantity": "5", "timeInForce": "IOC"},
            "PARTIALLY_CANCELED",
            "2",
        ),
        ({"side": "BUY", "type": "LIMIT", "price": "99", "quantity": "5", "timeInForce": "IOC"}, "CANCELED", "0"),
        ({"side": "BUY", "type": "LIMIT", "price": "100.2", "quantity": "5", "timeInForce": "FOK"}, "CANCELED", "0"),
        ({"side": "BUY", "type": "LIMIT", "price": "100.2", "quantity": "2", "timeInForce": "FOK"}, "FILLED", "2"),
        ({"side": "SELL", "type": "MARKET", "quantity": "3"}, "FILLED", "3"),
        ({"side": "SELL", "quantity": "9"}, "PARTIALLY_CANCELED", "5"),
        ({"side": "sell", "type": "market", "quantity": "9", "slippageTolerance": "0.0015"}, "PARTIALLY_CANCELED", "2"),
        ({"side": "BUY", "type": "MARKET", "amount": "100.1"}, "FILLED", "1"),
        ({"side": "BUY", "amount": "150.2"}, "FILLED", "1.5"),
        ({"side": "BUY", "amount": "9999"}, "PARTIALLY_CANCELED", "5"),
        ({"side": "BUY", "type": "LIMIT_MAKER", "price": "100.1", "quantity": "1"}, "CANCELED", "0"),
        ({"side": "BUY", "type": "LIMIT_MAKER", "price": "100", "quantity": "1"}, "NEW", "0"),
    ],
)
def test_every_kind_of_order_ends_as_it_should(stage: Stage, terms: dict[str, Any], state: str, filled: str) -> None:
    order = stage.order(**terms)
    assert (order.state, order.rest()["filledQuantity"]) == (state, filled)
    assert stage.exchange.ledger.imbalance() == {}
    if state != "NEW":
        assert stage.held("USDT") == stage.held("COIN") == 0


def test_a_market_buy_never_spends_more_than_its_amount_and_keeps_the_dust(stage: Stage) -> None:
    order = stage.order(side="BUY", amount="100.5")
    assert order.state == "FILLED"
    assert order.rest()["amount"] == "100.5"
    assert order.rest()["quantity"] == "0"
    spent = Decimal("10000") - stage.free("USDT")
    assert Decimal(0) <= Decimal("100.5") - spent < Decimal("1.01")


@pytest.mark.parametrize(("mode", "state"), [("EXPIRE_TAKER", "CANCELED"), ("NONE", "FILLED")])
def test_meeting_ones_own_order_cancels_the_taker_unless_allowed(mode: str, state: str) -> None:
    stage = Stage()
    stage.limit("SELL", "100", "1")
    taker = stage.limit("BUY", "100", "1", stpMode=mode)
    assert taker.state == state
    assert stage.exchange.ledger.imbalance() == {}


def test_two_users_trade_with_each_other_and_both_pay_a_fee() -> None:
    stage = Stage()
    maker = stage.limit("SELL", "100", "1", key="a")
    taker = stage.limit("BUY", "100", "1", key="b")
    assert (maker.state, taker.state) == ("FILLED", "FILLED")
    roles = {event["orderId"]: event["matchRole"] for event in stage.events if event["eventType"] == "trade"}
    assert roles == {str(maker.id): "MAKER", str(taker.id): "TAKER"}
    assert stage.exchange.ledger.house == {}
    assert stage.exchange.ledger.fees == {"COIN": Decimal("0.002"), "USDT": Decimal("0.2")}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": "100.15"}, 21335),
        ({"quantity": "1.001"}, 21336),
        ({"price": "0"}, 21309),
        ({"price": "nan"}, 21309),
        ({"quantity": "-1"}, 21328),
        ({"quantity": "0.01", "price": "1"}, 21322),
        ({"quantity": "200000"}, 21360),
        ({"side": "HOLD"}, 21319),
        ({"type": "ICEBERG"}, 21320),
        ({"timeInForce": "GTD"}, 21321),
        ({"accountType": "FUTURES"}, 21324),
        ({"clientOrderId": "x" * 65}, 21315),
        ({"clientOrderId": "ä"}, 601),
        ({"symbol": "NOPE_USDT"}, 24101),
        ({"type": "MARKET", "amount": "100.001"}, 21337),
        ({"type": "MARKET"}, 21317),
        ({"type": "MARKET", "amount": "0.05"}, 21322),
        ({"type": "MARKET", "side": "SELL", "quantity": None}, 21328),
    ],
)
def test_a_malformed_order_is_refused_with_its_code(stage: Stage, change: dict[str, Any], code: int) -> None:
    terms = {"side": "BUY", "type": "LIMIT", "price": "100", "quantity": "1"} | change
    with pytest.raises(Refusal) as refused:
        stage.order(**terms)
    assert refused.value.number == code
    assert not stage.events
    assert not stage.balances[2 * 2 :]


def test_a_client_id_is_good_for_one_order(stage: Stage) -> None:
    order = stage.limit("BUY", "90", "1", clientOrderId="mine-1")
    assert stage.exchange.find_order(stage.account(), "cid:mine-1") is order
    stage.exchange.cancel_now(order)
    with pytest.raises(Refusal) as refused:
        stage.limit("BUY", "90", "1", clientOrderId="mine-1")
    assert refused.value.number == 21312
    assert stage.limit("BUY", "90", "1", key="b", clientOrderId="mine-1").is_open


def test_open_orders_are_limited() -> None:
    stage = Stage(max_open_orders=2)
    stage.limit("BUY", "90", "1")
    stage.limit("BUY", "90", "1")
    with pytest.raises(Refusal) as refused:
        stage.limit("BUY", "90", "1")
    assert refused.value.number == 21314


def test_replacing_cancels_at_once_and_keeps_what_was_not_changed(stage: Stage) -> None:
    old = stage.limit("BUY", "90", "2", clientOrderId="one")
    new = stage.exchange.replace_order(stage.account(), "cid:one", {"price": "91", "clientOrderId": "two"})
    assert old.state == "CANCELED"
    assert (new.terms.price, new.terms.quantity, new.terms.client_id) == (910, 200, "two")
    with pytest.raises(Refusal) as refused:
        stage.exchange.replace_order(stage.account(), "cid:one", {"price": "92"})
    assert refused.value.number == 21359
    again = stage.exchange.replace_order(stage.account(), "cid:one", {"price": "92", "proceedOnFailure": True})
    assert again.is_open


def test_maintenance_and_pause_stop_trading(stage: Stage) -> None:
    order = stage.limit("BUY", "90", "1")
    stage.exchange.set_maintenance(True)
    for work in (
        lambda: stage.limit("BUY", "90", "1"),
        lambda: stage.exchange.request_cancel(stage.account(), str(order.id)),
    ):
        with pytest.raises(Refusal) as refused:
            work()
        assert refused.value.number == 21340
    stage.exchange.set_maintenance(False)
    stage.exchange.set_state("COIN_USDT", "PAUSE")
    with pytest.raises(Refusal) as refused:
        stage.limit("BUY", "90", "1")
    assert refused.value.number == 10041
    stage.exchange.set_state("COIN_USDT", "POST_ONLY")
    with pytest.raises(Refusal) as refused:
        stage.limit("BUY", "90", "1")
    assert refused.value.number == 21341


def test_ids_grow_and_are_too_big_for_a_double(stage: Stage) -> None:
    ids = [stage.exchange.next_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert ids[0] > 2**53
