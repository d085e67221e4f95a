"""The equity curve in braille, its drawdown from the highest point so far filled below the peak line.

Decided here: drawdown is told twice, by colour and by the shaded area under the peak, and its depth stands in the
title as a number.
"""

from __future__ import annotations

from collections.abc import Sequence

from polotui.api.values import EquityPoint
from polotui.tui.numbers import age, at, percent, price
from polotui.tui.widgets.candle_marks import Scale, decimals_of, joined, line_dots, scale_for
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported, Pane
from polotui.tui.widgets.sparkline import thinned


def drawdowns(values: Sequence[float]) -> list[float]:
    """For each value, how far it is below the highest before it: 0 or negative fractions."""
    peak = float("-inf")
    out = []
    for value in values:
        peak = max(peak, value)
        out.append(value / peak - 1 if peak > 0 else 0.0)
    return out


class EquityChart(Pane):
    """Thirty days of one account."""

    NAME = "Equity"
    ABOUT = "What the account was worth, at most 30 days. Shaded: below the highest point so far."
    SCOPES = ("balance",)
    TOPICS = frozenset({"accounts", "link", "second", "view"})

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._scale: Scale | None = None

    def points(self) -> list[EquityPoint]:
        account = self.desk.account
        return account.equity if account is not None else []

    def title(self, width: int) -> Line:
        points = self.points()
        line: Line = [(self.NAME, "title")]
        if len(points) > 1:
            worst = min(drawdowns([point.value for point in points]))
            line.append((f" · {age(points[-1].at_ms - points[0].at_ms)}", "muted"))
            line += [(" · deepest drawdown ", "muted"), (percent(worst), "down" if worst < -0.00005 else "muted")]
        return line

    def title_right(self) -> Line:
        return self.stale_mark(0)

    def body(self, width: int, height: int) -> list[Line]:
        points = self.points()
        if len(points) < 2:
            return [[], [(" The curve starts with the second value; one is kept each minute.", "muted")]]
        rows = max(1, height - 1)
        digits = 2
        columns = max(10, width - 12)
        values = thinned([point.value for point in points], columns)
        times = thinned([float(point.at_ms) for point in points], columns)
        self._scale = scale_for(min(values), max(values), rows, self._scale)
        scale = self._scale
        falls = drawdowns(values)
        grid = [[(" ", "")] * columns for _ in range(rows)]
        peak = float("-inf")
        for x, value in enumerate(values):
            peak = max(peak, value)
            if falls[x] < -0.0005:
                top, bottom = scale.row(peak, rows), scale.row(value, rows)
                for y in range(max(0, top), min(rows, bottom)):
                    grid[y][x] = ("░", "down-soft")
        for (x, y), character in line_dots(values, scale, rows, solid=True).items():
            if 0 <= x < columns:
                grid[y][x] = (character, "down" if falls[x] < -0.0005 else "up")
        labels = {scale.row(value, rows): value for value in scale.labels()}
        lines: list[Line] = []
        for y, cells in enumerate(grid):
            label = labels.get(y)
            text = f"┤ {price(label, decimals_of(scale.step, digits))}" if label is not None else "│"
            lines.append([(" ", ""), *joined(cells), (fit(text, 11), "muted" if label is not None else "faint")])
        lines.append(self._times(times, columns))
        return lines

    def _times(self, times: list[float], columns: int) -> Line:
        text = [" "] * (columns + 1)
        for x in range(0, len(times), 16):
            label = at(int(times[x])).strftime("%d %b")
            if x + len(label) <= columns:
                text[x + 1 : x + 1 + len(label)] = label
        return [("".join(text), "muted")]

    def export(self) -> Exported | None:
        rows = [[str(point.at_ms), str(point.value)] for point in self.points()]
        return Exported("equity", ["time_ms", "value_usdt"], rows) if rows else None

    def copied(self) -> tuple[str, str] | None:
        points = self.points()
        return ("newest equity", f"{points[-1].value} USDT") if points else None
