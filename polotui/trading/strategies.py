"""The strategies of a home, each with every version that was saved.

Decided here: a version is never changed or removed; putting a strategy away only marks it, so that undo is always
possible and a run or a bot can name its version for ever. Saving the text of the newest version again makes no version.
"""

from __future__ import annotations

from dataclasses import dataclass

from polotui.core.clock import Clock
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.storage.database import Connection, Database

_VERSION = "SELECT name, version, text, form, hash, note, created_ms FROM strategy_versions"
_NEWEST = """
SELECT name, version, text, form, hash, note, strategy_versions.created_ms
FROM strategy_versions JOIN strategies USING (name)
WHERE (deleted_ms IS NOT NULL) = ?
AND version = (SELECT max(version) FROM strategy_versions AS other WHERE other.name = strategy_versions.name)
ORDER BY name
"""


@dataclass(frozen=True)
class Version:
    """One saved text. `form` is yaml or json; `hash` is the document's, "" for a draft with errors."""

    name: str
    version: int
    text: str
    form: str
    hash: str
    note: str
    created_ms: int


@dataclass(frozen=True)
class Saved:
    """What `save` did. `new` is False when the newest version had this text already."""

    version: int
    new: bool


class Conflict(UsageError):
    """Somebody saved a newer version meanwhile."""

    code = "version-conflict"


class StrategyLog:
    """Strategies in `ledger.db`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def save(self, name: str, text: str, form: str, hash: str, note: str = "", after_version: int = -1) -> Saved:
        """Adds a version, and the strategy if there is none of this name. A strategy that was put away comes back.

        Raises Conflict when the newest version is not `after_version` (-1: whatever it is).
        """
        now = self._clock.wall_ms()
        words = clean(note, 400)

        def save(connection: Connection) -> Saved:
            row = connection.execute(
                "SELECT version, text FROM strategy_versions WHERE name = ? ORDER BY version DESC LIMIT 1", (name,)
            ).fetchone()
            newest, stored = row if row else (0, None)
            if after_version not in (-1, newest):
                raise Conflict(
                    f"{name} was changed elsewhere: version {newest} is newer than yours ({after_version}).",
                    safe="Nothing was overwritten; your text is still yours.",
                    next_step="Look at the newer version, or save yours on top of it.",
                )
            connection.execute(
                "INSERT INTO strategies (name, created_ms) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET deleted_ms = NULL",
                (name, now),
            )
            if stored == text:
                return Saved(newest, False)
            connection.execute(
                "INSERT INTO strategy_versions VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, newest + 1, text, form, hash, words, now),
            )
            return Saved(newest + 1, True)

        return await self._database.transact(save, "save strategy")

    async def newest(self, *, deleted: bool = False) -> list[Version]:
        """The newest version of every strategy, by name; of those put away when `deleted`."""
        rows = await self._database.read(
            lambda connection: connection.execute(_NEWEST, (int(deleted),)).fetchall(), "strategies"
        )
        return [Version(*row) for row in rows]

    async def get(self, name: str, version: int = 0) -> Version | None:
        """One version; 0 is the newest. Also of a strategy that was put away."""
        query = _VERSION + " WHERE name = ? AND (? = 0 OR version = ?) ORDER BY version DESC LIMIT 1"
        row = await self._database.read(
            lambda connection: connection.execute(query, (name, version, version)).fetchone(), "strategy"
        )
        return Version(*row) if row else None

    async def versions(self, name: str) -> list[Version]:
        """All versions, newest first."""
        query = _VERSION + " WHERE name = ? ORDER BY version DESC"
        rows = await self._database.read(
            lambda connection: connection.execute(query, (name,)).fetchall(), "strategy versions"
        )
        return [Version(*row) for row in rows]

    async def put_away(self, name: str, *, undo: bool = False) -> bool:
        """Marks a strategy as put away, or brings it back. False when there was nothing to do."""
        now = self._clock.wall_ms()

        def mark(connection: Connection) -> bool:
            cursor = connection.execute(
                "UPDATE strategies SET deleted_ms = ? WHERE name = ? AND (deleted_ms IS NULL) = ?",
                (None if undo else now, name, int(not undo)),
            )
            return cursor.rowcount == 1

        return await self._database.transact(mark, "put strategy away")
