"""The ledger: rows of what came and went, never changed, each chained to the one before. Balances are their sum.

Decided here:
* A balance is a fold over the entries and stored nowhere, so it cannot disagree with them.
* Amounts are decimal text and are summed exactly; a sum that would need rounding is an error, not a rounding.
* Ids are random, or derived from the id of what the row comes from. The place in the chain is `number`, without holes.
* The functions that take a connection can be joined with others into one transaction (a fill with its fact).

Deliberate limit: the fold reads all entries of an account each time. That is milliseconds for ten thousands of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any, NamedTuple

from polotui.core.clock import Clock
from polotui.core.errors import UsageError
from polotui.core.ids import Chance
from polotui.core.text import clean
from polotui.model.money import ZERO, decimal_of, plain
from polotui.storage.chained import ENTRIES
from polotui.storage.database import Connection, Database

#: Sums and products are exact or fail. More digits than any amount has, so that they never do.
EXACT = Context(prec=240, traps=[Inexact, InvalidOperation, Overflow])
_MOST_DIGITS = 40


@dataclass(frozen=True)
class Entry:
    """One row. A negative amount takes away."""

    number: int
    id: str
    account: str
    kind: str
    """deposit, withdraw_virtual, fill, fee, allocate, release."""
    currency: str
    amount: Decimal
    ts_ms: int
    note: str
    previous: str
    hash: str


@dataclass(frozen=True)
class LedgerReport:
    """What checking the chain found. `bad_row` is the first row that does not fit."""

    ok: bool
    entries: int
    head: str
    bad_row: int | None = None
    reason: str = ""


def fold(amounts: Iterator[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """The sum for each currency, exactly."""
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = EXACT.add(sums.get(currency, ZERO), amount)
    return sums


class NewEntry(NamedTuple):
    """A row that is to be added, as it will be hashed."""

    id: str
    account: str
    kind: str
    currency: str
    amount: Decimal
    ts_ms: int
    note: str


def add_entries(connection: Connection, rows: Sequence[NewEntry]) -> list[Entry]:
    """Appends rows to the chain inside the caller's transaction."""
    fields = [(r.id, r.account, r.kind, r.currency, plain(r.amount), r.ts_ms, r.note) for r in rows]
    links = ENTRIES.append_rows(connection, fields)
    return [
        Entry(place.number, *row, previous=place.previous, hash=place.hash)
        for row, place in zip(rows, links, strict=True)
    ]


def add_entry(
    connection: Connection, *, id: str, account: str, kind: str, currency: str, amount: Decimal, ts_ms: int, note: str
) -> Entry:
    """Appends one row to the chain inside the caller's transaction."""
    return add_entries(connection, (NewEntry(id, account, kind, currency, amount, ts_ms, note),))[0]


def entry_of(row: tuple[Any, ...]) -> Entry:
    """The entry of a stored row."""
    number, id_, account, kind, currency, amount, *rest = row
    return Entry(number, id_, account, kind, currency, decimal_of(amount), *rest)


def balances_of(connection: Connection, account: str) -> dict[str, Decimal]:
    """The fold over one account's entries. A currency that came and went completely is there with zero."""
    rows = connection.execute("SELECT currency, amount FROM entries WHERE account = ?", (account,))
    return fold((currency, decimal_of(amount)) for currency, amount in rows)


class Ledger:
    """The ledger in `ledger.db`."""

    def __init__(self, database: Database, clock: Clock, chance: Chance) -> None:
        self._database = database
        self._clock = clock
        self._chance = chance

    async def deposit(self, account: str, currency: str, amount: Decimal, note: str = "") -> Entry:
        """Adds money to an account. Raises UsageError when the amount is not above zero."""
        checked = _checked_amount(amount)
        return await self._append(account, "deposit", currency, checked, note)

    async def withdraw_virtual(self, account: str, currency: str, amount: Decimal, note: str = "") -> Entry:
        """Takes virtual money out of an account that has it. There is no code that withdraws real money."""
        checked = _checked_amount(amount)
        id_ = self._chance.new_id("entry")

        def withdraw(connection: Connection) -> Entry:
            held = balances_of(connection, account).get(currency, ZERO)
            if held < checked:
                raise UsageError(
                    f"The {account} account has {plain(held)} {currency}, not {plain(checked)}.",
                    safe="Nothing was withdrawn.",
                    next_step=f"Name at most {plain(held)}.",
                )
            return add_entry(
                connection,
                id=id_,
                account=account,
                kind="withdraw_virtual",
                currency=_checked_currency(currency),
                amount=checked.copy_negate(),
                ts_ms=self._clock.wall_ms(),
                note=clean(note),
            )

        return await self._database.transact(withdraw, "ledger withdraw")

    async def _append(self, account: str, kind: str, currency: str, amount: Decimal, note: str) -> Entry:
        id_ = self._chance.new_id("entry")
        code = _checked_currency(currency)

        def append(connection: Connection) -> Entry:
            return add_entry(
                connection,
                id=id_,
                account=account,
                kind=kind,
                currency=code,
                amount=amount,
                ts_ms=self._clock.wall_ms(),
                note=clean(note),
            )

        return await self._database.transact(append, f"ledger {kind}")

    async def balances(self, account: str) -> dict[str, Decimal]:
        """What the account holds of each currency: the sum of its entries."""
        return await self._database.read(lambda connection: balances_of(connection, account), "ledger balances")

    async def entries(self, account: str, limit: int = 100, before: int = 0) -> list[Entry]:
        """The newest entries of an account, newest first, below number `before` (0 = all)."""
        query = ENTRIES.select + " WHERE account = ? AND number < ? ORDER BY number DESC LIMIT ?"
        ceiling = before or 2**62
        rows = await self._database.read(
            lambda connection: connection.execute(query, (account, ceiling, limit)).fetchall(), "ledger entries"
        )
        return [entry_of(row) for row in rows]

    async def verify(self) -> LedgerReport:
        """Computes the whole chain again and names the first row that does not fit."""
        found = await self._database.read(ENTRIES.verify, "ledger verify")
        return LedgerReport(found.ok, found.rows, found.head, found.bad_row, found.reason)


def _checked_amount(amount: Decimal) -> Decimal:
    value = decimal_of(amount)
    if value <= 0:
        raise UsageError(f"The amount must be above zero, not {plain(value)}.", safe="Nothing was booked.")
    if len(plain(value).replace(".", "")) > _MOST_DIGITS:
        raise UsageError(f"The amount has more than {_MOST_DIGITS} digits.", safe="Nothing was booked.")
    return value


def _checked_currency(currency: str) -> str:
    if not (currency.isascii() and currency.isalnum() and currency == currency.upper() and len(currency) <= 24):
        raise UsageError(
            f"Not a currency: {clean(currency, 24)!r}.",
            safe="Nothing was booked.",
            next_step="Write it as the exchange does, such as USDT.",
        )
    return currency
