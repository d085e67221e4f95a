"""`polotui sweep`: a search over a strategy's parameters.

Decided here: what was found is always shown with its value on the part of the span that the search did not see, and
with the number of trials, because the best of many is good by chance. A search that was stopped keeps what it
computed. The best so far is asked for while it runs, and shown on standard error.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec
import typer

from polotui.api.events import JobState
from polotui.api.lab_commands import GetSweep, ListSweeps, ResumeSweep, StartSweep
from polotui.api.lab_replies import Sweeps, SweepStarted
from polotui.api.lab_values import SweepAxis, SweepDetail, SweepSpec
from polotui.api.socket_link import SocketLink
from polotui.cli import charts
from polotui.cli.engine_link import ask, with_engine
from polotui.cli.jobs import follow_job, must_complete
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import NONE, document, moment, note, number, percent, say, table
from polotui.cli.run_options import NOTHING_DONE, RunOptions, figure, named_values, takes_run_options
from polotui.cli.strategies import asking, meant, near, stored
from polotui.cli.where import where
from polotui.core.errors import UsageError
from polotui.core.text import clean

app = new_app("Searches of parameters: run, list, show, resume.")
Number = Annotated[int, typer.Argument(metavar="N", min=1, help="A sweep's number, as sweep list shows it.")]
Top = Annotated[int, typer.Option(min=1, max=50, help="So many of the best.")]
OBJECTIVES = ("sharpe", "total_return", "sortino", "calmar", "profit_factor", "max_drawdown")
#: Objectives that are fractions, shown as percent.
FRACTIONS = ("total_return", "max_drawdown")
#: What else is told of a result: the field and its head.
BESIDE = (("total_return", "return"), ("sharpe", "Sharpe"), ("max_drawdown", "max DD"))
#: More values on one axis are a typing mistake.
MOST_VALUES = 10_000
EXAMPLE = "fast=5:50:5"


class Method(Enum):
    """How the values are chosen."""

    GRID = "grid"
    RANDOM = "random"
    OPTUNA = "optuna"


@app.command()
@takes_run_options
def run(
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="A name, a template, or a YAML or JSON file.")],
    axis: Annotated[list[str], typer.Option("--axis", "-a", metavar="NAME=FROM:TO:STEP", help=f"Such as {EXAMPLE}.")],
    options: RunOptions,
    method: Annotated[Method, typer.Option(help="How values are chosen.")] = Method.GRID,
    trials: Annotated[int, typer.Option(metavar="N", min=0, help="0 = the whole grid, or 200.")] = 0,
    objective: Annotated[str, typer.Option(metavar="FIGURE", help=", ".join(OBJECTIVES) + ".")] = "sharpe",
    holdout: Annotated[str, typer.Option(metavar="X", help="The span's last part, kept from the search.")] = "30%",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The same seed chooses the same.")] = 1,
    cluster: Annotated[str, typer.Option(metavar="ADDRESS", help="A Dask scheduler; else this machine.")] = "",
    top: Top = 10,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Searches a strategy's parameters and prints the best with a map."""
    spec = SweepSpec(
        run=options.spec(),
        axes=_axes(axis),
        method=method.value,
        trials=trials,
        objective=_objective(objective),
        holdout=figure(holdout, "--holdout", 0, 0.9),
        seed=seed,
        cluster=cluster,
    )
    wanted = meant(strategy, options.version)

    async def work(link: SocketLink) -> SweepDetail:
        name, version = await stored(link, wanted)
        named = msgspec.structs.replace(spec.run, strategy=name, version=version)
        started: SweepStarted = await asking(link, name, StartSweep(spec=msgspec.structs.replace(spec, run=named)))
        return await _followed(link, started)

    _show("run", with_engine(where(home, demo=demo), work), top, as_json=as_json)


@app.command()
def resume(number: Number, top: Top = 10, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Goes on with a sweep that was stopped; what was computed is kept."""

    async def work(link: SocketLink) -> SweepDetail:
        started: SweepStarted = await link.call(ResumeSweep(number=number))
        return await _followed(link, started)

    _show("resume", with_engine(where(home, demo=demo), work), top, as_json=as_json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many.")] = 20,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Sweeps, newest first."""
    reply = ask(where(home, demo=demo), ListSweeps(limit=limit))
    assert isinstance(reply, Sweeps)
    if as_json:
        say(document("sweep.list", reply))
        return
    rows = [
        [
            str(each.number),
            clean(each.spec.run.strategy, 40),
            clean(", ".join(axis.name for axis in each.spec.axes), 40),
            each.spec.method,
            clean(each.spec.objective, 20),
            f"{each.done:,} of {each.total:,}",
            each.state,
            moment(each.created_ms),
        ]
        for each in reply.sweeps
    ]
    heads = ["sweep", "strategy", "axes", "method", "objective", "trials", "state", "begun (UTC)"]
    say(
        table(heads, rows, "rllllrll")
        if rows
        else "No sweeps. polotui sweep run sma-cross --axis fast=5:50:5 makes one."
    )


@app.command()
def show(number: Number, top: Top = 10, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """A sweep's best results and its map."""
    detail = ask(where(home, demo=demo), GetSweep(number=number))
    assert isinstance(detail, SweepDetail)
    _show("show", detail, top, as_json=as_json)


async def _followed(link: SocketLink, started: SweepStarted) -> SweepDetail:
    async def best_so_far(_: JobState) -> str:
        detail: SweepDetail = await link.call(GetSweep(number=started.sweep))
        return best_words(detail)

    must_complete(
        await follow_job(link, started.job, best_so_far),
        safe="What was computed is kept.",
        next_step=f"polotui sweep resume {started.sweep} goes on; polotui sweep show {started.sweep} shows it.",
    )
    detail: SweepDetail = await link.call(GetSweep(number=started.sweep))
    return detail


def best_words(detail: SweepDetail) -> str:
    """`best sharpe 1.42 (fast 10, slow 60)`; empty while there is none."""
    if not detail.best:
        return ""
    best = detail.best[0]
    params = ", ".join(f"{clean(name, 20)} {number(value)}" for name, value in best.params.items())
    return f"best {clean(detail.spec.objective, 20)} {_score(best.score, detail.spec.objective)} ({params})"


def sweep_text(detail: SweepDetail, top: int) -> str:
    """The best results, what to think of them, and the map."""
    spec = detail.spec
    words = [
        f"Sweep {detail.number}",
        clean(spec.run.strategy, 60),
        f"{spec.method}, {detail.done:,} of {detail.total:,}",
    ]
    words += [f"seeks {clean(spec.objective, 20)}", f"{spec.holdout * 100:.0f} % kept out", detail.state]
    parts = [" · ".join(words)]
    if detail.reason:
        parts.append(clean(detail.reason, 300))
    if not detail.best:
        return "\n".join([*parts, "No result yet."])
    parts += ["", _best_table(detail, top), ""]
    if detail.deflated_sharpe is not None:
        chance = f"{detail.deflated_sharpe * 100:.0f} %"
        parts.append(f"After {detail.done:,} trials the best Sharpe is above zero with a probability of {chance}.")
    if detail.note:
        parts.append(clean(detail.note, 300))
    drawn = ""
    if detail.y_name:
        first = detail.best[0].params
        at = first.get(detail.x_name), first.get(detail.y_name)
        drawn = charts.heat(detail.heat, clean(detail.x_name, 20), clean(detail.y_name, 20), at)
    return "\n".join([*parts, "", drawn] if drawn else parts).rstrip()


def _show(command: str, detail: SweepDetail, top: int, *, as_json: bool) -> None:
    if as_json:
        say(document(f"sweep.{command}", detail))
        return
    say(sweep_text(detail, top))
    if detail.state == "cancelled":
        note(f"polotui sweep resume {detail.number} goes on.")


def _best_table(detail: SweepDetail, top: int) -> str:
    """The best first; the figure that is sought stands beside its value out of sample and not once more."""
    objective = detail.spec.objective
    names = list(dict.fromkeys(name for result in detail.best for name in result.params))
    others = [(name, title) for name, title in BESIDE if name != objective]
    heads = ["", *(clean(name, 20) for name in names), clean(objective, 20), "out of sample"]
    heads += [*(title for _, title in others), "trades"]
    rows = [
        [
            str(place),
            *(number(result.params.get(name)) for name in names),
            _score(result.score, objective),
            _score(result.out_of_sample, objective),
            *(_score(getattr(result, name), name) for name, _ in others),
            f"{result.trades:,}",
        ]
        for place, result in enumerate(detail.best[:top], 1)
    ]
    return table(heads, rows, "r" * len(heads))


def _score(value: float | None, objective: str) -> str:
    return NONE if value is None else percent(value) if objective in FRACTIONS else f"{value:.2f}"


def _objective(text: str) -> str:
    if text not in OBJECTIVES:
        raise UsageError(
            f"There is no objective {clean(text, 40)!r}.",
            safe=NOTHING_DONE,
            next_step=near(text, OBJECTIVES) or f"There are {', '.join(OBJECTIVES)}.",
        )
    return text


def _axes(texts: list[str]) -> list[SweepAxis]:
    axes: dict[str, SweepAxis] = {}
    for text in texts:
        name, rest = named_values(text, "--axis", EXAMPLE)
        if name in axes:
            raise UsageError(f"--axis {clean(name, 40)} is there twice.", safe=NOTHING_DONE)
        axes[name] = _axis(name, rest)
    return list(axes.values())


def _axis(name: str, rest: str) -> SweepAxis:
    parts = rest.split(":")
    option = f"--axis {clean(name, 40)}"
    if len(parts) != 3:
        raise UsageError(f"{option}: say from, to and step, such as {EXAMPLE}.", safe=NOTHING_DONE)
    least, most, step = (figure(part, option) for part in parts)
    if step <= 0 or most < least:
        wrong = "the step is not above 0" if step <= 0 else "it ends before it begins"
        raise UsageError(f"{option}: {wrong}.", safe=NOTHING_DONE, next_step=f"Write it such as {EXAMPLE}.")
    if (most - least) / step >= MOST_VALUES:
        raise UsageError(
            f"{option} has more than {MOST_VALUES:,} values.", safe=NOTHING_DONE, next_step="Take a larger step."
        )
    return SweepAxis(name=name, least=least, most=most, step=step)
