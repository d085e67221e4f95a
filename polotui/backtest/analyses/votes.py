"""Confirmation: the run with the votes of several frames and without them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polotui.backtest.analyses.desk import Desk, Figures, Table, percent, shown, title_of
from polotui.backtest.bench import Bench
from polotui.backtest.kernel import shapes as k
from polotui.backtest.prepare import Prepared
from polotui.metrics.definitions import DEFINITIONS, Unit
from polotui.metrics.figure import Figure
from polotui.strategy.runtime.confirm import Confirm, Direction, confirm
from polotui.strategy.runtime.entries import confirm_of

Marks = NDArray[np.bool_]

_COMPARED = ("trades", "win_rate", "total_return", "sharpe", "max_drawdown", "profit_factor")
_COLUMNS = ["figure", "with", "without", "difference"]
_SIDES: tuple[tuple[int, Direction], ...] = ((k.LONG_IN, "long"), (k.SHORT_IN, "short"))


@dataclass
class Vote:
    """How one frame voted on the signals that the rules gave."""

    agreed: int = 0
    against: int = 0
    unknown: int = 0


async def confirmation(desk: Desk) -> Table:
    bench = Bench(desk.recipe)
    bound = bench.bind({})
    asked = confirm_of(bound)
    if asked is None:
        row = ["Confirmation", "– (the document asks for no confirmation)", "", ""]
        return Table(
            "Confirmation", _COLUMNS, [row], "The document asks for no confirmation, so there is nothing to compare."
        )
    desk.gauge.begin(2 * bench.moments)
    found: list[Figures] = []
    signals: list[list[Marks]] = []
    for confirmed in (True, False):
        prepared = bench.prepared(bound, confirmed=confirmed)
        found.append(bench.reasoned(bench.outcome(prepared, desk.seat)))
        signals.append([_signals(prepared, row) for row, _ in _SIDES])
        desk.gauge.finished(bench.moments)
    kept, all_ = (sum(int(np.count_nonzero(column)) for column in columns) for columns in signals)
    rows = [_row(name, *found) for name in _COMPARED]
    rows.append(["Entry signals", f"{kept:,}", f"{all_:,}", f"{kept - all_:+,}".replace("-", "−")])
    for frame, vote in votes(bench, asked, signals[1]).items():
        shares = [percent(count / all_, 0) if all_ else "–" for count in (vote.agreed, vote.against, vote.unknown)]
        rows.append([f"Signals at {frame}", f"{shares[0]} agreed", f"{shares[1]} against", f"{shares[2]} unknown"])
    return Table("Confirmation", _COLUMNS, rows, _reading(found, kept, all_))


def _signals(prepared: Prepared, row: int) -> Marks:
    """Where the entry was true, on the traded moments of all symbols."""
    count = len(prepared.symbols)
    found: Marks = prepared.signals[row, prepared.first * count : prepared.last * count] == k.TRUE
    return found


def votes(bench: Bench, asked: Confirm, signals: list[Marks]) -> dict[str, Vote]:
    """Each frame's vote on the bars at which the rules alone asked for an entry."""
    found = {frame: Vote() for frame in asked.frames}
    base = bench.base
    count = len(base.symbols)
    for (_, direction), truth in zip(_SIDES, signals, strict=True):
        if not truth.any():
            continue
        for place, name in zip(base.places, base.symbols, strict=True):
            voted = confirm(bench.series[name], asked, direction).votes
            flat = np.full(base.size, k.UNKNOWN, np.uint8)
            own = np.zeros(base.size, np.bool_)
            own[place] = True
            own = own[base.first * count : base.last * count] & truth
            for frame, column in voted.items():
                flat[place] = column
                there = flat[base.first * count : base.last * count][own]
                found[frame].agreed += int(np.count_nonzero(there == k.TRUE))
                found[frame].against += int(np.count_nonzero(there == k.FALSE))
                found[frame].unknown += int(np.count_nonzero(there == k.UNKNOWN))
    return found


def _row(name: str, with_: Figures, without: Figures) -> list[str]:
    one, other = with_[name], without[name]
    return [title_of(name), shown(name, one), shown(name, other), _difference(name, one, other)]


def _difference(name: str, one: Figure, other: Figure) -> str:
    if one.value is None or other.value is None:
        return "–"
    definition, more = DEFINITIONS[name], one.value - other.value
    if definition.unit is Unit.FRACTION:
        # A difference of percents is in points.
        return f"{more * 100:+,.{definition.places}f} points".replace("-", "−")
    return f"{more:+,.{definition.places}f}".replace("-", "−")


def _reading(found: list[Figures], kept: int, all_: int) -> str:
    with_, without = found
    if not all_:
        return "The entry rules are true on none of these bars, so there was nothing to confirm."
    removed = all_ - kept
    lines = [f"The confirmation kept out {removed:,} of {all_:,} entry signals ({percent(removed / all_, 0)})."]
    rates = with_["win_rate"].value, without["win_rate"].value
    if rates[0] is not None and rates[1] is not None:
        change = f"{(rates[0] - rates[1]) * 100:+.1f}".replace("-", "−")
        trades = [shown("trades", one["trades"]) for one in found]
        lines.append(f"The win rate changed by {change} points, over {trades[0]} trades instead of {trades[1]}.")
    made = [one["total_return"] for one in found]
    lines.append(
        f"The return is {shown('total_return', made[0])} with it and {shown('total_return', made[1])} without."
    )
    return " ".join(lines)
