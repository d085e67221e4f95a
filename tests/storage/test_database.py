"""The door to a database file."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import stat
import threading
import time
from pathlib import Path

import pytest

from polotui.core.clock import FrozenClock, SystemClock
from polotui.core.errors import StorageError
from polotui.core.ids import Chance
from polotui.storage.database import Connection, Database
from polotui.storage.faults import Breaker
from tests.storage.conftest import count


def add(text: str):
    return lambda connection: connection.execute("INSERT INTO notes (text) VALUES (?)", (text,)).lastrowid


class Abrupt(BaseException):
    """Not an Exception, as a cancellation or an exit is not."""


async def test_a_transaction_is_whole_or_nothing(notes: Database) -> None:
    def two_then_fail(connection: Connection) -> None:
        add("one")(connection)
        add("two")(connection)
        raise Abrupt

    with pytest.raises(Abrupt):
        await notes.transact(two_then_fail)
    assert await notes.read(count) == 0
    assert await notes.transact(add("three")) == 1
    assert await notes.read(count) == 1


async def test_a_function_may_not_end_the_transaction_itself(notes: Database) -> None:
    with pytest.raises(AssertionError):
        await notes.transact(lambda connection: connection.execute("COMMIT"))
    await notes.transact(add("goes on"))
    assert await notes.read(count) == 1


async def test_reading_cannot_write(notes: Database) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        await notes.read(add("no"))
    assert await notes.read(count) == 0


async def test_a_read_sees_one_state_of_the_file(notes: Database) -> None:
    """Both counts of one read agree although writes go on between them."""
    stop = False

    async def write() -> None:
        while not stop:
            await notes.transact(add("x"))

    writer = asyncio.create_task(write())
    for _ in range(20):
        first, second = await notes.read(lambda c: (count(c), count(c)))
        assert first == second
    stop = True
    await writer


async def test_many_writers_and_readers_lose_nothing(notes: Database) -> None:
    async def write(name: int) -> None:
        for number in range(50):
            await notes.transact(add(f"{name}-{number}"))

    async def read() -> int:
        seen = 0
        for _ in range(50):
            now = await notes.read(count)
            assert now >= seen
            seen = now
        return seen

    await asyncio.gather(*(write(name) for name in range(4)), *(read() for _ in range(5)))
    assert await notes.read(count) == 200
    health = notes.health()
    assert (health.state, health.writes) == ("online", 201)
    assert len(notes._idle) <= 2


async def test_the_file_and_its_companions_are_private(notes: Database) -> None:
    await notes.transact(add("secret"))
    await notes.read(count)
    for suffix in ("", "-wal", "-shm"):
        path = notes.path.with_name(notes.path.name + suffix)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


async def test_an_open_mode_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "open.db"
    path.touch(0o644)
    path.chmod(0o644)
    async with Database(path, clock=SystemClock(), chance=Chance(1)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_settings_of_the_connection(notes: Database) -> None:
    def settings(connection: Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "cell_size_check", "busy_timeout")
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    assert await notes.transact(settings) == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "busy_timeout": 5000,
    }


async def test_cancelling_before_the_start_writes_nothing(notes: Database) -> None:
    """While one transaction holds the thread, the next is cancelled in the queue."""
    started, gate = asyncio.Event(), {"open": False}
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> None:
        loop.call_soon_threadsafe(started.set)
        while not gate["open"]:
            time.sleep(0.001)
        add("slow")(connection)

    first = asyncio.create_task(notes.transact(slow))
    await started.wait()
    second = asyncio.create_task(notes.transact(add("never")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    gate["open"] = True
    await first
    with pytest.raises(asyncio.CancelledError):
        await second
    assert await notes.read(count) == 1


async def test_cancelling_a_running_transaction_waits_for_its_end(notes: Database) -> None:
    started, gate = asyncio.Event(), {"open": False}
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> None:
        add("slow")(connection)
        loop.call_soon_threadsafe(started.set)
        while not gate["open"]:
            time.sleep(0.001)

    task = asyncio.create_task(notes.transact(slow))
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # impatience changes nothing
    await asyncio.sleep(0)
    assert not task.done()
    gate["open"] = True
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await notes.read(count) == 1
    await notes.transact(add("next"))
    assert await notes.read(count) == 2


async def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    """Another program holds the lock; the write goes through once it lets go, after at least one retry."""
    async with Database(tmp_path / "notes.db", clock=SystemClock(), chance=Chance(1), busy_timeout_ms=1) as database:
        await database.transact(lambda c: c.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT"))
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(database.transact(add("patience")))
        for _ in range(10_000):
            if database.health().retries:
                break
            await asyncio.sleep(0.001)
        other.execute("ROLLBACK")
        other.close()
        await task
        assert await database.read(count) == 1
        assert database.health().retries >= 1
        assert database.health().breaker == "closed"


async def test_a_lasting_lock_is_told(tmp_path: Path) -> None:
    database = Database(tmp_path / "notes.db", clock=FrozenClock(), chance=Chance(1), busy_timeout_ms=1)
    async with database:
        database._chance.jitter = lambda ceiling: 0.0  # type: ignore[method-assign]
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked by another program") as caught:
            await database.transact(lambda c: None)
        assert caught.value.instance_code == "storage-locked"
        other.close()


async def test_a_broken_rule_does_not_count_against_the_file(notes: Database) -> None:
    for _ in range(5):
        with pytest.raises(StorageError, match="refused the change"):
            await notes.transact(lambda c: c.execute("INSERT INTO notes VALUES ('text', 1)"))
    assert notes.health().breaker == "closed"
    with pytest.raises(sqlite3.OperationalError):
        await notes.transact(lambda c: c.execute("SELEKT"))


def test_the_breaker_opens_lets_one_try_and_closes() -> None:
    breaker, path = Breaker(), Path("x.db")
    for _ in range(3):
        breaker.admit(0.0, path)
        breaker.failed(0.0, "the disk is full")
    assert breaker.state == "open"
    with pytest.raises(StorageError, match="the disk is full") as caught:
        breaker.admit(1.0, path)
    assert caught.value.retry_after_ms == 4000
    breaker.admit(5.0, path)
    assert breaker.state == "half-open"
    with pytest.raises(StorageError):
        breaker.admit(5.0, path)
    breaker.succeeded()
    breaker.admit(5.0, path)
    assert breaker.state == "closed"


async def test_health_tells_size_latency_space_and_slow_work(tmp_path: Path) -> None:
    clock = FrozenClock()
    async with Database(tmp_path / "h.db", clock=clock, chance=Chance(1)) as database:

        def slow(connection: Connection) -> None:
            clock.advance(0.2)

        await database.transact(lambda c: c.execute("CREATE TABLE t (x) "), "make")
        await database.transact(slow, "slow work")
        health = database.health()
        assert health.last_write_ms == pytest.approx(200.0)
        assert [(entry.name, round(entry.took_ms)) for entry in health.slow] == [("slow work", 200)]
        assert health.wal_bytes > 0
        assert health.free_bytes > 0
        assert health.integrity_age_ms is None
        assert await database.check_integrity()
        clock.advance(60)
        assert database.health().integrity_age_ms == 60_000
        assert database.health().integrity_ok
        assert database.timings.by_name["slow work"].columns == [0, 0, 0, 0, 1, 0, 0]
    assert database.health().state == "closed"
    with pytest.raises(StorageError, match="closed"):
        await database.read(lambda c: None)


async def test_something_else_than_a_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"this is a letter, not a database\n" * 100)
    with pytest.raises(StorageError, match="is damaged"):
        await Database(path, clock=SystemClock(), chance=Chance(1)).open()
    assert path.read_bytes().startswith(b"this is a letter")


async def test_opened_for_reading_only(notes: Database) -> None:
    await notes.transact(add("one"))
    async with Database(notes.path, clock=SystemClock(), chance=Chance(1), read_only=True) as reader:
        assert await reader.read(count) == 1
        assert reader.health().state == "read-only"
        with pytest.raises(StorageError, match="open for reading only"):
            await reader.transact(add("no"))
    with pytest.raises(StorageError, match="There is no database"):
        await Database(notes.path.with_name("no.db"), clock=SystemClock(), chance=Chance(1), read_only=True).open()


async def test_backup_is_a_whole_private_copy(notes: Database, tmp_path: Path) -> None:
    for number in range(10):
        await notes.transact(add(str(number)))
    target = await notes.backup(tmp_path / "copies" / "copy.db")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [file.name for file in target.parent.iterdir()] == ["copy.db"]
    async with Database(target, clock=SystemClock(), chance=Chance(1), read_only=True) as copy:
        assert await copy.read(count) == 10


async def test_only_one_connection_may_write(notes: Database) -> None:
    """The census: one read-write connection, all others refuse to write."""
    await asyncio.gather(*(notes.read(count) for _ in range(5)))
    readers = list(notes._idle)
    assert 1 <= len(readers) <= 2
    for reader in readers:
        assert await reader._execute(lambda r=reader: r._conn.execute("PRAGMA query_only").fetchone()) == (1,)


async def test_a_rig_can_run_everything_inline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract with aiosqlite 0.22: with these private methods replaced no work leaves the loop's own thread."""
    from aiosqlite import core

    async def connect(self):
        if self._connection is None:
            self._connection = self._connector()
            self._running = True
        return self

    async def execute(self, fn, *arguments, **options):
        if self._connection is None:
            raise ValueError("Connection closed")
        result = fn(*arguments, **options)
        await asyncio.sleep(0)
        return result

    async def close(self):
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    monkeypatch.setattr(core.Connection, "__await__", lambda self: self._connect().__await__())
    monkeypatch.setattr(core.Connection, "_connect", connect)
    monkeypatch.setattr(core.Connection, "_execute", execute)
    monkeypatch.setattr(core.Connection, "close", close)
    before = threading.active_count()
    async with Database(tmp_path / "x.db", clock=FrozenClock(), chance=Chance(1), schema="market") as database:
        await database.transact(lambda c: c.execute("INSERT INTO series VALUES (1, 'v', 's', '1m')"))
        found = await database.read(lambda c: (threading.get_ident(), c.execute("SELECT * FROM series").fetchall()))
        assert found == (threading.get_ident(), [(1, "v", "s", "1m")])
        await database.backup(tmp_path / "copy.db")
        assert await database.check_integrity()
        assert threading.active_count() == before


async def test_closing_ends_the_threads(tmp_path: Path) -> None:
    before = threading.active_count()
    async with Database(tmp_path / "x.db", clock=FrozenClock(), chance=Chance(1)) as database:
        await database.read(lambda c: None)
        assert threading.active_count() > before
    for _ in range(1000):
        if threading.active_count() == before:
            break
        await asyncio.sleep(0.001)
    assert threading.active_count() == before
    assert not database.path.with_name("x.db-wal").exists()


async def test_a_storm_of_cancellations_loses_nothing_acknowledged(notes: Database) -> None:
    """Half of 300 callers are cancelled at random moments: who got a result finds it stored, the rest is whole."""
    draw = random.Random(3)

    def pair(name: str):
        def write(connection: Connection) -> str:
            add(f"{name} a")(connection)
            add(f"{name} b")(connection)
            return name

        return write

    tasks = [asyncio.create_task(notes.transact(pair(str(n)))) for n in range(300)]
    for task in draw.sample(tasks, 150):
        for _ in range(draw.randint(0, 3)):
            await asyncio.sleep(0)
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    acknowledged = {result for result in results if isinstance(result, str)}
    cancelled = [result for result in results if isinstance(result, asyncio.CancelledError)]
    assert len(acknowledged) + len(cancelled) == 300
    assert len(acknowledged) >= 150
    stored = [row[0].split() for row in await notes.read(lambda c: c.execute("SELECT text FROM notes").fetchall())]
    first, second = ({name for name, half in stored if half == part} for part in "ab")
    assert first == second >= acknowledged
    assert cancelled
