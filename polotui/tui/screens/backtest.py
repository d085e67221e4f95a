"""Backtest: the run form and the jobs on the left; the history, a result, a comparison or a sweep on the right.

Decided here: the right side shows one view at a time, and each view is where it was left. Below 100 columns the two
sides take turns, below 30 rows the curve and the table under it do, and Tab goes between them. From 44 rows on the
history stays below the result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Vertical
from textual.containers import Horizontal
from textual.widget import Widget

from polotui.tui import keys
from polotui.tui.screens.base import DeskScreen
from polotui.tui.widgets.backtest.bench import Bench
from polotui.tui.widgets.backtest.job_list import JobList
from polotui.tui.widgets.backtest.run_form import RunForm
from polotui.tui.widgets.backtest.run_history import RunHistory
from polotui.tui.widgets.pane import Pane


class BacktestScreen(DeskScreen):
    """Screen 4."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("backtest")
    DEFAULT_CSS = """
    BacktestScreen .column { height: 1fr; }
    BacktestScreen #left { width: 40; }
    BacktestScreen #right { width: 1fr; }
    BacktestScreen #form { height: 1fr; }
    BacktestScreen #jobs { height: 9; }
    BacktestScreen #history { height: 1fr; }
    BacktestScreen.-low #jobs { height: 6; }
    BacktestScreen.-narrow #left { width: 1fr; }
    BacktestScreen.-narrow #right { display: none; }
    BacktestScreen.-narrow.-right #right { display: block; }
    BacktestScreen.-narrow.-right #left { display: none; }
    BacktestScreen #body .-off { display: none; }
    BacktestScreen #body .-away { display: none; }
    BacktestScreen #body .-zoomed { display: block; width: 1fr; height: 1fr; }
    BacktestScreen #body .column.-alone { display: block; width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(self.desk, self.show)
        self.view = "history"

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="body"):
            with Vertical(id="left", classes="column"):
                yield RunForm(id="form")
                yield JobList(id="jobs")
            with Vertical(id="right", classes="column"):
                yield RunHistory(id="history")

    def first_focus(self) -> Pane:
        return self.query_one(RunForm)

    def topics(self) -> list[str]:
        return ["lab"]

    def frame(self, dirty: set[str], now: float) -> None:
        self.bench.heard(dirty)
        super().frame(dirty, now)

    def on_screen_resume(self) -> None:
        if self.desk.view.strategy and self.bench.strategies is not None:
            self.bench.choose(self.desk.view.strategy)
        self.desk.store.mark("bench")
        super().on_screen_resume()

    def show(self, view: str) -> None:
        """Opens a view on the right and goes there."""
        self.view = view

    def open_sweep(self, number: int) -> None:
        """A sweep's table on the right."""

    def settle(self) -> None:
        alone = self.zoomed is not None
        self.query_one(RunForm).frames(joins_above=False, has_bottom=alone)
        self.query_one(JobList).frames(joins_above=not alone, has_bottom=True)

    def reveal(self, pane: Pane) -> None:
        self.set_class(pane.id not in ("form", "jobs"), "-right")

    def action_run(self) -> None:
        self.query_one(RunForm).submit()

    def action_run_again(self) -> None:
        self.query_one(RunForm).submit(again=True)
