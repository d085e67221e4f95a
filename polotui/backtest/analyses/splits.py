"""The same document on one part of the span and on another that it has not seen: hold-out and walk-forward.

Decided here:
* Each part is a run of its own from fresh capital; indicators are warmed up by what lies before it.
* Walk-forward is anchored: every fold learns from all that lies before it. It learns by the Sharpe ratio, out of a
  small grid over the params that have a range. Nothing of a fold reaches the choice that is tested on it.
"""

from __future__ import annotations

import math

from polotui.backtest.analyses.desk import Desk, Figures, Table, dates, number, percent, ratio, shown, title_of
from polotui.backtest.bench import Answer, Job
from polotui.backtest.local import Cores
from polotui.core.errors import UsageError
from polotui.metrics.figure import Figure, unknown

FOLDS = 5
FIRST_PART = 0.7
_COMPARED = ("total_return", "cagr", "sharpe", "max_drawdown", "trades", "win_rate", "profit_factor")
_NOT_POSITIVE = "the ratio learnt on is not above 0"


async def hold_out(desk: Desk) -> Table:
    """The first 70 % against the last 30 %."""
    start, end = desk.span
    (cut,) = desk.cuts([FIRST_PART])
    desk.gauge.begin(2 * len(next(iter(desk.loaded.bars.values()))))
    first, last = desk.run_part(start, cut), desk.run_part(cut, end)
    rows = [["Span", dates(start, cut), dates(cut, end)]]
    rows += [[title_of(name), shown(name, first[name]), shown(name, last[name])] for name in _COMPARED]
    rest = percent(1.0 - FIRST_PART, 0)
    return Table(
        "Hold-out",
        ["figure", f"first {percent(FIRST_PART, 0)}", f"last {rest}"],
        rows,
        _hold_out_reading(first, last, rest),
    )


def _hold_out_reading(first: Figures, last: Figures, rest: str) -> str:
    before, after = first["sharpe"].value, last["sharpe"].value
    if before is None or after is None:
        made, later = first["total_return"], last["total_return"]
        return (
            f"The first part returned {shown('total_return', made)}, the last {rest} {shown('total_return', later)}."
            " The parts cannot be compared by their Sharpe ratios: "
            + (first["sharpe"].reason or last["sharpe"].reason)
            + "."
        )
    ratios = f"{shown('sharpe', first['sharpe'])} to {shown('sharpe', last['sharpe'])}"
    if before <= 0.0:
        return f"The Sharpe ratio goes from {ratios}: there was no edge in the first part that the last could confirm."
    if after <= 0.0:
        return f"The Sharpe ratio goes from {ratios}: what worked in the first part did not go on in the last {rest}."
    kept = f"The Sharpe ratio goes from {ratios}, so {percent(after / before, 0)} of it was kept."
    return kept + (" Fewer than half: the first part was flattered." if after < before / 2 else "")


async def walk_forward(desk: Desk) -> Table:
    """Five folds, each tested with the values that were best before it."""
    cuts = desk.cuts(place / (FOLDS + 1) for place in range(FOLDS + 2))
    if len(set(cuts)) < len(cuts):
        raise UsageError(
            f"The span has too few bars for {FOLDS} folds.", safe="Nothing was run.", next_step="Take a longer span."
        )
    start, bars = desk.span[0], len(next(iter(desk.loaded.bars.values())))
    desk.gauge.begin((max(1, len(desk.grid)) * bars * (FOLDS + 1)) // 2 + FOLDS * bars)
    runner = Cores(desk.gauge)
    rows, learnt, tested = [], [], []
    for fold in range(1, FOLDS + 1):
        cut, end = cuts[fold], cuts[fold + 1]
        values = await _best(desk, runner, start, cut)
        before, after = desk.run_part(start, cut, values), desk.run_part(cut, end, values)
        learnt.append(before)
        tested.append(after)
        rows.append(
            [
                str(fold),
                dates(start, cut),
                dates(cut, end),
                ", ".join(f"{name} {number(value)}" for name, value in values.items()) or "as written",
                shown("sharpe", before["sharpe"]),
                shown("sharpe", after["sharpe"]),
                _efficiency(ratio(after["sharpe"], before["sharpe"], _NOT_POSITIVE)),
                shown("total_return", after["total_return"]),
                shown("max_drawdown", after["max_drawdown"]),
                shown("trades", after["trades"]),
            ]
        )
    columns = ["fold", "learnt on", "tested on", "values", "Sharpe learnt", "Sharpe tested", "efficiency"]
    columns += ["return tested", "drawdown tested", "trades tested"]
    return Table("Walk-forward", columns, rows, _walk_reading(desk, learnt, tested))


async def _best(desk: Desk, runner: Cores, start: int, cut: int) -> dict[str, float]:
    """Of the grid what had the highest Sharpe ratio before the cut; of equal ones the first."""
    found: dict[int, float] = {}

    def take(job: Job, answer: Answer) -> None:
        score = None if isinstance(answer, str) else answer["sharpe"]
        if score is not None:
            found[job.place] = score

    if not desk.grid:
        return {}
    jobs = [Job(place, values) for place, values in enumerate(desk.grid)]
    await runner.run(desk.recipe.part(start, cut), jobs, take)
    if not found:
        # Nothing to choose by: the document's own values.
        return {}
    return desk.grid[min(found, key=lambda place: (-found[place], place))]


def _efficiency(figure: Figure) -> str:
    return f"– ({figure.reason})" if figure.value is None else percent(figure.value, 0)


def _walk_reading(desk: Desk, learnt: list[Figures], tested: list[Figures]) -> str:
    returns = [one["total_return"].value for one in tested]
    made = math.prod(1.0 + value for value in returns if value is not None) - 1.0
    gained = sum(value is not None and value > 0.0 for value in returns)
    chosen = (
        f"Each fold took the best of {len(desk.grid)} combinations of {', '.join(desk.recipe.names)}."
        if desk.grid
        else "The document has no params with a range, so each fold ran it as it is."
    )
    result = f"One after the other the folds made {percent(made, 1, signed=True)}; {gained} of {FOLDS} gained."
    overall = ratio(_mean(tested), _mean(learnt), _NOT_POSITIVE)
    if overall.value is None:
        return f"{chosen} {result} Their efficiency cannot be said: {overall.reason}."
    return f"{chosen} {result} Of the Sharpe ratio learnt on, {percent(overall.value, 0)} was left in the tests."


def _mean(parts: list[Figures]) -> Figure:
    ratios = [one["sharpe"].value for one in parts]
    known = [value for value in ratios if value is not None]
    if not known:
        return unknown(parts[0]["sharpe"].reason)
    return Figure(math.fsum(known) / len(known))
