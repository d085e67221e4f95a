"""The WebSocket: acknowledgements, first data, every channel, errors, keep-alive, trading."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.simulator.client import Client, Ear, running

BTC = ["BTC_USDT"]


def _buy(client: Client, amount: str = "20") -> None:
    account = client.simulator.exchange.ledger.accounts["demo-key"]
    client.simulator.exchange.place(account, {"symbol": "BTC_USDT", "side": "BUY", "amount": amount})


async def test_acknowledgements_come_one_per_channel_and_before_data(client: Client) -> None:
    async with client.socket() as ear:
        await ear.subscribe("ticker", "book_lv2", symbols=["btc_usdt", "ETH_USDT"])
        heard = [await ear.hear() for _ in range(6)]
    assert heard[:2] == [
        {"event": "subscribe", "channel": "ticker", "symbols": ["btc_usdt", "ETH_USDT"]},
        {"event": "subscribe", "channel": "book_lv2", "symbols": ["btc_usdt", "ETH_USDT"]},
    ]
    assert [(m["channel"], m["data"][0]["symbol"], m.get("action")) for m in heard[2:]] == [
        ("ticker", "BTC_USDT", None),
        ("ticker", "ETH_USDT", None),
        ("book_lv2", "BTC_USDT", "snapshot"),
        ("book_lv2", "ETH_USDT", "snapshot"),
    ]
    assert all(len(m["data"]) == 1 for m in heard[2:])


async def test_a_trade_reaches_trades_candles_book_and_book_lv2(client: Client) -> None:
    async with client.socket() as ear:
        await ear.subscribe("trades", "candles_minute_1", "candles_day_1", "book", "book_lv2", symbols=BTC, depth=10)
        snapshot = await ear.until("book_lv2")
        _buy(client)
        trade = (await ear.until("trades"))["data"][0]
        minute = (await ear.until("candles_minute_1"))["data"][0]
        day = (await ear.until("candles_day_1"))["data"][0]
        update = await ear.until("book_lv2")
        book = (await ear.until("book"))["data"][0]
    assert trade["takerSide"] == "buy"
    assert isinstance(trade["id"], str)
    assert Decimal(trade["amount"]) == Decimal(trade["price"]) * Decimal(trade["quantity"])
    assert minute["close"] == day["close"] == trade["price"]
    assert day["startTime"] % 86_400_000 == 0
    assert day["tradeCount"] > minute["tradeCount"]
    assert update["action"] == "update"
    assert update["data"][0]["lastId"] == snapshot["data"][0]["id"]
    assert (len(book["asks"]), len(book["bids"])) == (10, 10)
    assert "lastId" not in book


async def test_symbols_currencies_and_exchange_have_snapshots(client: Client) -> None:
    async with client.socket() as ear:
        await ear.subscribe("symbols", symbols=["all"])
        assert (await ear.hear())["symbols"] == ["all"]
        rows = [(await ear.until("symbols"))["data"][0] for _ in range(3)]
        assert rows[0]["crossMargin"]["maxLeverage"] == "3"
        await ear.subscribe("currencies", currencies=["BTC"])
        assert (await ear.hear())["currencies"] == ["BTC"]
        assert (await ear.until("currencies"))["data"][0]["currency"] == "BTC"
        await ear.subscribe("exchange")
        assert await ear.hear() == {"event": "subscribe", "channel": "exchange"}
        assert (await ear.hear())["data"] == [{"MM": "OFF", "POM": "OFF"}]
        await client.control("maintenance", {"on": True})
        assert (await ear.until("exchange"))["data"] == [{"MM": "ON", "POM": "OFF"}]
        await client.control("symbol", {"symbol": "ETH_USDT", "state": "PAUSE"})
        update = await ear.until("symbols")
        assert (update["action"], update["data"][0]["state"]) == ("update", "PAUSE")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("ping", {"event": "pong"}),
        ({"event": "ping"}, {"event": "pong"}),
        ("hello", {"message": "Not JSON string：hello", "event": "error"}),
        ('"{}"', {"message": 'Not JSON string："{}"', "event": "error"}),
        (
            {"event": "subscribe", "channel": ["nope"], "symbols": BTC},
            {"message": 'Invalid channel values ["nope"]', "event": "error"},
        ),
        (
            {"event": "subscribe", "channel": ["orders"], "symbols": ["all"]},
            {"message": 'Invalid channel values ["orders"]', "event": "error"},
        ),
        (
            {"event": "subscribe", "channel": ["trades"], "symbols": ["X_Y"]},
            {"message": "no valid symbols", "event": "error"},
        ),
        (
            {"event": "subscribe", "channel": ["book"], "symbols": BTC, "depth": 30},
            {"message": "Invalid depth: 30", "event": "error"},
        ),
        (
            {"event": "subscribe", "channel": ["book_lv2"], "symbols": ["all"]},
            {"message": "All symbols subscription is not allowed", "event": "error"},
        ),
        ({"event": "unsubscribe_all"}, {"event": "unsubscribe_all", "channel": "all"}),
        ({"event": "list_subscriptions"}, {"subscriptions": []}),
    ],
)
async def test_every_message_has_its_answer_and_the_socket_stays_open(client: Client, said: Any, answer: Any) -> None:
    async with client.socket() as ear:
        assert await ear.ask(said) == answer
        assert await ear.ask({"event": "ping"}) == {"event": "pong"}


async def test_an_unsubscribed_channel_falls_silent(client: Client) -> None:
    async with client.socket() as ear:
        await ear.subscribe("trades", "book_lv2", symbols=BTC)
        await ear.until("book_lv2")
        reply = await ear.ask({"event": "unsubscribe", "channel": ["book_lv2"], "symbols": BTC})
        assert reply == {"event": "unsubscribe", "channel": "book_lv2", "symbols": BTC}
        assert await ear.ask({"event": "list_subscriptions"}) == {"subscriptions": ["trades"]}
        _buy(client)
        heard = [await ear.hear()]
        while heard[-1] != {"event": "pong"}:
            await ear.say({"event": "ping"})
            heard.append(await ear.hear())
        assert {message.get("channel") for message in heard} == {"trades", None}


async def test_a_client_that_says_nothing_is_dropped_without_a_word() -> None:
    async with running(idle_drop=0.15) as client, client.socket() as ear:
        await ear.subscribe("ticker", symbols=BTC)
        with pytest.raises(ConnectionClosed) as closed:
            await ear.until_closed()
        assert closed.value.rcvd is None
        assert ear.connection.close_code == 1006


async def test_a_slow_reader_is_cut_off_and_the_others_go_on() -> None:
    async with running(write_limit=200_000) as client, client.socket() as slow, client.socket() as quick:
        await slow.subscribe("trades", symbols=BTC)
        await quick.subscribe("exchange")
        await quick.until("exchange")
        sockets = client.simulator.connections
        assert sum(socket is not None for socket in sockets.values()) == 2
        market = client.simulator.exchange.market("BTC_USDT")
        await slow.hear()
        # Nothing is awaited in this loop, so the slow client cannot read.
        for _ in range(200_000):
            client.simulator.streams.traded(market, market.print_trade(6_100_000, 1, 0, market.book_ms))
            if not any(socket is not None and "trades" in socket.topics for socket in sockets.values()):
                break
            if any(connection.transport is None or connection.transport.is_closing() for connection in sockets):
                break
        with pytest.raises(ConnectionClosed):
            await slow.until_closed()
        assert await quick.ask("ping") == {"event": "pong"}


async def test_private_channels_need_a_signature(client: Client) -> None:
    async with client.socket("private") as ear:
        bad = {"key": "demo-key", "signTimestamp": 1, "signature": "x"}
        reply = await ear.ask({"event": "subscribe", "channel": ["auth"], "params": bad})
        assert (reply["data"]["success"], reply["data"]["message"]) == (False, "Authentication failed!")
        refused = await ear.ask({"event": "subscribe", "channel": ["trades"], "symbols": BTC})
        assert refused["event"] == "error"


async def test_orders_and_balances_tell_the_whole_story(client: Client) -> None:
    async with client.socket("private") as ear:
        await ear.subscribe("orders", symbols=["all"])
        assert await ear.hear() == {"event": "subscribe", "channel": "orders", "symbols": ["all"]}
        await ear.subscribe("balances")
        assert await ear.hear() == {"event": "subscribe", "channel": "balances"}
        terms = {"symbol": "BTC_USDT", "side": "SELL", "type": "LIMIT", "price": "70000", "quantity": "0.01"}
        placed = await client.call("POST", "/orders", terms)
        await client.call("DELETE", f"/orders/{placed['id']}")
        heard = [await ear.hear() for _ in range(4)]
    story = [(m["channel"], m["data"][0]["eventType"]) for m in heard]
    assert story == [
        ("balances", "PLACE_ORDER"),
        ("orders", "place"),
        ("orders", "canceled"),
        ("balances", "CANCELED_ORDER"),
    ]
    first, last = heard[0]["data"][0], heard[3]["data"][0]
    assert (first["currency"], first["available"], first["hold"]) == ("BTC", "0.04", "0.01")
    assert (last["available"], last["hold"], last["version"]) == ("0.05", "0", first["version"] + 1)
    assert heard[1]["data"][0]["orderId"] == placed["id"]


async def _trade(ear: Ear, event: str, params: Any) -> Any:
    reply = await ear.ask({"id": "77", "event": event, "params": params})
    assert reply["id"] == "77"
    return reply["data"]


async def test_orders_can_be_placed_and_cancelled_over_the_socket(client: Client) -> None:
    async with client.socket("private") as ear:
        terms = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.01"}
        placed = (await _trade(ear, "createOrder", terms | {"clientOrderId": "c1"}))[0]
        assert isinstance(placed["orderId"], int)
        assert placed["orderId"] > 2**53
        assert (placed["code"], placed["clientOrderId"]) == (200, "c1")
        refused = (await _trade(ear, "createOrder", terms | {"quantity": "19"}))[0]
        assert refused == {"orderId": 0, "clientOrderId": None, "message": "available insufficient", "code": 21721}
        rows = await _trade(ear, "cancelOrders", {"orderIds": ["5"], "clientOrderIds": ["c1"]})
        assert [(row["code"], row.get("state")) for row in rows] == [(21301, None), (200, "PENDING_CANCEL")]
        await _trade(ear, "createOrder", terms)
        rows = await _trade(ear, "cancelAllOrders", {"symbols": BTC})
        assert all(row["state"] == "PENDING_CANCEL" for row in rows)


async def test_a_foreign_order_shows_its_source(client: Client) -> None:
    async with client.socket("private") as ear:
        await ear.subscribe("orders", symbols=BTC)
        await ear.hear()
        order = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.01"}
        placed = await client.control("foreign-order", {"order": order})
        event = (await ear.until("orders"))["data"][0]
    assert (event["orderId"], event["source"]) == (placed["id"], "WEB")
