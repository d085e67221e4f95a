"""Chained tables: three statements a row, right after a rollback, and every changed byte named."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError
from polotui.core.hashchain import GENESIS
from polotui.core.ids import Chance
from polotui.storage.chained import AUDIT, CHAINS, LATCHES, Chain, verify_all
from polotui.storage.database import Connection, Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "l.db", clock=FrozenClock(), chance=Chance(1), schema="ledger") as opened:
        yield opened


def latch(number: int) -> tuple[str | int, ...]:
    return ("daily-loss", "paper", "set", f"reason {number}", 20_000 + number, number)


def bare(path: Path) -> sqlite3.Connection:
    """The file as somebody with an editor has it: no triggers."""
    connection = sqlite3.connect(path, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


async def test_numbers_hashes_and_heads(database: Database) -> None:
    first = await database.transact(lambda c: LATCHES.append(c, latch(1)))
    second, third = await database.transact(lambda c: LATCHES.append_rows(c, [latch(2), latch(3)]))
    assert (first[0], second.number, third.number) == (1, 2, 3)
    assert (second.previous, third.previous) == (first[1], second.hash)
    assert await database.read(LATCHES.head) == (3, third.hash)
    assert await database.read(AUDIT.head) == (0, GENESIS)
    report = await database.read(LATCHES.verify)
    assert (report.ok, report.chain, report.rows, report.head) == (True, "latches", 3, third.hash)


async def test_the_columns_of_each_chain_are_those_of_its_table(database: Database) -> None:
    for name, chain in CHAINS.items():
        stored = await database.read(
            lambda c, name=name: [row[1] for row in c.execute(f"PRAGMA table_info({name})").fetchall()]
        )
        assert stored == ["number", *chain.columns, "prev_hash", "hash"], name


async def test_every_table_with_a_hash_is_a_known_chain_and_protected(database: Database) -> None:
    found = await database.read(
        lambda c: c.execute(
            "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) i"
            " WHERE m.type = 'table' AND i.name = 'prev_hash'"
        ).fetchall()
    )
    assert {name for (name,) in found} == set(CHAINS)
    for name in CHAINS:
        triggers = await database.read(
            lambda c, name=name: c.execute(
                "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?", (name,)
            ).fetchall()
        )
        words = " ".join(sql for (sql,) in triggers)
        assert f"BEFORE UPDATE ON {name}" in words
        assert f"BEFORE DELETE ON {name}" in words


async def test_an_append_is_three_statements_and_each_further_row_one_more(database: Database) -> None:
    def counted(connection: Connection, rows: int) -> int:
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        LATCHES.append_rows(connection, [latch(n) for n in range(rows)])
        connection.set_trace_callback(None)
        return len(statements)

    await database.transact(lambda c: LATCHES.append(c, latch(1)))
    assert await database.transact(lambda c: counted(c, 1)) == 3
    assert await database.transact(lambda c: counted(c, 4)) == 6


async def test_after_a_rollback_the_next_row_takes_its_place(database: Database) -> None:
    await database.transact(lambda c: LATCHES.append(c, latch(1)))

    def fails(connection: Connection) -> None:
        LATCHES.append(connection, latch(2))
        LATCHES.append(connection, latch(3))
        raise RuntimeError("after two rows")

    with pytest.raises(RuntimeError):
        await database.transact(fails)
    assert (await database.transact(lambda c: LATCHES.append(c, latch(4))))[0] == 2
    assert (await database.read(LATCHES.verify)).ok


@pytest.mark.parametrize(
    ("sql", "row", "words"),
    [
        ("UPDATE latches SET reason = 'other' WHERE number = 2", 2, "content of row 2"),
        ("UPDATE latches SET day = day + 1 WHERE number = 3", 3, "content of row 3"),
        ("UPDATE latches SET prev_hash = hash WHERE number = 2", 2, "does not follow"),
        ("DELETE FROM latches WHERE number = 2", 2, "missing"),
        ("DELETE FROM latches WHERE number = 3", 3, "ends at row 2, its head is 3"),
        ("DELETE FROM latches", 1, "ends at row 0"),
        ("DELETE FROM chain_heads", 1, "its head is 0"),
        ("UPDATE chain_heads SET hash = 'x'", 3, "another hash than the head"),
        ("UPDATE chain_heads SET number = 2", 3, "its head is 2"),
    ],
)
async def test_each_change_is_named(tmp_path: Path, sql: str, row: int, words: str) -> None:
    path = tmp_path / "l.db"
    async with Database(path, clock=FrozenClock(), chance=Chance(1), schema="ledger") as database:
        await database.transact(lambda c: LATCHES.append_rows(c, [latch(1), latch(2), latch(3)]))
    connection = bare(path)
    connection.execute(sql)
    report = LATCHES.verify(connection)
    assert (report.ok, report.bad_row) == (False, row)
    assert words in report.reason
    broken = [found.chain for found in verify_all(connection) if not found.ok]
    assert broken == ["latches"]
    connection.close()


async def test_a_text_stored_as_a_blob_of_the_same_bytes_does_not_fit(tmp_path: Path) -> None:
    """One bit of a row's header makes a text a blob. Text and bytes hash alike, so the class is looked at too."""
    path = tmp_path / "l.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE chain_heads (chain TEXT PRIMARY KEY, number INTEGER, hash TEXT)")
    connection.execute("CREATE TABLE loose (number INTEGER PRIMARY KEY, word, prev_hash, hash)")
    loose = Chain("loose", ("word",))
    loose.append(connection, ("same",))
    assert loose.verify(connection).ok
    for value in ("CAST(word AS BLOB)", "1.5"):
        connection.execute("BEGIN")
        connection.execute(f"UPDATE loose SET word = {value}")
        assert loose.verify(connection).bad_row == 1
        connection.execute("ROLLBACK")
    assert loose.verify(connection).ok
    connection.close()


async def test_nothing_is_added_to_a_broken_end(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    async with Database(path, clock=FrozenClock(), chance=Chance(1), schema="ledger") as database:
        await database.transact(lambda c: LATCHES.append_rows(c, [latch(1), latch(2)]))
    for sql in (
        "DELETE FROM latches WHERE number = 2",
        "DELETE FROM chain_heads WHERE chain = 'latches'",
        "UPDATE chain_heads SET hash = 'x' WHERE chain = 'latches'",
        "DELETE FROM latches",
    ):
        connection = bare(path)
        connection.execute("BEGIN")
        connection.execute(sql)
        with pytest.raises(StorageError) as caught:
            LATCHES.append(connection, latch(3))
        assert caught.value.instance_code == "ledger-broken"
        connection.close()
