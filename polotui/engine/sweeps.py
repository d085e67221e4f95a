"""Parameter searches: jobs whose rows are stored as they come, so that a search goes on where it ended.

Decided here: the worker sends what it found every moment; the engine stores it in batches and shows the best so far
on a topic of the sweep. A cancelled or interrupted search keeps its rows; resuming computes only what is missing.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

import msgspec

from polotui.api import lab_replies as lr
from polotui.api.events import Event, SweepState
from polotui.api.lab_values import HeatCell, SweepDetail, SweepResult, SweepSpec
from polotui.backtest import places
from polotui.backtest.archive import StoredSweep, SweepRow
from polotui.backtest.work import Axis, SweepWork
from polotui.core.errors import PolotuiError, UsageError
from polotui.engine.backtests import settings_check
from polotui.engine.jobs import Progress

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

BEST = 50
MOST_CELLS = 2_500
MOST_TRIALS = 100_000


class Live:
    """A sweep that somebody may watch: its rows so far.

    The best and the heat map are kept with each row that comes: over all rows of a large search they would take the
    engine a second, several times a second.
    """

    def __init__(self, detail: SweepDetail, rows: dict[int, SweepResult]) -> None:
        self.detail = detail
        self.rows: dict[int, SweepResult] = {}
        self.unstored: list[SweepRow] = []
        self.final: dict[str, Any] = {}
        self._best: list[int] = []
        self._new: list[int] = []
        self._scores: dict[tuple[float, float], float | None] = {}
        self._cells: list[tuple[float, float]] = []
        for place, row in rows.items():
            self.add(place, row)

    def add(self, place: int, row: SweepResult) -> None:
        self.rows[place] = row
        self._new.append(place)
        if self.detail.x_name not in row.params:
            return
        cell = (row.params[self.detail.x_name], row.params.get(self.detail.y_name, 0.0))
        if cell not in self._scores:
            self._scores[cell] = row.score
            if len(self._cells) < MOST_CELLS or cell < self._cells[-1]:
                insort(self._cells, cell)
                del self._cells[MOST_CELLS:]
        old = self._scores[cell]
        if row.score is not None and (old is None or row.score > old):
            self._scores[cell] = row.score

    def _rank(self, place: int) -> tuple[bool, float, int]:
        score = self.rows[place].score
        return score is None, -(score or 0.0), place

    def shown(self) -> SweepDetail:
        """The best so far, and the best score for each pair of the first two parameters."""
        self._best = nsmallest(BEST, {*self._best, *self._new}, key=self._rank)
        self._new = []
        return msgspec.structs.replace(
            self.detail,
            done=len(self.rows),
            best=[self.rows[place] for place in self._best],
            heat=[HeatCell(x, y, self._scores[x, y]) for x, y in self._cells],
            deflated_sharpe=self.final.get("deflated_sharpe"),
            note=self.final.get("note", self.detail.note),
        )


class Sweeps:
    """Publishes `sweep:NUMBER`."""

    def __init__(self, engine: Engine) -> None:
        assert engine.stores is not None
        self._engine = engine
        self._archive = engine.stores.archive
        self._live: dict[int, Live] = {}
        self._resuming = asyncio.Lock()
        engine.hub.provide("sweep", self._event)

    async def start(self, spec: SweepSpec) -> lr.SweepStarted:
        """A new search."""
        total = check_spec(spec)
        assert self._engine.backtests is not None
        found, _, checked = await self._engine.backtests.document_of(spec.run)
        axes_check(spec, found.name, checked)
        settings_check(self._engine.backtests.settings_of(spec.run))
        # The version is fixed now: a search that goes on later must not go on with another text.
        spec = msgspec.structs.replace(spec, run=msgspec.structs.replace(spec.run, version=found.version))
        number = await self._archive.start_sweep(msgspec.json.encode(spec).decode(), total)
        return await self._begin(number, spec, total, {}, {})

    async def resume(self, number: int) -> lr.SweepStarted:
        """Goes on with a search that has not completed."""
        # One at a time: two that ask at once must not both start it.
        async with self._resuming:
            return await self._resume(number)

    async def _resume(self, number: int) -> lr.SweepStarted:
        stored = await self._stored(number)
        running = self._live.get(number)
        if running is not None and running.detail.state == "running":
            raise UsageError(f"Sweep {number} is running.", safe="Nothing was changed.")
        if stored.state == "completed":
            raise UsageError(f"Sweep {number} is complete.", next_step=f"polotui sweep show {number} shows it.")
        spec = msgspec.json.decode(stored.spec, type=SweepSpec)
        rows = {row.place: row for row in await self._archive.sweep_rows(number)}
        final = msgspec.json.decode(stored.note) if stored.note else {}
        return await self._begin(number, spec, stored.total, rows, final)

    async def _begin(
        self, number: int, spec: SweepSpec, total: int, stored: dict[int, SweepRow], final: dict[str, Any]
    ) -> lr.SweepStarted:
        assert self._engine.backtests is not None
        assert self._engine.jobs is not None
        found, document, checked = await self._engine.backtests.document_of(spec.run)
        axes_check(spec, found.name, checked)
        work = SweepWork(
            document=document,
            settings=self._engine.backtests.settings_of(spec.run),
            axes=[Axis(name=a.name, least=a.least, most=a.most, step=a.step) for a in spec.axes],
            method=spec.method,
            trials=spec.trials,
            objective=spec.objective,
            holdout=spec.holdout,
            seed=spec.seed,
            done={place: row.figures for place, row in stored.items()},
            cluster=spec.cluster,
        )
        detail = blank(number, spec, total, self._engine.clock.wall_ms())
        live = Live(detail, {place: result_of(row) for place, row in stored.items()})
        live.final = final
        self._live[number] = live
        await self._archive.set_sweep(number, "running", note=note_of(live))
        title = f"sweep {found.name}, {total:,} runs"

        async def carry_out(progress: Progress) -> str:
            return await self._carry_out(number, live, work, progress)

        job = await self._engine.jobs.run(title, "sweep", {"result": number}, carry_out, result=number)
        live.detail = msgspec.structs.replace(live.detail, job=job)
        self._engine.hub.touch(f"sweep:{number}")
        self._engine.lab_changed(sweeps=True)
        return lr.SweepStarted(job=job, sweep=number, total=total, title=title)

    async def _carry_out(self, number: int, live: Live, work: SweepWork, progress: Progress) -> str:
        clock = self._engine.clock
        started, before = clock.monotonic(), len(live.rows)

        def hear(value: dict[str, Any]) -> None:
            take(live, value.get("rows", []))
            self._engine.hub.touch(f"sweep:{number}")

        def watch(done: int, total: int) -> None:
            count, elapsed = len(live.rows), clock.monotonic() - started
            pace = f"{(count - before) / elapsed:,.0f} runs/s" if elapsed > 0.5 else ""
            progress(done / total if total else 0.0, f"{count:,} of {live.detail.total:,} runs", speed=pace)

        keeper = asyncio.ensure_future(self._keep_storing(number, live))
        state, reason = "failed", ""
        try:
            done = await self._engine.workers.jobs.run(work, watch, hear)
            # The best come once more, with what they are worth on the part that was kept out.
            take(live, [with_unseen(row) for row in done.value["best"]])
            live.final |= {name: done.value[name] for name in ("deflated_sharpe", "note")}
            state, reason = "completed", done.value.get("note", "")
            count = len(live.rows)
            best = live.shown().best[:1]
            return f"{count:,} runs; best {words_of(best[0].params) if best else 'none'}."
        except asyncio.CancelledError:
            state, reason = "cancelled", "cancelled; what was computed is kept"
            raise
        except PolotuiError as error:
            reason = error.record().sentence()
            raise
        except Exception as error:
            reason = f"a fault: {type(error).__name__}"
            raise
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await asyncio.shield(self._end(number, live, state, reason))

    async def _keep_storing(self, number: int, live: Live) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self._store(number, live)

    async def _store(self, number: int, live: Live) -> None:
        rows, live.unstored = live.unstored, []
        if not rows:
            return
        try:
            await self._archive.add_sweep_rows(number, rows)
        except BaseException:
            # Not stored, or not known to be: they are stored with the next ones. Twice changes nothing.
            live.unstored = [*rows, *live.unstored]
            raise

    async def _end(self, number: int, live: Live, state: str, reason: str) -> None:
        await self._store(number, live)
        await self._archive.set_sweep(number, state, reason, note_of(live))
        live.detail = msgspec.structs.replace(live.detail, state=state, reason=reason)
        self._engine.hub.touch(f"sweep:{number}")
        self._engine.lab_changed(sweeps=True)

    async def detail(self, number: int) -> SweepDetail:
        live = self._live.get(number)
        if live is not None:
            return live.shown()
        return await self._from_archive(await self._stored(number))

    async def list(self, limit: int) -> list[SweepDetail]:
        """Newest first, without tables."""
        found = []
        for stored in await self._archive.sweeps(max(1, min(limit, 500))):
            live = self._live.get(stored.number)
            detail = live.shown() if live is not None else await self._glance(stored)
            found.append(msgspec.structs.replace(detail, best=detail.best[:1], heat=[]))
        return found

    async def _stored(self, number: int) -> StoredSweep:
        stored = await self._archive.sweep(number)
        if stored is None:
            raise UsageError(f"There is no sweep {number}.", next_step="polotui sweep list shows them.")
        return stored

    async def _from_archive(self, stored: StoredSweep) -> SweepDetail:
        rows = {row.place: result_of(row) for row in await self._archive.sweep_rows(stored.number)}
        return self._live_of(stored, rows).shown()

    async def _glance(self, stored: StoredSweep) -> SweepDetail:
        """With the best row alone: a list must not read every table."""
        count, best = await self._archive.sweep_glance(stored.number)
        rows = {best.place: result_of(best)} if best is not None else {}
        return msgspec.structs.replace(self._live_of(stored, rows).shown(), done=count)

    def _live_of(self, stored: StoredSweep, rows: dict[int, SweepResult]) -> Live:
        spec = msgspec.json.decode(stored.spec, type=SweepSpec)
        detail = msgspec.structs.replace(
            blank(stored.number, spec, stored.total, stored.created_ms),
            state=stored.state,
            reason=stored.reason,
        )
        live = Live(detail, rows)
        live.final = msgspec.json.decode(stored.note) if stored.note else {}
        return live

    def _event(self, topic: str, key: str) -> Event | None:
        number = topic.partition(":")[2]
        live = self._live.get(int(number)) if number.isdigit() else None
        return SweepState(sweep=live.shown()) if live is not None else None


def check_spec(spec: SweepSpec) -> int:
    """How many runs the search has. Raises UsageError."""
    if not spec.axes:
        raise UsageError("A sweep needs at least one parameter to vary.", safe="Nothing was started.")
    if len({axis.name for axis in spec.axes}) < len(spec.axes):
        raise UsageError("A parameter is named twice.", safe="Nothing was started.")
    if spec.objective not in places.OBJECTIVES:
        raise UsageError(f"{spec.objective!r} is no objective.", next_step=f"There are {', '.join(places.OBJECTIVES)}.")
    if not 0.0 <= spec.holdout <= 0.8:
        raise UsageError("The part kept out must be from 0 to 80 %.", safe="Nothing was started.")
    total = places.trials(spec.axes, spec.method, spec.trials)
    if total > MOST_TRIALS:
        raise UsageError(
            f"These are {total:,} runs; a sweep has at most {MOST_TRIALS:,}.",
            safe="Nothing was started.",
            next_step="Take wider steps, or method random with a number of trials.",
        )
    return total


def axes_check(spec: SweepSpec, name: str, checked: lr.CheckedStrategy) -> None:
    """Refuses params that the strategy does not have, before a row says that something runs."""
    known = {field.name for field in checked.params}
    for axis in spec.axes:
        if axis.name not in known:
            raise UsageError(
                f"{name} has no param {axis.name}.",
                safe="Nothing was started.",
                next_step=f"Its params are {', '.join(sorted(known)) or 'none'}.",
            )


def words_of(params: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in params.items())


def note_of(live: Live) -> str:
    return msgspec.json.encode(live.final).decode() if live.final else ""


def blank(number: int, spec: SweepSpec, total: int, created_ms: int) -> SweepDetail:
    names = [axis.name for axis in spec.axes]
    return SweepDetail(
        number=number,
        spec=spec,
        state="running",
        created_ms=created_ms,
        total=total,
        x_name=names[0],
        y_name=names[1] if len(names) > 1 else "",
    )


def with_unseen(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the best with the figure of the part that was kept out among its figures."""
    return {**row, "figures": {**row["figures"], "out_of_sample": row.get("out_of_sample")}}


def take(live: Live, rows: list[dict[str, Any]]) -> None:
    """Adds rows that the worker sent."""
    for value in rows:
        row = SweepRow(
            value["place"],
            msgspec.json.encode(value["params"]).decode(),
            msgspec.json.encode(value["figures"]).decode(),
        )
        live.add(row.place, result_of(row))
        live.unstored.append(row)


def result_of(row: SweepRow) -> SweepResult:
    figures = msgspec.json.decode(row.figures)
    return SweepResult(
        params=msgspec.json.decode(row.params),
        score=figures.get("score"),
        total_return=figures.get("total_return"),
        sharpe=figures.get("sharpe"),
        max_drawdown=figures.get("max_drawdown"),
        trades=int(figures.get("trades") or 0),
        out_of_sample=figures.get("out_of_sample"),
    )
