"""The one door to a database file: `transact(fn)` and `read(fn)`.

    database = Database(home.ledger, clock=clock, chance=chance, schema="ledger")
    async with database:
        await database.transact(lambda connection: connection.execute("INSERT …"))

Decided here:
* A transaction is one plain function, run in the database's thread between BEGIN IMMEDIATE and COMMIT. A
  transaction spread over awaits would mix with another task's on the same connection.
* Exactly one connection may write, and it alone checkpoints: SQLite before 3.51.3 can damage a file when two
  connections write or checkpoint at once. Reads go to a few connections that are opened `mode=ro`, on first use.
* `_dispatch` is the only line that hands work to aiosqlite, so a test rig that replaces aiosqlite's execute path
  runs everything inline.
* A caller that is cancelled before its function began takes it back: nothing is written. Once begun, the function
  runs to its end and the caller waits for that, so that after a CancelledError nothing of it is still on its way.
* A lock is waited for 5 s by SQLite and retried with jitter, 30 s in all. Every other failure is told at once.
* A file that cannot be written is opened for reading only, and says so; it is not an error to look at one's data.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import aiosqlite

from polotui.core.clock import Clock
from polotui.core.errors import StorageError
from polotui.core.files import private_folder
from polotui.core.ids import Chance
from polotui.storage import migrations
from polotui.storage.faults import Breaker, Connection, Fault, fault_of, storage_error
from polotui.storage.figures import DatabaseHealth, Timings

__all__ = ["Connection", "Database"]

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5_000
RETRY_SECONDS = 30.0
#: Also a bound for a clock that stands still, as in a test.
_MOST_TRIES = 12


class Database:
    """One SQLite file in WAL mode. `synchronous`: FULL for what must survive a power loss, NORMAL for what can be had
    again. `schema` names the folder of migrations that `open` brings the file up to; "" migrates nothing."""

    def __init__(
        self,
        path: Path | str,
        *,
        clock: Clock,
        chance: Chance,
        schema: str = "",
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        read_only: bool = False,
        readers: int = 2,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    ) -> None:
        self.path = Path(path)
        self.timings = Timings()
        self.breaker = Breaker()
        self.read_only = read_only
        self.reason = "It was opened for reading only." if read_only else ""
        self.schema_version = 0
        self._clock = clock
        self._chance = chance
        self._schema = schema
        self._synchronous = synchronous
        self._busy_timeout_ms = busy_timeout_ms
        self._immutable = False
        self._writer: aiosqlite.Connection | None = None
        self._idle: list[aiosqlite.Connection] = []
        self._seats = asyncio.Semaphore(readers)
        self._open = False
        self._last_write_ms: float | None = None
        self._writes = self._reads = self._retries = 0
        self._integrity: tuple[int, bool] | None = None

    # ── opening and closing ──────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> Self:
        """Opens the file, makes it private and brings its schema up to date. Raises StorageError."""
        try:
            if not self.read_only:
                await self._open_for_writing()
            if self.read_only:
                await self._open_for_reading()
        except sqlite3.Error as error:
            await self._close_all()
            raise storage_error(self.path, error) from error
        except BaseException:
            await self._close_all()
            raise
        self._open = True
        return self

    async def _open_for_writing(self) -> None:
        try:
            self._make_private_file()
        except OSError as error:
            self._degrade(f"{error.strerror}.", error)
            return
        self._writer = await self._connect("rw")
        try:
            await self._dispatch(self._writer, self._prepare_writer)
        except sqlite3.OperationalError as error:
            if fault_of(error) is not Fault.READ_ONLY:
                raise
            await self._writer.close()
            self._writer = None
            self._degrade(f"{error}.", error)
            return
        self._make_private_file()

    def _degrade(self, reason: str, error: Exception) -> None:
        """Goes on with reading only, when there is something to read."""
        if not os.access(self.path, os.R_OK):
            raise StorageError(
                f"The database {self.path} cannot be made or read: {reason}",
                safe="Nothing was written.",
                next_step="Check the folder's owner and mode, or choose another with --home.",
            ) from error
        self.read_only = True
        self.reason = f"The file cannot be written: {reason}"

    def _make_private_file(self) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        for suffix in ("-wal", "-shm"):
            side = self.path.with_name(self.path.name + suffix)
            if side.exists() and side.stat().st_mode & 0o077:
                side.chmod(0o600)

    def _prepare_writer(self, connection: Connection) -> None:
        self._set_pragmas(connection)
        # Fails here and now when the file, or the folder that needs the -wal, cannot be written.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        if self._schema:
            migrations.migrate(connection, self._schema, self.path, self._clock.wall_ms())
        self.schema_version = migrations.version_of(connection)

    def _set_pragmas(self, connection: Connection) -> None:
        connection.execute(f"PRAGMA busy_timeout={self._busy_timeout_ms}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute("PRAGMA mmap_size=0")

    async def _open_for_reading(self) -> None:
        if not os.access(self.path, os.R_OK):
            raise StorageError(f"There is no database {self.path} that can be read.", safe="Nothing was written.")
        wal = self.path.with_name(self.path.name + "-wal")
        connection = await self._connect("ro")
        try:
            await self._dispatch(connection, self._prepare_reader)
        except sqlite3.OperationalError as error:
            await connection.close()
            # Without the right to make the -shm file SQLite can only read a file that nobody changes meanwhile.
            if fault_of(error) not in (Fault.IO, Fault.READ_ONLY) or (wal.exists() and wal.stat().st_size):
                raise
            self._immutable = True
            connection = await self._connect("ro")
            await self._dispatch(connection, self._prepare_reader)
        self._idle.append(connection)

    def _prepare_reader(self, connection: Connection) -> None:
        self._set_pragmas(connection)
        connection.execute("PRAGMA query_only=ON")
        self.schema_version = migrations.version_of(connection)
        if self._schema:
            migrations.refuse_newer(self._schema, self.schema_version, self.path)

    async def _connect(self, mode: str) -> aiosqlite.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}" + ("&immutable=1" if self._immutable else "")
        pending = aiosqlite.connect(uri, uri=True, isolation_level=None, cached_statements=256)
        # A process that dies without closing its database must not be kept alive by the database's thread.
        pending._thread.daemon = True
        return await pending

    async def close(self) -> None:
        """Readers first, so that the writer is the last and folds the WAL into the file."""
        self._open = False
        if self._writer is not None:
            try:
                await self._dispatch(self._writer, lambda connection: connection.execute("PRAGMA optimize"))
            except sqlite3.Error as error:
                # Only statistics for the planner: a full disk here must not keep the file from closing.
                self.reason = f"While closing: {error}."
        await self._close_all()

    async def _close_all(self) -> None:
        readers, self._idle = self._idle, []
        for reader in readers:
            await reader.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    # ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def transact(self, fn: Callable[[Connection], T], name: str = "") -> T:
        """Runs `fn` as one transaction and returns its result once that is committed. `fn` may run again after a lock,
        so it changes nothing but the database. Raises StorageError, or what `fn` raised after undoing all of it."""
        if self.read_only:
            raise StorageError(
                f"The database {self.path} is open for reading only. {self.reason}",
                safe="Nothing was written.",
                next_step="Mend the file's owner, mode or disk and start again.",
                code="storage-read-only",
            )
        writer = self._writer
        if writer is None:
            raise StorageError(f"The database {self.path} is closed.", safe="Nothing was written.")
        self.breaker.admit(self._clock.monotonic(), self.path)
        label = name or _name_of(fn)
        judged = False
        try:
            result = await self._with_retries(writer, lambda c: self._timed(label, c, lambda: _as_transaction(c, fn)))
            self.breaker.succeeded()
            judged = True
        except StorageError as error:
            if isinstance(error.__cause__, sqlite3.Error) and fault_of(error.__cause__) is not Fault.RULE:
                self.breaker.failed(self._clock.monotonic(), error.cause)
                judged = True
            raise
        finally:
            if not judged:
                self.breaker.released()
        self._writes += 1
        return result

    async def read(self, fn: Callable[[Connection], T], name: str = "") -> T:
        """Runs `fn` on a connection that cannot write, all of it on one state of the file."""
        label = name or _name_of(fn)
        async with self._reader() as reader:
            result = await self._with_retries(reader, lambda c: self._timed(label, c, lambda: _as_reading(c, fn)))
        self._reads += 1
        return result

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._seats:
            if not self._open:
                raise StorageError(f"The database {self.path} is closed.")
            if self._idle:
                reader = self._idle.pop()
            else:
                reader = await self._connect("ro")
                await self._dispatch(reader, self._prepare_reader)
            try:
                yield reader
            finally:
                if self._open:
                    self._idle.append(reader)
                else:
                    await reader.close()

    async def _with_retries(self, on: aiosqlite.Connection, job: Callable[[Connection], T]) -> T:
        started = self._clock.monotonic()
        for attempt in range(1, _MOST_TRIES + 1):
            try:
                return await self._settled(on, job)
            except sqlite3.Error as error:
                fault = fault_of(error)
                if fault is Fault.BUG:
                    raise
                if fault is Fault.DAMAGED:
                    self._integrity = (self._clock.wall_ms(), False)
                over = attempt == _MOST_TRIES or self._clock.monotonic() - started >= RETRY_SECONDS
                if fault is not Fault.LOCKED or over:
                    raise storage_error(self.path, error) from error
                self._retries += 1
                await asyncio.sleep(self._chance.jitter(min(1.0, 0.02 * 2**attempt)))
        raise AssertionError("the last try returns or raises")

    async def _settled(self, on: aiosqlite.Connection, job: Callable[[Connection], T]) -> T:
        """The job's result; on cancellation the job is taken back or waited for."""
        withdrawn = False

        def unless_withdrawn(connection: Connection) -> T:
            if withdrawn:
                raise asyncio.CancelledError
            return job(connection)

        task = asyncio.ensure_future(self._dispatch(on, unless_withdrawn))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            withdrawn = True
            while not task.done():
                try:
                    await asyncio.wait({task})
                except asyncio.CancelledError:
                    continue  # already being cancelled: the transaction's end still comes first
            if not task.cancelled():
                task.exception()
            raise

    async def _dispatch(self, on: aiosqlite.Connection, job: Callable[[Connection], T]) -> T:
        result: T = await on._execute(lambda: job(on._conn))  # type: ignore[no-untyped-call]
        return result

    def _timed(self, label: str, connection: Connection, job: Callable[[], T]) -> T:
        started = self._clock.monotonic()
        try:
            return job()
        finally:
            took_ms = (self._clock.monotonic() - started) * 1000
            self.timings.add(label, took_ms, self._clock.wall_ms())
            if self._writer is not None and connection is self._writer._connection:
                self._last_write_ms = took_ms

    # ── care ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def backup(self, target: Path) -> Path:
        """A verified copy of the file as it is now, mode 0600, written beside `target` and then renamed to it."""
        private_folder(target.parent)
        if self._writer is not None:
            await self._settled(self._writer, lambda connection: migrations.verified_copy(connection, target))
        else:
            async with self._reader() as reader:
                await self._settled(reader, lambda connection: migrations.verified_copy(connection, target))
        return target

    async def check_integrity(self) -> bool:
        """SQLite's own check of the file's structure; remembered for Health. Content is the hash chain's business."""

        def check(connection: Connection) -> bool:
            try:
                found = connection.execute("PRAGMA integrity_check(5)").fetchall()
            except sqlite3.DatabaseError as error:
                if fault_of(error) is Fault.DAMAGED:
                    return False
                raise
            return found == [("ok",)]

        ok = await self.read(check, "integrity check")
        self._integrity = (self._clock.wall_ms(), ok)
        return ok

    def health(self) -> DatabaseHealth:
        """The figures as they are now. Asks the file system, not the database."""
        checked = self._integrity
        return DatabaseHealth(
            name=self.path.name,
            state=self._state(),
            reason=self.reason or (self.breaker.last_reason if self.breaker.failures else ""),
            schema_version=self.schema_version,
            sqlite_version=sqlite3.sqlite_version,
            file_bytes=_size(self.path),
            wal_bytes=_size(self.path.with_name(self.path.name + "-wal")),
            free_bytes=shutil.disk_usage(self.path.parent).free,
            last_write_ms=self._last_write_ms,
            writes=self._writes,
            reads=self._reads,
            retries=self._retries,
            breaker=self.breaker.state,
            breaker_opened=self.breaker.opened,
            integrity_checked_ms=checked[0] if checked else None,
            integrity_age_ms=self._clock.wall_ms() - checked[0] if checked else None,
            integrity_ok=checked[1] if checked else None,
            over_budget=self.timings.over_budget,
            slow=tuple(self.timings.slow),
        )

    def _state(self) -> str:
        if not self._open:
            return "closed"
        if self.read_only:
            return "read-only"
        damaged = self._integrity is not None and not self._integrity[1]
        return "failing" if damaged or self.breaker.failures else "online"


def _as_transaction(connection: Connection, fn: Callable[[Connection], T]) -> T:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = fn(connection)
        if not connection.in_transaction:
            raise AssertionError("a function given to transact() must not end the transaction itself")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _as_reading(connection: Connection, fn: Callable[[Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return fn(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _name_of(fn: Callable[..., Any]) -> str:
    return getattr(fn, "__qualname__", type(fn).__name__).replace(".<locals>", "")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
