"""Curves and heat maps in a terminal.

Decided here: plotext draws the curves and is imported when one is drawn. Its one figure is global, so a chart is built
and taken away as text at once. Dates on the axis are days in UTC, made here: plotext would use the machine's zone.
Colours only where a terminal will show them. A heat map is our own: two cells a value, from light to dark.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from polotui.api.lab_values import CurvePoint, HeatCell
from polotui.cli.output import number

EQUITY_ROWS = 14
DRAWDOWN_ROWS = 8
LEAST_CELLS, MOST_CELLS = 40, 160
#: Room that a date and the space beside it take on the axis.
DATE_CELLS = 14
SHADES = "·░▒▓█"


@dataclass(frozen=True)
class Line:
    """One curve: its values and what they are drawn with."""

    values: list[float]
    sign: str
    paint: str


def room() -> int:
    """Cells of the terminal's width that a chart may take."""
    return min(MOST_CELLS, max(LEAST_CELLS, shutil.get_terminal_size((80, 24)).columns))


def coloured() -> bool:
    """Whether standard output shows colours and nobody asked for none."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def curves(points: Sequence[CurvePoint], width: int | None = None, *, colour: bool | None = None) -> str:
    """Equity beside buy-and-hold, and the drawdown below them."""
    if len(points) < 2:
        return "There is no curve to draw: the run has fewer than two points."
    cells = room() if width is None else width
    painted = coloured() if colour is None else colour
    times = [point.at_ms / 1000 for point in points]
    equity = Line([point.equity for point in points], "braille", "green+")
    hold = Line([point.hold for point in points], "·", "default")
    fall = Line([point.drawdown * 100 for point in points], "braille", "red+")
    # What is drawn last lies above.
    above = _plot(times, [hold, equity], "equity ⣀⣀   buy and hold ···", (cells, EQUITY_ROWS), painted)
    return above + "\n" + _plot(times, [fall], "drawdown, %", (cells, DRAWDOWN_ROWS), painted)


def _plot(times: list[float], lines: list[Line], title: str, size: tuple[int, int], colour: bool) -> str:
    import plotext

    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    try:
        figure.theme("simple")  # the one without a background of its own
        figure.plot_size(*size)
        for line in lines:
            marker = plotext.marker(line.sign, plotext.pixel(line.paint))
            figure.draw(figure.signal(times, line.values, marker=marker).lines(True))
        figure.legend(False)
        figure.title(title)
        figure.ruler("x").ticks(*_days(times[0], times[-1], max(2, size[0] // DATE_CELLS)))
        figure.ruler("y").ticks(*_levels(lines, 5 if size[1] >= EQUITY_ROWS else 3))
        text: str = figure.build().string(not colour)
    finally:
        figure.clear()
    return "\n".join(row.rstrip() for row in text.splitlines())


def _days(first: float, last: float, count: int) -> tuple[list[float], list[str]]:
    marks = [first + (last - first) * at / (count - 1) for at in range(count)]
    form = "%Y-%m-%d" if last - first >= count * 86_400 else "%m-%d %H:%M"
    return marks, [datetime.fromtimestamp(mark, UTC).strftime(form) for mark in marks]


def _levels(lines: list[Line], count: int) -> tuple[list[float], list[str]]:
    low = min(min(line.values) for line in lines)
    high = max(max(line.values) for line in lines)
    if high <= low:
        return [low], [_level(low, 0)]
    marks = [low + (high - low) * at / (count - 1) for at in range(count)]
    return marks, [_level(mark, high - low) for mark in marks]


def _level(value: float, span: float) -> str:
    text = f"{value:,.0f}" if span >= 20 else f"{value:,.1f}" if span >= 2 else f"{value:,.5g}"
    return text.lstrip("-") if not text.strip("-0.") else text


def heat(cells: Sequence[HeatCell], x_name: str, y_name: str, best: tuple[float | None, float | None]) -> str:
    """The map of a search's two axes, the cell at `best` as «◆»; a space where nothing was computed."""
    known = {(cell.x, cell.y): cell.value for cell in cells if cell.value is not None}
    if not known:
        return ""
    xs = sorted({cell.x for cell in cells})
    ys = sorted({cell.y for cell in cells}, reverse=True)
    low, high = min(known.values()), max(known.values())
    broad = max(len(number(y)) for y in ys)
    lines = [f"{y_name} ↑  {x_name} →"]
    for y in ys:
        row = "".join("◆ " if (x, y) == best else _cell(known.get((x, y)), low, high) for x in xs)
        lines.append(f"{number(y):>{broad}} │{row}".rstrip())
    ends = f"{number(xs[0])} … {number(xs[-1])}" if len(xs) > 1 else number(xs[0])
    lines.append(f"{'':>{broad}} └{'─' * (2 * len(xs))}  {ends}")
    lines.append(f"{SHADES[0]} {low:.3g}  {SHADES[-1]} {high:.3g}  ◆ best")
    return "\n".join(lines)


def _cell(value: float | None, low: float, high: float) -> str:
    if value is None:
        return "  "
    step = 0 if high <= low else min(len(SHADES) - 1, int((value - low) / (high - low) * len(SHADES)))
    return SHADES[step] * 2
