"""Facts: what happened, numbered without holes, stored, never changed, never skipped.

Decided here:
* The number is given inside the transaction that stores the fact, so there is no number without its fact. A face that
  comes back asks for what follows the last number it saw.
* A fact never carries an earlier time than the one before it: they are read in their order, and a clock may be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from polotui.core.clock import Clock
from polotui.core.text import clean
from polotui.storage.database import Connection, Database

_SELECT = (
    "SELECT number, kind, level, text, symbol, at_ms, bot, ref FROM facts WHERE number > ? ORDER BY number LIMIT ?"
)

_LAST = "SELECT number, at_ms FROM facts ORDER BY number DESC LIMIT 1"
_INSERT = "INSERT INTO facts (number, kind, level, text, symbol, at_ms, bot, ref) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class StoredFact:
    """One fact. `level` is info, warning or error."""

    number: int
    kind: str
    level: str
    text: str
    symbol: str
    at_ms: int
    bot: int = 0
    ref: str = ""


def add_fact(
    connection: Connection, *, kind: str, level: str, text: str, symbol: str, at_ms: int, bot: int = 0, ref: str = ""
) -> StoredFact:
    """Stores a fact inside the caller's transaction."""
    last, before_ms = connection.execute(_LAST).fetchone() or (0, 0)
    row = (last + 1, kind, level, clean(text, 400), symbol, max(at_ms, before_ms), bot, ref)
    connection.execute(_INSERT, row)
    return StoredFact(*row)


class FactLog:
    """The facts in `ledger.db`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def stamp_with(self, clock: Clock) -> None:
        """From now on facts carry this clock's time: trading's, once it is known."""
        self._clock = clock

    async def append_fact(
        self, kind: str, level: str, text: str, symbol: str = "", bot: int = 0, ref: str = "", at_ms: int = 0
    ) -> StoredFact:
        """Stores a fact and returns it with its number. `at_ms` 0: now."""
        at = at_ms or self._clock.wall_ms()
        return await self._database.transact(
            lambda connection: add_fact(
                connection, kind=kind, level=level, text=text, symbol=symbol, at_ms=at, bot=bot, ref=ref
            ),
            "append fact",
        )

    async def facts_after(self, number: int, limit: int = 100) -> list[StoredFact]:
        """Facts with a higher number, oldest first."""
        rows = await self._database.read(
            lambda connection: connection.execute(_SELECT, (number, limit)).fetchall(), "facts after"
        )
        return [StoredFact(*row) for row in rows]

    async def last_number(self) -> int:
        """The newest fact's number; 0 when there is none."""
        return await self._database.read(
            lambda connection: int(connection.execute("SELECT coalesce(max(number), 0) FROM facts").fetchone()[0]),
            "last fact",
        )
