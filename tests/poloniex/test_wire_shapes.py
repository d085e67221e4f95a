"""Every REST reply of the reference, the surprising shapes above all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from polotui.core.errors import UsageError
from polotui.core.ids import Chance
from polotui.model.candles import Candle, Timeframe
from polotui.model.market import Trade
from polotui.poloniex import wire, wire_account
from polotui.poloniex.errors import BadReply
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import SecretSigner
from polotui.poloniex.transport import HttpReply
from tests.poloniex.virtual import LoopClock, run


class Fixed:
    """A transport with one answer for everything but the time."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.targets: list[str] = []

    async def send(self, method: str, target: str, headers: dict[str, str], body: str, deadline_s: float) -> HttpReply:
        if target == "/timestamp":
            return HttpReply(200, {}, b'{"serverTime":1780000100000}')
        self.targets.append(target)
        return HttpReply(200, {}, self.body.encode())

    async def close(self) -> None: ...


def asked(body: str | object, call: Callable[[SpotRest], Coroutine[Any, Any, Any]], target: str = "") -> Any:
    """The value of `call` when the exchange answers with `body`; checks what was asked for."""
    http = Fixed(body if isinstance(body, str) else json.dumps(body))

    async def main() -> Any:
        rest = SpotRest(clock=LoopClock(), chance=Chance(1), http=http, signer=SecretSigner("k", b"s"))
        return await call(rest)

    value = run(main())
    if target:
        assert http.targets[-1] == target
    return value


MARKET = """[{"symbol":"BTC_USDT","baseCurrencyName":"BTC","quoteCurrencyName":"USDT","displayName":"BTC/USDT",
"state":"BRAND_NEW_WORD","visibleStartTime":1659018819512,"tradableStartTime":1659018819512,"symbolTradeLimit":
{"symbol":"BTC_USDT","priceScale":2,"quantityScale":6,"amountScale":2,"minQuantity":"0.000001","minAmount":"1",
"maxQuantity":"20","maxAmount":"0","highestBid":"0","lowestAsk":"0"},"crossMargin":{"supportCrossMargin":true}}]"""


def test_one_market_comes_as_an_array_of_one_and_unknown_words_stay() -> None:
    market = asked(MARKET, lambda rest: rest.market("BTC_USDT"), "/markets/BTC_USDT")
    assert (market.base, market.quote, market.price_scale, market.quantity_scale) == ("BTC", "USDT", 2, 6)
    assert market.min_quantity == Decimal("0.000001")
    assert market.max_quantity == Decimal(20)
    assert market.max_amount is None
    assert market.state == "BRAND_NEW_WORD"
    assert not market.tradable


@pytest.mark.parametrize("body", ["[]", MARKET[:-1] + "," + MARKET[1:]])
def test_one_market_that_is_none_or_two_is_refused(body: str) -> None:
    with pytest.raises(BadReply, match="one element"):
        asked(body, lambda rest: rest.market("BTC_USDT"))


def test_limits_that_older_data_lacks_are_no_limits() -> None:
    body = MARKET.replace('"maxQuantity":"20","maxAmount":"0",', "").replace(
        ',"crossMargin":{"supportCrossMargin":true}', ""
    )
    market = asked(body, lambda rest: rest.markets(), "/markets")[0]
    assert market.max_quantity is None


def _data() -> Path:
    root = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("POLOTUI_DATA", root.parent / "shared" / "data")) / "poloniex"


def test_the_recorded_list_of_all_markets_is_read_whole() -> None:
    path = _data() / "markets-2022-08-21.json"
    if not path.exists():
        pytest.skip("the folder with recorded market data is not here (POLOTUI_DATA)")
    rows = json.loads(path.read_text())
    markets = asked(path.read_text(), lambda rest: rest.markets())
    assert len(markets) == len(rows)
    by_name = {market.symbol: market for market in markets}
    for row in rows:
        limit = row["symbolTradeLimit"]
        assert by_name[row["symbol"]].min_quantity == Decimal(limit["minQuantity"])
        assert by_name[row["symbol"]].price_scale == limit["priceScale"]


def test_currencies_are_objects_with_a_single_key() -> None:
    body = (
        '[{"BTC":{"id":28,"name":"Bitcoin","type":"address","withdrawalFee":"0.00100000","minConf":2,'
        '"depositAddress":null,"blockchain":"BTC","delisted":false,"tradingState":"NORMAL","walletState":"ENABLED",'
        '"walletDepositState":"ENABLED","walletWithdrawalState":"ENABLED","supportCollateral":true,'
        '"supportBorrow":true,"parentChain":null,"isMultiChain":true,"isChildChain":false,"childChains":["BTCTRON"]}},'
        '{"ETH":{"id":267,"name":"Ethereum"}}]'
    )
    target = "/currencies?includeMultiChainCurrencies=true"
    found = asked(body, lambda rest: rest.currencies(multi_chain=True), target)
    assert [currency.code for currency in found] == ["BTC", "ETH"]
    assert found[0].child_chains == ("BTCTRON",)
    one = asked('{"BTC":{"id":28,"name":"Bitcoin"}}', lambda rest: rest.currency("BTC"), "/currencies/BTC")
    assert (one.code, one.id) == ("BTC", 28)


def test_newer_currencies_list_their_networks() -> None:
    body = (
        '{"id":28,"coin":"BTC","delisted":false,"tradeEnable":true,"name":"Bitcoin","supportCollateral":true,'
        '"supportBorrow":true,"networkList":[{"id":28,"coin":"BTCTRON","name":"Bitcoin","currencyType":"address",'
        '"blockchain":"TRX","withdrawalEnable":true,"depositEnable":true,"depositAddress":null,"withdrawMin":"-1",'
        '"decimals":8,"withdrawFee":"0.00100000","minConfirm":2,"contractAddress":null}]}'
    )
    one = asked(body, lambda rest: rest.currency_v2("BTC"), "/v2/currencies/BTC")
    assert (one.network_list[0].coin, one.network_list[0].blockchain) == ("BTCTRON", "TRX")
    assert asked(f"[{body}]", lambda rest: rest.currencies_v2(), "/v2/currencies")[0] == one


def test_prices_and_mark_prices_take_times_as_number_and_as_text() -> None:
    price = asked(
        '{"symbol":"BTC_USDT","price":"2","time":5,"dailyChange":"-0.0171","ts":"6"}',
        lambda rest: rest.price("BTC_USDT"),
    )
    assert (price.price, price.time, price.daily_change, price.ts) == (2.0, 5, -0.0171, 6)
    for time in (7, "7"):
        mark = {"symbol": "BTC_USDT", "markPrice": "3", "time": time}
        assert asked(mark, lambda rest: rest.mark_price("BTC_USDT")).time == 7
        assert asked([mark], lambda rest: rest.mark_prices(), "/markets/markPrice")[0].mark_price == 3
    parts = {
        "symbol": "BTC_USDT",
        "ts": 1,
        "markPrice": "3",
        "components": [
            {"symbol": "BTC_USDT", "symbolPrice": "3", "weight": "0.5", "convertPrice": "1.5", "exchange": "X"}
        ],
    }
    assert asked(parts, lambda rest: rest.mark_price_parts("BTC_USDT")).components[0].weight == 0.5
    assert asked([], lambda rest: rest.prices(), "/markets/price") == []


def test_a_ticker_keeps_base_and_quote_apart() -> None:
    body = (
        '{"symbol":"BTC_USDT","open":"72144.71","low":"68715.75","high":"73562.48","close":"73380.47",'
        '"quantity":"2626.111269","amount":"188276700.82567151","tradeCount":143700,"startTime":1710241800000,'
        '"closeTime":1710328237713,"displayName":"BTC/USDT","dailyChange":"0.0171","bid":"73354.86",'
        '"bidQuantity":"0.022699","ask":"73392.83","askQuantity":"0.266277","ts":1710328238600,"markPrice":"73370.07"}'
    )
    ticker = asked(body, lambda rest: rest.ticker("BTC_USDT"), "/markets/BTC_USDT/ticker24h")
    assert (ticker.last, ticker.volume, ticker.amount) == (73380.47, 2626.111269, 188276700.82567151)
    assert (ticker.change, ticker.bid, ticker.ask, ticker.mark) == (0.0171, 73354.86, 73392.83, 73370.07)
    assert (ticker.trades, ticker.ts_ms) == (143700, 1710328238600)
    assert asked(f"[{body}]", lambda rest: rest.tickers(), "/markets/ticker24h") == [ticker]


def test_the_order_book_is_two_flat_arrays() -> None:
    body = (
        '{"time":1720103007642,"scale":"0.01","asks":["57612.42","0.001981","57612.43","0.01"],'
        '"bids":["56876.82","0.04799","56876.81","0.07"],"ts":1720103007712}'
    )
    target = "/markets/BTC_USDT/orderBook?limit=50&scale=0.01"
    book = asked(body, lambda rest: rest.order_book("BTC_USDT", limit=50, scale="0.01"), target)
    assert book.asks == [(57612.42, 0.001981), (57612.43, 0.01)]
    assert book.bids == [(56876.82, 0.04799), (56876.81, 0.07)]
    with pytest.raises(BadReply, match="without a quantity"):
        asked('{"asks":["1"],"bids":[]}', lambda rest: rest.order_book("BTC_USDT"))
    with pytest.raises(UsageError):
        asked(body, lambda rest: rest.order_book("BTC_USDT", limit=7))


ROW = ["73189.21", "73444.8", "73229.19", "73429.86", "1009311.33", "13.769917", "494823.8", "6.75068", 775]


def candle_row(start: int, length: int = 60_000) -> list[object]:
    return [*ROW, 0, "73298.33", "MINUTE_1", start, start + length - 1]


def test_candles_are_low_high_open_close() -> None:
    body = [candle_row(1710327600000, 3_600_000)]
    target = "/markets/BTC_USDT/candles?endTime=9&interval=HOUR_1&limit=500&startTime=3"
    found = asked(body, lambda rest: rest.candles("BTC_USDT", Timeframe.H1, start_ms=3, end_ms=9, limit=999), target)
    assert found == [
        Candle(1710327600000, 73229.19, 73444.8, 73189.21, 73429.86, 13.769917, 1009311.33, 775, closed=True)
    ]


def test_a_candle_is_closed_when_a_later_one_exists_or_its_time_is_over() -> None:
    now = LoopClock().epoch_ms + 100_000
    start = now - now % 60_000
    rows = [candle_row(start), candle_row(start - 60_000), candle_row(start)]
    found = asked(rows, lambda rest: rest.candles("BTC_USDT", Timeframe.M1))
    assert [(candle.open_ms, candle.closed) for candle in found] == [(start - 60_000, True), (start, False)]


def test_trades_come_newest_first_with_upper_case_sides() -> None:
    newest = {
        "id": "88645020",
        "price": "2",
        "quantity": "1",
        "amount": "2",
        "takerSide": "SELL",
        "ts": 9,
        "createTime": 8,
    }
    older = {**newest, "id": 88645019, "takerSide": "BUY"}
    found = asked(
        [newest, older], lambda rest: rest.trades("BTC_USDT", limit=5000), "/markets/BTC_USDT/trades?limit=1000"
    )
    assert found == [Trade(88645019, 8, 2.0, 1.0, True), Trade(88645020, 8, 2.0, 1.0, False)]


def test_margin_reference_data() -> None:
    collateral = {
        "currency": "BTC",
        "collateralRate": "0.95",
        "initialMarginRate": "0.5",
        "maintenanceMarginRate": "0.1",
    }
    assert asked(collateral, lambda rest: rest.collateral_of("BTC")).collateral_rate == 0.95
    assert asked([collateral], lambda rest: rest.collateral())[0].currency == "BTC"
    rate = '{"currency":"BTC","dailyBorrowRate":"0.0001","hourlyBorrowRate":"0.0000041","borrowLimit":"20"}'
    rates = f'[{{"tier":"TIER1","rates":[{rate}]}}]'
    assert asked(rates, lambda rest: rest.borrow_rates())[0].rates[0].borrow_limit == 20


def test_accounts_and_balances_are_exact() -> None:
    accounts = asked(
        '[{"accountId":123,"accountType":"SPOT","accountState":"NORMAL"}]', lambda rest: rest.accounts(), "/accounts"
    )
    assert accounts == [wire_account.AccountState("123", "SPOT", "NORMAL")]
    body = (
        '[{"accountId":"123","accountType":"SPOT","balances":[{"currencyId":"214","currency":"USDT",'
        '"available":"20.000075337000000000001","hold":"0.00"}]}]'
    )
    account = asked(body, lambda rest: rest.account_balances("123"), "/accounts/123/balances")
    assert account.balances[0].available == Decimal("20.000075337000000000001")
    assert asked(body, lambda rest: rest.balances(), "/accounts/balances") == [account]


def test_an_activity_keeps_the_exchanges_spelling() -> None:
    body = (
        '[{"id":"22774050","currency":"LINK","amount":"100","state":"PROCESSSING","createTime":1659781580499,'
        '"description":"x","activityType":201}]'
    )
    target = "/accounts/activity?direction=PRE&from=5"
    found = asked(body, lambda rest: rest.activity(**{"from": 5, "direction": "PRE"}), target)
    assert (found[0].state, found[0].kind, found[0].amount) == ("PROCESSSING", 201, Decimal(100))


def test_fees_and_their_exceptions() -> None:
    body = (
        '{"trxDiscount":false,"makerRate":"0.002","takerRate":"0.0025","volume30D":"0",'
        '"specialFeeRates":[{"symbol":"USDD_USDT","makerRate":"0","takerRate":"0"}]}'
    )
    fees = asked(body, lambda rest: rest.fee_info(), "/feeinfo")
    assert (fees.maker, fees.taker) == (Decimal("0.002"), Decimal("0.0025"))
    assert fees.special == {"USDD_USDT": (Decimal(0), Decimal(0))}


ORDER = """{"id":%s,"clientOrderId":"","symbol":"LTC_USDT","state":"SOMETHING_NEW","accountType":"SPOT","side":"buy",
"type":"LIMIT","timeInForce":"GTC","quantity":"0.1","price":"55","avgPrice":"0","amount":"0","filledQuantity":"0",
"filledAmount":"0","createTime":1723453318832,"updateTime":1723453318832,"orderSource":"API","loan":false,
"cancelReason":0}"""


@pytest.mark.parametrize("wire_id", ['"345975213604921345"', "345975213604921345"])
def test_an_order_id_above_two_to_the_53_survives_as_text_and_as_number(wire_id: str) -> None:
    order = asked(ORDER % wire_id, lambda rest: rest.order("345975213604921345"), "/orders/345975213604921345")
    assert order.id == "345975213604921345"
    assert int(order.id) > 2**53
    assert (order.state, order.side, order.price) == ("SOMETHING_NEW", "BUY", Decimal(55))
    history = asked(f"[{ORDER % wire_id}]", lambda rest: rest.order_history(states="FILLED,CANCELED"))
    assert history == [order]
    target = "/orders?limit=2000&symbol=LTC_USDT"
    assert asked(f"[{ORDER % wire_id}]", lambda rest: rest.open_orders("LTC_USDT", limit=2000), target) == [order]


def test_an_order_by_client_id_keeps_the_colon() -> None:
    asked(ORDER % '"1"', lambda rest: rest.order_by_client_id("my-1"), "/orders/cid:my-1")


def test_fills_carry_their_fee_and_page() -> None:
    body = (
        '[{"id":"32164924331503616","symbol":"LINK_USDT","accountType":"SPOT","orderId":"32164923987566592",'
        '"side":"SELL","type":"MARKET","matchRole":"TAKER","createTime":1648635115525,"price":"11","quantity":"0.5",'
        '"amount":"5.5","feeCurrency":"USDT","feeAmount":"0.007975","pageId":"32164924331503616",'
        '"clientOrderId":"myOwnId-321"}]'
    )
    fill = asked(body, lambda rest: rest.fills(symbols="LINK_USDT,BTC_USDT"), "/trades?symbols=LINK_USDT%2CBTC_USDT")[0]
    assert (fill.id, fill.order_id, fill.page_id) == ("32164924331503616", "32164923987566592", "32164924331503616")
    assert (fill.fee, fill.fee_currency, fill.role) == (Decimal("0.007975"), "USDT", "TAKER")
    assert asked(body, lambda rest: rest.order_fills("32164923987566592")) == [fill]


@pytest.mark.parametrize("body", ['{"startTime":1,"cancellationTime":2}', '{"startTime":"1","cancellationTime":"2"}'])
def test_kill_switch_times_are_numbers_or_text(body: str) -> None:
    switch = asked(body, lambda rest: rest.kill_switch(), "/orders/killSwitchStatus")
    assert (switch.start_time, switch.cancellation_time) == (1, 2)


def test_each_element_of_a_batch_reply_stands_for_itself() -> None:
    body = (
        b'[{"id":"29772698821328896","clientOrderId":"a"},'
        b'{"code":21709,"message":"Low available balance","clientOrderId":""}]'
    )
    placed = [row.value() for row in wire.decode(body, list[wire_account.PlacedWire], "a batch")]
    assert [(one.accepted, one.order_id, one.code) for one in placed] == [
        (True, "29772698821328896", 200),
        (False, "", 21709),
    ]


def test_a_cancel_reply_is_a_hint_with_its_own_code() -> None:
    body = (
        b'[{"orderId":"32487004629499904","clientOrderId":"54321","state":"PENDING_CANCEL","code":200,"message":""},'
        b'{"orderId":0,"clientOrderId":null,"message":"Order not exists","code":21301}]'
    )
    cancelled = [row.value() for row in wire.decode(body, list[wire_account.CancelledWire], "a cancel")]
    assert [(one.accepted, one.state) for one in cancelled] == [(True, "PENDING_CANCEL"), (False, "")]


@pytest.mark.parametrize(
    "number", ['"NaN"', '"Infinity"', '"-Infinity"', '"1e999"', "1e999", "null", '""', '"x"', "[]"]
)
def test_money_that_is_no_finite_number_is_refused(number: str) -> None:
    body = f'[{{"accountId":"1","accountType":"SPOT","balances":[{{"currency":"A","available":{number},"hold":"0"}}]}}]'
    with pytest.raises(BadReply):
        asked(body, lambda rest: rest.balances())


@pytest.mark.parametrize("number", ['"NaN"', '"inf"', '"-1"', "-1", '"1e400"', "1e400", "null", "true"])
def test_a_price_that_is_no_finite_positive_number_is_refused(number: str) -> None:
    with pytest.raises(BadReply):
        asked(f'{{"symbol":"A_B","price":{number}}}', lambda rest: rest.price("A_B"))
