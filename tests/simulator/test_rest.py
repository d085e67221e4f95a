"""The REST endpoints over a real socket: spellings, paging, refusals, limits."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.simulator.config import Limits
from polotui.simulator.refusals import Refusal
from tests.simulator.client import Client, running
from tests.simulator.stage import Stage


async def test_every_public_endpoint_answers_in_its_own_spelling(client: Client) -> None:
    markets = await client.get("/markets")
    assert [row["symbol"] for row in markets] == ["BTC_USDT", "ETH_USDT", "SOL_USDT"]
    assert markets[0]["symbolTradeLimit"]["priceScale"] == 2
    assert await client.get("/markets/BTC_USDT") == markets[:1]
    assert next(iter((await client.get("/currencies"))[0])) == "USDT"
    assert "childChains" in (await client.get("/currencies", includeMultiChainCurrencies="True"))[0]["USDT"]
    assert (await client.get("/currencies/BTC"))["BTC"]["id"] == 28
    assert (await client.get("/v2/currencies"))[1]["networkList"][0]["blockchain"] == "BTC"
    assert (await client.get("/v2/currencies/btc"))["coin"] == "BTC"
    assert (await client.get("/v3/market/allInstruments")) == {"code": 200, "msg": "Success", "data": []}
    for path in ("price", "markPrice", "ticker24h"):
        rows = await client.get(f"/markets/{path}")
        one = await client.get(f"/markets/ETH_USDT/{path}")
        assert len(rows) == 3
        assert set(one) == set(rows[1])
        assert one["symbol"] == "ETH_USDT"
    components = await client.get("/markets/BTC_USDT/markPriceComponents")
    assert components["components"][0]["weight"] == "1"
    assert (await client.get("/markets/BTC/collateralInfo"))["collateralRate"] == "0.95"
    assert len(await client.get("/markets/collateralInfo")) == 3
    assert (await client.get("/markets/borrowRatesInfo"))[0]["tier"] == "TIER1"


async def test_the_book_is_flat_limited_and_can_be_grouped(client: Client) -> None:
    book = await client.get("/markets/BTC_USDT/orderBook")
    assert (len(book["bids"]), len(book["asks"]), book["scale"]) == (20, 20, "0.01")
    prices = [Decimal(price) for price in book["bids"][::2]]
    assert prices == sorted(prices, reverse=True)
    full = await client.get("/markets/BTC_USDT/orderBook", limit=150)
    grouped = await client.get("/markets/BTC_USDT/orderBook", limit=150, scale="10")
    assert sum(map(Decimal, full["asks"][1::2])) == sum(map(Decimal, grouped["asks"][1::2]))
    assert all(Decimal(price) % 10 == 0 for price in grouped["bids"][::2])
    assert Decimal(grouped["asks"][0]) >= Decimal(full["asks"][0])
    assert (await client.get("/markets/BTC_USDT/orderBook", limit=7))["code"] == 24104
    assert (await client.get("/markets/BTC_USDT/orderBook", scale="3"))["code"] == 24106


async def test_candles_come_low_first_oldest_first_and_at_most_500(client: Client) -> None:
    rows = await client.get("/markets/BTC_USDT/candles", interval="MINUTE_5")
    assert len(rows) == 100
    assert [row[12] for row in rows] == sorted({row[12] for row in rows})
    for row in rows:
        low, high, first, last = map(Decimal, row[:4])
        assert low <= min(first, last) <= max(first, last) <= high
        assert (row[11], row[13]) == ("MINUTE_5", row[12] + 299_999)
    assert len(await client.get("/markets/BTC_USDT/candles", interval="MINUTE_1", limit=9999)) == 500
    start = rows[10][12]
    some = await client.get("/markets/BTC_USDT/candles", interval="MINUTE_5", startTime=start, endTime=rows[12][12])
    assert [row[:9] for row in some] == [row[:9] for row in rows[10:13]]
    assert (await client.get("/markets/BTC_USDT/candles", interval="MINUTE_7"))["code"] == 24102
    assert (await client.get("/markets/BTC_USDT/candles"))["code"] == 602


async def test_unknown_things_have_their_own_refusals(client: Client) -> None:
    reply = await client.http.get("/v3/market/nope")
    assert reply.status_code == 404
    assert reply.json()["message"] == 'Resources do not exist [404 NOT_FOUND "No static resource v3/market/nope."]'
    assert (await client.get("/markets/NOPE_USDT"))["code"] == 24101
    assert (await client.get("/currencies/NOPE"))["code"] == 21102
    assert reply.headers["ratelimit-filter"] == "updated"


async def test_accounts_and_wallets_read_and_never_move_money(client: Client) -> None:
    account = (await client.call("GET", "/accounts"))[0]
    assert account["accountType"] == "SPOT"
    rows = (await client.call("GET", "/accounts/balances", accountType="SPOT"))[0]["balances"]
    assert {"currencyId": "214", "currency": "USDT", "available": "10000", "hold": "0"} in rows
    assert {row["available"] for row in rows if row["currency"] == "TRX"} == {"0.00000042"}
    assert (await client.call("GET", f"/accounts/{account['accountId']}/balances"))[0]["balances"] == rows
    assert (await client.call("GET", "/accounts/1/balances"))["code"] == 21600
    assert (await client.call("GET", "/feeinfo"))["takerRate"] == "0.002"
    assert (await client.call("GET", "/subaccounts"))[0]["isPrimary"] == "true"
    assert (await client.call("GET", "/wallets/addresses")) == {}
    assert (await client.call("GET", "/wallets/activity", start=1, end=2)) == {"deposits": [], "withdrawals": []}
    assert (await client.call("GET", "/wallets/activity"))["code"] == 602
    for path in ("/wallets/withdraw", "/v2/wallets/withdraw"):
        reply = await client.signed("POST", path, {"coin": "BTC", "amount": "1", "address": "x"})
        assert (reply.status_code, reply.json()["message"]) == (403, "Permission to withdraw denied.")
    assert (await client.call("POST", "/accounts/transfer", {"currency": "USDT", "amount": "1"}))["code"] == 250004


async def test_the_life_of_an_order_over_rest(client: Client) -> None:
    terms = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.01"}
    placed = await client.call("POST", "/orders", terms | {"clientOrderId": "mine"})
    assert placed["clientOrderId"] == "mine"
    for reference in (placed["id"], "cid:mine"):
        order = await client.call("GET", f"/orders/{reference}")
        assert (order["id"], order["state"], order["amount"]) == (placed["id"], "NEW", "0")
    listed = await client.call("GET", "/orders", symbol="BTC_USDT")
    assert [row["id"] for row in listed] == [placed["id"]]
    assert "cancelReason" not in listed[0]
    replaced = await client.call("PUT", f"/orders/{placed['id']}", {"price": "50001"})
    reply = await client.call("DELETE", f"/orders/{replaced['id']}")
    assert (reply["state"], reply["code"]) == ("PENDING_CANCEL", 200)
    account = client.simulator.exchange.ledger.accounts["demo-key"]
    for _ in range(1000):
        if not account.open:
            break
        await asyncio.sleep(0.005)
    history = await client.call("GET", "/orders/history", limit=10)
    assert [row["state"] for row in history] == ["CANCELED", "CANCELED"]
    assert (await client.signed("DELETE", f"/orders/{replaced['id']}")).json()["code"] == 21359
    assert (await client.call("GET", "/orders/123"))["code"] == 21301
    assert (await client.call("GET", "/orders/abc"))["code"] == 21346


async def test_batches_never_fail_as_a_whole(client: Client) -> None:
    good = {"symbol": "ETH_USDT", "side": "BUY", "type": "LIMIT", "price": "1000", "quantity": "0.1"}
    rows = await client.call("POST", "/orders/batch", [good, good | {"quantity": "99"}, "nonsense", good])
    assert ["id" in row for row in rows] == [True, False, False, True]
    assert rows[1] == {"code": 21709, "message": "Low available balance", "clientOrderId": ""}
    body = {"orderIds": [rows[0]["id"], "77"], "clientOrderIds": ["none"]}
    cancelled = await client.call("DELETE", "/orders/cancelByIds", body)
    assert [row["code"] for row in cancelled] == [200, 21301, 21301]
    assert (await client.call("DELETE", "/orders", {"symbol": "ETH_USDT"}))["code"] == 601
    everything = await client.call("DELETE", "/orders", {"symbols": ["ETH_USDT"]})
    assert {row["orderId"] for row in everything} == {rows[0]["id"], rows[3]["id"]}
    assert (await client.call("POST", "/orders/batch", [good] * 21))["code"] == 601


async def test_fills_can_be_listed_and_paged(client: Client) -> None:
    for _ in range(3):
        await client.call("POST", "/orders", {"symbol": "BTC_USDT", "side": "BUY", "amount": "20"})
    rows = await client.call("GET", "/trades", symbols="BTC_USDT,ETH_USDT")
    assert len(rows) >= 3
    assert {row["matchRole"] for row in rows} == {"TAKER"}
    older = await client.call("GET", "/trades", **{"from": rows[0]["pageId"], "direction": "PRE"})
    assert older == rows[1:]
    mine = await client.call("GET", f"/orders/{rows[0]['orderId']}/trades")
    assert rows[0] in mine
    public = await client.get("/markets/BTC_USDT/trades")
    assert [row["id"] for row in public] == [row["id"] for row in rows]
    assert {row["takerSide"] for row in public} == {"BUY"}
    assert (await client.call("GET", "/trades", symbols="ETH_USDT")) == []
    assert (await client.call("GET", "/trades", startTime=1, endTime=2**43))["code"] == 21355


async def test_each_class_has_its_own_allowance() -> None:
    async with running(limits=Limits(public_heavy=2, private_light=1)) as client:
        statuses = [(await client.http.get("/markets")).status_code for _ in range(6)]
        assert 429 in statuses
        assert statuses[0] == 200
        assert (await client.http.get("/timestamp")).status_code == 200
        private = [(await client.signed("GET", "/accounts")) for _ in range(6)]
        assert {reply.status_code for reply in private} == {200, 429}
        refused = next(reply for reply in private if reply.status_code == 429)
        assert refused.json() == {"code": 429, "message": "Too many requests"}
        assert "retry-after" not in refused.headers


async def test_broken_http_and_broken_json_do_no_harm(client: Client) -> None:
    reply = await client.http.post("/_simulator/faults", content=b"{nope")
    assert reply.status_code == 400
    assert (await client.http.post("/markets")).status_code == 404
    assert (await client.get("/timestamp"))["serverTime"] > 0


@pytest.mark.parametrize("count", [1, 20, 45, 200])
async def test_any_number_of_symbols_can_be_asked_for(count: int) -> None:
    async with running(symbols=count) as client:
        rows = await client.get("/markets")
        assert len({row["symbol"] for row in rows}) == count
        for symbol in client.simulator.exchange.markets:
            window = client.simulator.exchange.book_lv2(symbol)
            assert window is not None
            assert (len(window.bids), len(window.asks)) == (20, 20)
            assert window.bids[0][0] < window.asks[0][0]


async def _raw(client: Client, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(sent)
    writer.write_eof()
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("sent", "start"),
    [
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET /timestamp HTTP/9\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET /ws/public HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 426"),
        (b"GET /ws/other HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 404"),
        (b"GET /timestamp HTTP/1.1\r\nHost: x\r\n\r\n" * 3, b"HTTP/1.1 200"),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"HTTP/1.1 404"),
        (b"", b""),
    ],
)
async def test_odd_requests_get_an_answer_and_leave_nothing_behind(client: Client, sent: bytes, start: bytes) -> None:
    heard = await _raw(client, sent)
    assert heard.startswith(start)
    assert heard.count(b"HTTP/1.1 ") == max(1, sent.count(b"GET /timestamp HTTP/1.1")) if sent else heard == b""
    assert (await client.get("/timestamp"))["serverTime"] > 0


_FIELDS = ["symbol", "side", "type", "price", "quantity", "amount", "timeInForce", "clientOrderId", "stpMode"]
_ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["COIN_USDT", "BUY", "1"]),
)


@given(st.dictionaries(st.sampled_from(_FIELDS), _ANYTHING))
@settings(max_examples=150, deadline=None)
def test_any_order_is_taken_or_refused_and_never_breaks(terms: dict[str, object]) -> None:
    stage = Stage()
    answers: list[object] = []
    try:
        answers.append(stage.exchange.place(stage.account(), {"symbol": "COIN_USDT"} | terms).state)
    except Refusal as refusal:
        answers.append(refusal.number)
    assert answers[0]
    assert stage.exchange.ledger.imbalance() == {}
