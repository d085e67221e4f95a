"""Trades: where one ends, what it brought, and that all of them together are the money that moved."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.core.errors import StorageError, UsageError
from polotui.model.orders import Side
from polotui.storage.database import Connection, Database
from polotui.trading.trades import (
    Least,
    Note,
    Trade,
    add_note,
    book_trade,
    notes,
    open_trade,
    settle_trade,
    trade_of,
    trades,
)
from tests.trading import witness
from tests.trading.makers import NOW, D, book, terms
from tests.trading.test_portfolio import memory

LEAST = Least(D("0.001"), D(1), D("0.0001"))


def told(
    connection: Connection,
    place: int,
    side: str,
    price: str,
    quantity: str,
    fee: str = "0",
    currency: str = "USDT",
    *,
    more: bool = False,
    account: str = "paper/bot-3",
    symbol: str = "BTC_USDT",
) -> Trade | None:
    asked = {"side": Side(side), "price": D(price), "quantity": D(quantity), "account": account, "symbol": symbol}
    order = terms(f"pt-{place}", **asked, reason=f"why {place}")
    fill = book(connection, order, f"t{place}", fee=D(fee), fee_currency=currency, at_ms=NOW + place)
    assert fill is not None
    return book_trade(connection, fill, least=LEAST, more=more, strategy="trend", stop=D(90) if side == "BUY" else None)


def test_a_trade_with_parts_and_a_fee_in_the_coin() -> None:
    with memory() as connection:
        assert told(connection, 1, "BUY", "100", "1", "0.002", "BTC") is None
        assert told(connection, 2, "BUY", "200", "1", "0.002", "BTC") is None
        assert told(connection, 3, "SELL", "210", "0.996", "0.1") is None
        trade = told(connection, 4, "SELL", "220", "1", "0.2")
        assert trade is not None
        # 300 went out; 209.16 and 220 came back; 0.3 were paid as fees and 0.004 coins kept.
        assert trade == Trade(
            id=1,
            account="paper/bot-3",
            bot=3,
            strategy="trend",
            symbol="BTC_USDT",
            side=Side.BUY,
            entry_ms=NOW + 1,
            exit_ms=NOW + 4,
            entry_price=D(150),
            exit_price=D("215.0100200400801603206412826"),
            quantity=D(2),
            stop=D(90),
            target=None,
            fees=D("0.9"),
            other_fees={},
            profit=D("128.86"),
            invested=D(300),
            reason="why 4",
            signal="sig-1",
            first_fill=1,
            last_fill=4,
        )
        assert trades(connection) == [trade]
        assert trade_of(connection, 1) == trade


def test_dust_ends_a_trade_and_what_it_brings_counts_for_the_next() -> None:
    with memory() as connection:
        told(connection, 1, "BUY", "1000", "1", "0.00005", "BTC")
        first = told(connection, 2, "SELL", "1000", "0.9999")
        assert first is not None
        assert first.profit == D("-0.1")  # what the coins were worth that are still there
        held = open_trade(connection, "paper/bot-3", "BTC_USDT")
        assert held is not None
        assert (held.held, held.side) == (D("0.00005"), None)
        assert told(connection, 3, "SELL", "2000", "0.00005") is None  # dust sold by itself opens nothing
        told(connection, 4, "BUY", "1000", "1")
        second = told(connection, 5, "SELL", "1001", "1")
        assert second is not None
        assert second.profit == D("1.1")
        assert (second.entry_ms, second.first_fill) == (NOW + 4, 4)


def test_the_rest_of_an_order_is_waited_for() -> None:
    """A market order that walks the book leaves less than can be sold before its last fill."""
    with memory() as connection:
        told(connection, 1, "BUY", "1000", "1")
        assert told(connection, 2, "SELL", "1000", "0.9995", more=True) is None
        trade = told(connection, 3, "SELL", "900", "0.0005")
        assert trade is not None
        assert (trade.profit, trade.last_fill) == (D("-0.05"), 3)


def test_an_order_that_ends_without_another_fill_settles_its_trade() -> None:
    with memory() as connection:
        told(connection, 1, "BUY", "1000", "1")
        assert told(connection, 2, "SELL", "1000", "0.9995", more=True) is None
        trade = settle_trade(connection, "paper/bot-3", "BTC_USDT", least=LEAST, price=D(1000))
        assert trade is not None
        assert trade.profit == D("-0.5")
        assert settle_trade(connection, "paper/bot-3", "BTC_USDT", least=LEAST, price=D(1000)) is None
        assert settle_trade(connection, "paper/bot-4", "BTC_USDT", least=LEAST, price=D(1000)) is None


def test_a_first_small_part_of_an_entry_is_no_end() -> None:
    with memory() as connection:
        assert told(connection, 1, "BUY", "1000", "0.0002") is None
        assert settle_trade(connection, "paper/bot-3", "BTC_USDT", least=LEAST, price=D(1000)) is None
        assert told(connection, 2, "BUY", "1000", "0.9998") is None
        assert told(connection, 3, "SELL", "1000", "1") is not None


@pytest.mark.parametrize(
    ("held", "price", "expected"),
    [
        ("0.001", "1000", True),
        ("0.00099999", "99999999", False),
        ("0.001", "999", False),
        ("-0.001", "1000", True),
        ("0.00109", "999", False),  # 0.0010 in whole steps
        ("0", "1", False),
    ],
)
def test_what_can_be_sold(held: str, price: str, expected: bool) -> None:
    assert LEAST.sellable(D(held), D(price)) is expected
    assert Least().sellable(D(held), D(price)) is bool(D(held))


def test_a_fill_counts_once() -> None:
    with memory() as connection:
        order = terms(price=D(1), quantity=D(1))
        fill = book(connection, order)
        assert fill is not None
        book_trade(connection, fill, least=LEAST)
        with pytest.raises(StorageError):
            book_trade(connection, fill, least=LEAST)


steps = st.lists(
    st.tuples(
        st.sampled_from(["paper/bot-1", "paper/bot-2"]),
        st.sampled_from(["BTC_USDT", "ETH_USDT"]),
        st.sampled_from(["BUY", "SELL", "OUT"]),
        st.decimals("0.01", "5000", places=4),
        st.decimals("0.0001", "3", places=6),
        st.decimals("0", "0.00005", places=7),
        st.sampled_from(["USDT", "BTC", "ETH", "TRX"]),
        st.booleans(),
    ),
    max_size=40,
)


def money_in_trades(connection: sqlite3.Connection) -> dict[tuple[str, str], Fraction]:
    sums: dict[tuple[str, str], Fraction] = {}
    for account, symbol, profit in connection.execute("SELECT account, symbol, profit FROM trades"):
        sums[account, symbol] = sums.get((account, symbol), Fraction(0)) + Fraction(profit)
    for account, symbol in connection.execute("SELECT account, symbol FROM open_trades").fetchall():
        under_way = open_trade(connection, account, symbol)
        assert under_way is not None
        sums[account, symbol] = sums.get((account, symbol), Fraction(0)) + Fraction(under_way.money)
    return sums


@settings(max_examples=120, deadline=None)
@given(steps)
def test_all_profits_are_the_money_that_moved(told_steps: list[tuple[object, ...]]) -> None:
    with memory() as connection:
        for place, (account, symbol, what, price, quantity, fee, currency, more) in enumerate(told_steps):
            side = what
            if what == "OUT":
                under_way = open_trade(connection, account, symbol)
                held = under_way.held if under_way else D(0)
                if not held:
                    continue
                side, quantity, fee = ("SELL" if held > 0 else "BUY"), held.copy_abs(), D(0)
            told(
                connection,
                place,
                side,
                str(price),
                str(quantity),
                str(fee),
                currency,
                more=more,
                account=account,
                symbol=symbol,
            )
        held = witness.positions(connection)
        assert money_in_trades(connection) == {key: said.money for key, said in held.items()}
        for key, said in held.items():
            under_way = open_trade(connection, *key)
            assert under_way is not None
            assert Fraction(under_way.held) == said.quantity
        spans = [(t.account, t.symbol, t.first_fill, t.last_fill) for t in reversed(trades(connection))]
        for account, symbol in {span[:2] for span in spans}:
            ends = [number for span in spans if span[:2] == (account, symbol) for number in span[2:]]
            assert ends == sorted(ends), "trades of one position do not overlap"
        for trade in trades(connection):
            assert trade.entry_ms <= trade.exit_ms
            assert trade.quantity > 0


async def test_lists_of_trades(database: Database) -> None:
    def write(connection: Connection) -> None:
        for place, (account, symbol) in enumerate(
            [("paper", "BTC_USDT"), ("paper/bot-1", "ETH_USDT"), ("spot", "BTC_USDT"), ("papers", "ETH_USDT")]
        ):
            told(connection, 2 * place, "BUY", "10", "1", account=account, symbol=symbol)
            told(connection, 2 * place + 1, "SELL", "11", "1", account=account, symbol=symbol)

    await database.transact(write)

    async def ids(**asked: object) -> list[int]:
        return [trade.id for trade in await database.read(lambda c: trades(c, **asked))]  # type: ignore[arg-type]

    assert await ids() == [4, 3, 2, 1]
    assert await ids(account_prefix="paper") == [2, 1]
    assert await ids(account_prefix="paper/bot-1") == [2]
    assert await ids(symbol="BTC_USDT") == [3, 1]
    assert await ids(symbol="BTC_USDT", account_prefix="paper", bot=3) == [1]
    assert await ids(bot=3, limit=2, before=4) == [3, 2]
    assert await ids(bot=4) == []


async def test_trades_and_notes_go_by_an_index(database: Database) -> None:
    statements: list[str] = []

    def look(connection: Connection) -> None:
        connection.set_trace_callback(statements.append)
        for prefix in ("", "paper", "paper/bot-1"):
            for bot in (None, 3):
                for symbol in ("", "BTC_USDT"):
                    trades(connection, account_prefix=prefix, bot=bot, symbol=symbol, before=9)
        open_trade(connection, "paper", "BTC_USDT")
        trade_of(connection, 1)
        for trade in (None, 1):
            notes(connection, trade=trade)
        connection.set_trace_callback(None)
        for statement in set(statements):
            plan = " | ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
            assert "SCAN" not in plan, (statement, plan)
            assert "TEMP B-TREE" not in plan, (statement, plan)

    await database.read(look)
    assert len(set(statements)) == 16


async def test_the_journal(database: Database) -> None:
    def write(connection: Connection) -> list[Note]:
        told(connection, 1, "BUY", "10", "1")
        told(connection, 2, "SELL", "11", "1")
        return [
            add_note(connection, trade=1, note=" good\nexit \x1b[0m", tags=["Patience", "patience ", ""], at_ms=1),
            add_note(connection, trade=None, note="a slow day", at_ms=2),
            add_note(connection, trade=1, note="", tags=["rules"], snapshot="entry: rsi < 30\n", at_ms=3),
        ]

    stored = await database.transact(write)
    assert await database.read(notes) == stored[::-1]
    assert (stored[0].note, stored[0].tags) == ("good\nexit ‹1b›[0m", ("patience",))
    assert await database.read(lambda c: notes(c, trade=1)) == [stored[2], stored[0]]
    assert await database.read(lambda c: notes(c, tag="PATIENCE")) == [stored[0]]
    assert await database.read(lambda c: notes(c, limit=1, before=3)) == [stored[1]]
    with pytest.raises(UsageError):
        await database.transact(lambda c: add_note(c, trade=7, note="x", at_ms=1))


def test_profit_keeps_every_digit() -> None:
    with memory() as connection:
        told(connection, 1, "BUY", "0.123456789012345", "1.000000000000000001")
        trade = told(connection, 2, "SELL", "0.123456789012346", "1.000000000000000001")
        assert trade is not None
        assert Fraction(trade.profit) == Fraction("0.000000000000001") * Fraction("1.000000000000000001")
        assert trades(connection)[0].profit == trade.profit == Decimal("1.000000000000000001e-15")
