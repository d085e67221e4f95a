"""Conditional orders and the dead-man switch."""

from __future__ import annotations

import json
from typing import Any

import pytest

from polotui.simulator.http import Request
from polotui.simulator.refusals import Refusal
from polotui.simulator.routes import Routes
from polotui.simulator.routes_private import PrivateRoutes
from polotui.simulator.smart import SmartOrders
from tests.simulator.stage import BUY, SELL, Stage


class Desk(Stage):
    """A stage with its private routes, called without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.routes = Routes()
        self.private = PrivateRoutes(self.exchange, self.later)
        self.private.register(self.routes)
        SmartOrders(self.exchange).register(self.routes)
        for level in range(10):
            self.quote(SELL, 1001 + level, 1000)
            self.quote(BUY, 999 - level, 1000)

    def call(self, method: str, path: str, body: Any = None, query: str = "") -> Any:
        route, parts = self.routes.find(method, path)
        raw = b"" if body is None else json.dumps(body).encode()
        return route.handler(Request(method, path, query, {}, raw, "test", parts, self.account()))

    def trade_at(self, price: int) -> None:
        """Somebody else trades at this price."""
        self.market.print_trade(price, 1, BUY, self.exchange.time.now_ms())
        self.exchange.traded(self.market)
        self.advance(0.001)

    def smart(self, **given: Any) -> str:
        return str(self.call("POST", "/smartorders", {"symbol": "COIN_USDT", "quantity": "1", **given})["id"])

    def state(self, order_id: str) -> Any:
        return self.call("GET", f"/smartorders/{order_id}")[0]["state"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_stop_waits_without_a_hold_and_triggers_a_market_order(desk: Desk) -> None:
    stop = desk.smart(side="SELL", stopPrice="95", clientOrderId="s1")
    assert desk.held("COIN") == 0
    desk.trade_at(960)
    assert desk.state(stop) == "PENDING_NEW"
    assert [row["id"] for row in desk.call("GET", "/smartorders")] == [stop]
    desk.trade_at(950)
    row = desk.call("GET", "/smartorders/cid:s1")[0]
    assert (row["state"], row["type"], row["triggeredOrder"]["state"]) == ("TRIGGERED", "STOP", "FILLED")
    assert row["triggeredOrder"]["orderSource"] == "SMART"
    assert desk.call("GET", "/smartorders/history")[0]["id"] == stop


def test_a_stop_above_the_market_triggers_upward(desk: Desk) -> None:
    stop = desk.smart(side="BUY", stopPrice="105", amount="50", quantity=None)
    desk.trade_at(900)
    assert desk.state(stop) == "PENDING_NEW"
    desk.trade_at(1051)
    assert desk.state(stop) == "TRIGGERED"


def test_a_stop_limit_rests_at_its_price(desk: Desk) -> None:
    stop = desk.smart(side="SELL", stopPrice="95", price="100.5")
    desk.trade_at(949)
    assert desk.call("GET", f"/smartorders/{stop}")[0]["triggeredOrder"]["state"] == "NEW"
    assert desk.held("COIN") == 1


def test_a_trailing_stop_follows_the_best_price(desk: Desk) -> None:
    stop = desk.smart(side="SELL", type="TRAILING_STOP", trailingOffset="5%")
    for price in (1000, 1100, 1050):
        desk.trade_at(price)
    assert desk.state(stop) == "PENDING_NEW"
    desk.trade_at(1045)
    assert desk.state(stop) == "TRIGGERED"


def test_a_trailing_stop_limit_starts_at_its_activation(desk: Desk) -> None:
    stop = desk.smart(side="SELL", type="TRAILING_STOP_LIMIT", trailingOffset="2", limitOffset="1%", stopPrice="110")
    desk.trade_at(1050)
    desk.trade_at(1000)
    assert desk.state(stop) == "PENDING_NEW"
    desk.trade_at(1100)
    desk.trade_at(1080)
    row = desk.call("GET", f"/smartorders/{stop}")[0]
    assert row["state"] == "TRIGGERED"
    assert row["triggeredOrder"]["price"] == "106.9"


def test_a_trigger_that_cannot_be_paid_for_fails(desk: Desk) -> None:
    stop = desk.smart(side="SELL", stopPrice="95", quantity="5000")
    desk.trade_at(940)
    assert desk.state(stop) == "FAILED"


def test_cancels_are_done_at_once(desk: Desk) -> None:
    one, two, three = (desk.smart(side="SELL", stopPrice="90") for _ in range(3))
    reply = desk.call("DELETE", f"/smartorders/{one}")
    assert (reply["state"], reply["message"]) == ("CANCELED", "SUCCESS")
    rows = desk.call("DELETE", "/smartorders/cancelByIds", {"orderIds": [two, "9"]})
    assert [row["code"] for row in rows] == [200, 25014]
    new = desk.call("PUT", f"/smartorders/{three}", {"stopPrice": "80"})["id"]
    assert [row["orderId"] for row in desk.call("DELETE", "/smartorders", {})] == [new]
    desk.trade_at(10)
    assert {desk.state(order) for order in (one, two, three, new)} == {"CANCELED"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"side": "SELL"}, 21347),
        ({"side": "SELL", "stopPrice": "95.55"}, 21335),
        ({"side": "SELL", "stopPrice": "95", "type": "MARKET"}, 21320),
        ({"side": "SELL", "type": "TRAILING_STOP"}, 601),
        ({"side": "BUY", "stopPrice": "95"}, 21317),
    ],
)
def test_a_malformed_conditional_order_is_refused(desk: Desk, given: dict[str, Any], code: int) -> None:
    with pytest.raises(Refusal) as refused:
        desk.smart(**given)
    assert refused.value.number == code


def test_the_dead_man_switch_cancels_everything_when_it_expires(desk: Desk) -> None:
    order = desk.limit("BUY", "90", "1")
    stop = desk.smart(side="SELL", stopPrice="50")
    with pytest.raises(Refusal) as refused:
        desk.call("GET", "/orders/killSwitchStatus")
    assert refused.value.number == 25020
    armed = desk.call("POST", "/orders/killSwitch", {"timeout": "15"})
    assert armed["cancellationTime"] - armed["startTime"] == 15_000
    assert desk.call("GET", "/orders/killSwitchStatus")["startTime"] == str(armed["startTime"])
    desk.advance(10)
    desk.call("POST", "/orders/killSwitch", {"timeout": "15"})
    desk.advance(14)
    assert order.is_open
    desk.advance(1.1)
    assert order.state == "CANCELED"
    assert desk.state(stop) == "CANCELED"
    with pytest.raises(Refusal):
        desk.call("GET", "/orders/killSwitchStatus")


def test_the_switch_can_be_disarmed_and_wants_10_to_600_seconds(desk: Desk) -> None:
    order = desk.limit("BUY", "90", "1")
    desk.call("POST", "/orders/killSwitch", {"timeout": "10"})
    desk.call("POST", "/orders/killSwitch", {"timeout": "-1"})
    desk.advance(700)
    assert order.is_open
    for wrong in ("9", "601", "x"):
        with pytest.raises(Refusal):
            desk.call("POST", "/orders/killSwitch", {"timeout": wrong})
