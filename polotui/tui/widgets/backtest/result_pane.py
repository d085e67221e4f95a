"""What all panes of an open result can do: definition, analysis, export, and the tables under the curve in turn."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace
from textual.binding import BindingType

from polotui.api.lab_values import RunDetail
from polotui.tui import keys
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.backtest.base import BenchPane
from polotui.tui.widgets.backtest.definition_dialog import show_definitions
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Exported

#: The tables under the curve in the order of `v`: id of the pane and its word in the title.
TABLES = {
    "trades": "Trades",
    "months": "months",
    "distribution": "distribution",
    "groups": "groups",
    "analyses": "analyses",
    "assumptions": "assumptions",
}
_ANALYSES = (
    Choice("walk-forward", "walk-forward", "chosen on one stretch, tried on the next, again and again"),
    Choice("hold-out", "hold-out", "the last part of the data, which the choice never saw"),
    Choice("monte-carlo", "Monte Carlo", "the same trades in other orders: how deep it might have gone"),
    Choice("stress", "stress", "dearer fees, worse fills, missing fills"),
    Choice("confirmation", "confirmation", "with and without the confirmation of higher frames"),
)
_EXPORTS = (
    Choice("trades", "trades", "CSV, one line a trade"),
    Choice("equity", "equity", "CSV, one line a bar"),
    Choice("fills", "fills", "CSV, one line a fill"),
    Choice("all", "all of it", "JSON, so that the run can be repeated"),
)


class ResultPane(BenchPane):
    """A part of the open result."""

    SCOPES: tuple[str, ...] = ("result", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("result")

    @property
    def result(self) -> RunDetail | None:
        return self.bench.result

    def nothing(self) -> list[Line]:
        """What to say while no result is open."""
        if self.bench.result_wanted:
            return [[], [(f" Loading run #{self.bench.result_wanted} …", "muted")]]
        words: Line = [(" No result is open. ", "muted"), ("r", "key"), (" runs the form, ", "muted")]
        return [[], [*words, ("i", "key"), (" shows the history.", "muted")]]

    def action_view(self, step: int) -> None:
        self.backtest.next_table(step)

    def action_define(self) -> None:
        show_definitions(self.desk, self.bench)

    def action_paper(self) -> None:
        """The paper screen's wizard with what this run ran with."""
        if self.result is None:
            self.desk.tell("Open a result first: i shows the history, Enter opens a run.")
        elif self.desk.may_change():
            self.desk.view.on_paper = replace(self.result.spec, version=self.result.row.version)
            self.desk.go_to("paper")

    def action_analyse(self) -> None:
        if self.result is None:
            self.desk.tell("Open a result first: i shows the history, Enter opens a run.")
            return
        title = f"Analyse run #{self.result.row.run}"
        self.desk.push_screen(Picker(title, _ANALYSES), lambda kind: self.bench.analyse(kind) if kind else None)

    def exports_itself(self) -> bool:
        """The engine writes it: it has every bar and every fill."""
        result = self.result
        if result is None:
            return False

        def write(what: str | None) -> None:
            if what:
                self.bench.export(result.row.run, what)

        self.desk.push_screen(Picker(f"Export run #{result.row.run}", _EXPORTS), write)
        return True


def tabs(current: str, extra: str = "") -> Line:
    """The tables' names as a title, the open one in front of the eye."""
    line: Line = []
    for name, words in TABLES.items():
        if line:
            line.append((" · ", "faint"))
        chosen = name == current
        line.append((words + (extra if chosen else ""), "title" if chosen else "muted"))
    return line


class TextTable(ResultPane):
    """A table under the curve that is a text to scroll."""

    SCOPES = ("result", "text", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("text")
    TABLE: ClassVar[str] = ""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.top = 0
        self._most = 0

    def title(self, width: int) -> Line:
        return tabs(self.TABLE)

    def title_right(self) -> Line:
        return [(f"{self.top + 1} of {self._most + 1}", "muted")] if self._most else []

    def text(self, result: RunDetail, width: int) -> list[Line]:
        raise NotImplementedError

    def body(self, width: int, height: int) -> list[Line]:
        result = self.result
        if result is None:
            return self.nothing()
        lines = self.text(result, width - 2)
        self._most = max(0, len(lines) - height)
        self.top = max(0, min(self.top, self._most))
        return [[(" ", ""), *line] for line in lines[self.top : self.top + height]]

    def action_scroll_text(self, step: int) -> None:
        self.top = max(0, min(self.top + step, self._most))
        self.repaint()

    def export(self) -> Exported | None:
        return None

    def copied(self) -> tuple[str, str] | None:
        result = self.result
        if result is None:
            return None
        lines = self.text(result, 200)
        told = "\n".join("".join(text for text, _ in line).rstrip() for line in lines)
        return (TABLES[self.TABLE], told) if told else None
