"""Trades matched and a difference taken apart: exact arithmetic on made-up trades."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from polotui.engine.trading.matching import (
    CENT,
    Deal,
    Matched,
    cents,
    match,
    paper_deals,
    paper_result,
    split,
)
from polotui.model.candles import Timeframe
from polotui.model.orders import Purpose, Side
from polotui.trading.stored import FillRow
from polotui.trading.trades import Trade

HOUR = Timeframe.H1.ms
D = Decimal


def deal(entry: int, leave: int | None = 5, symbol: str = "BTC_USDT", **changes: Any) -> Deal:
    """Two coins bought at 100, sold at 110 after `leave` bars, a fee of 1."""
    named = {"entry_price": D(100), "exit_price": D(110), "quantity": D(2), "fees": D(1), **changes}
    gross = (named["exit_price"] - named["entry_price"]) * named["quantity"]
    named.setdefault("profit", gross - named["fees"])
    return Deal(symbol, entry * HOUR, 0 if leave is None else (entry + leave) * HOUR, **named)


def fill(number: int, hour: float, side: Side, price: str, quantity: str, fee: str = "0", of: str = "") -> FillRow:
    return FillRow(
        number, f"paper:{number}", "o", "paper/bot-1", 1, "BTC_USDT", side, D(price), D(quantity), D(fee), of or "USDT",
        False, Purpose.ENTRY, "", "", round(hour * HOUR), 0, 0, "", "",
    )  # fmt: skip


def trade(first: int, last: int, symbol: str = "BTC_USDT") -> Trade:
    nothing = D(0)
    return Trade(
        account="paper/bot-1", bot=1, strategy="s", symbol=symbol, side=Side.BUY, entry_ms=0, exit_ms=0,
        entry_price=nothing, exit_price=nothing, quantity=nothing, stop=None, target=None, fees=nothing, other_fees={},
        profit=nothing, invested=nothing, reason="", signal="", first_fill=first, last_fill=last,
    )  # fmt: skip


def close(symbol: str) -> Decimal:
    return D(120)


def parts_of(paper: list[Deal], backtest: list[Deal], rest: str = "0") -> tuple[Matched, dict[str, Decimal]]:
    found = match(paper, backtest, Timeframe.H1)
    result = sum((one.profit for one in paper), D(rest)), sum((one.profit for one in backtest), D(0))
    parts = split(found, *result)
    named = {name: getattr(parts, name) for name in ("price", "timing", "missed", "extra", "fees", "other")}
    assert sum(named.values()) == parts.difference == cents(result[0]) - cents(result[1])
    return found, {name: amount for name, amount in named.items() if amount}


def test_the_same_trades_differ_in_nothing() -> None:
    both = [deal(1), deal(10, symbol="ETH_USDT"), deal(20, None)]
    found, parts = parts_of(both, both)
    assert (len(found.same_bars), found.other_bars, found.missed, found.extra) == (3, [], [], [])
    assert parts == {}


def test_each_kind_of_difference_is_in_its_own_part() -> None:
    backtest = [deal(1)]
    assert parts_of([deal(1, entry_price=D("100.5"))], backtest)[1] == {"price": D("-1.00")}
    assert parts_of([deal(3, entry_price=D("100.5"))], backtest)[1] == {"timing": D("-1.00")}
    assert parts_of([deal(1, leave=6, exit_price=D(112))], backtest)[1] == {"timing": D("4.00")}
    assert parts_of([deal(1, fees=D("1.25"))], backtest)[1] == {"fees": D("-0.25")}
    assert parts_of([], backtest)[1] == {"missed": D(-19)}
    assert parts_of([deal(1), deal(30, exit_price=D(90))], backtest)[1] == {"extra": D(-21)}
    assert parts_of([deal(1, quantity=D(1), fees=D(1))], backtest)[1] == {"other": D(-10)}
    assert parts_of([deal(1)], backtest, rest="0.37")[1] == {"other": D("0.37")}
    assert parts_of([deal(1, None, exit_price=D(111))], backtest)[1] == {"timing": D(2)}


def test_the_nearest_entries_find_each_other_and_none_is_taken_twice() -> None:
    found, _ = parts_of([deal(10), deal(12)], [deal(9), deal(11), deal(12)])
    assert [(one.entry_ms // HOUR, other.entry_ms // HOUR) for one, other in found.pairs] == [(12, 12), (10, 9)]
    assert [one.entry_ms // HOUR for one in found.missed] == [11]
    assert parts_of([deal(10)], [deal(13)])[0].other_bars
    assert parts_of([deal(10)], [deal(14)])[0].pairs == []
    assert parts_of([deal(10)], [deal(10, symbol="ETH_USDT")])[0].pairs == []


def test_the_parts_add_up_to_the_cent_whatever_the_trades() -> None:
    dice = random.Random(7)

    def some() -> list[Deal]:
        return [
            deal(
                dice.randrange(60),
                dice.choice([None, 1, 2, 5]),
                dice.choice(["BTC_USDT", "ETH_USDT"]),
                entry_price=D(dice.randrange(1, 10**9)) / 10**7,
                exit_price=D(dice.randrange(1, 10**9)) / 10**7,
                quantity=D(dice.randrange(1, 10**9)) / 10**6,
                fees=D(dice.randrange(10**6)) / 10**5,
            )
            for _ in range(dice.randrange(12))
        ]

    for _ in range(300):
        paper, backtest = some(), some()
        found, parts = parts_of(paper, backtest, str(D(dice.randrange(-1_000, 1_000)) / 333))
        assert len(found.pairs) + len(found.extra) == len(paper)
        assert len(found.pairs) + len(found.missed) == len(backtest)
        assert all(amount % CENT == 0 for amount in parts.values())


def test_fills_become_trades_with_their_coin_fees_dust_and_an_open_end() -> None:
    fills = [
        fill(1, 1.2, Side.BUY, "100", "1", "0.002", "BTC"),
        fill(2, 1.9, Side.BUY, "102", "1", "0.002", "BTC"),
        fill(3, 7.0, Side.SELL, "110", "1.99", "0.4"),
        fill(4, 8.0, Side.SELL, "115", "0.003", "0.001"),
        fill(6, 9.5, Side.BUY, "118", "0.5", "0.001", "BTC"),
    ]
    first, last = paper_deals(fills, [trade(1, 3)], Timeframe.H1, close)
    assert (first.entry_ms, first.exit_ms, first.quantity) == (HOUR, 7 * HOUR, D(2))
    assert (first.entry_price, first.exit_price) == (D(101), D(110))
    assert first.fees == D("0.2") + D("0.204") + D("0.4")
    # 2 − 0.004 came, 1.99 went: 0.006 coins are worth something still.
    assert first.profit == D("218.9") - 202 - D("0.4") + D("0.006") * 110
    assert first.move * first.quantity == first.profit + first.fees
    assert (last.is_open, last.entry_ms, last.quantity) == (True, 9 * HOUR, D("0.5"))
    assert last.profit == D("0.499") * 120 - 59
    money = D("218.9") + D("0.345") - 202 - 59 - D("0.401")
    assert paper_result(fills, close) == money + (D("1.996") - D("1.993") + D("0.499")) * 120


def test_a_trade_that_ended_after_the_span_is_open_in_it() -> None:
    fills = [fill(1, 1, Side.BUY, "100", "1"), fill(2, 2, Side.SELL, "105", "0.4")]
    (found,) = paper_deals(fills, [trade(1, 9)], Timeframe.H1, close)
    assert found.is_open
    assert found.profit == D(42) + D("0.6") * 120 - 100


def test_selling_dust_is_no_trade_of_its_own_but_part_of_the_result() -> None:
    fills = [fill(4, 3, Side.SELL, "100", "0.01")]
    assert paper_deals(fills, [], Timeframe.H1, close) == []
    assert paper_result(fills, close) == D(1) - D("0.01") * 120
