"""Backtest: the run form and the jobs on the left; the history, a result, a comparison or a sweep on the right.

Decided here: the right side shows one view at a time, and each view is where it was left. Below 100 columns the two
sides take turns, below 30 rows the curve and the table under it do, and Tab goes between them. From 44 rows on the
history stays below the result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from polotui.api.lab_commands import GetRunChart
from polotui.api.lab_replies import RunChart as RunChartReply
from polotui.api.lab_values import RunSpec
from polotui.tui import keys
from polotui.tui.screens.base import DeskScreen
from polotui.tui.widgets.backtest.base import day, symbols_words
from polotui.tui.widgets.backtest.bench import Bench
from polotui.tui.widgets.backtest.compare_view import CompareCurve, CompareTable
from polotui.tui.widgets.backtest.distribution import Distribution
from polotui.tui.widgets.backtest.form_pane import FormPane
from polotui.tui.widgets.backtest.group_table import GroupTable
from polotui.tui.widgets.backtest.job_list import JobList
from polotui.tui.widgets.backtest.months_map import MonthsMap
from polotui.tui.widgets.backtest.result_curve import ResultCurve
from polotui.tui.widgets.backtest.result_pane import TABLES
from polotui.tui.widgets.backtest.result_texts import Analyses, Assumptions
from polotui.tui.widgets.backtest.result_tiles import ResultTiles
from polotui.tui.widgets.backtest.run_chart import RunChart
from polotui.tui.widgets.backtest.run_form import RunForm
from polotui.tui.widgets.backtest.run_history import RunHistory
from polotui.tui.widgets.backtest.sweep_form import SweepForm
from polotui.tui.widgets.backtest.sweep_view import SweepBest, SweepHeat, SweepList
from polotui.tui.widgets.backtest.sweeping import Sweeping
from polotui.tui.widgets.backtest.trade_table import TradeTable
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.pane import Pane

#: Which panes a view shows, from top to bottom.
VIEWS: dict[str, tuple[str, ...]] = {
    "history": ("history",),
    "result": ("tiles", "curve", "chart", *TABLES),
    "compare": ("compared", "columns"),
    "sweep": ("sweeps", "best", "map"),
}
#: Rows from which the history has room below the result.
TALL = 44


class BacktestScreen(DeskScreen):
    """Screen 4."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("backtest")
    DEFAULT_CSS = """
    BacktestScreen .column { height: 1fr; }
    BacktestScreen #left { width: 38; }
    BacktestScreen.-medium #left { width: 34; }
    BacktestScreen #right { width: 1fr; }
    BacktestScreen #form { height: 1fr; }
    BacktestScreen #sweepform { height: 1fr; }
    BacktestScreen #jobs { height: 9; }
    BacktestScreen #history { height: 1fr; }
    BacktestScreen #history.-strip { height: 11; }
    BacktestScreen #tiles { height: 9; }
    BacktestScreen #curve { height: 5fr; }
    BacktestScreen #chart { height: 5fr; }
    BacktestScreen .table { height: 4fr; }
    BacktestScreen #compared { height: 2fr; }
    BacktestScreen #columns { height: 3fr; }
    BacktestScreen #sweeps { height: 8; }
    BacktestScreen #best { height: 1fr; }
    BacktestScreen #map { height: 1fr; }
    BacktestScreen.-low #jobs { height: 5; }
    BacktestScreen.-low #tiles { height: 7; }
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
        self.sweeping = Sweeping(self.bench)
        self.searching = False
        """The sweep form stands in the place of the run form."""
        self.view = "history"
        self.table = "trades"
        self.charted = False
        """A trade's chart stands in the place of the curve."""
        self.upper = False
        """In a low terminal: the curve has the room, not the table."""
        self.low_pane = {"compare": "columns", "sweep": "best"}
        """In a low terminal: which pane of a view has the room."""

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="body"):
            with Vertical(id="left", classes="column"):
                yield RunForm(id="form")
                yield SweepForm(id="sweepform")
                yield JobList(id="jobs")
            with Vertical(id="right", classes="column"):
                yield ResultTiles(id="tiles")
                yield ResultCurve(id="curve")
                yield RunChart(id="chart")
                yield TradeTable(id="trades", classes="table")
                yield MonthsMap(id="months", classes="table")
                yield Distribution(id="distribution", classes="table")
                yield GroupTable(id="groups", classes="table")
                yield Analyses(id="analyses", classes="table")
                yield Assumptions(id="assumptions", classes="table")
                yield CompareCurve(id="compared")
                yield CompareTable(id="columns")
                yield SweepList(id="sweeps")
                yield SweepBest(id="best")
                yield SweepHeat(id="map")
                yield RunHistory(id="history")

    def on_mount(self) -> None:
        self.give_room()
        super().on_mount()

    def first_focus(self) -> Pane:
        return self.query_one(RunForm)

    def topics(self) -> list[str]:
        number = self.sweeping.number
        return ["lab", f"sweep:{number}"] if number else ["lab"]

    def frame(self, dirty: set[str], now: float) -> None:
        self.bench.heard(dirty)
        self.sweeping.heard(dirty)
        super().frame(dirty, now)

    def on_screen_resume(self) -> None:
        if self.desk.view.strategy and self.bench.strategies is not None:
            self.bench.choose(self.desk.view.strategy)
        # What ended while another screen was open.
        self.bench.heard({"jobs"})
        self.desk.store.mark("bench")
        super().on_screen_resume()

    # what is shown

    def shown_in(self, view: str) -> list[str]:
        """The ids of the panes that have room in a view, from top to bottom."""
        if view in self.low_pane and self.has_class("-low"):
            return [self.low_pane[view]]
        if view != "result":
            return list(VIEWS.get(view, ()))
        upper = "chart" if self.charted else "curve"
        if self.has_class("-low"):
            return ["tiles", upper if self.upper else self.table]
        strip = ["history"] if self.app.size.height >= TALL else []
        return ["tiles", upper, self.table, *strip]

    def give_room(self) -> None:
        """Gives the right side to the panes of the open view."""
        shown = self.shown_in(self.view)
        for pane in self.query_one("#right").query(Pane):
            pane.set_class(pane.id not in shown, "-off")
        self.query_one("#form").set_class(self.searching, "-off")
        self.query_one("#sweepform").set_class(not self.searching, "-off")
        self.query_one("#history").set_class(self.view == "result", "-strip")
        self.settle()

    def show(self, view: str) -> None:
        """Opens a view and goes to the pane that matters in it; who is typing is left alone."""
        focused = self.focused
        if isinstance(focused, LiveTable | FormPane) and focused.typing:
            self.desk.tell(f"The {view} is there; o shows the result.")
            return
        self.view = view
        if view == "result":
            self.charted = False
            self.upper = False
            self.query_one(ResultCurve).cross = None
        name = {"result": self.table, "compare": "columns", "sweep": "best"}.get(view, VIEWS[view][0])
        self.focus_on(self.query_one(f"#{name}", Pane))

    def next_table(self, step: int) -> None:
        """The next table under the curve."""
        names = list(TABLES)
        self.table = names[(names.index(self.table) + step) % len(names)]
        self.upper = False
        self.focus_on(self.query_one(f"#{self.table}", Pane))

    def show_trade(self, number: int) -> None:
        """The bars around a trade, in the place of the curve; the table keeps the focus."""
        result = self.bench.result
        if result is None:
            return

        def arrived(reply: RunChartReply) -> None:
            self.query_one(RunChart).put(reply, number)
            self.charted, self.upper = True, True
            if self.has_class("-low"):
                self.focus_on(self.query_one(RunChart))
            else:
                self.give_room()

        self.bench.ask("chart", GetRunChart(run=result.row.run, trade=number), arrived)

    def step_back(self) -> bool:
        """Chart, result (or comparison, or sweep), history, and only then the screen before."""
        if self.view == "result" and self.charted:
            self.close_chart()
        elif self.view != "history":
            self.action_history()
        else:
            return False
        return True

    def close_chart(self) -> None:
        self.charted = self.upper = False
        self.focus_on(self.query_one(f"#{self.table}", Pane))

    def open_sweep(self, number: int) -> None:
        """A sweep's table on the right."""
        self.sweeping.open(number)

    # what the sweep form takes from the run form

    def run_spec(self) -> RunSpec | None:
        return self.query_one(RunForm).spec()

    def run_words(self) -> str:
        """«BTC_USDT 1h · last 365 days»."""
        spec = self.run_spec()
        form = self.query_one(RunForm).form
        if spec is None:
            return "the run form has a wrong field"
        span = f"{day(spec.from_ms)} → {day(spec.to_ms)}" if spec.from_ms else form.text("from")
        return f"{spec.strategy} · {symbols_words([form.text('symbols')])} {form.text('timeframe')} · {span}"

    # rooms

    def view_of(self, pane: Pane) -> str:
        """The view a pane belongs to; empty for the left side."""
        if pane.id == "history":
            return self.view if "history" in self.shown_in(self.view) else "history"
        return next((view for view, names in VIEWS.items() if pane.id in names), "")

    def reachable(self, pane: Pane) -> bool:
        view = self.view_of(pane)
        if pane.id in ("form", "sweepform"):
            return (pane.id == "sweepform") == self.searching
        if not view or pane.id == "history":
            return True
        if view == "result":
            if self.bench.result is None:
                return False
            return pane.id in ("tiles", "chart" if self.charted else "curve", self.table)
        return view == self.view

    def reveal(self, pane: Pane) -> None:
        view = self.view_of(pane)
        self.set_class(bool(view), "-right")
        if view:
            self.view = view
            if pane.id in ("curve", "chart"):
                self.upper = True
            elif pane.id in TABLES:
                self.upper = False
            elif view in self.low_pane and pane.id:
                self.low_pane[view] = pane.id
        elif pane.id in ("form", "sweepform"):
            self.searching = pane.id == "sweepform"
        self.give_room()

    def settle(self) -> None:
        alone = self.zoomed is not None
        for column in ("#left", "#right"):
            panes = [pane for pane in self.query_one(column).query(Pane) if not pane.has_class("-off")]
            for index, pane in enumerate(panes):
                pane.frames(joins_above=index > 0 and not alone, has_bottom=alone or index == len(panes) - 1)

    def _resized(self) -> None:
        self.give_room()
        super()._resized()

    # keys

    def action_run(self) -> None:
        if self.searching:
            self.query_one(SweepForm).submit()
        else:
            self.query_one(RunForm).submit()

    def action_sweep(self) -> None:
        """The sweep form on the left, the sweeps on the right."""
        self.view = "sweep"
        self.focus_on(self.query_one(SweepForm))

    def action_run_again(self) -> None:
        self.query_one(RunForm).submit(again=True)

    def action_form(self) -> None:
        self.focus_on(self.query_one(RunForm))

    def action_history(self) -> None:
        self.view = "history"
        self.focus_on(self.query_one(RunHistory))

    def action_result(self) -> None:
        if self.bench.result is None:
            self.desk.tell("No result is open. i shows the history, Enter opens a run; r runs the form.")
            return
        self.view = "result"
        self.focus_on(self.query_one(f"#{self.table}", Pane))
