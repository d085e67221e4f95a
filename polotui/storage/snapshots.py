"""Snapshots of a database: copies that were opened, checked and replayed before they got their name.

Decided here:
* The copy is SQLite's online backup over a reading connection: one state of the file, and nobody who writes waits. It
  is checked through a connection of its own, in a thread of its own.
* A snapshot has a name only when its structure, all its chains and the replay of its rows were good. So the time of the
  newest name is when a snapshot was last proven good, also after a restart.
* Kept are the newest of each of the last 24 hours that have one and of each of the last 14 days. Nothing is removed
  before a new one is good.
* Restoring is for a stopped engine: a plain function over paths that refuses a file in use. The file that was there is
  kept aside, with its log. What the ledger then lacks, latches for one, is for their mirrors to say.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from polotui.core.clock import Clock
from polotui.core.errors import StorageError, UsageError
from polotui.core.files import private_folder
from polotui.core.ids import Chance
from polotui.storage.chained import CHAINS, ChainReport
from polotui.storage.database import Database
from polotui.storage.faults import Connection, Fault, fault_of, storage_error

HOURLY, DAILY = 24, 14
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_STAMP = "%Y%m%dT%H%M%S"

#: Folds the rows of a copy again and gives what it came to; an exception says that it cannot.
Replay = Callable[[Connection], str]


@dataclass(frozen=True)
class Snapshot:
    """One snapshot in the folder."""

    name: str
    path: Path
    at_ms: int
    bytes: int


@dataclass(frozen=True)
class SnapshotCheck:
    """What checking a copy found. `problems` is empty when it is good; `replayed` is what the replay came to."""

    ok: bool
    problems: tuple[str, ...] = ()
    chains: tuple[ChainReport, ...] = ()
    replayed: str = ""
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)


def check(connection: Connection, replay: Replay | None = None) -> SnapshotCheck:
    """Everything that can be checked on a copy: structure, chains, and the replay of its rows."""
    problems: list[str] = []
    chains: list[ChainReport] = []
    heads: dict[str, tuple[int, str]] = {}
    replayed = ""
    try:
        problems += [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if "chain_heads" in tables:
            heads = chain_heads(connection)
            chains = [chain.verify(connection) for name, chain in CHAINS.items() if name in tables]
        problems += [f"{report.chain}: {report.reason}" for report in chains if not report.ok]
        if replay is not None and not problems:
            replayed = replay(connection)
    except (sqlite3.DatabaseError, StorageError, ValueError, ArithmeticError) as error:
        problems.append(str(error))
    return SnapshotCheck(not problems, tuple(problems), tuple(chains), replayed, heads)


def chain_heads(connection: Connection) -> dict[str, tuple[int, str]]:
    """The heads of the chains that a file has; none in a file without chains."""
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'chain_heads'").fetchone() is None:
        return {}
    return {chain: (number, hash_) for chain, number, hash_ in connection.execute("SELECT * FROM chain_heads")}


def kept(times: Iterable[int]) -> set[int]:
    """Which of these snapshots stay: the newest of each hour and of each day, as far back as they are kept."""
    newest = sorted(times, reverse=True)
    stay: set[int] = set()
    for span, most in ((_HOUR_MS, HOURLY), (_DAY_MS, DAILY)):
        of_span: dict[int, int] = {}
        for at_ms in newest:
            of_span.setdefault(at_ms // span, at_ms)
        stay.update(list(of_span.values())[:most])
    return stay


class Snapshots:
    """The snapshots of one database, in one folder."""

    def __init__(
        self, database: Database, folder: Path, clock: Clock, chance: Chance, replay: Replay | None = None
    ) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._chance = chance
        self._replay = replay
        self._verified_ms: int | None = None

    @property
    def last_verified_ms(self) -> int | None:
        """When a snapshot was last proven good: the newest was when it was made, an older one whenever checked."""
        newest = self.list()[:1]
        return max([snapshot.at_ms for snapshot in newest] + [self._verified_ms or 0]) or None

    def list(self) -> list[Snapshot]:
        """Newest first."""
        found = []
        for path in self._folder.glob(f"{self._database.path.stem}-*.db"):
            at_ms = _time_of(path.stem.rpartition("-")[2])
            if at_ms is not None:
                found.append(Snapshot(path.name, path, at_ms, path.stat().st_size))
        return sorted(found, key=lambda snapshot: snapshot.at_ms, reverse=True)

    async def make(self) -> Snapshot:
        """A new snapshot, proven good; then those too old are removed. Raises StorageError, and nothing is kept."""
        private_folder(self._folder)
        now = self._clock.wall_ms()
        name = f"{self._database.path.stem}-{_stamp(now)}.db"
        target, temporary = self._folder / name, self._folder / f".{name}.new"
        for leftover in self._folder.glob(f".{self._database.path.stem}-*.db.new*"):
            leftover.unlink(missing_ok=True)  # of a process that was killed
        try:
            heads = await self._database.read(lambda connection: _copy(connection, temporary), "snapshot")
            found = await self._checked(temporary)
            problems = found.problems if found.heads == heads else (*found.problems, "its chains end elsewhere")
            if problems:
                raise StorageError(
                    f"The copy of {self._database.path} is not good: {'; '.join(problems[:3])}.",
                    safe="The database is untouched, older snapshots too.",
                    next_step="Run `polotui audit verify`. Check the disk and its free space.",
                    code="snapshot-bad",
                )
            await self._database.read(lambda _: _put(temporary, target), "snapshot rename")
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._verified_ms = now
        self._remove_old()
        return Snapshot(name, target, now, target.stat().st_size)

    async def verify(self, name: str) -> SnapshotCheck:
        """Checks a snapshot again. Raises UsageError when there is none of that name."""
        found = await self._checked(self._named(name).path)
        if found.ok:
            self._verified_ms = max(self._verified_ms or 0, self._clock.wall_ms())
        return found

    async def verify_one(self) -> tuple[Snapshot, SnapshotCheck] | None:
        """Checks one that is drawn, so that in time all are read again; None without any."""
        snapshots = self.list()
        if not snapshots:
            return None
        drawn = snapshots[int(self._chance.random() * len(snapshots))]
        return drawn, await self.verify(drawn.name)

    def _named(self, name: str) -> Snapshot:
        for snapshot in self.list():
            if snapshot.name == name:
                return snapshot
        raise UsageError(f"There is no snapshot {name!r}.", next_step="See `polotui snapshot list`.")

    async def _checked(self, path: Path) -> SnapshotCheck:
        copy = Database(path, clock=self._clock, chance=self._chance, read_only=True, readers=1)
        try:
            async with copy:
                return await copy.read(lambda connection: check(connection, self._replay), "snapshot check")
        except StorageError as error:
            return SnapshotCheck(False, (error.cause,))

    def _remove_old(self) -> None:
        snapshots = self.list()
        stay = kept(snapshot.at_ms for snapshot in snapshots)
        for snapshot in snapshots:
            if snapshot.at_ms not in stay:
                snapshot.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Restored:
    """What restoring did. `aside` is the file that was there before; None when there was none."""

    path: Path
    aside: Path | None
    check: SnapshotCheck


def restore(snapshot: Path, target: Path, *, now_ms: int, replay: Replay | None = None) -> Restored:
    """Puts a snapshot in the place of a database that nobody has open. Raises StorageError, and nothing is changed."""
    if not snapshot.is_file():
        raise UsageError(f"There is no snapshot {snapshot}.", next_step="See `polotui snapshot list`.")
    connection = sqlite3.connect(f"{snapshot.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        found = check(connection, replay)
    finally:
        connection.close()
    if not found.ok:
        raise StorageError(
            f"The snapshot {snapshot} is not good: {'; '.join(found.problems[:3])}.",
            safe="Nothing was changed.",
            next_step="Choose another.",
            code="snapshot-bad",
        )
    _refuse_in_use(target)
    private_folder(target.parent)
    temporary = target.with_name(f".{target.name}.new")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        shutil.copyfile(snapshot, temporary)
        aside = _set_aside(target, now_ms)
        _put(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"The snapshot {snapshot} cannot be put in place: {error.strerror}.",
            safe="The database that was there is there, or in the folder «backups» beside it.",
            next_step="Check the disk, its free space and the folder's mode.",
            code="snapshot-restore",
        ) from error
    return Restored(target, aside, found)


def _refuse_in_use(target: Path) -> None:
    if not target.exists():
        return
    connection = sqlite3.connect(target, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        # A file that is damaged is why one restores.
        if fault_of(error) is Fault.LOCKED:
            raise StorageError(
                f"The database {target} is in use.",
                safe="Nothing was changed.",
                next_step="Stop the engine first: `polotui engine stop`.",
                code="snapshot-in-use",
            ) from error
    finally:
        connection.close()


def _set_aside(target: Path, now_ms: int) -> Path | None:
    """Links the file under another name before it is replaced, so that there is no moment without one."""
    if not target.exists():
        return None
    folder = private_folder(target.parent / "backups")
    aside = folder / f"{target.stem}.replaced.{_stamp(now_ms)}.db"
    aside.unlink(missing_ok=True)
    aside.hardlink_to(target)
    for suffix in ("-wal", "-shm"):
        side = target.with_name(target.name + suffix)
        if side.exists():
            # A log of the old file beside the new one would be replayed into it.
            side.replace(aside.with_name(aside.name + suffix))
    return aside


def _copy(connection: Connection, temporary: Path) -> dict[str, tuple[int, str]]:
    """Copies what the connection sees into a private file; the heads of the chains that it saw."""
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    # The first look pins the state of the file for all that follows.
    heads = chain_heads(connection)
    copy = sqlite3.connect(temporary, isolation_level=None)
    try:
        connection.backup(copy)
        # The whole file went through its cache, and nobody reads it again: 2 MB that every hour would hold on to.
        connection.execute("PRAGMA shrink_memory")
        copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        if fault_of(error) is Fault.LOCKED:
            raise
        raise storage_error(temporary, error) from error
    finally:
        copy.close()
    return heads


def _put(temporary: Path, target: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _stamp(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime(_STAMP) + f".{at_ms % 1000:03}Z"


def _time_of(stamp: str) -> int | None:
    try:
        at = datetime.strptime(stamp.removesuffix("Z"), _STAMP + ".%f").replace(tzinfo=UTC)
    except ValueError:
        return None
    return round(at.timestamp() * 1000)
