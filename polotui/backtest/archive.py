"""Stored runs, analyses and sweeps in `results.db`.

Decided here: a run has its row before it starts, so that its number can be told, and ends as exactly one of completed,
failed or cancelled. Its columns are blobs; what a list shows is a small text beside. Putting a run away only marks it.
The same run is found again by `key`, a hash of all that decides its result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polotui.core.clock import Clock
from polotui.core.text import clean
from polotui.storage.database import Connection, Database

_RUN = "SELECT run, key, strategy, version, spec, state, reason, summary, created_ms, deleted_ms FROM runs"


@dataclass(frozen=True)
class StoredRun:
    """One run. `spec` and `summary` are texts of whoever stored them."""

    run: int
    key: str
    strategy: str
    version: int
    spec: str
    state: str
    reason: str
    summary: str
    created_ms: int
    deleted_ms: int | None


@dataclass(frozen=True)
class StoredSweep:
    number: int
    spec: str
    state: str
    reason: str
    total: int
    note: str
    created_ms: int


@dataclass(frozen=True)
class StoredAnalysis:
    kind: str
    data: str
    created_ms: int


@dataclass(frozen=True)
class SweepRow:
    """One combination. `params` and `figures` are JSON."""

    place: int
    params: str
    figures: str


class Archive:
    """The results of a home."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start_run(self, key: str, strategy: str, version: int, spec: str) -> int:
        now = self._clock.wall_ms()
        return await self._database.transact(
            lambda connection: int(
                connection.execute(
                    "INSERT INTO runs (key, strategy, version, spec, state, created_ms)"
                    " VALUES (?, ?, ?, ?, 'running', ?)",
                    (key, strategy, version, spec, now),
                ).lastrowid
                or 0
            ),
            "start run",
        )

    async def complete_run(self, run: int, summary: str, parts: Mapping[str, bytes], key: str) -> None:
        """Stores the result and the key under which the same run is found again."""

        def complete(connection: Connection) -> None:
            connection.execute(
                "UPDATE runs SET state = 'completed', summary = ?, key = ? WHERE run = ? AND state = 'running'",
                (summary, key, run),
            )
            connection.executemany(
                "INSERT OR REPLACE INTO run_parts VALUES (?, ?, ?)",
                [(run, name, data) for name, data in parts.items()],
            )

        await self._database.transact(complete, "complete run")

    async def end_run(self, run: int, state: str, reason: str) -> None:
        """Failed or cancelled."""
        await self._database.transact(
            lambda connection: connection.execute(
                "UPDATE runs SET state = ?, reason = ? WHERE run = ? AND state = 'running'",
                (state, clean(reason, 400), run),
            ),
            "end run",
        )

    async def fail_unfinished(self, reason: str) -> int:
        """At the start: what the last engine left running. Returns how many."""

        def fail(connection: Connection) -> int:
            runs = connection.execute(
                "UPDATE runs SET state = 'failed', reason = ? WHERE state = 'running'", (reason,)
            ).rowcount
            connection.execute("UPDATE sweeps SET state = 'cancelled', reason = ? WHERE state = 'running'", (reason,))
            return runs

        return await self._database.transact(fail, "fail unfinished runs")

    async def find(self, key: str) -> StoredRun | None:
        """The newest completed run of this key that was not put away."""
        return await self._one(
            _RUN + " WHERE key = ? AND state = 'completed' AND deleted_ms IS NULL ORDER BY run DESC", (key,)
        )

    async def run(self, run: int) -> StoredRun | None:
        return await self._one(_RUN + " WHERE run = ?", (run,))

    async def _one(self, query: str, values: tuple[object, ...]) -> StoredRun | None:
        row = await self._database.read(
            lambda connection: connection.execute(query + " LIMIT 1", values).fetchone(), "run"
        )
        return StoredRun(*row) if row else None

    async def runs(self, strategy: str = "", *, deleted: bool = False) -> list[StoredRun]:
        """Completed runs, newest first; those put away when `deleted`."""
        query = (
            _RUN + " WHERE state = 'completed' AND (? = '' OR strategy = ?) AND (deleted_ms IS NOT NULL) = ?"
            " ORDER BY run DESC"
        )
        rows = await self._database.read(
            lambda connection: connection.execute(query, (strategy, strategy, int(deleted))).fetchall(), "runs"
        )
        return [StoredRun(*row) for row in rows]

    async def part(self, run: int, name: str) -> bytes | None:
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT data FROM run_parts WHERE run = ? AND name = ?", (run, name)
            ).fetchone(),
            "run part",
        )
        return bytes(row[0]) if row else None

    async def put_away(self, run: int, *, undo: bool = False) -> bool:
        """Marks a run as put away, or brings it back. False when there was nothing to do."""
        now = self._clock.wall_ms()
        return await self._database.transact(
            lambda connection: (
                connection.execute(
                    "UPDATE runs SET deleted_ms = ? WHERE run = ? AND (deleted_ms IS NULL) = ?",
                    (None if undo else now, run, int(not undo)),
                ).rowcount
                == 1
            ),
            "put run away",
        )

    # ── analyses ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def add_analysis(self, run: int, kind: str, data: str) -> None:
        """The newest of a kind replaces the older one."""
        now = self._clock.wall_ms()

        def add(connection: Connection) -> None:
            connection.execute("DELETE FROM analyses WHERE run = ? AND kind = ?", (run, kind))
            connection.execute(
                "INSERT INTO analyses (run, kind, data, created_ms) VALUES (?, ?, ?, ?)", (run, kind, data, now)
            )

        await self._database.transact(add, "add analysis")

    async def analyses(self, run: int) -> list[StoredAnalysis]:
        query = "SELECT kind, data, created_ms FROM analyses WHERE run = ? ORDER BY id"
        rows = await self._database.read(lambda connection: connection.execute(query, (run,)).fetchall(), "analyses")
        return [StoredAnalysis(*row) for row in rows]

    # ── sweeps ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def start_sweep(self, spec: str, total: int) -> int:
        now = self._clock.wall_ms()
        return await self._database.transact(
            lambda connection: int(
                connection.execute(
                    "INSERT INTO sweeps (spec, state, total, created_ms) VALUES (?, 'running', ?, ?)",
                    (spec, total, now),
                ).lastrowid
                or 0
            ),
            "start sweep",
        )

    async def set_sweep(self, number: int, state: str, reason: str = "", note: str = "") -> None:
        await self._database.transact(
            lambda connection: connection.execute(
                "UPDATE sweeps SET state = ?, reason = ?, note = ? WHERE number = ?",
                (state, clean(reason, 400), note, number),
            ),
            "set sweep",
        )

    async def add_sweep_rows(self, number: int, rows: Sequence[SweepRow]) -> None:
        await self._database.transact(
            lambda connection: connection.executemany(
                "INSERT OR REPLACE INTO sweep_results VALUES (?, ?, ?, ?)",
                [(number, row.place, row.params, row.figures) for row in rows],
            ),
            "add sweep rows",
        )

    async def sweep(self, number: int) -> StoredSweep | None:
        found = [sweep for sweep in await self.sweeps(1, number) if sweep.number == number]
        return found[0] if found else None

    async def sweeps(self, limit: int, number: int = 0) -> list[StoredSweep]:
        """Newest first; only `number` when given."""
        query = (
            "SELECT number, spec, state, reason, total, note, created_ms FROM sweeps"
            " WHERE ? = 0 OR number = ? ORDER BY number DESC LIMIT ?"
        )
        rows = await self._database.read(
            lambda connection: connection.execute(query, (number, number, limit)).fetchall(), "sweeps"
        )
        return [StoredSweep(*row) for row in rows]

    async def sweep_glance(self, number: int) -> tuple[int, SweepRow | None]:
        """How many rows a sweep has, and the one with the best score, of equal ones the first."""

        def glance(connection: Connection) -> tuple[int, SweepRow | None]:
            (count,) = connection.execute("SELECT count(*) FROM sweep_results WHERE sweep = ?", (number,)).fetchone()
            row = connection.execute(
                "SELECT place, params, figures FROM sweep_results WHERE sweep = ?"
                " ORDER BY json_extract(figures, '$.score') IS NULL, json_extract(figures, '$.score') DESC, place"
                " LIMIT 1",
                (number,),
            ).fetchone()
            return count, SweepRow(*row) if row else None

        return await self._database.read(glance, "sweep glance")

    async def sweep_rows(self, number: int) -> list[SweepRow]:
        query = "SELECT place, params, figures FROM sweep_results WHERE sweep = ? ORDER BY place"
        rows = await self._database.read(
            lambda connection: connection.execute(query, (number,)).fetchall(), "sweep rows"
        )
        return [SweepRow(*row) for row in rows]
