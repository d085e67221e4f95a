"""A search: one document with many values over the same candles, and the best of them over candles it has not seen.

Decided here:
* The last part of the span is kept out: the search runs over a copy of the candles that ends before it. The best are
  then run over that part alone, and both results stand side by side.
* Results leave in parts while the search runs, so that one that is broken off goes on where it was.
* Threads, batches and clusters change no result: each combination is a run of its own, and the same functions compute
  its figures as for a single run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Protocol

from polotui.backtest import compiling, places
from polotui.backtest.bench import Answer, Bench, Job, Recipe, Seat
from polotui.backtest.data import Loaded, load
from polotui.backtest.documents import checked
from polotui.backtest.gauge import Gauge
from polotui.backtest.journal import Journal, Row, Say
from polotui.backtest.local import Cores
from polotui.backtest.work import Done, SweepWork
from polotui.core.clock import Clock, SystemClock
from polotui.core.errors import UsageError
from polotui.metrics.figure import Figure, unknown
from polotui.metrics.significance import deflated_sharpe, trial_variance
from polotui.model.candles import Timeframe
from polotui.storage.candles import CandleStore
from polotui.strategy.document.bind import BindError, bind

#: How many of the best are run over the part that was kept out.
BEST = 50
MOST_CELLS = 2_500
MOST_REFUSED = 20
MOST_HOLDOUT = 0.9
#: Combinations that a guided search asks for before it learns from them; the same with any number of threads.
BATCH = 8


class Runner(Protocol):
    """Where combinations are computed."""

    async def run(self, recipe: Recipe, jobs: list[Job], take: Callable[[Job, Answer], None]) -> None:
        """Hands each answer to `take`, in any order, one at a time. Raises Cancelled."""
        ...


async def sweep(
    work: SweepWork,
    store: CandleStore,
    gauge: Gauge,
    say: Say,
    clock: Clock | None = None,
    runner: Runner | None = None,
) -> Done:
    """Raises UsageError, BindError and Cancelled; what was found until then has been said."""
    check(work)
    loaded, recipe = await recipe_of(work, store)
    cut = cut_of(work, loaded)
    seen = recipe.part(loaded.from_ms, cut)
    runner = runner or runner_of(work, gauge)
    journal = Journal(work, say, clock or SystemClock(), basis(loaded, recipe, cut))
    total = places.trials(work.axes, work.method, work.trials)
    moments, later = (len(next(iter(part.bars.values())).time) for part in (seen, recipe))
    gauge.begin(total * moments + (min(total, BEST) * later if cut < loaded.to_ms else 0))

    def fresh(jobs: list[Job]) -> list[Job]:
        """Those without a stored row."""
        found = [job for job in jobs if not journal.remembered(job)]
        gauge.finished(moments * (len(jobs) - len(found)))
        return found

    try:
        if work.method == "optuna":
            await guided(work, runner, seen, journal, fresh)
        else:
            await runner.run(seen, fresh(jobs_of(work)), journal.take)
    finally:
        journal.flush()
    best = [dict(row) for row in journal.ranked()[:BEST]]
    await unseen(work, runner, recipe.part(cut, loaded.to_ms) if cut < loaded.to_ms else None, best)
    deflated = deflation(seen, journal)
    return Done(value=described(work, loaded, cut, journal, best, total, deflated))


#: A best row with fewer trades is said to be an anecdote.
FEW_TRADES = 30


def check(work: SweepWork) -> None:
    """Raises UsageError."""
    if work.objective not in places.OBJECTIVES:
        raise UsageError(
            f"{work.objective!r} is nothing that a search can seek.",
            safe="Nothing was run.",
            next_step=f"There are {', '.join(places.OBJECTIVES)}.",
        )
    if not 0.0 <= work.holdout <= MOST_HOLDOUT:
        raise UsageError(
            f"{work.holdout:g} of the span cannot be kept out.",
            safe="Nothing was run.",
            next_step=f"Give a share from 0 to {MOST_HOLDOUT:g}.",
        )
    places.trials(work.axes, work.method, work.trials)
    document = checked(work.document).document
    assert document is not None
    for axis in work.axes:
        if axis.name not in document.params:
            known = ", ".join(document.params) or "none"
            raise UsageError(
                f"{document.name} has no param {axis.name}.",
                safe="Nothing was run.",
                next_step=f"Its params are: {known}.",
            )


def basis(loaded: Loaded, recipe: Recipe, cut: int) -> str:
    """Names what all rows depend on. Costs and grids are in the settings, whose text is exact."""
    document = repr(sorted(recipe.document.params.items())) + checked(recipe.document).hash
    return f"{loaded.hash} {cut} {document} {recipe.document.timeframe} {recipe.settings!r} {compiling.sources_hash()}"


async def recipe_of(work: SweepWork, store: CandleStore) -> tuple[Loaded, Recipe]:
    """The candles, with the warm-up that the hungriest corner of the search needs."""
    found = checked(work.document)
    assert found.document is not None
    warmup = 0
    for corner in corners(work):
        try:
            bound = bind(found, {**work.document.params, **corner})
        except BindError:
            # Its place in the search says why.
            continue
        warmup = max(warmup, bound.warmup_bars)
    frame = Timeframe.parse(found.document.timeframe)
    settings = work.settings
    loaded = await load(store, found.document.market.symbols, frame, settings.from_ms, settings.to_ms, warmup)
    settings = replace(settings, from_ms=loaded.from_ms, to_ms=loaded.to_ms)
    settings.check()
    names = tuple(axis.name for axis in work.axes)
    return loaded, Recipe(work.document, settings, names, loaded.bars, loaded.detail)


def corners(work: SweepWork) -> list[dict[str, float]]:
    """The defaults, and the ends of the first axes."""
    found: list[dict[str, float]] = [{}]
    for axis in work.axes[:6]:
        ends = sorted({axis.least, places.values(axis)[-1]})
        found = [*found, *({**corner, axis.name: end} for corner in found for end in ends)]
    return found


def cut_of(work: SweepWork, loaded: Loaded) -> int:
    """Where the part that is kept out begins."""
    return max(
        loaded.from_ms + loaded.frame.ms,
        loaded.frame.floor(loaded.to_ms - round((loaded.to_ms - loaded.from_ms) * work.holdout)),
    )


def runner_of(work: SweepWork, gauge: Gauge) -> Runner:
    if not work.cluster:
        return Cores(gauge, work.threads)
    from polotui.backtest.cluster import Cluster

    cluster: Runner = Cluster(work.cluster, gauge)
    return cluster


# ── which combinations ───────────────────────────────────────────────────────────────────────────────────────────


def jobs_of(work: SweepWork) -> list[Job]:
    """Those of a grid or a random search, neighbouring values together."""
    found = [(places.digits(work.axes, index), place) for place, index in enumerate(places.indices(work))]
    found.sort(key=lambda one: places.tile(one[0]))
    columns = [places.values(axis) for axis in work.axes]
    return [Job(place, _params(work, columns, digits)) for digits, place in found]


def _params(work: SweepWork, columns: list[list[float]], digits: Iterable[int]) -> dict[str, float]:
    return {axis.name: column[digit] for axis, column, digit in zip(work.axes, columns, digits, strict=True)}


async def guided(
    work: SweepWork, runner: Runner, recipe: Recipe, journal: Journal, fresh: Callable[[list[Job]], list[Job]]
) -> None:
    """Optuna's TPE, in batches: it learns from each batch before it asks for the next."""
    try:
        import optuna
    except ImportError as missing:
        raise UsageError(
            "A guided search needs Optuna, which is not installed.",
            safe="Nothing was run.",
            next_step="pip install 'polotui[search]' brings it; grid and random need nothing.",
            code="extra-missing",
        ) from missing
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=work.seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    columns = [places.values(axis) for axis in work.axes]
    asked: dict[str, Any] = {
        axis.name: optuna.distributions.IntDistribution(0, len(column) - 1)
        for axis, column in zip(work.axes, columns, strict=True)
    }
    failed = optuna.trial.TrialState.FAIL
    known: dict[tuple[float, ...], int] = {}
    total = places.trials(work.axes, work.method, work.trials)
    for start in range(0, total, BATCH):
        batch = [study.ask(asked) for _ in range(min(BATCH, total - start))]
        jobs = [Job(one.number, _params(work, columns, one.params.values())) for one in batch]
        first = [job for job in jobs if known.setdefault(tuple(job.params.values()), job.place) == job.place]
        await runner.run(recipe, fresh(first), journal.take)
        for trial, job in zip(batch, jobs, strict=True):
            row = journal.rows.get(known[tuple(job.params.values())])
            score = row["figures"]["score"] if row else None
            if score is None:
                study.tell(trial, state=failed)
            else:
                study.tell(trial, score)


# ── what follows from the rows ───────────────────────────────────────────────────────────────────────────────────


async def unseen(work: SweepWork, runner: Runner, recipe: Recipe | None, best: list[Row]) -> None:
    """Adds `out_of_sample` to the best rows: the objective over the part that was kept out."""
    by_place = {row["place"]: row for row in best}

    def take(job: Job, answer: Answer) -> None:
        if not isinstance(answer, str):
            by_place[job.place]["out_of_sample"] = answer[work.objective]
            by_place[job.place]["unseen"] = answer

    for row in best:
        row["out_of_sample"] = None
    if recipe is not None and best:
        await runner.run(recipe, [Job(row["place"], row["params"]) for row in best], take)


def deflation(recipe: Recipe, journal: Journal) -> Figure:
    """The chance that the true Sharpe ratio of the first row is above what luck gives the best of so many."""
    rows = journal.ranked()
    if not rows:
        return unknown("no combination could be run")
    bench = Bench(recipe)
    returns = bench.returns(bench.outcome(bench.prepared(bench.bind(rows[0]["params"])), Seat()))
    variance = trial_variance(row["figures"]["sharpe"] for row in rows)
    return deflated_sharpe(returns, trials=len(rows), trial_sharpe_variance=variance)


def heat(work: SweepWork, rows: list[Row]) -> list[list[float | None]]:
    """[x, y, score] over the first two axes, the best of the others. Too many for a screen share cells."""
    axes = work.axes[:2]
    columns = [places.values(axis) for axis in axes]
    side = math.isqrt(MOST_CELLS) if len(axes) == 2 else MOST_CELLS
    crowded = math.prod(len(column) for column in columns) > MOST_CELLS
    steps = [-(-len(column) // side) if crowded else 1 for column in columns]
    at = [
        {value: place // step * step for place, value in enumerate(column)}
        for column, step in zip(columns, steps, strict=True)
    ]
    cells: dict[tuple[int, ...], float | None] = {}
    for row in rows:
        place = tuple(found[row["params"][axis.name]] for axis, found in zip(axes, at, strict=True))
        score, known = row["figures"]["score"], cells.get(place)
        cells[place] = score if known is None else known if score is None else max(score, known)
    found: list[list[float | None]] = []
    for place, score in sorted(cells.items()):
        values = [column[one] for column, one in zip(columns, place, strict=True)]
        found.append([values[0], values[1] if len(values) > 1 else 0.0, score])
    return found


def described(
    work: SweepWork, loaded: Loaded, cut: int, journal: Journal, best: list[Row], total: int, deflated: Figure
) -> dict[str, Any]:
    rows = journal.ranked()
    refused = [{"params": params, "reason": reason} for _, (params, reason) in sorted(journal.refused.items())]
    return {
        "best": best,
        "out_of_sample": {str(row["place"]): row["out_of_sample"] for row in best},
        "heat": heat(work, rows),
        "x_name": work.axes[0].name,
        "y_name": work.axes[1].name if len(work.axes) > 1 else "",
        "total": total,
        "done": len(journal.rows),
        "refused": refused[:MOST_REFUSED],
        "refused_count": len(refused),
        "deflated_sharpe": deflated.value,
        "deflated_reason": deflated.reason,
        "from_ms": loaded.from_ms,
        "cut_ms": cut,
        "to_ms": loaded.to_ms,
        "data_hash": loaded.hash,
        "note": note(work, rows, refused, total, deflated),
    }


def note(work: SweepWork, rows: list[Row], refused: list[dict[str, Any]], total: int, deflated: Figure) -> str:
    """What a reader of the table must know beside it."""
    lines = []
    if refused:
        lines.append(f"{len(refused):,} of {total:,} combinations were refused: {refused[0]['reason']}")
    without = sum(row["figures"]["score"] is None for row in rows)
    if without:
        lines.append(f"{without:,} have no {work.objective.replace('_', ' ')} and stand last.")
    if rows and deflated.value is None:
        lines.append(f"No deflated Sharpe ratio: {deflated.reason}.")
    if work.method == "optuna" and len(rows) + len(refused) < total:
        lines.append(f"{total - len(rows) - len(refused):,} trials asked for a combination again.")
    trades = rows[0]["figures"].get("trades") if rows else None
    if trades is not None and trades < FEW_TRADES:
        lines.append(f"The best has {trades:g} trades: too few to tell skill from luck.")
    if not work.holdout:
        lines.append("Nothing was kept out of the search: the best are the best of the past only.")
    return " ".join(lines)
