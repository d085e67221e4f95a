"""The ledger: rows of what came and went, never changed, each chained to the one before. Balances are their sum.

Decided here:
* A balance is a fold over the entries and stored nowhere, so it cannot disagree with them.
* Amounts are decimal text and are summed exactly; a sum that would need rounding is an error, not a rounding.
* Entries carry random ids. Their place in the chain is `number`, without holes; the head of the chain is kept
  beside the rows, so that rows cut off at the end are noticed too.
* The functions that take a connection can be joined with others into one transaction (a fill with its fact).

Deliberate limit: the fold reads all entries of an account each time. That is milliseconds for ten thousands of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any

from polotui.core.clock import Clock
from polotui.core.errors import StorageError, UsageError
from polotui.core.hashchain import GENESIS, ChainBreak, ChainedRow, Field, first_break, link
from polotui.core.ids import Chance
from polotui.core.text import clean
from polotui.model.money import ZERO, decimal_of, plain
from polotui.storage.database import Connection, Database

#: Sums are exact to this many digits or fail. An amount may have 40.
_EXACT = Context(prec=80, traps=[Inexact, InvalidOperation, Overflow])
_MOST_DIGITS = 40

_COLUMNS = ("id", "account", "kind", "currency", "amount", "ts_ms", "note")
_INSERT = (
    "INSERT INTO entries (number, id, account, kind, currency, amount, ts_ms, note, prev_hash, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT = "SELECT number, id, account, kind, currency, amount, ts_ms, note, prev_hash, hash FROM entries"
#: As stored bytes, so that a damaged text is a row that does not fit and no error of the reader.
_SELECT_BYTES = (
    "SELECT number, CAST(id AS BLOB), CAST(account AS BLOB), CAST(kind AS BLOB), CAST(currency AS BLOB),"
    " CAST(amount AS BLOB), ts_ms, CAST(note AS BLOB), CAST(prev_hash AS BLOB), CAST(hash AS BLOB)"
    " FROM entries NOT INDEXED ORDER BY number"
)


@dataclass(frozen=True)
class Entry:
    """One row. A negative amount takes away."""

    number: int
    id: str
    account: str
    kind: str
    """deposit, withdraw_virtual, fill, fee."""
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
        sums[currency] = _EXACT.add(sums.get(currency, ZERO), amount)
    return sums


def add_entry(
    connection: Connection, *, id: str, account: str, kind: str, currency: str, amount: Decimal, ts_ms: int, note: str
) -> Entry:
    """Appends a row to the chain inside the caller's transaction."""
    head = connection.execute("SELECT number, hash FROM chain_heads WHERE chain = 'entries'").fetchone()
    last = connection.execute("SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1").fetchone()
    if head != last:
        raise StorageError(
            f"The ledger's end is row {last[0] if last else 0}, but its head says {head[0] if head else 0}.",
            safe="Nothing was written.",
            next_step="Run `polotui health database`, then restore a verified copy.",
            code="ledger-broken",
        )
    number, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
    fields: tuple[Field, ...] = (id, account, kind, currency, plain(amount), ts_ms, note)
    hash_ = link(previous, (number, *fields))
    connection.execute(_INSERT, (number, *fields, previous, hash_))
    connection.execute("INSERT OR REPLACE INTO chain_heads VALUES ('entries', ?, ?)", (number, hash_))
    return Entry(number, id, account, kind, currency, amount, ts_ms, note, previous, hash_)


def balances_of(connection: Connection, account: str) -> dict[str, Decimal]:
    """The fold over one account's entries. A currency that came and went completely is there with zero."""
    rows = connection.execute("SELECT currency, amount FROM entries WHERE account = ? ORDER BY number", (account,))
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
                amount=-checked,
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
        query = _SELECT + " WHERE account = ? AND number < ? ORDER BY number DESC LIMIT ?"
        ceiling = before or 2**62
        rows = await self._database.read(
            lambda connection: connection.execute(query, (account, ceiling, limit)).fetchall(), "ledger entries"
        )
        return [_entry(row) for row in rows]

    async def verify(self) -> LedgerReport:
        """Computes the whole chain again and names the first row that does not fit."""
        return await self._database.read(_verify, "ledger verify")


def _entry(row: tuple[Any, ...]) -> Entry:
    number, id_, account, kind, currency, amount, *rest = row
    return Entry(number, id_, account, kind, currency, decimal_of(amount), *rest)


def _verify(connection: Connection) -> LedgerReport:
    head = connection.execute("SELECT number, CAST(hash AS BLOB) FROM chain_heads WHERE chain = 'entries'").fetchone()
    count, last = 0, GENESIS

    def rows() -> Iterator[ChainedRow]:
        nonlocal count, last
        for number, *fields, previous, hash_ in connection.execute(_SELECT_BYTES):
            count, last = number, _ascii(hash_)
            yield ChainedRow(number, (number, *fields), _ascii(previous), last)

    found = first_break(rows())
    if found is None:
        head_number, head_hash = (head[0], _ascii(head[1])) if head else (0, GENESIS)
        if (head_number, head_hash) != (count, last):
            found = ChainBreak(min(count, head_number) + 1, f"the chain ends at row {count}, its head is {head_number}")
    if found is not None:
        return LedgerReport(False, count, last, found.number, found.reason)
    return LedgerReport(True, count, last)


def _ascii(data: bytes) -> str:
    return data.decode("ascii", "backslashreplace")


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
