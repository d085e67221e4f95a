"""Chained tables: rows that are only ever added, each carrying the hash of the one before it.

Decided here:
* Every such table has `number` (from 1, without holes), its own columns, `prev_hash` and `hash`. The end of each chain
  is kept in `chain_heads`, in the same transaction, so that rows cut off at the end are noticed too.
* Nothing is remembered between two appends: the head is read inside the transaction that adds to it, so a rollback,
  another process or a restored file cannot leave a stale one. An append is three statements, and several rows at once
  are one more for each.
* Nothing is added to a chain whose head and last row disagree.
* A check reads what is stored, byte by byte and with its storage class. A damaged page is a row that does not fit,
  and no error of the reader.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from polotui.core.errors import StorageError
from polotui.core.hashchain import GENESIS, ChainBreak, ChainedRow, Field, first_break, link
from polotui.storage.faults import Connection, Fault, fault_of

#: How the reason begins when SQLite could not read a row.
_UNREADABLE = "the file is damaged at"


class Link(NamedTuple):
    """The place of a row that was added."""

    number: int
    hash: str
    previous: str


@dataclass(frozen=True)
class ChainReport:
    """What checking one chain found. `rows` were read; `bad_row` is the first one that does not fit."""

    ok: bool
    chain: str
    rows: int
    head: str
    bad_row: int | None = None
    reason: str = ""


class Chain:
    """One chained table. `columns` are those between `number` and `prev_hash`, in the order in which they are hashed;
    that order is part of the chain and never changes."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        self.table = table
        self.columns = tuple(columns)
        names = ", ".join(("number", *self.columns, "prev_hash", "hash"))
        marks = ", ".join("?" * (len(self.columns) + 3))
        # Table and columns are names in this program, never somebody's words.
        self.select = f"SELECT {names} FROM {table}"  # noqa: S608
        self._insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
        self._last = f"SELECT number, hash FROM {table} ORDER BY number DESC LIMIT 1"  # noqa: S608
        self._head = (
            f"SELECT number, hash, (SELECT max(number) FROM {table}),"  # noqa: S608
            f" (SELECT hash FROM {table} ORDER BY number DESC LIMIT 1) FROM chain_heads WHERE chain = '{table}'"
        )
        stored = ", ".join(_as_stored(name) for name in (*self.columns, "prev_hash", "hash"))
        self._select_stored = f"SELECT number, {stored} FROM {table} NOT INDEXED"  # noqa: S608

    def append(self, connection: Connection, fields: Sequence[Field]) -> tuple[int, str]:
        """Adds one row inside the caller's transaction; its number and hash. Raises StorageError for a broken end."""
        added = self.append_rows(connection, (fields,))[0]
        return added.number, added.hash

    def append_rows(self, connection: Connection, rows: Sequence[Sequence[Field]]) -> list[Link]:
        """Adds several rows, one after the other, inside the caller's transaction."""
        number, previous = self.head(connection)
        links = []
        for fields in rows:
            number += 1
            hash_ = link(previous, (number, *fields))
            connection.execute(self._insert, (number, *fields, previous, hash_))
            links.append(Link(number, hash_, previous))
            previous = hash_
        if links:
            connection.execute("INSERT OR REPLACE INTO chain_heads VALUES (?, ?, ?)", (self.table, number, previous))
        return links

    def head(self, connection: Connection) -> tuple[int, str]:
        """Number and hash of the last row; 0 and GENESIS before the first. Raises StorageError when they disagree."""
        found = connection.execute(self._head).fetchone()
        if found is not None:
            number, hash_, last, last_hash = found
            if (number, hash_) == (last, last_hash):
                return int(number), str(hash_)
            raise self._broken(last or 0, number)
        row = connection.execute(self._last).fetchone()
        if row is not None:
            raise self._broken(row[0], 0)
        return 0, GENESIS

    def _broken(self, last: int, head: int) -> StorageError:
        return StorageError(
            f"The ledger's end of {self.table} is row {last}, but its head says {head}"
            + (", with another hash." if last == head else "."),
            safe="Nothing was written.",
            next_step="Run `polotui audit verify`, then restore a verified copy.",
            code="ledger-broken",
        )

    def verify(self, connection: Connection) -> ChainReport:
        """Computes the whole chain again and names the first row that does not fit."""
        found = self._verify(connection)
        if found.ok or not found.reason.startswith(_UNREADABLE):
            return found
        # With its check of cells SQLite refuses a whole page for one bad row. Without it the row can be named.
        checking = connection.execute("PRAGMA cell_size_check").fetchone()[0]
        connection.execute("PRAGMA cell_size_check=OFF")
        try:
            return self._verify(connection)
        finally:
            connection.execute(f"PRAGMA cell_size_check={checking}")

    def _stored(self, connection: Connection) -> Iterator[tuple[Any, ...]]:
        """The rows in their order, up to the first that cannot be read. They are walked, never searched: a damaged
        number leads a search astray."""
        count = 0
        try:
            for row in connection.execute(f"{self._select_stored} ORDER BY number"):
                count += 1
                yield row
        except sqlite3.DatabaseError as error:
            if fault_of(error) is not Fault.DAMAGED:
                raise
            # A cursor reads one row ahead: the one before the damage may be good.
            yield connection.execute(f"{self._select_stored} ORDER BY number LIMIT 1 OFFSET ?", (count,)).fetchone()
            raise

    def _verify(self, connection: Connection) -> ChainReport:
        count, last = 0, GENESIS

        def rows() -> Iterator[ChainedRow]:
            nonlocal count, last
            for number, *fields, previous, hash_ in self._stored(connection):
                row = ChainedRow(number, (number, *fields), _ascii(previous), _ascii(hash_))
                count, last = count + 1, row.hash
                yield row

        try:
            found = first_break(rows())
            if found is None:
                found = self._head_break(connection, count, last)
        except sqlite3.DatabaseError as error:
            if fault_of(error) is not Fault.DAMAGED:
                raise
            found = ChainBreak(count + 1, f"{_UNREADABLE} row {count + 1}: {error}")
        if found is not None:
            return ChainReport(False, self.table, count, last, found.number, found.reason)
        return ChainReport(True, self.table, count, last)

    def _head_break(self, connection: Connection, count: int, last: str) -> ChainBreak | None:
        head = connection.execute(
            "SELECT number, CAST(hash AS BLOB) FROM chain_heads WHERE chain = ?", (self.table,)
        ).fetchone()
        number, hash_ = (head[0], _ascii(head[1])) if head else (0, GENESIS)
        if (number, hash_) == (count, last):
            return None
        if number == count:
            return ChainBreak(count, f"row {count} has another hash than the head of its chain")
        return ChainBreak(min(count, number) + 1, f"the chain ends at row {count}, its head is {number}")


def _as_stored(column: str) -> str:
    """SQL for a column's bytes. A value whose storage class is not one that is written here fits no hash."""
    return (
        f"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) WHEN 'integer' THEN {column}"
        f" WHEN 'null' THEN NULL ELSE CAST('a ' || typeof({column}) || ': ' || quote({column}) AS BLOB) END"
    )


def _ascii(stored: object) -> str:
    return stored.decode("ascii", "backslashreplace") if isinstance(stored, bytes) else repr(stored)


ENTRIES = Chain("entries", ("id", "account", "kind", "currency", "amount", "ts_ms", "note"))
INTENTS = Chain(
    "intents",
    (
        "id",
        "account",
        "bot",
        "symbol",
        "side",
        "type",
        "purpose",
        "quantity",
        "amount",
        "price",
        "stop",
        "target",
        "time_in_force",
        "expire_ms",
        "reason",
        "signal",
        "parent",
        "late_ms",
        "created_ms",
    ),
)
ORDER_EVENTS = Chain("order_events", ("order_id", "state", "venue_id", "code", "words", "at_ms"))
FILLS = Chain(
    "fills",
    (
        "id",
        "order_id",
        "account",
        "bot",
        "symbol",
        "side",
        "price",
        "quantity",
        "fee",
        "fee_currency",
        "maker",
        "purpose",
        "reason",
        "signal",
        "at_ms",
        "booked_ms",
        "late_ms",
    ),
)
AUDIT = Chain("audit", ("kind", "caller", "account", "symbol", "code", "text", "detail", "at_ms"))
LATCHES = Chain("latches", ("name", "account", "state", "reason", "day", "at_ms"))

#: Every chain of the ledger, by the name of its table.
CHAINS: dict[str, Chain] = {chain.table: chain for chain in (ENTRIES, INTENTS, ORDER_EVENTS, FILLS, AUDIT, LATCHES)}


T = TypeVar("T")


def unless_damaged(job: Callable[[], T]) -> tuple[T | None, str]:
    """What `job` reads; or None, and SQLite's words, when the file is damaged where it reads."""
    try:
        return job(), ""
    except sqlite3.DatabaseError as error:
        if fault_of(error) is not Fault.DAMAGED:
            raise
        return None, str(error)


def verify_all(connection: Connection) -> list[ChainReport]:
    """A report for each chain of the ledger, broken or not."""
    return [chain.verify(connection) for chain in CHAINS.values()]
