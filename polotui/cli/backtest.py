"""`polotui backtest`: runs, their results, their trades.

Decided here: a run is the engine's job; this command follows it, and ctrl+c asks to cancel it. The same run again is
answered from what is stored and said to be. A file is stored as a strategy before it runs, because a result names the
document that made it. Charts are for people; with --json there are none.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from polotui.api.commands import GetJobs
from polotui.api.lab_commands import (
    AnalyseRun,
    CompareRuns,
    DeleteRun,
    ExportRun,
    GetDefinitions,
    GetRun,
    GetRunTrades,
    ListRuns,
    StartBacktest,
)
from polotui.api.lab_replies import BacktestStarted, Comparison, Definitions, Exported, Runs, RunTrades
from polotui.api.lab_values import Analysis, RunDetail, RunRow, TradeRow
from polotui.api.replies import Done, Jobs, JobStarted
from polotui.api.socket_link import SocketLink
from polotui.cli import charts, results
from polotui.cli.engine_link import ask, with_engine
from polotui.cli.jobs import duration, follow_job, must_complete
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import NONE, clock, document, note, say, table
from polotui.cli.run_options import NOTHING_DONE, RunOptions, takes_run_options
from polotui.cli.strategies import asking, meant, near, stored
from polotui.cli.where import where
from polotui.core.errors import PolotuiError, UsageError
from polotui.core.text import clean

app = new_app("Backtests: run, list, show, trades, compare, export, analyse.")
Number = Annotated[int, typer.Argument(metavar="RUN", min=1, help="A run's number, as backtest list shows it.")]
Chart = Annotated[bool, typer.Option("--chart", help="Draw equity and drawdown.")]
#: Kinds of job that are this group's business.
JOB_KINDS = ("backtest", "analysis", "sweep")


class What(Enum):
    """What of a run to write down."""

    TRADES = "trades"
    EQUITY = "equity"
    FILLS = "fills"
    ALL = "all"


class Kind(Enum):
    """The further looks at a run."""

    WALK_FORWARD = "walk-forward"
    HOLD_OUT = "hold-out"
    MONTE_CARLO = "monte-carlo"
    STRESS = "stress"
    CONFIRMATION = "confirmation"


@app.command()
@takes_run_options
def run(
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="A name, a template, or a YAML or JSON file.")],
    options: RunOptions,
    again: Annotated[bool, typer.Option("--again", help="Compute it even if its result is stored.")] = False,
    chart: Chart = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Runs a strategy on stored candles and prints the result."""
    _no_chart_in_json(chart, as_json)
    spec = options.spec()
    wanted = meant(strategy, options.version)

    async def work(link: SocketLink) -> tuple[BacktestStarted, RunDetail]:
        name, version = await stored(link, wanted)
        command = StartBacktest(spec=msgspec.structs.replace(spec, strategy=name, version=version), again=again)
        started: BacktestStarted = await asking(link, name, command)
        if started.job:
            must_complete(
                await follow_job(link, started.job),
                safe="No result was stored.",
                next_step="polotui backtest list shows the runs that are.",
            )
        detail: RunDetail = await link.call(GetRun(run=started.run))
        return started, detail

    started, detail = with_engine(where(home, demo=demo), work)
    if as_json:
        told = {"job": started.job, "cached": started.cached}
        say(document("backtest.run", results.run_document(detail) | told))
        return
    _print(detail, chart)
    if started.cached:
        note("Served from what is stored; --again computes it anew.")


@app.command("list")
def list_(
    strategy: Annotated[str, typer.Option(metavar="NAME", help="Only this strategy's runs.")] = "",
    text: Annotated[str, typer.Option("--search", metavar="TEXT", help="In strategy, symbols or tags.")] = "",
    sort: Annotated[str, typer.Option(metavar="FIELD", help="Such as -total_return; - means descending.")] = "-run",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many.")] = 50,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that were put away.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Stored runs, newest first."""
    _sortable(sort, RunRow)
    reply = ask(where(home, demo=demo), ListRuns(strategy=strategy, text=text, sort=sort, deleted=deleted, limit=limit))
    assert isinstance(reply, Runs)
    kept = [row for row in reply.runs if row.deleted == deleted]
    if as_json:
        say(document("backtest.list", Runs(runs=kept, total=reply.total)))
        return
    if not kept:
        say("No runs. polotui backtest run sma-cross makes one." if not deleted else "No run was deleted.")
        return
    say(results.runs_table(kept))
    if reply.total > len(kept):
        note(f"{len(kept)} of {reply.total}; --limit shows more.")


@app.command()
def status(
    job: Annotated[int | None, typer.Argument(metavar="JOB", min=1, help="None: all that were started here.")] = None,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Jobs: backtests, analyses and sweeps that run or ran."""
    reply = ask(where(home, demo=demo), GetJobs(limit=100))
    assert isinstance(reply, Jobs)
    kept = [each for each in reply.jobs if (each.kind in JOB_KINDS if job is None else each.id == job)]
    if job is not None and not kept:
        raise UsageError(
            f"There is no job {job}.",
            safe="Nothing was changed.",
            next_step="polotui backtest status shows those there are.",
        )
    if as_json:
        say(document("backtest.status", Jobs(jobs=kept)))
        return
    rows = [
        [
            str(each.id),
            clean(each.kind, 20),
            clean(each.title, 60),
            each.end or "running",
            f"{each.done * 100:.0f} %",
            duration(each.left_s) if each.left_s is not None and not each.end else NONE,
            clock(each.started_ms),
            str(each.result) if each.result else NONE,
            clean(each.reason or each.speed, 60),
        ]
        for each in kept
    ]
    heads = ["job", "kind", "what", "state", "done", "left", "since (UTC)", "result", ""]
    say(table(heads, rows, "rlllrrlrl") if rows else "No job runs or ran.")


@app.command()
def show(
    number: Number, chart: Chart = False, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False
) -> None:
    """A run's result; with --json also its curve, months, distributions and analyses."""
    _no_chart_in_json(chart, as_json)
    detail = ask(where(home, demo=demo), GetRun(run=number))
    assert isinstance(detail, RunDetail)
    if as_json:
        say(document("backtest.show", results.run_document(detail, whole=True)))
        return
    _print(detail, chart)
    for analysis in detail.analyses:
        say("\n" + results.analysis_text(analysis))


@app.command()
def trades(
    number: Number,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="Leave so many out first.")] = 0,
    sort: Annotated[str, typer.Option(metavar="FIELD", help="Such as -profit; - means descending.")] = "-number",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """A run's trades, newest first."""
    _sortable(sort, TradeRow)
    reply = ask(where(home, demo=demo), GetRunTrades(run=number, offset=offset, limit=limit, sort=sort))
    assert isinstance(reply, RunTrades)
    if as_json:
        say(document("backtest.trades", reply))
        return
    say(results.trades_table(reply.trades) if reply.trades else f"Run {reply.run} made no trades here.")
    if reply.total > len(reply.trades):
        note(f"{len(reply.trades)} of {reply.total}; --limit and --offset show more.")


@app.command()
def compare(
    runs: Annotated[list[int], typer.Argument(metavar="RUN RUN...", min=1, help="Two to five.")],
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Runs side by side, and whether they saw the same data."""
    if not 2 <= len(runs) <= 5 or len(set(runs)) < len(runs):
        raise UsageError("Two to five different runs can be compared.", safe="Nothing was asked.")
    reply = ask(where(home, demo=demo), CompareRuns(runs=runs))
    assert isinstance(reply, Comparison)
    if as_json:
        fields = {"same_data": reply.same_data, "differences": reply.differences}
        say(document("backtest.compare", fields | {"runs": [results.run_document(run) for run in reply.runs]}))
        return
    say(results.side_by_side(reply.runs))
    say("\nThe same data." if reply.same_data else "\nNot the same data: the figures do not compare like with like.")
    for difference in reply.differences:
        say(f"  · {clean(difference, 200)}")


@app.command()
def delete(number: Number, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Puts a run away."""
    done = ask(where(home, demo=demo), DeleteRun(run=number))
    assert isinstance(done, Done)
    if as_json:
        say(document("backtest.delete", done))
        return
    say(clean(done.text))
    note(f"polotui backtest restore {number} brings it back.")


@app.command()
def restore(number: Number, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Brings a deleted run back."""
    done = ask(where(home, demo=demo), DeleteRun(run=number, undo=True))
    assert isinstance(done, Done)
    say(document("backtest.restore", done) if as_json else clean(done.text))


@app.command()
def export(
    number: Number,
    what: Annotated[What, typer.Option(help="Tables as CSV, all of it as JSON.")] = What.TRADES,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="None: the exports folder.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Writes a run to a file."""
    path = str(to.expanduser().absolute()) if to is not None else ""
    reply = ask(where(home, demo=demo), ExportRun(run=number, what=what.value, path=path, force=force))
    assert isinstance(reply, Exported)
    say(
        document("backtest.export", reply)
        if as_json
        else f"{reply.rows:,} rows are written to {clean(reply.path, 500)}."
    )


@app.command()
def analyse(
    number: Number,
    kind: Annotated[Kind, typer.Option(help="Which further look.")],
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """A further look at a run: does it hold outside of what it was made on?"""

    async def work(link: SocketLink) -> Analysis | None:
        started: JobStarted = await link.call(AnalyseRun(run=number, kind=kind.value))
        must_complete(
            await follow_job(link, started.id),
            safe="The run is as it was.",
            next_step=f"polotui backtest show {number} shows it.",
        )
        detail: RunDetail = await link.call(GetRun(run=number))
        found = [analysis for analysis in detail.analyses if analysis.kind == kind.value]
        return max(found, key=lambda analysis: analysis.created_ms, default=None)

    analysis = with_engine(where(home, demo=demo), work)
    if analysis is None:
        raise PolotuiError(f"Run {number} has no table of this kind.", next_step="polotui events shows what happened.")
    say(document("backtest.analyse", analysis) if as_json else results.analysis_text(analysis))


@app.command()
def definitions(
    name: Annotated[str, typer.Argument(metavar="NAME", help="None: all figures.")] = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """What each figure means and how it is computed."""
    reply = ask(where(home, demo=demo), GetDefinitions())
    assert isinstance(reply, Definitions)
    kept = [each for each in reply.definitions if not name or name.lower() in (each.name.lower(), each.title.lower())]
    if name and not kept:
        raise UsageError(
            f"There is no figure {clean(name, 40)!r}.",
            safe="Nothing was changed.",
            next_step=near(name, [each.name for each in reply.definitions]) or "Without a name all are shown.",
        )
    if as_json:
        say(document("backtest.definitions", Definitions(definitions=kept)))
        return
    say("\n".join(f"{clean(each.title, 60)} ({clean(each.name, 40)})\n  {clean(each.text, 1_000)}" for each in kept))


def _print(detail: RunDetail, chart: bool) -> None:
    say(results.run_text(detail))
    if chart:
        say("\n" + charts.curves(detail.curve))


def _no_chart_in_json(chart: bool, as_json: bool) -> None:
    if chart and as_json:
        raise UsageError(
            "--chart draws for people, --json prints for programs.",
            safe=NOTHING_DONE,
            next_step="Leave one out; backtest show --json has the curve.",
        )


def _sortable(sort: str, row: type[msgspec.Struct]) -> None:
    names = [each.name for each in msgspec.structs.fields(row)]
    field = sort.removeprefix("-")
    if field not in names:
        raise UsageError(
            f"There is nothing {clean(field, 40)!r} to sort by.",
            safe="Nothing was asked.",
            next_step=near(field, names) or f"There are {', '.join(names)}.",
        )
