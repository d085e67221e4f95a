"""Equity with buy-and-hold beside it and the drawdown below, in braille.

Decided here: equity is a solid line and hold a dotted one, so that they are told apart without colour; the drawdown
hangs from its own zero line. A column stands for many bars: its last equity, its deepest drawdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from polotui.api.lab_values import CurvePoint
from polotui.model.candles import DAY_MS
from polotui.tui import keys
from polotui.tui.numbers import at, percent, price
from polotui.tui.widgets.backtest.result_pane import ResultPane
from polotui.tui.widgets.candle_marks import Grid, Scale, decimals_of, joined, line_dots, scale_for
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported

AXIS = 11
_HANGING = (0, 0x09, 0x1B, 0x3F, 0xFF)
"""Braille cells filled from above: none to all four rows of dots."""


def buckets(curve: Sequence[CurvePoint], columns: int) -> list[CurvePoint]:
    """At most `columns` points: the last equity of each bucket with the bucket's deepest drawdown."""
    count = len(curve)
    if count <= columns:
        return list(curve)
    made = []
    for index in range(columns):
        part = curve[index * count // columns : (index + 1) * count // columns]
        last = part[-1]
        made.append(CurvePoint(last.at_ms, last.equity, last.hold, min(point.drawdown for point in part)))
    return made


def stretched(points: Sequence[CurvePoint], columns: int) -> list[CurvePoint]:
    """As many points as columns: few points hold their value until the next."""
    count = len(points)
    if not count or count >= columns:
        return list(points)
    return [points[min(count - 1, index * count // columns)] for index in range(columns)]


def lines_on(grid: Grid, series: Sequence[tuple[Sequence[float | None], str, bool]], scale: Scale, rows: int) -> None:
    """Paints (values, tone, solid) into `grid`; an earlier line keeps its cells."""
    for values, tone, solid in series:
        for (x, y), character in line_dots(values, scale, rows, solid=solid).items():
            if 0 <= y < rows and 0 <= x < len(grid[y]) and grid[y][x][0] == " ":
                grid[y][x] = (character, tone)


def hanging(values: Sequence[float], deepest: float, rows: int) -> list[str]:
    """Drawdowns as filled braille hanging from the top, `rows` lines."""
    lines = [[" "] * len(values) for _ in range(rows)]
    for x, value in enumerate(values):
        dots = round(min(1.0, value / deepest) * rows * 4) if deepest < 0 else 0
        if value < -0.0005:
            dots = max(1, dots)
        for y in range(rows):
            part = max(0, min(4, dots - y * 4))
            if part:
                lines[y][x] = chr(0x2800 + _HANGING[part])
    return ["".join(line) for line in lines]


def time_axis(times: Sequence[int], columns: int) -> Line:
    """Days, or months when the curve is long, under the columns they belong to."""
    text = [" "] * (columns + 1)
    form = "%b %Y" if times and times[-1] - times[0] > 200 * DAY_MS else "%d %b"
    for x in range(0, len(times), 15):
        label = at(times[x]).strftime(form)
        if x + len(label) < columns:
            text[x + 1 : x + 1 + len(label)] = label
    return [("".join(text), "muted")]


class ResultCurve(ResultPane):
    """The curve of the open run."""

    NAME = "Equity"
    ABOUT = (
        "Equity (solid), buying and holding after the same fees (dotted), and below how far equity stood under its "
        "highest point. Left and right move a crosshair; what it stands on is read in the title."
    )
    SCOPES = ("result", "curve", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("curve")

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.cross: int | None = None
        self._scale: Scale | None = None
        self._of: object = None
        self._points: list[CurvePoint] = []

    def title(self, width: int) -> Line:
        point = self._crossed()
        if point is None:
            line: Line = [(self.NAME, "title"), ("  ━ equity", "accent"), ("  ┄ hold", "line1")]
            return [*line, ("  ⣿ drawdown", "down")] if width > 44 else line
        when = at(point.at_ms).strftime("%Y-%m-%d %H:%M" if width > 76 else "%Y-%m-%d")
        return [
            (when, ""),
            ("  equity ", "muted"),
            (price(point.equity, 2), "accent"),
            ("  hold ", "muted"),
            (price(point.hold, 2), "line1"),
            ("  drawdown ", "muted"),
            (percent(point.drawdown), "down" if point.drawdown < 0 else "muted"),
        ]

    def _crossed(self) -> CurvePoint | None:
        if self.cross is None or not self._points:
            return None
        return self._points[max(0, min(self.cross, len(self._points) - 1))]

    def body(self, width: int, height: int) -> list[Line]:
        result = self.result
        if result is None:
            return self.nothing()
        if len(result.curve) < 2:
            return [[], [(" The run has no curve: fewer than two bars.", "muted")]]
        if self._of is not result:
            self._of, self._scale = result, None
        columns = max(10, width - AXIS - 1)
        points = self._points = stretched(buckets(result.curve, columns), columns)
        depth = 0 if height < 8 else 2 if height < 16 else 3
        rows = max(2, height - depth - 1)
        values = [value for point in points for value in (point.equity, point.hold)]
        scale = self._scale = scale_for(min(values), max(values), rows, self._scale)
        grid: Grid = [[(" ", "")] * columns for _ in range(rows)]
        equity, hold = [point.equity for point in points], [point.hold for point in points]
        lines_on(grid, [(equity, "accent", True), (hold, "line1", False)], scale, rows)
        start = scale.row(result.spec.capital, rows)
        if 0 <= start < rows:
            grid[start] = [("┄", "faint") if cell[0] == " " else cell for cell in grid[start]]
        falls = [point.drawdown for point in points]
        deepest = min(falls)
        grid += [[(character, "down") for character in line] for line in hanging(falls, deepest, depth)]
        self._crosshair(grid)
        return [*self._framed(grid, scale, rows, deepest), time_axis([point.at_ms for point in points], columns)]

    def _crosshair(self, grid: Grid) -> None:
        if self.cross is None:
            return
        self.cross = max(0, min(self.cross, len(self._points) - 1))
        for row in grid:
            cell = row[self.cross]
            row[self.cross] = ("┊", "cross") if cell[0] in " ┄" else (cell[0], "cross")

    def _framed(self, grid: Grid, scale: Scale, rows: int, deepest: float) -> list[Line]:
        labels = {scale.row(value, rows): price(value, decimals_of(scale.step, 2)) for value in scale.labels()}
        if len(grid) > rows:
            labels[rows] = "0 %"
            labels[len(grid) - 1] = percent(deepest, 1)
        lines: list[Line] = []
        for y, cells in enumerate(grid):
            label = labels.get(y)
            text = f"┤ {label}" if label is not None else "│"
            lines.append([(" ", ""), *joined(cells), (fit(text, AXIS), "muted" if label is not None else "faint")])
        return lines

    def action_cross(self, step: int) -> None:
        if self._points:
            last = len(self._points) - 1
            self.cross = max(0, min(last, (last if self.cross is None else self.cross) + step))
            self.repaint()

    def action_cross_to(self, place: int) -> None:
        if self._points:
            self.cross = place if place >= 0 else len(self._points) - 1
            self.repaint()

    def escape(self) -> bool:
        if self.cross is None:
            return False
        self.cross = None
        self.repaint()
        return True

    def on_click(self, event: events.Click) -> None:
        if 2 <= event.x < len(self._points) + 2:
            self.cross = event.x - 2
            self.repaint()

    def export(self) -> Exported | None:
        return None

    def copied(self) -> tuple[str, str] | None:
        point = self._crossed() or (self._points[-1] if self._points else None)
        if point is None:
            return None
        when = at(point.at_ms).strftime("%Y-%m-%d %H:%M")
        return ("point", f"{when} equity {point.equity} hold {point.hold} drawdown {point.drawdown}")
