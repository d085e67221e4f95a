"""The figures of a result: the headline with its band and buy-and-hold, then all figures in columns.

Decided here: the engine wrote the figures as people read them; here they are only placed. An undefined one is «–»,
and its reason stands in the last line when it is selected.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from polotui.api.lab_values import ResultFigure, RunDetail
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, percent, tone_of
from polotui.tui.widgets.backtest.base import run_words
from polotui.tui.widgets.backtest.definition_dialog import show_definitions
from polotui.tui.widgets.backtest.result_pane import ResultPane
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.rows import split_point

_TITLE = 18


def tone_for(figure: ResultFigure) -> str:
    """Colour repeats the sign."""
    if figure.value is None:
        return "muted"
    return "up" if figure.text.startswith("+") else "down" if figure.text.startswith("−") else ""


class ResultTiles(ResultPane):
    """Headline and figures."""

    NAME = "Result"
    ABOUT = (
        "The figures of the open run. Arrow keys select one, d says what it means and how it is computed. The band is "
        "the total return between the strictest and the kindest fill policy; hold is buying once and holding."
    )
    SCOPES = ("result", "figures", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("figures")

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.place = 0
        self._columns = 1
        self._top = 0
        self._cell = 20

    def title(self, width: int) -> Line:
        result = self.result
        if result is None:
            return [(self.NAME, "title")]
        told = next((words for most in (2, 1) if len(words := run_words(result.row, most)) <= width), "")
        number, _, rest = (told or run_words(result.row, 1).rpartition(" · ")[0]).partition(" ")
        return [(number, "accent"), (f" {rest}", "title")]

    @property
    def figure(self) -> ResultFigure | None:
        figures = self.result.figures if self.result is not None else []
        return figures[min(self.place, len(figures) - 1)] if figures else None

    def body(self, width: int, height: int) -> list[Line]:
        result = self.result
        if result is None:
            return self.nothing()
        rows = max(1, height - 2)
        return [self._headline(result, width), *self._grid(result.figures, width, rows), self._note(result, width)]

    def _headline(self, result: RunDetail, width: int) -> Line:
        row = result.row
        line: Line = [(" return ", "muted"), (percent(row.total_return), f"{tone_of(row.total_return)}")]
        if row.band_low is not None and row.band_high is not None:
            low, high = (f"{value * 100:+.1f}".replace("-", "−") for value in (row.band_low, row.band_high))
            line.append((f"  (band {low} … {high})", "muted"))
        line += [("   hold ", "muted"), (percent(row.hold_return), "")]
        return [*line, ("   trades ", "muted"), (f"{row.trades:,}", "")]

    def _grid(self, figures: list[ResultFigure], width: int, rows: int) -> list[Line]:
        if not figures:
            return [[(" No figures.", "muted")]] + [[] for _ in range(rows - 1)]
        self.place = max(0, min(self.place, len(figures) - 1))
        titles = min(_TITLE, max(len(figure.title) for figure in figures))
        widest = max(len(figure.text) for figure in figures)
        self._cell = titles + 1 + widest + 3
        self._columns = max(1, min((width - 1) // self._cell, 6))
        # What is left over goes to the titles, before it goes to nothing.
        spare = (width - 1) // self._columns - self._cell
        titles += max(0, min(spare, max(len(figure.title) for figure in figures) - titles))
        self._cell = titles + 1 + widest + 3
        here = self.place // self._columns
        count = -(-len(figures) // self._columns)
        self._top = max(0, min(max(min(self._top, here), here - rows + 1), count - rows))
        parts = [
            max((len(split_point(figure.text)[1]) for figure in figures[column :: self._columns]), default=0)
            for column in range(self._columns)
        ]
        lines: list[Line] = []
        for row in range(self._top, self._top + rows):
            line: Line = []
            for column in range(self._columns):
                index = row * self._columns + column
                if index < len(figures):
                    line += self._tile(figures[index], titles, widest, parts[column], chosen=index == self.place)
            lines.append(line)
        return lines

    def _tile(self, figure: ResultFigure, titles: int, widest: int, part: int, *, chosen: bool) -> Line:
        back = " cursor" if chosen and self.has_focus else ""
        whole, rest = split_point(clean(figure.text, 40))
        text = fit(whole + rest.ljust(part), max(widest, len(whole) + part), "right")[-widest - 1 :]
        return [
            ("▸" if chosen and self.has_focus else " ", f"accent{back}"),
            (fit(clean(figure.title, 60), titles), f"muted{back}"),
            (" ", back.strip()),
            (fit(text.strip().rjust(widest) if len(text) > widest else text, widest, "right"), tone_for(figure) + back),
            ("  ", ""),
        ]

    def _note(self, result: RunDetail, width: int) -> Line:
        figure = self.figure
        if not self.has_focus or figure is None:
            if result.warnings:
                more = f" · and {len(result.warnings) - 1} more" if len(result.warnings) > 1 else ""
                return [(f" ! {fit(clean(result.warnings[0], 300) + more, width - 4)}", "warn")]
            return [(f" {result.row.bars:,} bars · {result.row.seconds:.2f} s", "muted")]
        if figure.text == UNKNOWN or (figure.value is None and figure.reason):
            return [(f" {clean(figure.title, 40)}: {clean(figure.reason, 200) or 'not defined here'}", "stale")]
        hold = f"buy and hold {clean(figure.hold, 40)} · " if figure.hold else ""
        return [(f" {clean(figure.title, 40)}: {hold}", "muted"), ("d", "key"), (" says what it means", "muted")]

    def action_move(self, x: int, y: int) -> None:
        figures = self.result.figures if self.result is not None else []
        place = self.place + x + y * self._columns
        if 0 <= place < len(figures):
            self.place = place
            self.repaint()

    def action_define(self) -> None:
        show_definitions(self.desk, self.bench, self.figure)

    def on_click(self, event: events.Click) -> None:
        column, row = (event.x - 1) // self._cell, event.y - 2
        figures = self.result.figures if self.result is not None else []
        place = (self._top + row) * self._columns + column
        if row >= 0 and column < self._columns and place < len(figures):
            self.place = place
            self.repaint()

    def copied(self) -> tuple[str, str] | None:
        figure = self.figure
        if figure is None or self.result is None:
            return None
        hold = f" (buy and hold {figure.hold})" if figure.hold else ""
        return (figure.title, f"#{self.result.row.run} {figure.title} {figure.text}{hold}")
