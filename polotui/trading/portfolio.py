"""What the accounts hold and how each position came about: the fold over the ledger's rows, kept in memory.

Decided here:
* Cash is the sum of the entries, a position is the fold of the fills, and nothing else goes in. Loading all rows again
  must give the same to the last digit: `same_as` is that comparison.
* Rows are folded in the order of their numbers, whatever order they are told in: one that comes early waits, one that
  comes twice is ignored.
* A position's quantity is what is really held: a fee taken in the coin makes it smaller. Such a fee counts at the price
  of its fill, so that the price of entry stays the price that was paid. Fees in a third currency are kept apart.
* Cost is the running average. Its one division is what a part that is sold had cost, rounded to 24 decimals; what is
  left keeps the rest. So for each position result - cost - fees is the money that moved, exactly, at any time.
* A position that is sold beyond nothing is a negative one: money lent by a deposit, or a fill whose buy comes later.

Deliberate limit: dust too small to sell stays a position. What ends a trade is for `trades` to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Self

import msgspec

from polotui.core.errors import StorageError
from polotui.core.hashchain import Field, canonical
from polotui.model.money import ZERO, decimal_of, plain
from polotui.model.symbols import base_and_quote
from polotui.storage.database import Connection
from polotui.trading.ledger import EXACT, Entry
from polotui.trading.stored import FillRow

#: For the two divisions there are: shares of a cost, and averages that are only shown.
_WIDE = Context(prec=200, rounding=ROUND_HALF_EVEN)
_SHOWN = Context(prec=28, rounding=ROUND_HALF_EVEN)
_SHARE = Decimal("1e-24")
#: Rows that may be told before the one that they follow.
_MOST_WAITING = 10_000

_ENTRIES = "SELECT number, account, currency, amount FROM entries WHERE number > ? ORDER BY number"
_FILLS = (
    "SELECT number, account, bot, symbol, side, price, quantity, fee, fee_currency, at_ms"
    " FROM fills WHERE number > ? ORDER BY number"
)


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What one account holds of one symbol, since it last held nothing. Money in the quote currency.

    `entry_price` is the average of the open part, `cost` that times the quantity; `realised` is the result of parts
    that were closed, before `fees`. `other_fees` were taken in a third currency. `closed_result` and `closed_fees` are
    those of the times before.
    """

    account: str
    bot: int
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    cost: Decimal
    fees: Decimal
    other_fees: dict[str, Decimal]
    realised: Decimal
    opened_ms: int
    fills: int
    closed_result: Decimal
    closed_fees: Decimal

    @property
    def money(self) -> Decimal:
        """All quote currency that its fills and their fees ever moved, exactly: below zero what went out."""
        came_in = EXACT.subtract(EXACT.add(self.realised, self.closed_result), self.cost)
        return EXACT.subtract(came_in, EXACT.add(self.fees, self.closed_fees))


class _Book:
    """The fold of one account's fills on one symbol."""

    __slots__ = (
        "base",
        "bot",
        "closed_fees",
        "closed_result",
        "cost",
        "fees",
        "fills",
        "opened_ms",
        "other",
        "quantity",
        "quote",
        "realised",
    )

    def __init__(self, symbol: str) -> None:
        self.base, self.quote = base_and_quote(symbol)
        self.bot = 0
        self.closed_result = self.closed_fees = ZERO
        self._begin(0, 0)
        self.quantity = self.cost = ZERO

    def _begin(self, at_ms: int, fills: int) -> None:
        self.opened_ms, self.fills = at_ms, fills
        self.realised = self.fees = ZERO
        self.other: dict[str, Decimal] = {}

    def _end(self) -> None:
        self.closed_result = EXACT.add(self.closed_result, self.realised)
        self.closed_fees = EXACT.add(self.closed_fees, self.fees)
        self._begin(0, 0)

    def add(self, buy: bool, price: Decimal, quantity: Decimal, fee: Decimal, currency: str, at_ms: int) -> None:
        if not self.quantity:
            self.opened_ms = at_ms
        self.fills += 1
        moved = quantity if buy else quantity.copy_negate()
        if fee:
            if currency == self.base:
                moved = EXACT.subtract(moved, fee)
                self.fees = EXACT.fma(fee, price, self.fees)
            elif currency == self.quote:
                self.fees = EXACT.add(self.fees, fee)
            else:
                self.other[currency] = EXACT.add(self.other.get(currency, ZERO), fee)
        held = self.quantity
        if not held or not moved or held.is_signed() == moved.is_signed():
            self.quantity = EXACT.add(held, moved)
            self.cost = EXACT.fma(moved, price, self.cost)
        elif moved.copy_abs() < held.copy_abs():
            share = _WIDE.divide(EXACT.multiply(self.cost, moved.copy_negate()), held)
            self._close(moved, price, share.quantize(_SHARE, context=_WIDE))
        else:
            self._close(held.copy_negate(), price, self.cost)
            rest = EXACT.add(moved, held)
            self._end()
            if rest:
                self._begin(at_ms, 1)
                self.quantity, self.cost = rest, EXACT.multiply(rest, price)

    def _close(self, moved: Decimal, price: Decimal, cost: Decimal) -> None:
        self.quantity = EXACT.add(self.quantity, moved)
        self.cost = EXACT.subtract(self.cost, cost)
        came_in = EXACT.multiply(moved.copy_negate(), price)
        self.realised = EXACT.add(self.realised, EXACT.subtract(came_in, cost))

    def fields(self) -> list[Field]:
        sums = (self.quantity, self.cost, self.fees, self.realised, self.closed_result, self.closed_fees)
        others: list[Field] = [field for name in sorted(self.other) for field in (name, plain(self.other[name]))]
        return [self.bot, self.opened_ms, self.fills, *map(plain, sums), *others]


class Portfolio:
    """All accounts of the ledger. Not for two threads at once."""

    def __init__(self) -> None:
        self.last_entry = 0
        self.last_fill = 0
        self._cash: dict[str, dict[str, Decimal]] = {}
        self._books: dict[str, dict[str, _Book]] = {}
        self._early: dict[tuple[str, int], tuple[Any, ...]] = {}

    @classmethod
    def load(cls, connection: Connection) -> Self:
        """The fold over all rows that are stored. Raises StorageError when one is missing or unreadable."""
        portfolio = cls()
        for row in connection.execute(_ENTRIES, (0,)):
            portfolio._entry(row)
        for row in connection.execute(_FILLS, (0,)):
            portfolio._fill(row)
        if portfolio._early:
            raise StorageError(
                f"A row of the ledger is missing: entry {portfolio.last_entry + 1} or fill {portfolio.last_fill + 1}.",
                safe="Nothing was changed.",
                next_step="Run `polotui audit verify`, then restore a verified copy.",
                code="ledger-broken",
            )
        return portfolio

    # ── being told ───────────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, fill: FillRow, entries: Iterable[Entry] | None = None) -> None:
        """A fill that was booked, with its entries; those it carries when none are given."""
        for entry in fill.entries if entries is None else entries:
            self.apply_entry(entry)
        buy_sell = fill.side.value
        amounts = (fill.price, fill.quantity, fill.fee, fill.fee_currency, fill.at_ms)
        self._fill((fill.number, fill.account, fill.bot, fill.symbol, buy_sell, *amounts))

    def apply_entry(self, entry: Entry) -> None:
        """An entry that was stored: a deposit, capital that moved."""
        self._entry((entry.number, entry.account, entry.currency, entry.amount))

    def missing(self, connection: Connection) -> list[tuple[str, tuple[Any, ...]]]:
        """Rows after the last that was told. Changes nothing, so it may run beside what does."""
        entries = connection.execute(_ENTRIES, (self.last_entry,))
        fills = connection.execute(_FILLS, (self.last_fill,))
        return [("entry", row) for row in entries] + [("fill", row) for row in fills]

    def take(self, rows: Iterable[tuple[str, tuple[Any, ...]]]) -> bool:
        """What `missing` found; whether any of it was news. Rows that were told meanwhile are ignored."""
        before = self.last_entry, self.last_fill
        for kind, row in rows:
            (self._entry if kind == "entry" else self._fill)(row)
        return (self.last_entry, self.last_fill) != before

    @property
    def waiting(self) -> int:
        """Rows that were told before one that they follow. Not 0 for long: then a row was never told."""
        return len(self._early)

    def _entry(self, row: tuple[Any, ...]) -> None:
        if row[0] != self.last_entry + 1:
            self._wait("entry", self.last_entry, row)
            return
        following: tuple[Any, ...] | None = row
        while following is not None:
            self.last_entry, account, currency, amount = following
            sums = self._cash.setdefault(account, {})
            sums[currency] = EXACT.add(sums.get(currency, ZERO), decimal_of(amount))
            following = self._early.pop(("entry", self.last_entry + 1), None) if self._early else None

    def _fill(self, row: tuple[Any, ...]) -> None:
        if row[0] != self.last_fill + 1:
            self._wait("fill", self.last_fill, row)
            return
        following: tuple[Any, ...] | None = row
        while following is not None:
            self.last_fill, account, bot, symbol, side, price, quantity, fee, currency, at_ms = following
            books = self._books.setdefault(account, {})
            book = books.get(symbol)
            if book is None:
                book = books[symbol] = _Book(symbol)
            book.bot = bot
            book.add(side == "BUY", decimal_of(price), decimal_of(quantity), decimal_of(fee), currency, at_ms)
            following = self._early.pop(("fill", self.last_fill + 1), None) if self._early else None

    def _wait(self, kind: str, last: int, row: tuple[Any, ...]) -> None:
        if row[0] <= last:
            return
        self._early[kind, row[0]] = row
        if len(self._early) > _MOST_WAITING:
            raise StorageError(
                f"The portfolio was never told of {kind} {last + 1}.",
                safe="The ledger is untouched.",
                next_step="Load the portfolio again.",
                code="portfolio-gap",
            )

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────

    def accounts(self, root: str = "") -> list[str]:
        """The accounts that ever held something: this one and those below it; all without a root."""
        return sorted(name for name in self._cash if not root or _below(name, root))

    def cash(self, account: str) -> dict[str, Decimal]:
        """What one account holds of each currency. One that came and went is there with zero."""
        return dict(self._cash.get(account, {}))

    def total(self, root: str) -> dict[str, Decimal]:
        """What an account and all below it hold together."""
        sums: dict[str, Decimal] = {}
        for account in self.accounts(root):
            for currency, amount in self._cash[account].items():
                sums[currency] = EXACT.add(sums.get(currency, ZERO), amount)
        return sums

    def positions(self, root: str = "") -> list[Position]:
        """What is held by an account and all below it, in the order of accounts and symbols; dust too."""
        return [
            _position(account, symbol, book)
            for account in sorted(self._books)
            if not root or _below(account, root)
            for symbol, book in sorted(self._books[account].items())
            if book.quantity
        ]

    def position(self, account: str, symbol: str) -> Position:
        """What one account holds of a symbol; quantity 0 when nothing."""
        book = self._books.get(account, {}).get(symbol)
        return _position(account, symbol, _Book(symbol) if book is None else book)

    def traded(self, root: str = "") -> list[Position]:
        """As `positions`, with those that hold nothing any more: their closed results."""
        return [
            _position(account, symbol, book)
            for account in sorted(self._books)
            if not root or _below(account, root)
            for symbol, book in sorted(self._books[account].items())
        ]

    # ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────

    def digest(self) -> str:
        """The same for two portfolios that are equal to the last digit, and for no others."""
        return hashlib.sha256(b"".join(canonical((*key, *fields)) for key, fields in self._state())).hexdigest()

    def same_as(self, other: Portfolio) -> bool:
        return self._state() == other._state()

    def differences(self, other: Portfolio) -> list[str]:
        """Where two portfolios differ, in words; empty when they are the same."""
        ours, theirs = dict(self._state()), dict(other._state())
        return [
            f"{' '.join(key)}: {ours.get(key)} against {theirs.get(key)}"
            for key in sorted(ours.keys() | theirs.keys())
            if ours.get(key) != theirs.get(key)
        ]

    def _state(self) -> list[tuple[tuple[str, str, str], list[Field]]]:
        cash = [
            (("cash", account, currency), list[Field]([plain(amount)]))
            for account in sorted(self._cash)
            for currency, amount in sorted(self._cash[account].items())
        ]
        books = [
            (("position", account, symbol), book.fields())
            for account in sorted(self._books)
            for symbol, book in sorted(self._books[account].items())
        ]
        rows: list[Field] = [self.last_entry, self.last_fill, self.waiting]
        return [(("rows", "", ""), rows), *cash, *books]


def _below(account: str, root: str) -> bool:
    return account == root or account.startswith(root + "/")


def _position(account: str, symbol: str, book: _Book) -> Position:
    return Position(
        account=account,
        bot=book.bot,
        symbol=symbol,
        quantity=book.quantity,
        entry_price=_SHOWN.divide(book.cost, book.quantity) if book.quantity else ZERO,
        cost=book.cost,
        fees=book.fees,
        other_fees=dict(book.other),
        realised=book.realised,
        opened_ms=book.opened_ms,
        fills=book.fills,
        closed_result=book.closed_result,
        closed_fees=book.closed_fees,
    )
