"""Drift reports by a running engine: a real backtest by the worker against fills in the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from polotui.api import lab_commands as lc
from polotui.api import trade_commands as tc
from polotui.api import trade_replies as tr
from polotui.api.lab_values import TradeRow
from polotui.backtest.tasks import fills_of
from polotui.core.errors import Refused, UsageError
from polotui.engine.backtests import DRIFT
from polotui.engine.engine import Engine
from polotui.engine.trading import drift as drift_module
from polotui.engine.trading.drift_words import Span, named, prices_told, why_missed
from polotui.model.candles import Timeframe
from polotui.model.orders import Execution, OrderTerms, OrderType, Purpose, Side
from polotui.storage.columns import CandleArrays
from polotui.storage.database import Connection
from polotui.trading import bot_rows, rows
from polotui.trading import trades as closed
from polotui.trading.trades import Least
from tests.backtest.conftest import HOUR, START, walk_market
from tests.engine.conftest import Stage, until
from tests.engine.trading.test_matching import deal

pytestmark = pytest.mark.usefixtures("no_correlations")

BARS = 24 * 60
FIRST, LAST = 24 * 20, 24 * 50
FEE = Decimal("0.002")


async def with_bot(stage: Stage, *, candles: bool = True, **changes: Any) -> Engine:
    """An engine with hours of BTC_USDT and the row of a bot that ran among them and has stopped."""
    engine = await stage.start()
    assert engine.stores is not None
    await engine.handle(lc.NewStrategy(source="sma-cross", name="mine"))
    if candles:
        market = walk_market("drift", BARS)
        columns = [np.ascontiguousarray(row) for row in market] + [np.zeros(BARS)]
        arrays = CandleArrays.from_columns(START + HOUR * np.arange(BARS), columns, np.full(BARS, -1, np.int64))
        await engine.stores.candles.put_arrays("BTC_USDT", Timeframe.H1, arrays, "test")
    named_ = {"from_ms": START + FIRST * HOUR + 1_234_567, "to_ms": START + LAST * HOUR + 7, **changes}

    def write(connection: Connection) -> None:
        bot = bot_rows.add_bot(
            connection, strategy="mine", version=1, params={}, symbols=("BTC_USDT",), timeframe="1h", root="paper",
            capital=Decimal(1_000), at_ms=named_["from_ms"],
        )  # fmt: skip
        bot_rows.set_bot(connection, bot.id, "stopped", "", named_["to_ms"])

    await engine.stores.ledger_db.transact(write)
    return await again(stage)


async def again(stage: Stage) -> Engine:
    """The same home, its ledger read anew."""
    await stage.stop()
    engine = await stage.start()
    trading = engine.trading
    assert trading is not None
    await until(lambda: trading.grids() and trading.markets.market("BTC_USDT") is not None)
    return engine


async def drift(engine: Engine) -> tr.Drift:
    found: tr.Drift = await engine.handle(tc.GetDrift(bot=1))
    assert sum(Decimal(part.amount) for part in found.parts) == Decimal(found.difference)
    assert Decimal(found.paper) - Decimal(found.backtest) == Decimal(found.difference)
    return found


def part(found: tr.Drift, name: str) -> Decimal:
    return next(Decimal(one.amount) for one in found.parts if one.name == name)


async def book(engine: Engine, run: int, change: Any = None) -> list[TradeRow]:
    """Writes what a run filled into the ledger as if the bot had; `change(number, bar_ms, price)` moves a fill, or
    leaves it out with None."""
    assert engine.backtests is not None
    assert engine.stores is not None
    found = fills_of(await engine.backtests.part(run, "fills"))
    least = engine.trading.least("BTC_USDT")  # type: ignore[union-attr]

    def write(connection: Connection) -> None:
        for number, row in enumerate(found, 1):
            at_ms, price = int(row["bar"]) + 2_000, Decimal(repr(float(row["price"])))
            if change is not None:
                moved = change(number, at_ms, price)
                if moved is None:
                    continue
                at_ms, price = moved
            _write_fill(connection, number, row, at_ms, price, least)

    await engine.stores.ledger_db.transact(write)
    reply = await engine.handle(lc.GetRunTrades(run=run, limit=5_000))
    return list(reply.trades)


def _write_fill(connection: Connection, number: int, row: Any, at_ms: int, price: Decimal, least: Least) -> None:
    buy, quantity = row["side"] > 0, Decimal(repr(float(row["quantity"])))
    terms = OrderTerms(
        id=f"pt-{number:016}", account="paper/bot-1", bot=1, symbol="BTC_USDT", side=Side.BUY if buy else Side.SELL,
        type=OrderType.MARKET, purpose=Purpose.ENTRY if buy else Purpose.EXIT, created_ms=at_ms, quantity=quantity,
        reason="as the backtest",
    )  # fmt: skip
    execution = Execution(
        id=f"t{number}", order_id=terms.id, symbol="BTC_USDT", side=terms.side, price=price, quantity=quantity,
        fee=quantity * FEE if buy else quantity * price * FEE, fee_currency="BTC" if buy else "USDT", maker=False,
        at_ms=at_ms,
    )  # fmt: skip
    rows.add_intent(connection, terms)
    fill = rows.add_fill(connection, execution, terms, venue="paper", booked_ms=at_ms)
    assert fill is not None
    closed.book_trade(connection, fill, least=least, strategy="mine")


async def test_what_traded_as_its_backtest_did_drifts_by_nothing(stage: Stage) -> None:
    engine = await with_bot(stage)
    empty = await drift(engine)
    assert (empty.from_ms, empty.to_ms) == (START + FIRST * HOUR, START + LAST * HOUR)
    assert (empty.paper, empty.matched, empty.extra) == ("0.00", 0, 0)
    assert empty.missed > 5
    assert part(empty, "missed") == Decimal(empty.difference) - part(empty, "other")
    assert any("there was no signal on paper" in line for line in empty.lines)
    assert any("live book" in line for line in empty.lines)
    trades = await book(engine, empty.run)
    engine = await again(stage)
    same = await drift(engine)
    assert (same.matched, same.missed, same.extra) == (len(trades), 0, 0)
    assert {one.name: Decimal(one.amount) for one in same.parts if one.name != "other"} == dict.fromkeys(
        ("price", "timing", "missed", "extra", "fees"), Decimal(0)
    )
    assert abs(part(same, "other")) <= Decimal("0.02")
    assert same.run == empty.run
    runs = (await engine.handle(lc.ListRuns(strategy="mine"))).runs
    assert [row.tags for row in runs] == [[DRIFT]]
    assert (await engine.handle(lc.GetStrategy(name="mine"))).row.runs == 0


async def test_a_backtest_that_takes_too_long_goes_on_and_is_there_when_asked_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await with_bot(stage)
    with monkeypatch.context() as patch:
        patch.setattr(drift_module, "WAIT_SECONDS", 0.0)
        with pytest.raises(Refused, match="still running, as job 1"):
            await drift(engine)
    found = await drift(engine)
    assert found.run == 1


async def test_what_was_bought_dearer_later_and_not_at_all_is_told_apart(stage: Stage) -> None:
    engine = await with_bot(stage)
    run = (await drift(engine)).run
    planned = fills_of(await engine.backtests.part(run, "fills"))  # type: ignore[union-attr]
    sides = [int(row["side"]) for row in planned]
    assert sides[:6] == [1, -1, 1, -1, 1, -1], "each trade of this strategy is one purchase and one sale"

    def change(number: int, at_ms: int, price: Decimal) -> tuple[int, Decimal] | None:
        if number == 1:
            return at_ms, price + 1
        if number == 3:
            return at_ms + HOUR, price
        return None if number in (5, 6) else (at_ms, price)

    trades = await book(engine, run, change)
    found = await drift(await again(stage))
    assert (found.matched, found.missed, found.extra) == (len(trades) - 1, 1, 0)
    bought = Decimal(repr(float(planned[0]["quantity"])))
    assert abs(part(found, "price") + bought * (1 - FEE)) <= Decimal("0.02")
    assert abs(part(found, "fees") + bought * FEE) <= Decimal("0.02")
    left_out = next(trade for trade in trades if trade.number == 3)
    assert part(found, "missed") == Decimal(repr(-left_out.profit)).quantize(Decimal("0.01"))
    assert abs(part(found, "timing")) <= Decimal("0.01")
    assert next(one.trades for one in found.parts if one.name == "timing") == 1
    price = next(one for one in found.parts if one.name == "price")
    assert "dearer" in price.text


async def test_there_is_nothing_to_compare_before_a_bar_has_closed_or_without_candles(stage: Stage) -> None:
    begin = START + FIRST * HOUR
    engine = await with_bot(stage, from_ms=begin + 5, to_ms=begin + HOUR - 5)
    with pytest.raises(UsageError, match="less than one bar of 1h"):
        await drift(engine)
    with pytest.raises(UsageError, match="There is no bot 7"):
        await engine.handle(tc.GetDrift(bot=7))


async def test_without_candles_it_says_what_is_missing(stage: Stage) -> None:
    engine = await with_bot(stage, candles=False)
    with pytest.raises(UsageError, match="no backtest of the same bars") as caught:
        await drift(engine)
    assert "Run 1 failed" in caught.value.cause
    assert ".." not in str(caught.value)


def test_why_a_trade_was_missed_is_what_became_of_its_signal() -> None:
    span = Span(Timeframe.H1, 0, 100 * HOUR)

    def signal(bar: int, ending: str, symbol: str = "BTC_USDT") -> bot_rows.StoredSignal:
        return bot_rows.StoredSignal(
            f"s{bar}", 1, "mine", symbol, "long", bar * HOUR, 0, "100", None, None, None, "", "", "closed", ending, 0
        )

    signals = [signal(3, "refused: old"), signal(9, "refused: RISK-DAILY-LOSS 5 %"), signal(10, "later")]
    assert why_missed(deal(10), signals, span) == "refused: RISK-DAILY-LOSS 5 %"
    assert why_missed(deal(30), signals, span) == "there was no signal on paper"
    assert why_missed(deal(10, symbol="ETH_USDT"), signals, span) == "there was no signal on paper"


def test_many_trades_are_named_in_a_few_lines() -> None:
    assert named("Missed", ["a"]) == ["Missed: a."]
    assert named("Missed", list("abcdefg"))[-2:] == ["Missed: e.", "Missed: 2 more."]


def test_prices_are_told_in_basis_points() -> None:
    pair = (deal(1, entry_price=Decimal("100.1"), exit_price=Decimal("109.89")), deal(1))
    assert prices_told([pair]) == "on paper bought 10.0 bp dearer and sold 10.0 bp lower on average"
    assert prices_told([(deal(1), deal(1))]) == "at the same prices on average"
    assert prices_told([]) == ""
