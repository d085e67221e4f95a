"""Damaged REST answers: refused or harmless, never a crash, never a number that is none."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from polotui.poloniex import wire, wire_account
from polotui.poloniex.errors import BadReply
from tests.poloniex.test_stream_wire import mutate, numbers
from tests.poloniex.test_wire_shapes import MARKET, ORDER

TICKER = (
    b'{"symbol":"A_B","open":"1","low":"1","high":"2","close":"1.5","quantity":"3","amount":"4","tradeCount":5,'
    b'"dailyChange":"0.0171","bid":"1.4","ask":"1.6","ts":1710328238600,"markPrice":"1.5"}'
)
BOOK = b'{"time":1720103007642,"scale":"0.01","asks":["57612.42","0.001981"],"bids":["56876.82","0.04799"],"ts":1}'
TRADES = b'[{"id":"88645019","price":"7.21","quantity":"0.02","amount":"19.3","takerSide":"BUY","ts":9,"createTime":8}]'
CANDLES = b'[["1","4","2","3","9.5","5.5","4.5","2.5",775,0,"2.5","MINUTE_1",1710327600000,1710327659999]]'
BALANCES = b'[{"accountId":"1","accountType":"SPOT","balances":[{"currency":"A","available":"1.5","hold":"0.25"}]}]'
FILLS = (
    b'[{"id":"32164924331503616","symbol":"A_B","orderId":"32164923987566592","side":"SELL","matchRole":"TAKER",'
    b'"createTime":1,"price":"11","quantity":"0.5","amount":"5.5","feeCurrency":"B","feeAmount":"0.007975"}]'
)


def rows(body: bytes, form: Any) -> list[Any]:
    return [row.value() for row in wire.decode(body, list[form], "a fuzz")]


SHAPES: tuple[tuple[bytes, Any], ...] = (
    (MARKET.encode(), lambda body: rows(body, wire.MarketWire)),
    (TICKER, lambda body: wire.decode(body, wire.TickerWire, "a fuzz").value()),
    (BOOK, lambda body: wire.decode(body, wire.BookWire, "a fuzz").value("A_B")),
    (TRADES, lambda body: rows(body, wire.TradeWire)),
    (CANDLES, lambda body: wire.candles(wire.decode(body, list[wire.CandleWire], "a fuzz"), 1)),
    (BALANCES, lambda body: rows(body, wire_account.AccountBalancesWire)),
    (FILLS, lambda body: rows(body, wire_account.FillWire)),
    ((ORDER % '"1"').encode(), lambda body: wire.decode(body, wire_account.OrderWire, "a fuzz").value()),
)


@pytest.mark.parametrize("seed", range(2))
def test_five_thousand_damaged_answers(seed: int) -> None:
    dice = random.Random(seed)
    refused = 0
    for _ in range(5_000):
        body, read = dice.choice(SHAPES)
        damaged = (
            mutate(body, dice) if b":" in body else body[: dice.randrange(len(body))] + dice.choice([b"", b"NaN]]"])
        )
        try:
            value = read(damaged)
        except BadReply:
            refused += 1
            continue
        assert all(math.isfinite(number) for number in numbers(value)), damaged
    assert refused > 2_000
