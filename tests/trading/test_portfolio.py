"""The portfolio against the witness, and against itself loaded again."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.core.errors import StorageError, UsageError
from polotui.model.orders import Side
from polotui.storage.database import Database
from polotui.storage.migrations import statements_of, steps_of
from polotui.trading import rows
from polotui.trading.ledger import add_entry
from polotui.trading.portfolio import Portfolio
from tests.trading import witness
from tests.trading.makers import NOW, D, book, terms

_SCHEMA = [statement for step in steps_of("ledger") for statement in statements_of(step.sql)]


@contextmanager
def memory() -> Iterator[sqlite3.Connection]:
    """A ledger that lives as long as the block."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statement in _SCHEMA:
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


def agree(connection: sqlite3.Connection, portfolio: Portfolio) -> None:
    """Everything that the witness can say, to the last digit."""
    money = witness.balances(connection)
    assert {(a, c): Fraction(v) for a in portfolio.accounts() for c, v in portfolio.cash(a).items()} == money
    for root in ("paper", "spot"):
        assert {c: Fraction(v) for c, v in portfolio.total(root).items()} == witness.totals(connection, root)
    held = witness.positions(connection)
    assert {(p.account, p.symbol) for p in portfolio.traded()} == set(held)
    assert {(p.account, p.symbol) for p in portfolio.positions()} == {key for key, h in held.items() if h.quantity}
    for (account, symbol), said in held.items():
        position = portfolio.position(account, symbol)
        assert Fraction(position.quantity) == said.quantity
        assert Fraction(position.fees) + Fraction(position.closed_fees) == said.fees
        moved = Fraction(position.realised) + Fraction(position.closed_result) - Fraction(position.cost)
        assert moved - Fraction(position.fees) - Fraction(position.closed_fees) == said.money
        assert abs(Fraction(position.entry_price) - said.average) <= abs(said.average) / 10**15
        if not said.quantity:
            assert (position.cost, position.realised, position.fills) == (0, 0, 0)


prices = st.decimals(min_value="0.00000001", max_value="99999.99999999", places=8)
quantities = st.one_of(
    st.decimals(min_value="0.00000001", max_value="999", places=8), st.sampled_from([D(1), D("0.5"), D(2)])
)
fees = st.one_of(st.just(D(0)), st.decimals(min_value="-0.01", max_value="0.4", places=10))
trade = st.tuples(
    st.just("trade"),
    st.sampled_from(["paper", "paper/bot-1", "paper/bot-2", "spot", "papers", "paper/bot-10"]),
    st.sampled_from(["BTC_USDT", "ETH_USDT", "ETH_BTC"]),
    st.sampled_from(list(Side)),
    prices,
    quantities,
    fees,
    st.sampled_from(["base", "quote", "TRX"]),
)
move = st.tuples(st.just("move"), st.sampled_from(["paper/bot-1", "paper/bot-2"]), st.booleans(), quantities)
close = st.tuples(st.just("close"), st.sampled_from(["paper/bot-1", "spot"]), st.sampled_from(["BTC_USDT"]), prices)


def carry_out(connection: sqlite3.Connection, live: Portfolio, place: int, step: tuple[Any, ...]) -> None:
    if step[0] == "move":
        _, bot, out, amount = step
        accounts = ("paper", bot) if out else (bot, "paper")
        try:
            moved = rows.move_capital(
                connection,
                id=f"move-{place}",
                from_account=accounts[0],
                to_account=accounts[1],
                currency="USDT",
                amount=amount,
                kind="allocate" if out else "release",
                at_ms=place,
            )
        except UsageError:
            return
        for entry in moved or ():
            live.apply_entry(entry)
        return
    if step[0] == "close":
        _, account, symbol, price = step
        held = live.position(account, symbol).quantity
        if not held:
            return
        side, quantity, fee, currency = Side.SELL if held > 0 else Side.BUY, held.copy_abs(), D("0.1"), "USDT"
    else:
        _, account, symbol, side, price, quantity, fee, which = step
        currency = {"base": symbol.split("_")[0], "quote": symbol.split("_")[1]}.get(which, which)
    order = terms(f"pt-{place}", account=account, symbol=symbol, side=side, price=price, quantity=quantity)
    parts = (quantity / 2, quantity - quantity / 2) if place % 3 == 0 else (quantity,)
    for part, share in enumerate(parts):
        fill = book(connection, order, f"t{place}.{part}", quantity=share, fee=fee, fee_currency=currency)
        assert fill is not None
        live.apply(fill)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(trade, trade, move, close), max_size=40))
def test_the_portfolio_agrees_with_the_witness_and_with_its_replay(steps: list[tuple[Any, ...]]) -> None:
    with memory() as connection:
        live = Portfolio()
        for place, (account, amount) in enumerate((("paper", 100_000), ("spot", 5))):
            live.apply_entry(
                add_entry(
                    connection,
                    id=f"first-{place}",
                    account=account,
                    kind="deposit",
                    currency="USDT",
                    amount=D(amount),
                    ts_ms=0,
                    note="",
                )
            )
        for place, step in enumerate(steps):
            carry_out(connection, live, place, step)
        agree(connection, live)
        again = Portfolio.load(connection)
        assert live.same_as(again), live.differences(again)
        assert live.digest() == again.digest()
        assert live.differences(again) == []


def test_an_account_is_below_its_own_root_only() -> None:
    with memory() as connection:
        for place, account in enumerate(("paper", "papers", "paper/bot-1", "paper/bot-10")):
            book(connection, terms(f"pt-{place}", account=account), f"t{place}")
        portfolio = Portfolio.load(connection)
        assert portfolio.accounts("paper") == ["paper", "paper/bot-1", "paper/bot-10"]
        assert [p.account for p in portfolio.positions("paper/bot-1")] == ["paper/bot-1"]
        assert portfolio.total("paper")["BTC"] == 3


def traded(connection: sqlite3.Connection, *steps: tuple[str, str, str, str, str]) -> Portfolio:
    """side, price, quantity, fee, currency of each fill of one account."""
    for place, (side, price, quantity, fee, currency) in enumerate(steps):
        order = terms(f"pt-{place}", side=Side(side), price=D(price), quantity=D(quantity))
        book(connection, order, f"t{place}", fee=D(fee), fee_currency=currency, at_ms=NOW + place)
    return Portfolio.load(connection)


def test_a_fee_in_the_coin_makes_the_holding_smaller_and_leaves_the_price() -> None:
    with memory() as connection:
        portfolio = traded(connection, ("BUY", "100", "2", "0.004", "BTC"))
        held = portfolio.position("paper/bot-3", "BTC_USDT")
        assert (held.quantity, held.entry_price, held.cost, held.fees) == (D("1.996"), 100, D("199.6"), D("0.4"))
        assert portfolio.cash("paper/bot-3") == {"BTC": D("1.996"), "USDT": D(-200)}


def test_average_result_and_the_end_of_a_position() -> None:
    with memory() as connection:
        steps = [
            ("BUY", "100", "1", "0.1", "USDT"),
            ("BUY", "200", "1", "0.2", "USDT"),
            ("SELL", "180", "0.5", "1", "TRX"),
        ]
        held = traded(connection, *steps).position("paper/bot-3", "BTC_USDT")
        assert (held.entry_price, held.quantity, held.realised, held.fees) == (150, D("1.5"), 15, D("0.3"))
        assert (held.other_fees, held.fills, held.opened_ms, held.bot) == ({"TRX": D(1)}, 3, NOW, 3)
    with memory() as connection:
        portfolio = traded(connection, *steps, ("SELL", "160", "1.5", "0.24", "USDT"))
        ended = portfolio.position("paper/bot-3", "BTC_USDT")
        assert (ended.quantity, ended.closed_result, ended.closed_fees, ended.fills) == (0, 30, D("0.54"), 0)
        assert portfolio.positions() == []
        assert portfolio.traded("paper") == [ended]
        assert portfolio.cash("paper/bot-3")["USDT"] == D("29.46")


def test_a_third_that_was_sold_leaves_no_rest() -> None:
    """One third of a cost of 10 has no end in decimals: what is left keeps the rest."""
    with memory() as connection:
        held = traded(connection, ("BUY", "10", "1", "0", "USDT"), ("BUY", "0.1", "2", "0", "USDT"))
        assert held.position("paper/bot-3", "BTC_USDT").cost == D("10.2")
    with memory() as connection:
        portfolio = traded(
            connection,
            ("BUY", "10", "3", "0", "USDT"),
            ("BUY", "11", "4", "0", "USDT"),
            ("SELL", "12", "1", "0", "USDT"),
            ("SELL", "12", "6", "0", "USDT"),
        )
        ended = portfolio.position("paper/bot-3", "BTC_USDT")
        assert (ended.cost, ended.closed_result) == (0, D(84 - 74))


def test_a_sale_told_before_its_buy_comes_right() -> None:
    with memory() as connection:
        portfolio = traded(connection, ("SELL", "110", "1", "0", "USDT"))
        assert portfolio.position("paper/bot-3", "BTC_USDT").quantity == -1
    with memory() as connection:
        portfolio = traded(connection, ("SELL", "110", "1", "0", "USDT"), ("BUY", "100", "3", "0", "USDT"))
        held = portfolio.position("paper/bot-3", "BTC_USDT")
        assert (held.quantity, held.entry_price, held.closed_result, held.fills) == (2, 100, 10, 1)


def test_rows_told_in_any_order_and_twice_give_the_same() -> None:
    with memory() as connection:
        booked = []
        for place in range(40):
            side = Side.BUY if place % 3 else Side.SELL
            order = terms(f"pt-{place}", side=side, price=D(100 + place), quantity=D(1) + D(place) / 7)
            booked.append(book(connection, order, f"t{place}"))
        expected = Portfolio.load(connection)
        for seed in range(5):
            told = [*booked, *booked[::2]]
            random.Random(seed).shuffle(told)
            portfolio = Portfolio()
            for fill in told:
                assert fill is not None
                portfolio.apply(fill)
            assert portfolio.waiting == 0
            assert portfolio.same_as(expected)


def test_a_row_that_was_never_told_shows() -> None:
    with memory() as connection:
        fills = [book(connection, terms(f"pt-{place}"), f"t{place}") for place in range(3)]
        expected = Portfolio.load(connection)
        portfolio = Portfolio()
        for fill in (fills[0], fills[2]):
            assert fill is not None
            portfolio.apply(fill)
        assert portfolio.waiting == 4
        assert not portfolio.same_as(expected)
        assert portfolio.digest() != expected.digest()
        assert any("BTC_USDT" in words for words in portfolio.differences(expected))


def test_a_hole_in_the_tables_is_an_error_of_loading() -> None:
    with memory() as connection:
        for place in range(3):
            book(connection, terms(f"pt-{place}"), f"t{place}")
        connection.execute("DROP TRIGGER fills_are_never_removed")
        connection.execute("DELETE FROM fills WHERE number = 2")
        with pytest.raises(StorageError, match="fill 2"):
            Portfolio.load(connection)


def weight(thing: object) -> int:
    """How many objects hang on this one."""
    if isinstance(thing, dict):
        return 1 + sum(weight(key) + weight(value) for key, value in thing.items())
    if isinstance(thing, list | tuple | set):
        return 1 + sum(map(weight, thing))
    slots = [getattr(thing, name) for name in getattr(type(thing), "__slots__", ()) if hasattr(thing, name)]
    held = list(vars(thing).values()) if hasattr(thing, "__dict__") else slots
    return 1 + (0 if isinstance(thing, Decimal | str | int) else sum(map(weight, held)))


def test_the_portfolio_does_not_grow_with_the_fills() -> None:
    """Nor do its numbers: costs that were shared out keep at most 24 decimals more than the prices."""
    portfolio = Portfolio()
    draw = random.Random(1)
    weights, digits = [], []
    for number in range(1, 20_001):
        side = "BUY" if draw.random() < 0.5 else "SELL"
        price, quantity = Decimal(draw.randint(1, 10**7)).scaleb(-3), Decimal(draw.randint(1, 10**7)).scaleb(-7)
        portfolio._fill((number, "paper", 0, "BTC_USDT", side, price, quantity, D("0.0001"), "USDT", number))
        if number % 5_000 == 0:
            weights.append(weight(portfolio))
            digits.append(len(portfolio.position("paper", "BTC_USDT").cost.as_tuple().digits))
    assert len(set(weights)) == 1
    assert max(digits) < 45


async def test_rows_that_were_never_told_are_found(database: Database) -> None:
    portfolio = Portfolio()
    told = []
    for number in range(4):
        of = terms(f"pt-{number}")
        told.append(
            await database.transact(lambda c, of=of, n=number: (rows.add_intent(c, of), book(c, of, f"t{n}"))[1])
        )
    portfolio.apply(told[3])
    assert portfolio.waiting
    assert portfolio.take(await database.read(portfolio.missing))
    portfolio.apply(told[1])
    assert portfolio.same_as(await database.read(Portfolio.load))
    assert not portfolio.take(await database.read(portfolio.missing))
