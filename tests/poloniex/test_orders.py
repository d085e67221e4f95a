"""The changing calls: on the grid or not at all, to this machine or not at all, once."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.core.clock import SystemClock
from polotui.core.errors import RealTradeBlocked, UsageError
from polotui.core.ids import Chance
from polotui.model.money import plain
from polotui.model.symbols import Market
from polotui.poloniex.errors import NotOnGrid, OutcomeUnknown, Withheld
from polotui.poloniex.orders import NewOrder, SpotOrders, loopback_only, on_grid
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import SecretSigner
from polotui.poloniex.transport import HttpReply, TransportFailed

MARKET = Market(
    symbol="BTC_USDT",
    base="BTC",
    quote="USDT",
    price_scale=2,
    quantity_scale=6,
    amount_scale=2,
    min_quantity=Decimal("0.000001"),
    min_amount=Decimal(1),
)


class Wire:
    """A transport that remembers and answers what it is told to."""

    def __init__(self, base_url: str = "http://127.0.0.1:9", answer: Any = None) -> None:
        self.base_url = base_url
        self.answer = answer
        self.sent: list[tuple[str, str, Any]] = []

    async def send(self, method: str, target: str, headers: dict[str, str], body: str, deadline_s: float) -> HttpReply:
        if target == "/timestamp":
            return HttpReply(200, {}, msgspec.json.encode({"serverTime": SystemClock().wall_ms()}))
        self.sent.append((method, target, json.loads(body) if body else None))
        if isinstance(self.answer, Exception):
            raise self.answer
        return HttpReply(200, {}, msgspec.json.encode(self.answer))

    async def close(self) -> None:
        return None


def calls(wire: Wire, base_url: str = "") -> SpotOrders:
    rest = SpotRest(
        clock=SystemClock(),
        chance=Chance(1),
        base_url=base_url or wire.base_url,
        signer=SecretSigner("k", b"s"),
        read_only=False,
        http=wire,
    )
    return SpotOrders(rest)


def limit(**given: Any) -> NewOrder:
    values: dict[str, Any] = {"price": Decimal("30000"), "quantity": Decimal("0.01")} | given
    return NewOrder(symbol="BTC_USDT", side=values.pop("side", "BUY"), type="LIMIT", client_id="pt-1", **values)


async def test_an_order_goes_out_in_plain_text_with_our_id_and_self_trade_prevention() -> None:
    wire = Wire(answer={"id": "9007199254740993", "clientOrderId": "pt-1"})
    placed = await calls(wire).place(limit(price=Decimal("3E+4"), quantity=Decimal("0.010000")), MARKET)
    assert (placed.order_id, placed.accepted) == ("9007199254740993", True)
    assert wire.sent == [
        (
            "POST",
            "/orders",
            {
                "symbol": "BTC_USDT",
                "side": "BUY",
                "type": "LIMIT",
                "clientOrderId": "pt-1",
                "price": "30000",
                "quantity": "0.01",
                "timeInForce": "GTC",
                "accountType": "SPOT",
                "stpMode": "EXPIRE_TAKER",
            },
        )
    ]


def test_a_market_buy_names_its_amount_and_a_market_sell_its_quantity() -> None:
    buy = NewOrder(symbol="BTC_USDT", side="BUY", type="MARKET", client_id="pt-1", amount=Decimal("100.10"))
    sell = NewOrder(symbol="BTC_USDT", side="SELL", type="MARKET", client_id="pt-2", quantity=Decimal("0.5"))
    assert {"amount": "100.1"}.items() <= buy.body(MARKET).items()
    assert {"quantity", "price", "timeInForce"}.isdisjoint(buy.body(MARKET))
    assert {"quantity": "0.5"}.items() <= sell.body(MARKET).items()


@pytest.mark.parametrize(
    "order",
    [
        limit(price=Decimal("30000.001")),
        limit(quantity=Decimal("0.0000001")),
        limit(quantity=Decimal(0)),
        limit(quantity=Decimal(-1)),
        limit(price=Decimal("NaN")),
        limit(price=None),
        limit(amount=Decimal(5)),
        NewOrder(symbol="BTC_USDT", side="BUY", type="MARKET", client_id="x", quantity=Decimal(1)),
        NewOrder(symbol="BTC_USDT", side="SELL", type="MARKET", client_id="x", amount=Decimal(1)),
        NewOrder(symbol="BTC_USDT", side="BUY", type="STOP", client_id="x", quantity=Decimal(1)),
        NewOrder(symbol="ETH_USDT", side="BUY", type="LIMIT", client_id="x", quantity=Decimal(1), price=Decimal(1)),
    ],
)
async def test_what_is_not_on_the_grid_is_never_sent(order: NewOrder) -> None:
    wire = Wire()
    with pytest.raises(NotOnGrid):
        await calls(wire).place(order, MARKET)
    assert wire.sent == []


@given(st.decimals(min_value="1e-12", max_value="1e12", allow_nan=False, allow_infinity=False), st.integers(0, 10))
def test_a_number_is_sent_exactly_or_refused(value: Decimal, scale: int) -> None:
    try:
        text = on_grid(value, scale, "price")
    except NotOnGrid:
        assert value <= 0 or value != round(value, scale)
        return
    assert Decimal(text) == value
    assert "E" not in text
    assert len(text.partition(".")[2]) <= scale
    assert text == plain(value)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.poloniex.com",
        "http://127.0.0.1@api.poloniex.com",
        "http://api.poloniex.com#127.0.0.1",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0:80",
        "http://10.0.0.1",
        "http://[::ffff:8.8.8.8]",
        "http://localhost.example.com",
        "http://127.1",
        "http://",
        "",
    ],
)
async def test_no_order_leaves_this_machine(address: str) -> None:
    wire = Wire(address)
    spot = calls(wire)
    attempts = [
        spot.place(limit(), MARKET),
        spot.place_batch([(limit(), MARKET)]),
        spot.cancel("1"),
        spot.cancel_by_client_id("pt-1"),
        spot.cancel_ids(["1"]),
        spot.cancel_all(),
        spot.set_kill_switch(60),
    ]
    for attempt in attempts:
        with pytest.raises(RealTradeBlocked):
            await attempt
    assert wire.sent == []


async def test_an_order_may_be_withheld_up_to_the_last_moment() -> None:
    wire = Wire(answer={"id": "1", "clientOrderId": "pt-1"})
    with pytest.raises(Withheld, match="the desk was halted"):
        await calls(wire).place(limit(), MARKET, lambda: "the desk was halted")
    assert wire.sent == []
    assert (await calls(wire).place(limit(), MARKET, lambda: "")).order_id == "1"


async def test_the_address_of_the_transport_counts_too() -> None:
    wire = Wire("https://api.poloniex.com")
    with pytest.raises(RealTradeBlocked):
        await calls(wire, "http://127.0.0.1:9").place(limit(), MARKET)
    assert wire.sent == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://127.8.9.1", "http://[::1]:5", "http://localhost:1"])
async def test_this_machine_is_allowed(address: str) -> None:
    await loopback_only(address)


async def test_a_localhost_that_is_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*args: Any, **options: Any) -> list[Any]:
        return [(2, 1, 6, "", ("127.0.0.1", 80)), (2, 1, 6, "", ("93.184.216.34", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(RealTradeBlocked):
        await loopback_only("http://localhost")


async def test_nothing_is_sent_twice() -> None:
    wire = Wire(answer=TransportFailed("reset", maybe_sent=True))
    spot = calls(wire)
    with pytest.raises(OutcomeUnknown):
        await spot.place(limit(), MARKET)
    with pytest.raises(OutcomeUnknown):
        await spot.place_batch([(limit(), MARKET)])
    with pytest.raises(OutcomeUnknown):
        await spot.cancel_all()
    assert len(wire.sent) == 3


async def test_a_batch_keeps_each_orders_fate() -> None:
    wire = Wire(answer=[{"id": "1", "clientOrderId": "pt-1"}, {"code": 21709, "message": "Low available balance"}])
    spot = calls(wire)
    first, second = await spot.place_batch([(limit(), MARKET), (limit(), MARKET)])
    assert (first.accepted, second.accepted, second.code) == (True, False, 21709)
    for size in (0, 21):
        with pytest.raises(UsageError):
            await spot.place_batch([(limit(), MARKET)] * size)
    assert len(wire.sent) == 1


async def test_cancels_name_symbols_in_the_plural() -> None:
    wire = Wire(answer=[{"orderId": "1", "state": "PENDING_CANCEL", "code": 200}])
    spot = calls(wire)
    assert [row.accepted for row in await spot.cancel_all(["BTC_USDT"])] == [True]
    await spot.cancel_all()
    await spot.cancel_ids(["1"], ["pt-2"])
    assert [entry[2] for entry in wire.sent] == [
        {"accountTypes": ["SPOT"], "symbols": ["BTC_USDT"]},
        {"accountTypes": ["SPOT"]},
        {"orderIds": ["1"], "clientOrderIds": ["pt-2"]},
    ]
    with pytest.raises(UsageError):
        await spot.cancel_ids()


async def test_the_dead_mans_switch_is_armed_and_disarmed() -> None:
    wire = Wire(answer={"startTime": 1, "cancellationTime": 60_001})
    spot = calls(wire)
    assert (await spot.set_kill_switch(60)).cancellation_time == 60_001
    await spot.set_kill_switch(None)
    assert [entry[2] for entry in wire.sent] == [{"timeout": "60"}, {"timeout": "-1"}]
    for wrong in (9, 601, 0):
        with pytest.raises(UsageError):
            await spot.set_kill_switch(wrong)
