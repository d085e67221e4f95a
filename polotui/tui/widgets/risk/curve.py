"""The equity with its drawdown below, and the two lines that the desk watches: warn and pause.

Decided here: the drawdown hangs from zero on a scale of its own that always shows both lines, so that the distance to
them is what the eye sees. Values come from the engine; whether a drawdown is told as 0.1 or −0.1 makes no difference.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_replies import RiskHistory
from polotui.tui import keys
from polotui.tui.numbers import at, moment, percent, price
from polotui.tui.widgets.candle_marks import Scale, decimals_of, joined, line_dots, scale_for
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.risk.base import RiskPane
from polotui.tui.widgets.sparkline import sparkline, thinned

_LABEL = 14


class CurvePane(RiskPane):
    """Thirty days."""

    NAME = "Equity and drawdown"
    ABOUT = (
        "What the account was worth, and under it how far below its highest point: a warning at the first line, at the "
        "second every bot pauses until a person resumes it. The last line is the meter."
    )
    SCOPES = ("curve", "risk")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("curve")
    TOPICS = frozenset({"riskwork", "link"})

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.cross: int | None = None
        self._columns = 1
        self._scale: Scale | None = None

    @property
    def history(self) -> RiskHistory | None:
        return self.work.history

    def _falls(self) -> list[float]:
        history = self.history
        return [abs(point.value) for point in history.drawdown] if history is not None else []

    def title(self, width: int) -> Line:
        history, falls = self.history, self._falls()
        line: Line = [(self.NAME, "title")]
        if history is None or not falls:
            return line
        if self.cross is not None and history.equity:
            x = self.cross
            times = thinned([float(point.at_ms) for point in history.equity], self._columns)
            values = thinned([point.value for point in history.equity], self._columns)
            below = thinned(falls, self._columns)
            x = min(x, len(values) - 1, len(below) - 1)
            return [
                (moment(int(times[x])), "title"),
                (f" · {price(values[x], 2)} · drawdown ", "muted"),
                (percent(-below[x], 1), self._tone(below[x])),
            ]
        line += [(" · now ", "muted"), (percent(-falls[-1], 1), self._tone(falls[-1]))]
        return [*line, (" · deepest ", "muted"), (percent(-max(falls), 1), self._tone(max(falls)))]

    def _tone(self, fall: float) -> str:
        history = self.history
        if history is None:
            return ""
        return "bad" if fall >= abs(history.pause) else "warn" if fall >= abs(history.warn) else "muted"

    def body(self, width: int, height: int) -> list[Line]:
        history = self.history
        if history is None:
            return self.nothing(width, "history", "Loading the curve …")
        if len(history.equity) < 2:
            return [[], [(" The curve starts with the second value that is kept.", "muted")]]
        self._columns = columns = max(10, width - _LABEL)
        last = [self._meter(history, columns)] if height >= 8 else []
        rows = height - len(last) - 1
        lower = max(2, rows * 2 // 5)
        lines = self._equity(history, columns, max(2, rows - lower))
        lines.append(self._times(history, columns))
        lines += self._drawdown(history, columns, lower)
        return [*lines, *last]

    def _equity(self, history: RiskHistory, columns: int, rows: int) -> list[Line]:
        values = thinned([point.value for point in history.equity], columns)
        falls = thinned(self._falls(), columns)
        self._scale = scale = scale_for(min(values), max(values), rows, self._scale)
        grid = [[(" ", "")] * columns for _ in range(rows)]
        for (x, y), character in line_dots(values, scale, rows, solid=True).items():
            tone = self._tone(falls[x]) if x < len(falls) else ""
            grid[y][x] = (character, {"muted": "up", "": "up"}.get(tone, tone))
        self._put_cross(grid)
        labels = {scale.row(value, rows): value for value in scale.labels()}
        decimals = decimals_of(scale.step, 2)
        return [
            _line(cells, f"┤ {price(labels[y], decimals)}" if y in labels else "│", "muted" if y in labels else "faint")
            for y, cells in enumerate(grid)
        ]

    def _drawdown(self, history: RiskHistory, columns: int, rows: int) -> list[Line]:
        falls = thinned(self._falls(), columns)
        warn, pause = abs(history.warn), abs(history.pause)
        deepest = max([pause * 1.15, *falls])
        grid = [[(" ", "")] * columns for _ in range(rows)]
        marks = {"warn": min(rows - 1, int(warn / deepest * rows)), "pause": min(rows - 1, int(pause / deepest * rows))}
        for name, y in marks.items():
            grid[y] = [("┄", "warn" if name == "warn" else "bad")] * columns
        for x, fall in enumerate(falls):
            depth = round(fall / deepest * rows * 2)
            for y in range((depth + 1) // 2):
                # Each row has the tone of its own depth: what hangs below a line is what broke it.
                tone = self._tone(y / rows * deepest)
                grid[y][x] = ("▀" if (y + 1) * 2 > depth else "█", "down-soft" if tone == "muted" else tone)
        self._put_cross(grid)
        lines: list[Line] = []
        for y, cells in enumerate(grid):
            label, tone = "│", "faint"
            if y == marks["pause"]:
                label, tone = f"┤ pause {_percent(pause)}", "bad"
            elif y == marks["warn"]:
                label, tone = f"┤ warn {_percent(warn)}", "warn"
            elif y == 0:
                label, tone = "┤ 0 %", "muted"
            lines.append(_line(cells, label, tone))
        return lines

    def _put_cross(self, grid: list[list[tuple[str, str]]]) -> None:
        if self.cross is None:
            return
        for cells in grid:
            if self.cross < len(cells) and cells[self.cross][0] == " ":
                cells[self.cross] = ("│", "cross")

    def _times(self, history: RiskHistory, columns: int) -> Line:
        times = thinned([float(point.at_ms) for point in history.equity], columns)
        text = [" "] * (columns + 1)
        for x in range(0, len(times), 14):
            label = at(int(times[x])).strftime("%d %b")
            if x + len(label) <= columns:
                text[x + 1 : x + 1 + len(label)] = label
        return [("".join(text), "muted")]

    def _meter(self, history: RiskHistory, columns: int) -> Line:
        values = [point.value for point in history.meter]
        if not values:
            return [(" the meter has no history yet", "muted")]
        return _line([(mark, "key") for mark in sparkline(values, columns)], f" meter {values[-1]:.0f}", "muted")

    # keys

    def action_cross(self, step: int) -> None:
        history = self.history
        if history is None or not history.equity:
            return
        count = min(self._columns, len(history.equity))
        here = count - 1 if self.cross is None else self.cross + step
        self.cross = max(0, min(here, count - 1))
        self.repaint()

    def action_cross_to(self, place: int) -> None:
        history = self.history
        if history is not None and history.equity:
            self.cross = 0 if place == 0 else min(self._columns, len(history.equity)) - 1
            self.repaint()

    def escape(self) -> bool:
        if self.cross is None:
            return False
        self.cross = None
        self.repaint()
        return True

    def export(self) -> Exported | None:
        history = self.history
        if history is None or not history.equity:
            return None
        fall = {point.at_ms: point.value for point in history.drawdown}
        meter = {point.at_ms: point.value for point in history.meter}
        rows = [
            [str(point.at_ms), str(point.value), str(fall.get(point.at_ms, "")), str(meter.get(point.at_ms, ""))]
            for point in history.equity
        ]
        return Exported("risk history", ["time_ms", "equity", "drawdown", "meter"], rows)

    def copied(self) -> tuple[str, str] | None:
        falls = self._falls()
        return ("drawdown now", percent(-falls[-1], 2)) if falls else None


def _line(cells: list[tuple[str, str]], label: str, tone: str) -> Line:
    return [(" ", ""), *joined(cells), (fit(label, _LABEL - 1), tone)]


def _percent(ratio: float) -> str:
    return f"−{ratio * 100:g} %"
