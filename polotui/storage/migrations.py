"""Brings a database file to the schema that this program knows: ordered SQL files, a verified copy first.

Decided here: `schema/<name>/0001_what.sql`, `0002_…` are applied in order, each in one transaction together with
the new version number, so a process killed at any step finds the file whole and goes on. Before the first step on
a file that holds data a copy is made, checked and kept in the folder «backups» beside it. A file from a newer
program is refused: guessing would lose what the newer one wrote. A released migration never changes: its hash is
stored, and a difference is an error.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from polotui.core.errors import StorageError
from polotui.core.files import private_folder
from polotui.storage.faults import Connection

SCHEMAS = Path(__file__).parent / "schema"

_HISTORY = """CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT"""


@dataclass(frozen=True)
class Step:
    """One migration file."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def steps_of(schema: str) -> list[Step]:
    """The migrations of a schema, in order, numbered from 1 without holes."""
    steps = []
    for file in sorted((SCHEMAS / schema).glob("*.sql")):
        number, _, name = file.stem.partition("_")
        steps.append(Step(int(number), name, file.read_text("utf-8")))
    if [step.number for step in steps] != list(range(1, len(steps) + 1)):
        raise AssertionError(f"the migrations of {schema} are not numbered 1, 2, 3 …")
    return steps


def version_of(connection: Connection) -> int:
    """How many migrations the file has seen; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(schema: str, version: int, path: Path) -> None:
    """Raises StorageError when the file was written by a newer program."""
    known = len(steps_of(schema))
    if version > known:
        raise StorageError(
            f"The database {path} has schema {version}; this polotui knows up to {known}.",
            safe="Nothing was written; the file is as it was.",
            next_step="Start the newer polotui that wrote it, or restore a copy from the folder «backups» beside it.",
            code="storage-newer-schema",
        )


def migrate(connection: Connection, schema: str, path: Path, now_ms: int) -> int:
    """Applies what is missing and returns the version. Runs in the database's thread, outside a transaction."""
    version = version_of(connection)
    refuse_newer(schema, version, path)
    steps = steps_of(schema)
    _compare_history(connection, steps[:version], path)
    missing = steps[version:]
    if missing and version > 0:
        stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        folder = private_folder(path.parent / "backups")
        verified_copy(connection, folder / f"{path.stem}.schema-{version}.{stamp}.db")
    for step in missing:
        _apply(connection, step, now_ms)
    return len(steps)


def _compare_history(connection: Connection, applied: list[Step], path: Path) -> None:
    if not applied:
        return
    stored = dict(connection.execute("SELECT number, sha256 FROM migrations").fetchall())
    for step in applied:
        if stored.get(step.number) != step.sha256:
            raise StorageError(
                f"The database {path} was built with another migration {step.number} ({step.name}) than this one.",
                safe="Nothing was written.",
                next_step="Use the polotui that wrote it, or start with a new --home.",
                code="storage-schema-differs",
            )


def _apply(connection: Connection, step: Step, now_ms: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_HISTORY)
        for statement in statements_of(step.sql):
            connection.execute(statement)
        connection.execute("INSERT INTO migrations VALUES (?, ?, ?, ?)", (step.number, step.name, step.sha256, now_ms))
        connection.execute(f"PRAGMA user_version={step.number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def statements_of(sql: str) -> list[str]:
    """The single statements of a script. `executescript` would commit behind the transaction's back."""
    statements, pending = [], ""
    for line in sql.splitlines():
        if not pending and (not line.strip() or line.lstrip().startswith("--")):
            continue
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    if pending.strip():
        raise AssertionError(f"the migration ends within a statement: {pending.strip()[:60]}")
    return statements


def verified_copy(connection: Connection, target: Path) -> Path:
    """An online copy that was opened, checked and compared table by table before it gets its name."""
    temporary = target.with_name(f".{target.name}.new")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        copy = sqlite3.connect(temporary, isolation_level=None)
        try:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            _compare(connection, copy, target)
        finally:
            copy.close()
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return target


def _compare(original: Connection, copy: Connection, target: Path) -> None:
    problems = [row[0] for row in copy.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
    if version_of(original) != version_of(copy):
        problems.append("the schema version differs")
    for table in (row[0] for row in original.execute("SELECT name FROM sqlite_schema WHERE type='table'").fetchall()):
        # The name comes from the file's own schema; quoting it keeps even a strange one from being read as SQL.
        quoted = '"' + str(table).replace('"', '""') + '"'
        count = f"SELECT count(*) FROM {quoted}"  # noqa: S608
        if original.execute(count).fetchone() != copy.execute(count).fetchone():
            problems.append(f"the table {table} has another number of rows")
    if problems:
        raise StorageError(
            f"The copy {target} is not good: {'; '.join(problems)}.",
            safe="The original is untouched; nothing was migrated.",
            next_step="Check the disk and its free space.",
            code="storage-bad-copy",
        )
