"""A second fold, written apart: fractions over what the tables say, to compare the portfolio with.

It takes nothing from the trading package. Money is the plain sum of the entries. A position is worked out from fills
alone, by another road than the portfolio's: a list of signed moves, and the average cost as an exact fraction.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from fractions import Fraction


@dataclass
class Held:
    """What the witness says of one account and symbol."""

    quantity: Fraction
    average: Fraction
    money: Fraction
    """All quote currency that the fills and their fees moved."""
    fees: Fraction
    fills: int


def balances(connection: sqlite3.Connection) -> dict[tuple[str, str], Fraction]:
    """Sum of the entries by account and currency."""
    sums: dict[tuple[str, str], Fraction] = {}
    for account, currency, amount in connection.execute("SELECT account, currency, amount FROM entries"):
        sums[account, currency] = sums.get((account, currency), Fraction(0)) + Fraction(amount)
    return sums


def totals(connection: sqlite3.Connection, root: str) -> dict[str, Fraction]:
    """Sum of the entries of an account and all below it."""
    sums: dict[str, Fraction] = {}
    for (account, currency), amount in balances(connection).items():
        if account.split("/")[0] == root:
            sums[currency] = sums.get(currency, Fraction(0)) + amount
    return sums


def positions(connection: sqlite3.Connection) -> dict[tuple[str, str], Held]:
    """Each account and symbol that ever traded."""
    moves: dict[tuple[str, str], list[tuple[Fraction, Fraction]]] = {}
    found: dict[tuple[str, str], Held] = {}
    query = "SELECT account, symbol, side, price, quantity, fee, fee_currency FROM fills ORDER BY number"
    for account, symbol, side, price_text, quantity_text, fee_text, currency in connection.execute(query):
        base, quote = symbol.split("_")
        price, quantity, fee = Fraction(price_text), Fraction(quantity_text), Fraction(fee_text)
        held = found.setdefault((account, symbol), Held(Fraction(0), Fraction(0), Fraction(0), Fraction(0), 0))
        direction = {"BUY": 1, "SELL": -1}[side]
        held.money -= direction * price * quantity
        coins = direction * quantity
        if currency == base:
            coins -= fee
            held.fees += fee * price
        if currency == quote:
            held.money -= fee
            held.fees += fee
        held.quantity += coins
        held.fills += 1
        moves.setdefault((account, symbol), []).append((coins, price))
    for key, trail in moves.items():
        found[key].average = _average(trail)
    return found


def _average(trail: list[tuple[Fraction, Fraction]]) -> Fraction:
    """The running average price of what is open after these moves."""
    open_coins, average = Fraction(0), Fraction(0)
    for coins, price in trail:
        after = open_coins + coins
        if open_coins * coins >= 0:
            average = (abs(open_coins) * average + abs(coins) * price) / abs(after) if after else Fraction(0)
        elif open_coins * after < 0:
            average = price
        open_coins = after
    return average if open_coins else Fraction(0)
