from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.storage.database import Connection, Database


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with one table of notes."""
    database = Database(tmp_path / "notes.db", clock=SystemClock(), chance=Chance("notes"))
    async with database:
        await database.transact(lambda c: c.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT"))
        yield database


def count(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM notes").fetchone()[0])
