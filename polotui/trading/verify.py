"""Whether the ledger can be believed: every chain, and whether the rows agree with one another.

Decided here:
* Chains prove that no row was changed; the checks across them prove that the rows belong together: a fill has its
  order and exactly its money, money of a fill has its fill, an event has its order, capital that left an account came
  into another, no order traded more than it asked for, and no open order is missing where a start looks for it.
* Trades are not chained, because they follow from the fills: their profits must add up to the money that moved.
* With a broken chain the checks across are left out: they would only say the same in other words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain as chained
from itertools import groupby, islice

import msgspec

from polotui.model.money import ZERO, decimal_of, plain
from polotui.model.orders import FINAL
from polotui.model.symbols import base_and_quote
from polotui.storage.chained import ChainReport, unless_damaged, verify_all
from polotui.storage.database import Connection
from polotui.trading.ledger import EXACT
from polotui.trading.portfolio import Portfolio
from polotui.trading.trades import OpenTrade

#: Problems that are listed; a ledger with more is not better understood by reading on.
MOST_PROBLEMS = 50


@dataclass(frozen=True)
class Problem:
    """One row that does not fit, by its table and number."""

    table: str
    row: int
    reason: str


@dataclass(frozen=True)
class VerifyReport:
    """What was found. `digest` is that of the portfolio which the rows come to, empty when there are problems."""

    ok: bool
    chains: tuple[ChainReport, ...]
    problems: tuple[Problem, ...]
    rows: int
    digest: str = ""


def verify(connection: Connection) -> VerifyReport:
    """Checks everything. Damage is an answer, no error."""
    chains = tuple(verify_all(connection))
    rows = sum(report.rows for report in chains)
    broken = [Problem(report.chain, report.bad_row or 0, report.reason) for report in chains if not report.ok]
    if broken:
        return VerifyReport(False, chains, tuple(broken), rows)
    answer, damage = unless_damaged(lambda: _checked(connection))
    found, digest = answer or ([Problem("", 0, f"the file is damaged: {damage}")], "")
    return VerifyReport(not found, chains, tuple(found), rows, digest)


def _checked(connection: Connection) -> tuple[list[Problem], str]:
    """The rows that do not belong together; when there are none, the digest of what they come to."""
    found = list(islice(_across(connection), MOST_PROBLEMS))
    if found:
        return found, ""
    portfolio = Portfolio.load(connection)
    found = list(islice(_trades(connection, portfolio), MOST_PROBLEMS))
    return found, "" if found else portfolio.digest()


def _across(connection: Connection) -> Iterator[Problem]:
    checks = (_fills_and_orders, _fills_and_money, _money_and_fills, _events, _sizes, _capital, _open_orders)
    return chained.from_iterable(one(connection) for one in checks)


def _fills_and_orders(connection: Connection) -> Iterator[Problem]:
    query = (
        "SELECT fills.number, fills.order_id, intents.id FROM fills LEFT JOIN intents ON intents.id = fills.order_id"
        " WHERE intents.id IS NULL OR intents.account <> fills.account OR intents.bot <> fills.bot"
        " OR intents.symbol <> fills.symbol OR intents.side <> fills.side ORDER BY fills.number"
    )
    for number, order, known in connection.execute(query):
        reason = f"the order {order} asked for something else" if known else f"there is no order {order}"
        yield Problem("fills", number, reason)


def _fills_and_money(connection: Connection) -> Iterator[Problem]:
    """Each fill has exactly the entries that follow from it."""
    parts = ("base", "quote", "fee")
    columns = ", ".join(f"{p}.kind, {p}.account, {p}.currency, {p}.amount" for p in parts)
    joins = " ".join(f"LEFT JOIN entries {p} ON {p}.id = fills.id || ':{p}'" for p in parts)
    query = (
        f"SELECT fills.number, fills.account, symbol, side, price, quantity, fee, fee_currency, {columns}"  # noqa: S608
        f" FROM fills {joins} ORDER BY fills.number"
    )
    for number, account, symbol, side, price, quantity, fee, currency, *money in connection.execute(query):
        base, quote = base_and_quote(symbol)
        coins, amount = decimal_of(quantity), EXACT.multiply(decimal_of(price), decimal_of(quantity))
        sign = (coins, amount.copy_negate()) if side == "BUY" else (coins.copy_negate(), amount)
        expected: list[str | None] = ["fill", account, base, plain(sign[0]), "fill", account, quote, plain(sign[1])]
        paid = decimal_of(fee)
        expected += ["fee", account, currency, plain(paid.copy_negate())] if paid else [None] * 4
        for place, part in enumerate(parts):
            if money[4 * place : 4 * place + 4] != expected[4 * place : 4 * place + 4]:
                yield Problem("fills", number, f"its {part} entry is not what it moved")


def _money_and_fills(connection: Connection) -> Iterator[Problem]:
    query = (
        "SELECT number, id FROM entries WHERE kind IN ('fill', 'fee') AND NOT EXISTS (SELECT 1 FROM fills WHERE id ="
        " substr(entries.id, 1, length(entries.id) - CASE WHEN entries.id LIKE '%:quote' THEN 6"
        " WHEN entries.id LIKE '%:base' THEN 5 WHEN entries.id LIKE '%:fee' THEN 4 ELSE 0 END)"
        " AND entries.id <> fills.id) ORDER BY number"
    )
    for number, id_ in connection.execute(query):
        yield Problem("entries", number, f"there is no fill for {id_}")


def _events(connection: Connection) -> Iterator[Problem]:
    query = (
        "SELECT order_events.number, order_id FROM order_events LEFT JOIN intents ON intents.id = order_id"
        " WHERE intents.id IS NULL ORDER BY order_events.number"
    )
    for number, order in connection.execute(query):
        yield Problem("order_events", number, f"there is no order {order}")


def _sizes(connection: Connection) -> Iterator[Problem]:
    """No order traded more than it asked for."""
    query = (
        "SELECT fills.order_id, fills.number, fills.price, fills.quantity, intents.quantity, intents.amount"
        " FROM fills JOIN intents ON intents.id = fills.order_id ORDER BY fills.order_id, fills.number"
    )
    for order, rows in groupby(connection.execute(query), key=lambda row: str(row[0])):
        filled = spent = ZERO
        for _, number, price, quantity, asked, amount in rows:
            filled = EXACT.add(filled, decimal_of(quantity))
            spent = EXACT.fma(decimal_of(price), decimal_of(quantity), spent)
            if asked is not None and filled > decimal_of(asked):
                yield Problem("fills", number, f"the order {order} asked for {asked} and traded {plain(filled)}")
                break
            if asked is None and amount is not None and spent > decimal_of(amount):
                yield Problem("fills", number, f"the order {order} was to spend {amount} and spent {plain(spent)}")
                break


def _capital(connection: Connection) -> Iterator[Problem]:
    """What left an account came into another."""
    query = (
        "SELECT entries.number, entries.id, entries.currency, entries.amount, other.currency, other.amount FROM entries"
        " LEFT JOIN entries other ON other.id = CASE WHEN entries.id LIKE '%:out'"
        " THEN substr(entries.id, 1, length(entries.id) - 4) || ':in'"
        " ELSE substr(entries.id, 1, length(entries.id) - 3) || ':out' END"
        " WHERE entries.kind IN ('allocate', 'release') ORDER BY entries.number"
    )
    for number, id_, currency, amount, other_currency, other in connection.execute(query):
        if other is None or currency != other_currency or decimal_of(amount) != decimal_of(other).copy_negate():
            yield Problem("entries", number, f"the other half of {id_} is missing or differs")


def _open_orders(connection: Connection) -> Iterator[Problem]:
    final = ", ".join(f"'{state.value}'" for state in sorted(FINAL))
    query = (
        "SELECT number, id FROM intents WHERE NOT EXISTS (SELECT 1 FROM open_orders WHERE order_id = intents.id)"  # noqa: S608
        " AND NOT EXISTS (SELECT 1 FROM order_events WHERE order_events.order_id = intents.id"
        f" AND state IN ({final})) ORDER BY number"
    )
    for number, order in connection.execute(query):
        yield Problem("intents", number, f"the order {order} has no end and is not in the list of open ones")


def _trades(connection: Connection, portfolio: Portfolio) -> Iterator[Problem]:
    """Profits of trades, and what is under way, are the money that the fills moved."""
    profits: dict[tuple[str, str], Decimal] = {}
    for account, symbol, profit in connection.execute("SELECT account, symbol, profit FROM trades"):
        profits[account, symbol] = EXACT.add(profits.get((account, symbol), ZERO), decimal_of(profit))
    positions = {(position.account, position.symbol): position for position in portfolio.traded()}
    states = connection.execute("SELECT account, symbol, last_fill, state FROM open_trades").fetchall()
    for account, symbol, last_fill, state in states:
        so_far = msgspec.json.decode(state, type=OpenTrade)
        money = EXACT.add(profits.pop((account, symbol), ZERO), so_far.money)
        position = positions.get((account, symbol))
        if position is None or (so_far.held, money) != (position.quantity, position.money):
            yield Problem("trades", last_fill, f"the trades of {account} on {symbol} are not the money that moved")
    for account, symbol in profits:
        yield Problem("trades", 0, f"the trades of {account} on {symbol} come from no fill")
