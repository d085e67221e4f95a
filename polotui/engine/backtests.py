"""Backtests: started as jobs, stored in the archive, shown as the API's values.

Decided here:
* What decides a result (document, params, span, costs, policy, data, grids, versions) is hashed into a key before the
  run starts. The same key again is served from the cache or the archive and starts nothing.
* A run has its number before it ends. It ends as completed, failed or cancelled, also when the worker or the engine
dies.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from polotui import __version__
from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api import replies as r
from polotui.api.lab_values import Analysis, RunRow, RunSpec
from polotui.backtest.archive import StoredRun
from polotui.backtest.data import DEFAULT_DAYS
from polotui.backtest.settings import Costs, Settings
from polotui.backtest.work import AnalyseWork, Document, Done, RunWork, WarmWork
from polotui.core.errors import PolotuiError, UsageError
from polotui.core.text import clean
from polotui.engine.jobs import Progress
from polotui.model.candles import DAY_MS, Timeframe
from polotui.trading.strategies import Version

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

log = logging.getLogger("polotui.engine.backtests")

#: The share of a run's progress that fetching candles takes when there is something to fetch.
FETCHING = 0.5
#: History before the span that is fetched for a rule's warm-up.
MOST_WARMUP = 3_000
#: Libraries whose versions a result depends on.
_COMPUTED_WITH = ("numpy", "numba", "TA-Lib")
_ENDED = "the engine ended before the run did"
#: The tag of runs that were made to compare a bot with.
DRIFT = "drift"


class Backtests:
    """The backtests of a home."""

    def __init__(self, engine: Engine) -> None:
        assert engine.stores is not None
        self._engine = engine
        self._archive = engine.stores.archive
        self._candles = engine.stores.candles
        self._running: dict[str, lr.BacktestStarted] = {}
        self._starting = asyncio.Lock()
        self._warmed = False

    async def start(self) -> None:
        await self._archive.fail_unfinished(_ENDED)

    def warm(self) -> None:
        """Somebody looks at strategies: the kernel is loaded, or compiled for the first time, before it is asked
        for."""
        if not self._warmed:
            self._warmed = True
            self._engine.supervisor.task("warm-kernel", self._warm())

    async def _warm(self) -> None:
        try:
            await self._engine.workers.jobs.run(WarmWork())
        except PolotuiError as error:
            log.warning("the kernel could not be loaded ahead", extra={"detail": str(error)})

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, command: lc.StartBacktest, tags: tuple[str, ...] = ()) -> lr.BacktestStarted:
        """Starts a run, or finds the same one. `tags` stand in its line of the history."""
        spec = command.spec
        found, document, checked = await self.document_of(spec)
        settings = self.settings_of(spec)
        settings_check(settings)
        key = await self._key(document, settings, checked, band=spec.band)
        title = f"backtest {checked.name} v{found.version}" if found.version else f"backtest {checked.name}"
        # One at a time: two that ask for the same at once get one run.
        async with self._starting:
            if key in self._running:
                return self._running[key]
            if not command.again:
                same = await self._same(key)
                if same is not None:
                    return lr.BacktestStarted(job=0, run=same, title=title, cached=True)
            return await self._begin(command.spec, key, title, found, document, settings, checked, tags)

    async def _begin(
        self,
        spec: RunSpec,
        key: str,
        title: str,
        found: Version,
        document: Document,
        settings: Settings,
        checked: lr.CheckedStrategy,
        tags: tuple[str, ...],
    ) -> lr.BacktestStarted:
        """Writes the run's row and starts its job."""
        run = await self._archive.start_run(key, found.name, found.version, msgspec.json.encode(spec).decode())

        async def work(progress: Progress) -> str:
            asked = RunWork(document=document, settings=settings, band=spec.band)
            return await self._carry_out(run, key, found, checked, asked, progress, tags)

        assert self._engine.jobs is not None
        job = await self._engine.jobs.run(title, "backtest", {"result": run, "key": key}, work, result=run)
        started = lr.BacktestStarted(job=job, run=run, title=title)
        if self._engine.jobs.is_running(job):
            self._running[key] = started
        return started

    async def _same(self, key: str) -> int | None:
        """The number of a stored run of this key."""
        cached = self._engine.cache.get(f"backtest:{key}")
        if cached is not None:
            stored = await self._archive.run(cached.value)
            if stored is not None and stored.state == "completed" and stored.deleted_ms is None:
                return stored.run
        same = await self._archive.find(key)
        if same is not None:
            self._engine.cache.set(f"backtest:{key}", same.run, "backtest")
        return same.run if same is not None else None

    async def _carry_out(
        self,
        run: int,
        key: str,
        found: Version,
        checked: lr.CheckedStrategy,
        work: RunWork,
        progress: Progress,
        tags: tuple[str, ...],
    ) -> str:
        clock = self._engine.clock
        started, before = clock.monotonic(), 0.0

        def watch(done: int, total: int) -> None:
            elapsed = clock.monotonic() - started
            if total and elapsed > 0:
                share = before + (1.0 - before) * done / total
                progress(share, f"{done:,} of {total:,} bars", speed=f"{done / elapsed / 1e6:.1f} M bars/s")

        try:
            fetched = await fetch_missing(self._engine, work, checked, progress)
            before = FETCHING if fetched else 0.0
            progress(before, "starting; the first run after an installation compiles for about ten seconds")
            started = clock.monotonic()
            # What was fetched just now is part of what the same run will be asked with; what comes while it computes
            # is not, because the run may not have seen it.
            key_now = await self._key(work.document, work.settings, checked, band=work.band)
            done = await self._engine.workers.jobs.run(work, watch)
            row = row_of(run, found, done.value, self._engine.clock.wall_ms(), clock.monotonic() - started)
            row = msgspec.structs.replace(row, tags=list(tags))
            parts = {**done.parts, "detail": msgspec.json.encode(done.value)}
            await self._archive.complete_run(run, msgspec.json.encode(row).decode(), parts, key_now)
            self._engine.cache.set(f"backtest:{key_now}", run, "backtest")
            return sentence(row)
        except asyncio.CancelledError:
            await asyncio.shield(self._archive.end_run(run, "cancelled", "cancelled"))
            raise
        except PolotuiError as error:
            await self._archive.end_run(run, "failed", str(error.record().sentence()))
            raise
        except Exception as error:
            await self._archive.end_run(run, "failed", f"a fault: {type(error).__name__}")
            raise
        finally:
            self._running.pop(key, None)
            self._engine.lab_changed(runs=True, strategies=True)

    async def document_of(self, spec: RunSpec) -> tuple[Version, Document, lr.CheckedStrategy]:
        """The text a spec names, as the worker takes it. Raises UsageError when it cannot run."""
        assert self._engine.strategies is not None
        found = await self._engine.strategies.text_of(spec.strategy, spec.version)
        checked = await self._engine.strategies.check(found.text, found.form)
        if not checked.ok:
            first = next(one for one in checked.diagnostics if one.severity == "error")
            raise UsageError(
                f"{clean(found.name, 64)} has errors and cannot run. Line {first.line}, column {first.column}: "
                f"{first.message}.",
                safe="Nothing was started.",
                next_step=first.suggestion or "Mend it in the lab.",
                code="strategy-errors",
            )
        if spec.timeframe:
            try:
                Timeframe.parse(spec.timeframe)
            except ValueError as error:
                raise UsageError(f"{error}.", code="unknown-timeframe") from error
        document = Document(
            text=found.text,
            form=found.form,
            params=dict(spec.params),
            symbols=list(spec.symbols),
            timeframe=spec.timeframe,
        )
        return found, document, checked

    def settings_of(self, spec: RunSpec) -> Settings:
        """A spec's numbers as the worker takes them."""
        desk = self._engine.desk
        return Settings(
            from_ms=spec.from_ms,
            to_ms=spec.to_ms,
            capital=spec.capital,
            policy=spec.policy,
            costs=Costs(**msgspec.structs.asdict(spec.costs)),
            grids=desk.grids() if desk is not None else {},
        )

    async def _key(self, document: Document, settings: Settings, checked: lr.CheckedStrategy, *, band: bool) -> str:
        symbols = document.symbols or checked.symbols
        frame = Timeframe.parse(document.timeframe or checked.timeframe)
        marks = []
        for symbol in symbols:
            for part in (frame, Timeframe.M1):
                # What was written of later times only changes nothing in the run.
                rows = await self._candles.provenance(symbol, part)
                rows = [row for row in rows if not settings.to_ms or row.from_ms < settings.to_ms]
                marks.append((symbol, part.value, len(rows), rows[-1].hash if rows else ""))
        grids = {symbol: settings.grids[symbol] for symbol in symbols if symbol in settings.grids}
        told = msgspec.json.encode(
            [
                __version__,
                [version(name) for name in _COMPUTED_WITH],
                checked.hash,
                dict(sorted(document.params.items())),
                symbols,
                frame.value,
                settings.from_ms,
                settings.to_ms,
                settings.capital,
                settings.policy,
                settings.costs,
                grids,
                marks,
                band,
            ]
        )
        return hashlib.sha256(told).hexdigest()

    # ── what there is ────────────────────────────────────────────────────────────────────────────────────────────

    async def stored(self, run: int) -> StoredRun:
        """A completed run. Raises UsageError that says what became of it otherwise."""
        found = await self._archive.run(run)
        if found is None:
            raise UsageError(f"There is no run {run}.", next_step="polotui backtest list shows the runs.")
        if found.state != "completed":
            words = {"running": "is still running", "failed": "failed", "cancelled": "was cancelled"}[found.state]
            raise UsageError(f"Run {run} {words}{': ' + found.reason if found.reason else ''}.", code="no-result")
        return found

    async def part(self, run: int, name: str) -> bytes:
        data = await self._archive.part(run, name)
        if data is None:
            raise PolotuiError(f"The {name} of run {run} is missing from the archive.", next_step="Run it again.")
        return data

    async def rows(self, command: lc.ListRuns) -> lr.Runs:
        rows = [row_from(stored) for stored in await self._archive.runs(command.strategy, deleted=command.deleted)]
        if command.text:
            wanted = command.text.casefold()
            rows = [row for row in rows if wanted in " ".join([row.strategy, *row.symbols, *row.tags]).casefold()]
        rows = sorted_by(rows, command.sort, RunRow)
        return lr.Runs(runs=rows[: max(1, min(command.limit, 2_000))], total=len(rows))

    async def delete(self, run: int, *, undo: bool) -> str:
        if not await self._archive.put_away(run, undo=undo):
            state = "was not put away" if undo else "is not among the runs"
            raise UsageError(f"Run {run} {state}.", safe="Nothing was changed.")
        self._engine.lab_changed(runs=True, strategies=True)
        return f"Run {run} is back." if undo else f"Run {run} is put away; undo brings it back."

    # ── a further look ───────────────────────────────────────────────────────────────────────────────────────────

    async def analyse(self, command: lc.AnalyseRun) -> r.JobStarted:
        """A job whose table is stored with the run."""
        stored = await self.stored(command.run)
        spec = msgspec.json.decode(stored.spec, type=RunSpec)
        row = row_from(stored)
        spec = msgspec.structs.replace(spec, version=stored.version, from_ms=row.from_ms, to_ms=row.to_ms)
        _, document, checked = await self.document_of(spec)
        if checked.hash != row.document_hash:
            raise UsageError(
                f"The text that run {command.run} was made with has changed since: it was a template, and now there is "
                f"a strategy of the name {clean(stored.strategy, 64)}.",
                safe="Nothing was started.",
                next_step="Run it again and look at that run.",
                code="other-text",
            )
        work = AnalyseWork(document=document, settings=self.settings_of(spec), kind=command.kind)
        title = f"{command.kind} of run {command.run}"

        async def carry_out(progress: Progress) -> str:
            def watch(done: int, total: int) -> None:
                progress(done / total if total else 0.0)

            done: Done = await self._engine.workers.jobs.run(work, watch)
            analysis = msgspec.convert({**done.value, "created_ms": self._engine.clock.wall_ms()}, Analysis)
            await self._archive.add_analysis(command.run, command.kind, msgspec.json.encode(analysis).decode())
            self._engine.lab_changed(runs=True)
            return analysis.reading

        assert self._engine.jobs is not None
        job = await self._engine.jobs.run(title, "analysis", {"result": command.run}, carry_out, result=command.run)
        return r.JobStarted(id=job, title=title)

    async def analyses(self, run: int) -> list[Analysis]:
        return [msgspec.json.decode(stored.data, type=Analysis) for stored in await self._archive.analyses(run)]


def found_frame(document: Document, checked: lr.CheckedStrategy) -> Timeframe:
    return Timeframe.parse(document.timeframe or checked.timeframe)


async def fetch_missing(engine: Engine, work: RunWork, checked: lr.CheckedStrategy, progress: Progress) -> bool:
    """Fetches the frame's candles of the span that neither they nor minutes cover, when the exchange answers.

    Without the exchange nothing is fetched and the run uses what is stored; its result names the span and what is
    missing. Returns whether something was asked for.
    """
    assert engine.charts is not None
    assert engine.exchange is not None
    assert engine.stores is not None
    if not any(stream.phase == "live" for stream in engine.exchange.streams()):
        return False
    document, settings = work.document, work.settings
    frame, now = found_frame(document, checked), engine.charts.market_ms()
    end = frame.floor(min(settings.to_ms or now, now))
    start = settings.from_ms or end - DEFAULT_DAYS * DAY_MS
    start = max(0, start - min(checked.warmup_bars, MOST_WARMUP) * frame.ms)
    if start >= end:
        return False
    store = engine.stores.candles
    symbols, fetched = document.symbols or checked.symbols, False
    for number, symbol in enumerate(symbols):
        lacking = await store.missing(symbol, Timeframe.M1, start, end)
        if sum(to - first for first, to in lacking) <= (end - start) // 100:
            continue
        fetched = True

        def part(done: float, detail: str, number: int = number) -> None:
            progress(FETCHING * (number + done) / len(symbols), detail)

        try:
            await engine.charts.past.fill(symbol, frame, start, end, part)
        except PolotuiError as error:
            log.warning("candles could not be fetched", extra={"symbol": symbol, "detail": str(error)})
    return fetched


def settings_check(settings: Settings) -> None:
    """Refuses wrong numbers at once instead of in a job. A span of 0 is found in the data later."""
    settings.costs.check()
    if not 0.0 < settings.capital < 1e15:
        raise UsageError("The capital must be above 0.", safe="Nothing was started.")
    if settings.to_ms and settings.from_ms >= settings.to_ms:
        raise UsageError("The span is empty: it begins at or after its end.", safe="Nothing was started.")


def row_of(run: int, found: Version, value: dict[str, Any], created_ms: int, seconds: float) -> RunRow:
    """The line of a run in the history."""
    figures = value["figures"]
    bands = value["bands"].values()
    return RunRow(
        run=run,
        strategy=found.name,
        version=found.version,
        symbols=value["symbols"],
        timeframe=value["timeframe"],
        from_ms=value["from_ms"],
        to_ms=value["to_ms"],
        policy=next(iter(value["bands"])),
        created_ms=created_ms,
        bars=value["bars"],
        total_return=figures["total_return"][0],
        hold_return=figures["hold_return"][0],
        band_low=min(bands) if len(bands) > 1 else None,
        band_high=max(bands) if len(bands) > 1 else None,
        trades=int(figures["trades"][0] or 0),
        win_rate=figures["win_rate"][0],
        sharpe=figures["sharpe"][0],
        max_drawdown=figures["max_drawdown"][0],
        profit_factor=figures["profit_factor"][0],
        seconds=seconds,
        data_hash=value["data_hash"],
        document_hash=value["document_hash"],
    )


def row_from(stored: StoredRun) -> RunRow:
    row = msgspec.json.decode(stored.summary, type=RunRow)
    return msgspec.structs.replace(row, deleted=stored.deleted_ms is not None)


def sentence(row: RunRow) -> str:
    """How a run ended, for the job's line."""
    gain = "–" if row.total_return is None else f"{row.total_return:+.2%}".replace("-", "−").replace("%", " %")
    return f"{gain}, {row.trades:,} trades, {row.bars:,} bars in {row.seconds:.2f} s."


def sorted_by(rows: list[Any], sort: str, kind: type) -> list[Any]:
    """Sorted by a field of the rows, «-» first for descending; what has no value stands last either way."""
    name = sort.removeprefix("-")
    if name not in kind.__struct_fields__:  # type: ignore[attr-defined]
        raise UsageError(f"There is nothing called {clean(name, 30)} to sort by.")
    known = [row for row in rows if getattr(row, name) is not None]
    known.sort(key=lambda row: getattr(row, name), reverse=sort.startswith("-"))
    return known + [row for row in rows if getattr(row, name) is None]
