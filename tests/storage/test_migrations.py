"""Old files are brought up to date behind a verified copy; newer ones are left alone."""

from __future__ import annotations

import sqlite3
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError
from polotui.core.hashchain import GENESIS, link
from polotui.core.ids import Chance
from polotui.storage import migrations
from polotui.storage.database import Connection, Database
from polotui.trading.ledger import Ledger

FIRST = """-- The first schema.
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
"""
SECOND = """ALTER TABLE notes ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm';
-- A trigger has statements of its own inside.
CREATE TRIGGER keep BEFORE DELETE ON notes
BEGIN
    SELECT RAISE(ABORT, 'notes; are kept');
END;
"""
THIRD = """CREATE TABLE moods (name TEXT PRIMARY KEY) STRICT;
INSERT INTO moods SELECT DISTINCT mood FROM notes;
"""


class Abrupt(BaseException):
    """Stands for a process that is gone."""


class Dying(sqlite3.Connection):
    """A connection whose process dies before its n-th statement."""

    left = 10**9

    def execute(self, *arguments):
        Dying.left -= 1
        if Dying.left < 0:
            raise Abrupt
        return super().execute(*arguments)


@pytest.fixture
def schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Schemas of our own; `notes` has its first migration."""
    folder = tmp_path / "schemas"
    (folder / "notes").mkdir(parents=True)
    monkeypatch.setattr(migrations, "SCHEMAS", folder)
    (folder / "notes" / "0001_notes.sql").write_text(FIRST)
    return folder / "notes"


def release(schemas: Path, *later: str) -> None:
    for number, sql in enumerate(later, 2):
        (schemas / f"{number:04}_later.sql").write_text(sql)


def database(folder: Path) -> Database:
    return Database(folder / "notes.db", clock=FrozenClock(), chance=Chance(1), schema="notes")


async def old_file(folder: Path, rows: int = 3) -> Path:
    async with database(folder) as first:
        assert first.schema_version == 1

        def write(connection: Connection) -> None:
            connection.executemany("INSERT INTO notes (text) VALUES (?)", [(f"note {n}",) for n in range(rows)])

        await first.transact(write)
    return folder / "notes.db"


def texts(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT text FROM notes ORDER BY id")]


async def test_an_old_file_is_migrated_behind_a_copy(tmp_path: Path, schemas: Path) -> None:
    path = await old_file(tmp_path)
    assert not (tmp_path / "backups").exists()
    release(schemas, SECOND, THIRD)
    async with database(tmp_path) as opened:
        assert opened.schema_version == 3
        assert await opened.read(texts) == ["note 0", "note 1", "note 2"]
        assert await opened.read(lambda c: c.execute("SELECT * FROM moods").fetchall()) == [("calm",)]
        with pytest.raises(StorageError, match="notes; are kept"):
            await opened.transact(lambda c: c.execute("DELETE FROM notes"))
    (copy,) = (tmp_path / "backups").iterdir()
    assert copy.name.startswith("notes.schema-1.2026")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
    connection = sqlite3.connect(copy)
    assert texts(connection) == ["note 0", "note 1", "note 2"]
    assert migrations.version_of(connection) == 1
    connection.close()
    async with database(tmp_path):
        assert len(list((tmp_path / "backups").iterdir())) == 1
    assert path.exists()


async def test_killed_at_every_step_no_row_is_lost(tmp_path: Path, schemas: Path) -> None:
    """Dies before each single statement in turn; the next start goes on and the copy is there before step 1."""
    survived = 0
    for step in range(200):
        home = tmp_path / str(step)
        home.mkdir()
        for file in schemas.glob("000[23]*"):
            file.unlink()
        path = await old_file(home)
        release(schemas, SECOND, THIRD)
        connection = sqlite3.connect(path, isolation_level=None, factory=Dying)
        Dying.left = step
        try:
            migrations.migrate(connection, "notes", path, 1_780_000_000_000)
            survived += 1
        except Abrupt:
            Dying.left = 10**9
            if migrations.version_of(connection) > 1 or connection.in_transaction:
                assert list((home / "backups").glob("notes.schema-1.*"))
        finally:
            Dying.left = 10**9
            connection.close()
        async with database(home) as opened:
            assert opened.schema_version == 3
            assert await opened.read(texts) == ["note 0", "note 1", "note 2"]
            assert await opened.check_integrity()
        assert not list(home.rglob("*.new"))
        if survived:
            break
    assert survived == 1
    assert step > 15


async def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path, schemas: Path) -> None:
    path = await old_file(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=7")
    connection.close()
    before = path.read_bytes()
    for read_only in (False, True):
        newer = Database(path, clock=FrozenClock(), chance=Chance(1), schema="notes", read_only=read_only)
        with pytest.raises(StorageError, match="has schema 7; this polotui knows up to 1") as caught:
            await newer.open()
        assert caught.value.instance_code == "storage-newer-schema"
        assert caught.value.next_step
    assert path.read_bytes() == before
    assert not (tmp_path / "backups").exists()


async def test_a_migration_that_was_edited_after_its_release_is_noticed(tmp_path: Path, schemas: Path) -> None:
    await old_file(tmp_path)
    (schemas / "0001_notes.sql").write_text(FIRST + "-- edited\n")
    with pytest.raises(StorageError, match="another migration 1"):
        await database(tmp_path).open()


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, schemas: Path) -> None:
    path = await old_file(tmp_path)
    release(schemas, SECOND + "INSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(StorageError):
        await database(tmp_path).open()
    connection = sqlite3.connect(path)
    assert migrations.version_of(connection) == 1
    assert [row[1] for row in connection.execute("PRAGMA table_info(notes)")] == ["id", "text"]
    connection.close()


def test_numbers_without_holes(schemas: Path) -> None:
    (schemas / "0003_later.sql").write_text(THIRD)
    with pytest.raises(AssertionError, match="not numbered"):
        migrations.steps_of("notes")


@pytest.mark.parametrize("schema", ["ledger", "market"])
async def test_the_real_schemas_open_and_every_table_is_strict(tmp_path: Path, schema: str) -> None:
    async with Database(tmp_path / "x.db", clock=FrozenClock(), chance=Chance(1), schema=schema) as opened:
        assert opened.schema_version == len(migrations.steps_of(schema)) >= 1
        strict = await opened.read(lambda c: c.execute("SELECT name, strict FROM pragma_table_list").fetchall())
        loose = [name for name, is_strict in strict if not is_strict and not name.startswith("sqlite_")]
        assert loose == []


async def test_the_ledger_of_the_second_schema_keeps_its_rows_and_its_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries that were written before trading came go on in the same chain, behind a copy."""
    path = tmp_path / "ledger.db"
    steps = migrations.steps_of("ledger")
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "steps_of", lambda _: steps[:2])
        assert migrations.migrate(connection, "ledger", path, 1_780_000_000_000) == 2
    previous = GENESIS
    for number in (1, 2):
        fields = (f"entry-{number}", "paper", "deposit", "USDT", "5", 1, "")
        hash_ = link(previous, (number, *fields))
        values = (number, *fields, previous, hash_)
        connection.execute(f"INSERT INTO entries VALUES ({', '.join('?' * len(values))})", values)
        previous = hash_
    connection.execute("INSERT INTO chain_head VALUES (1, 2, ?)", (previous,))
    connection.close()

    clock = FrozenClock()
    async with Database(path, clock=clock, chance=Chance(1), schema="ledger") as opened:
        ledger = Ledger(opened, clock, Chance(1))
        report = await ledger.verify()
        assert (report.ok, report.entries, report.head) == (True, 2, previous)
        assert (await ledger.deposit("paper", "USDT", Decimal(1))).previous == previous
        assert await ledger.balances("paper") == {"USDT": Decimal(11)}
        assert (await ledger.verify()).ok
    (copy,) = (tmp_path / "backups").iterdir()
    assert copy.name.startswith("ledger.schema-2.")
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT number, hash FROM chain_head").fetchone() == (2, previous)
    assert connection.execute("SELECT count(*) FROM entries").fetchone() == (2,)
    connection.close()
