"""Runs side by side: their curves on one scale, their figures in columns, and whether they saw the same data.

Decided here: curves are returns since each run's start, over the common calendar, because runs may differ in capital
and in span. What was not the same stands above the figures, since figures of different data cannot be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from polotui.api.lab_replies import Comparison
from polotui.api.lab_values import CurvePoint, RunDetail
from polotui.core.text import clean
from polotui.tui.numbers import UNKNOWN, percent
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.backtest.base import BenchPane, day, params_words, strategy_words, symbols_words
from polotui.tui.widgets.backtest.result_curve import AXIS, lines_on, time_axis
from polotui.tui.widgets.candle_marks import Grid, Scale, joined, scale_for
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.rows import Cell, Column, Row, split_point

#: Tone and kind of line of each run, in their order.
STYLES = (("accent", True), ("line1", False), ("line2", True), ("line4", False), ("line3", True))


def returns_at(curve: Sequence[CurvePoint], times: Sequence[int]) -> list[float | None]:
    """The return since the start at each time; None before the first and after the last point."""
    if not curve:
        return [None] * len(times)
    first = curve[0].equity or 1.0
    made: list[float | None] = []
    index = 0
    for at_ms in times:
        if at_ms < curve[0].at_ms or at_ms > curve[-1].at_ms:
            made.append(None)
            continue
        while index + 1 < len(curve) and curve[index + 1].at_ms <= at_ms:
            index += 1
        made.append(curve[index].equity / first - 1)
    return made


class ComparePane(BenchPane):
    """A part of the comparison."""

    SCOPES: tuple[str, ...] = ("backtest",)

    @property
    def comparison(self) -> Comparison | None:
        return self.bench.comparison

    @property
    def compared(self) -> list[RunDetail]:
        return self.comparison.runs if self.comparison is not None else []

    def nothing(self) -> list[Line]:
        return [[], [(" Nothing is compared. i shows the history: Space marks runs, c compares them.", "muted")]]


class CompareCurve(ComparePane):
    """The curves over each other."""

    NAME = "Compared"
    ABOUT = "Return since the start of each run, over the same calendar. Solid and dotted lines take turns."

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._scale: Scale | None = None

    def title(self, width: int) -> Line:
        line: Line = [(self.NAME, "title")]
        for run, (tone, solid) in zip(self.compared, STYLES, strict=False):
            line.append((f"  {'━' if solid else '┄'} #{run.row.run}", tone))
        return line

    def body(self, width: int, height: int) -> list[Line]:
        curves = [run.curve for run in self.compared if run.curve]
        if not curves:
            return self.nothing()
        columns, rows = max(10, width - AXIS - 1), max(2, height - 1)
        start, end = min(curve[0].at_ms for curve in curves), max(curve[-1].at_ms for curve in curves)
        times = [start + (end - start) * x // max(1, columns - 1) for x in range(columns)]
        values = [returns_at(run.curve, times) for run in self.compared]
        known = [value for line in values for value in line if value is not None] or [0.0]
        scale = scale_for(min(known), max(known), rows, self._scale)
        self._scale = scale
        grid: Grid = [[(" ", "")] * columns for _ in range(rows)]
        lines_on(grid, [(line, *style) for line, style in zip(values, STYLES, strict=False)], scale, rows)
        zero = scale.row(0.0, rows)
        if 0 <= zero < rows:
            grid[zero] = [("┄", "faint") if cell[0] == " " else cell for cell in grid[zero]]
        labels = {scale.row(value, rows): percent(value, 0 if scale.step >= 0.01 else 1) for value in scale.labels()}
        lines: list[Line] = []
        for y, cells in enumerate(grid):
            text = f"┤ {labels[y]}" if y in labels else "│"
            lines.append([(" ", ""), *joined(cells), (fit(text, AXIS), "muted" if y in labels else "faint")])
        return [*lines, time_axis(times, columns)]

    def export(self) -> Exported | None:
        rows = [[str(run.row.run), str(point.at_ms), str(point.equity)] for run in self.compared for point in run.curve]
        return Exported("compared curves", ["run", "time_ms", "equity"], rows) if rows else None

    def copied(self) -> tuple[str, str] | None:
        runs = ", ".join(f"#{run.row.run}" for run in self.compared)
        return ("runs", runs) if runs else None


class CompareTable(LiveTable, ComparePane):
    """Figures in columns, one run each."""

    NAME = "Side by side"
    ABOUT = "What the runs ran on and what came out, one column a run."
    SCOPES = ("table", "backtest")
    COLUMNS: ClassVar[tuple[Column, ...]] = (Column("figure", "figure", least=14),)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._of: Comparison | None = None
        self._made: list[Row] = []

    def empty_words(self) -> str:
        return "Nothing is compared. i shows the history: Space marks runs, c compares them."

    def check_lines(self, width: int) -> list[Line]:
        """«same data», or everything that differed."""
        comparison = self.comparison
        if comparison is None:
            return []
        if comparison.same_data and not comparison.differences:
            return [[(" ✓ same data", "good")]]
        lines: list[Line] = (
            [] if not comparison.same_data else [[(" ✓ same data", "good"), (", but not the same:", "warn")]]
        )
        if not comparison.same_data:
            lines.append([(" ! not the same data", "warn")])
        for text in comparison.differences:
            lines += [[(f"   {part}", "warn")] for part in wrapped(clean(text, 200), width - 4)]
        return lines

    def body(self, width: int, height: int) -> list[Line]:
        if self._of is not self.comparison:
            self._renew()
        head = self.check_lines(width)[: max(1, height // 3)]
        return [*head, *super().body(width, height - len(head))]

    def _renew(self) -> None:
        """Another comparison: its own columns."""
        self._of = self.comparison
        runs = self.compared
        named = [Column(f"run{index}", f"#{run.row.run}", "right", least=10) for index, run in enumerate(runs)]
        self.COLUMNS = (Column("figure", "figure", least=14), *named)  # type: ignore[misc]
        needle = self.table.needle
        self.table = type(self.table)(self.COLUMNS, needle=needle)
        self._made = self._facts(runs) + self._figures(runs)

    def _facts(self, runs: list[RunDetail]) -> list[Row]:
        told: dict[str, list[str]] = {
            "strategy": [strategy_words(run.row.strategy, run.row.version, 16) for run in runs],
            "parameters": [clean(params_words(run.spec.params), 24) for run in runs],
            "market": [f"{symbols_words(run.row.symbols, 1)} {clean(run.row.timeframe, 6)}" for run in runs],
            "from": [day(run.row.from_ms) for run in runs],
            "to": [day(run.row.to_ms) for run in runs],
            "policy": [run.row.policy for run in runs],
            "fees": [f"{run.spec.costs.maker_fee * 100:g} / {run.spec.costs.taker_fee * 100:g} %" for run in runs],
            "data": [clean(run.row.data_hash, 64)[:10] or UNKNOWN for run in runs],
        }
        return [
            Row(
                name,
                {
                    "figure": Cell(name, "muted"),
                    **{f"run{i}": Cell(v, "muted") for i, v in enumerate(values)},
                },
            )
            for name, values in told.items()
        ]

    def _figures(self, runs: list[RunDetail]) -> list[Row]:
        titles: dict[str, str] = {}
        for run in runs:
            for figure in run.figures:
                titles.setdefault(figure.name, figure.title)
        found = [{figure.name: figure for figure in run.figures} for run in runs]
        texts = [
            on_the_point([clean(figures[name].text, 24) if name in figures else UNKNOWN for name in titles])
            for figures in found
        ]
        rows = []
        for place, (name, title) in enumerate(titles.items()):
            cells = {"figure": Cell(clean(title, 30), "")}
            for index, figures in enumerate(found):
                text = texts[index][place]
                value = figures[name].value if name in figures else None
                cells[f"run{index}"] = Cell(text, "" if text.strip() != UNKNOWN else "muted", value)
            rows.append(Row(name, cells))
        return rows

    def rows(self) -> list[Row]:
        return self._made

    def opened(self, key: str) -> None:
        """Enter opens the run of the chosen column."""
        place = self.table.chosen - 1
        if 0 <= place < len(self.compared):
            self.bench.open(self.compared[place].row.run)
        else:
            self.desk.tell("h and l choose a run's column, Enter opens that run.")


def on_the_point(texts: list[str]) -> list[str]:
    """Figures of one column, padded behind so that their decimal points stand under each other."""
    behind = max((len(split_point(text)[1]) for text in texts), default=0)
    return [whole + part.ljust(behind) for whole, part in map(split_point, texts)]
