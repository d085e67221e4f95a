"""Every frame of the streams, and 20,000 damaged ones."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from polotui.model.candles import Candle
from polotui.model.market import Trade
from polotui.poloniex import stream_wire as sw

TICKER = (
    b'{"channel":"ticker","data":[{"symbol":"BTC_USDT","startTime":1786527780000,"open":"64041.88","high":"64472.46",'
    b'"low":"63309.75","close":"63710.73","quantity":"3509.232507","amount":"223627684.81842926","tradeCount":220183,'
    b'"dailyChange":"-0.0052","markPrice":"63683.64","closeTime":1786614215449,"ts":1786614216233}]}'
)
TRADE = (
    b'{"channel":"trades","data":[{"symbol":"BTC_USDT","amount":"1399.4373582","quantity":"0.021964",'
    b'"takerSide":"buy","createTime":1786614232189,"price":"63715.05","id":"232648447","ts":1786614232198}]}'
)
SNAPSHOT = (
    b'{"channel":"book_lv2","data":[{"symbol":"BTC_USDT","createTime":1786614249357,"asks":[["63718.04","0.020000"],'
    b'["63719.32","0.000153"]],"bids":[["63708.07","0.02"],["63707.43","0.02"]],"lastId":8142122765,'
    b'"id":8142122766,"ts":1786614249379}],"action":"snapshot"}'
)
UPDATE = (
    b'{"channel":"book_lv2","data":[{"symbol":"BTC_USDT","createTime":1786614249358,"asks":[["63745.06","2.858064"]],'
    b'"bids":[],"lastId":8142122766,"id":8142122769,"ts":1786614249381}],"action":"update"}'
)
CANDLE = (
    b'{"channel":"candles_minute_1","data":[{"symbol":"BTC_USDT","amount":"840.7240416","high":"24832.36",'
    b'"quantity":"0.033856","tradeCount":1,"low":"24832.34","closeTime":1676942519999,"startTime":1676942460000,'
    b'"close":"24832.35","open":"24832.35","ts":1676942492072}]}'
)
ORDER = (
    b'{"channel":"orders","data":[{"orderId":"186250258089635840","tradeId":"62036513","clientOrderId":"",'
    b'"accountType":"SPOT","eventType":"trade","symbol":"ADA_USDT","side":"SELL","type":"MARKET","price":"0",'
    b'"quantity":"3","state":"FILLED","createTime":1685371921891,"tradeTime":1685371921908,"tradePrice":"0.37694",'
    b'"tradeQty":"3","feeCurrency":"USDT","tradeFee":"0.00226164","tradeAmount":"1.13082","filledQuantity":"3",'
    b'"filledAmount":"1.13082","ts":1685371921945,"source":"WEB","orderAmount":"0","matchRole":"TAKER"}]}'
)
BALANCE = (
    b'{"channel":"balances","data":[{"id":"631934307434274817","accountId":"1234","available":"96.266002",'
    b'"accountType":"SPOT","hold":"20","changeTime":1791631279664,"userId":12345,"currency":"DOGE",'
    b'"eventType":"PLACE_ORDER","version":4,"ts":1791631279720}]}'
)
FRAMES = (TICKER, TRADE, SNAPSHOT, UPDATE, CANDLE, ORDER, BALANCE)


def one(frame: bytes) -> Any:
    messages = sw.read(frame)
    assert len(messages) == 1
    return messages[0]


def test_a_ticker() -> None:
    ticker = one(TICKER).value()
    assert (ticker.symbol, ticker.last, ticker.change, ticker.mark) == ("BTC_USDT", 63710.73, -0.0052, 63683.64)
    assert (ticker.volume, ticker.amount) == (3509.232507, 223627684.81842926)


@pytest.mark.parametrize("wire_id", [b'"232648447"', b"232648447"])
def test_a_trade_with_its_id_as_text_and_as_number(wire_id: bytes) -> None:
    trade = one(TRADE.replace(b'"232648447"', wire_id))
    assert trade.value() == Trade(232648447, 1786614232189, 63715.05, 0.021964, True)
    assert one(TRADE.replace(b'"buy"', b'"sell"')).value().buy is False


def test_a_book_is_a_snapshot_or_an_update() -> None:
    snapshot, update = one(SNAPSHOT), one(UPDATE)
    assert isinstance(snapshot, sw.BookSnapshot)
    assert snapshot.asks[0] == (63718.04, 0.02)
    assert isinstance(update, sw.BookUpdate)
    assert (update.last_id, update.id, update.bids) == (8142122766, 8142122769, [])


def test_a_book_that_is_neither_is_malformed() -> None:
    with pytest.raises(sw.Malformed, match="neither"):
        sw.read(UPDATE.replace(b'"update"', b'"upsert"'))


def test_the_plain_book_channel() -> None:
    book = one(
        b'{"channel":"book","data":[{"symbol":"BTC_USDT","createTime":1,"asks":[["2","1"]],"bids":[["1","1"]],'
        b'"id":598273384,"ts":2}]}'
    )
    assert isinstance(book, sw.FullBook)


def test_a_candle_knows_its_channel() -> None:
    message = one(CANDLE)
    assert message.channel == "candles_minute_1"
    assert message.value(closed=False) == Candle(
        1676942460000, 24832.35, 24832.36, 24832.34, 24832.35, 0.033856, 840.7240416, 1, False
    )


def test_an_own_order_is_exact() -> None:
    event = one(ORDER)
    assert (event.order_id, event.trade_id) == ("186250258089635840", "62036513")
    assert (event.trade_fee, event.trade_price) == (Decimal("0.00226164"), Decimal("0.37694"))
    placed = one(
        b'{"channel":"orders","data":[{"symbol":"BTC_USDT","type":"LIMIT","quantity":"1","orderId":32471407854219264,'
        b'"tradeFee":"0","clientOrderId":"","accountType":"SPOT","feeCurrency":"","eventType":"place","source":"API",'
        b'"side":"BUY","filledQuantity":"0","filledAmount":"0","matchRole":"MAKER","state":"NEW","tradeTime":0,'
        b'"tradeAmount":"0","orderAmount":"0","createTime":1,"price":"47112.1","tradeQty":"0","tradePrice":"0",'
        b'"tradeId":"0","ts":2}]}'
    )
    assert placed.order_id == "32471407854219264"


@pytest.mark.parametrize("word", [b"PLACE_ORDER", b"place_order"])
def test_a_balance_event_is_compared_without_case(word: bytes) -> None:
    event = one(BALANCE.replace(b"PLACE_ORDER", word))
    assert event.event_type == "place_order"
    assert event.id == "631934307434274817"
    assert event.value().total == Decimal("116.266002")
    assert one(BALANCE.replace(b'"631934307434274817"', b"631934307434274817")).id == "631934307434274817"


def test_replies_to_orders_over_the_socket_carry_bare_64_bit_numbers() -> None:
    reply = one(b'{"id":"1234567","data":[{"orderId":205343650954092545,"clientOrderId":"","message":"","code":200}]}')
    assert (reply.request_id, reply.order_id, reply.code) == ("1234567", "205343650954092545", 200)
    refused = one(
        b'{"id":"123457","data":[{"orderId":0,"clientOrderId":null,"message":"Currency trade disabled","code":21352}]}'
    )
    assert refused.code == 21352


def test_frames_without_a_channels_data() -> None:
    assert one(b'{"event":"pong"}') == sw.Pong()
    assert one(b'{"event":"subscribe","channel":"trades","symbols":["A_B"]}') == sw.Ack("subscribe", "trades", ("A_B",))
    assert one(b'{"event":"subscribe","channel":"balances"}') == sw.Ack("subscribe", "balances")
    assert one(b'{"event":"unsubscribe_all","channel":"all"}') == sw.Ack("unsubscribe_all", "all")
    assert one(b'{"subscriptions":["trades","ticker"]}') == sw.Subscriptions(("trades", "ticker"))
    assert one('{"message":"Not JSON string：hello","event":"error"}'.encode()).text == "Not JSON string：hello"
    assert one(b'{"event":"error","message":"Invalid channel value [\\"ordersss\\"]"}') == sw.ErrorFrame(
        'Invalid channel value ["ordersss"]'
    )


def test_authentication_replies() -> None:
    assert one(b'{"data":{"success":true,"ts":1645597033915},"channel":"auth"}').success
    refused = one(b'{"data":{"success":false,"message":"Authentication failed!","ts":1},"channel":"auth"}')
    assert (refused.success, refused.message) == (False, "Authentication failed!")


def test_the_state_of_markets_currencies_and_the_exchange() -> None:
    mode = one(b'{"channel":"exchange","action":"snapshot","data":[{"MM":"ON","POM":"OFF"}]}')
    assert (mode.maintenance, mode.post_only) == (True, False)
    currency = one(b'{"channel":"currencies","data":[{"currency":"BTC","id":28,"name":"B"}],"action":"snapshot"}')
    assert currency.currency == "BTC"
    market = one(
        b'{"channel":"symbols","data":[{"symbol":"BTC_USDT","baseCurrencyName":"BTC","quoteCurrencyName":"USDT",'
        b'"state":"PAUSE","symbolTradeLimit":{"symbol":"BTC_USDT","priceScale":2,"quantityScale":6,"amountScale":2,'
        b'"minQuantity":"0.000001","minAmount":"1"},"crossMargin":{"supportCrossMargin":true,"maxLeverage":"3"}}],'
        b'"action":"snapshot"}'
    )
    assert market.value().state == "PAUSE"


def test_an_unknown_channel_is_kept() -> None:
    assert one(b'{"channel":"weather","data":[{"rain":1}]}') == sw.Unknown("weather", b'[{"rain":1}]')


def test_several_elements_become_several_messages() -> None:
    second = TRADE[TRADE.index(b"[") + 1 : -2].replace(b"232648447", b"232648448")
    messages = sw.read(TRADE[:-2] + b"," + second + b"]}")
    assert [message.id for message in messages] == [232648447, 232648448]


@pytest.mark.parametrize(
    "frame", [b"", b"pong", b"[]", b"1", b'"x"', b"{}", b'{"channel":"ticker"}', b"\xff\xfe", b"[" * 9999]
)
def test_what_is_no_message_is_malformed(frame: bytes) -> None:
    with pytest.raises(sw.Malformed):
        sw.read(frame)


BAD = [
    b"NaN",
    b'"NaN"',
    b'"Infinity"',
    b'"-inf"',
    b"1e999",
    b'"1e999"',
    b"-1",
    b"null",
    b"{}",
    b"[]",
    b'"\\u0000"',
    b"true",
]


def mutate(frame: bytes, dice: random.Random) -> bytes:
    """One of the ways in which a frame can be damaged."""
    kind = dice.randrange(6)
    at = dice.randrange(len(frame))
    if kind == 0:
        return frame[:at]
    if kind == 1:
        return frame[:at] + bytes([frame[at] ^ (1 << dice.randrange(8))]) + frame[at + 1 :]
    if kind == 2:
        return frame[:at] + dice.choice(BAD) + frame[at:]
    if kind == 3:
        end = min(len(frame), at + dice.randrange(1, 40))
        return frame[:at] + frame[end:]
    if kind == 4:
        other = dice.choice(FRAMES)
        return frame[:at] + other[dice.randrange(len(other)) :]
    colons = [index for index, byte in enumerate(frame) if byte == ord(":")]
    start = dice.choice(colons) + 1
    end = min((index for index in (frame.find(b",", start), frame.find(b"}", start)) if index > 0), default=len(frame))
    return frame[:start] + dice.choice(BAD) + frame[end:]


def numbers(value: Any) -> list[float | Decimal]:
    if isinstance(value, float | Decimal):
        return [value]
    if isinstance(value, msgspec.Struct):
        return [number for name in value.__struct_fields__ for number in numbers(getattr(value, name))]
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers(item)]
    return []


@pytest.mark.parametrize("seed", range(4))
def test_five_thousand_damaged_frames_never_crash_and_never_carry_a_number_that_is_none(seed: int) -> None:
    dice = random.Random(seed)
    refused = 0
    for _ in range(5_000):
        frame = mutate(dice.choice(FRAMES), dice)
        try:
            messages = sw.read(frame)
        except sw.Malformed:
            refused += 1
            continue
        for number in (number for message in messages for number in numbers(message)):
            assert math.isfinite(number), frame
    # The damage is real: most of it is noticed.
    assert refused > 2_000
