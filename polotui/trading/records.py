"""What the engine remembers beside the ledger: settings, jobs, and the worth of the accounts over time.

Decided here: a job that was running when the engine died is not forgotten: at the next start it becomes «failed»
with the reason, or is resumed by whoever owns it. Equity is float, because it draws a curve; a long span is thinned
in the database to the last point of each of N equal windows, so that the newest point is always among them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from polotui.core.clock import Clock
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.storage.database import Connection, Database

_JOB = "SELECT id, title, kind, args, state, reason, created_ms, ended_ms FROM jobs"
_ENDS = ("completed", "failed", "cancelled")
_FIRST = "SELECT min(at_ms) FROM equity WHERE account = ? AND at_ms >= ?"
_THINNED = (
    "SELECT max(at_ms), value FROM equity WHERE account = ? AND at_ms >= ? AND at_ms <= ?"
    " GROUP BY (at_ms - ?) / ? ORDER BY 1"
)


@dataclass(frozen=True)
class JobRow:
    """One job. `state` is running, completed, failed or cancelled; `ended_ms` None while it runs."""

    id: int
    title: str
    kind: str
    args: dict[str, Any]
    state: str
    reason: str
    created_ms: int
    ended_ms: int | None


@dataclass(frozen=True)
class Worth:
    """Value of an account at one moment, in USDT, for the curve."""

    at_ms: int
    value: float


class Records:
    """Settings, jobs and equity in `ledger.db`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def setting(self, key: str) -> str | None:
        """The stored value, or None."""
        row = await self._database.read(
            lambda connection: connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone(),
            "setting",
        )
        return None if row is None else str(row[0])

    async def set_setting(self, key: str, value: str) -> None:
        now = self._clock.wall_ms()
        await self._database.transact(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", (key, value, now)
            ),
            "set setting",
        )

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start_job(self, title: str, kind: str, args: dict[str, Any]) -> JobRow:
        """A new running job."""
        now = self._clock.wall_ms()
        text = json.dumps(args, sort_keys=True)
        shown = clean(title)

        def start(connection: Connection) -> int:
            cursor = connection.execute(
                "INSERT INTO jobs (title, kind, args, state, reason, created_ms) VALUES (?, ?, ?, 'running', '', ?)",
                (shown, kind, text, now),
            )
            return int(cursor.lastrowid or 0)

        return JobRow(await self._database.transact(start, "start job"), shown, kind, args, "running", "", now, None)

    async def end_job(self, id: int, state: str, reason: str = "") -> bool:
        """Ends a job in exactly one of completed, failed, cancelled. False when it had ended before."""
        if state not in _ENDS:
            raise UsageError(f"A job ends as one of {', '.join(_ENDS)}, not {state!r}.")
        now = self._clock.wall_ms()

        def end(connection: Connection) -> bool:
            cursor = connection.execute(
                "UPDATE jobs SET state = ?, reason = ?, ended_ms = ? WHERE id = ? AND state = 'running'",
                (state, clean(reason, 400), now, id),
            )
            return cursor.rowcount == 1

        return await self._database.transact(end, "end job")

    async def jobs(self, limit: int = 20) -> list[JobRow]:
        """Jobs, newest first."""
        rows = await self._database.read(
            lambda connection: connection.execute(_JOB + " ORDER BY id DESC LIMIT ?", (limit,)).fetchall(), "jobs"
        )
        return [_job(row) for row in rows]

    async def running_jobs(self) -> list[JobRow]:
        """Jobs that have not ended, oldest first. At the start: those that the last engine left behind."""
        query = _JOB + " WHERE state = 'running' ORDER BY created_ms"
        rows = await self._database.read(lambda connection: connection.execute(query).fetchall(), "running jobs")
        return [_job(row) for row in rows]

    # ── equity ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def add_worth(self, account: str, value: float, at_ms: int = 0) -> None:
        """One point of the curve, now unless `at_ms` says when."""
        at = at_ms or self._clock.wall_ms()
        await self._database.transact(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO equity VALUES (?, ?, ?)", (account, at, value)
            ),
            "add worth",
        )

    async def worth(self, account: str, from_ms: int, to_ms: int = 0, points: int = 500) -> list[Worth]:
        """At most `points` points of the span, oldest first."""
        end = to_ms or self._clock.wall_ms()

        def read(connection: Connection) -> list[tuple[int, float]]:
            # The windows begin with the first point there is, or a young account would have one point.
            first = connection.execute(_FIRST, (account, from_ms)).fetchone()[0]
            start = from_ms if first is None else max(from_ms, int(first))
            width = max(1, (end - start) // points + 1)
            return connection.execute(_THINNED, (account, start, end, start, width)).fetchall()

        rows = await self._database.read(read, "worth")
        return [Worth(at_ms, value) for at_ms, value in rows]

    async def worth_at(self, account: str, at_ms: int) -> Worth | None:
        """The newest point at or before a moment, for «since 24 h ago»."""
        query = "SELECT at_ms, value FROM equity WHERE account = ? AND at_ms <= ? ORDER BY at_ms DESC LIMIT 1"
        row = await self._database.read(
            lambda connection: connection.execute(query, (account, at_ms)).fetchone(), "worth at"
        )
        return None if row is None else Worth(*row)


def _job(row: tuple[Any, ...]) -> JobRow:
    id_, title, kind, args, *rest = row
    return JobRow(id_, title, kind, json.loads(args), *rest)
