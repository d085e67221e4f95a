"""Risk: the meter and the limits on the left; on the right one view at a time of what stands behind them.

Decided here: the left side never goes away while there is room for it, so that whatever one tries (a preset, a size, an
order) is seen beside the limits it touches. Below 100 columns the two sides take turns, below 30 rows the panes of a
view with a form do, and Tab goes between them. From 44 rows on the overview has room for the curve as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from polotui.api.risk_commands import ClearLatch
from polotui.api.trade_values import LatchRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import moment
from polotui.tui.screens.base import DeskScreen
from polotui.tui.shell.entries import Entries, Entry, needed, word
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Pane
from polotui.tui.widgets.risk.alerts import AlertsPane
from polotui.tui.widgets.risk.correlation import CorrelationPane
from polotui.tui.widgets.risk.curve import CurvePane
from polotui.tui.widgets.risk.exposure import ExposurePane
from polotui.tui.widgets.risk.limits import LimitsPane, PendingPane
from polotui.tui.widgets.risk.limits_form import DiffPane, LimitsForm
from polotui.tui.widgets.risk.locks import LatchesPane, LocksPane
from polotui.tui.widgets.risk.meter import MeterPane
from polotui.tui.widgets.risk.prevented import PreventedPane
from polotui.tui.widgets.risk.protects import ProtectsPane
from polotui.tui.widgets.risk.size import SizeForm, SizePane
from polotui.tui.widgets.risk.whatif import DecisionPane, WhatIfForm
from polotui.tui.widgets.risk.work import RiskWork

#: Which panes a view shows, from top to bottom, in the order of `v`.
VIEWS: dict[str, tuple[str, ...]] = {
    "now": ("protects", "exposure", "alerts"),
    "limits": ("limitsform", "diff"),
    "whatif": ("whatif", "decision"),
    "size": ("sizeform", "size"),
    "correlation": ("correlation",),
    "curve": ("curve",),
    "locks": ("latches", "locks"),
    "prevented": ("prevented",),
}
#: Rows from which the overview has room for the curve.
TALL = 44


class RiskScreen(DeskScreen):
    """Screen 6."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("risk")
    DEFAULT_CSS = """
    RiskScreen .column { height: 1fr; }
    RiskScreen #left { width: 62; }
    RiskScreen.-medium #left { width: 58; }
    RiskScreen #right { width: 1fr; }
    RiskScreen #meter { height: 11; }
    RiskScreen.-low #meter { height: 8; }
    RiskScreen #limits { height: 1fr; }
    RiskScreen #protects { height: 3fr; }
    RiskScreen #exposure { height: 9; }
    RiskScreen #alerts { height: 2fr; }
    RiskScreen.-low #exposure { height: 5; }
    RiskScreen #limitsform, RiskScreen #whatif, RiskScreen #sizeform { height: 3fr; }
    RiskScreen #diff, RiskScreen #size { height: 2fr; }
    RiskScreen #whatif { height: 13; }
    RiskScreen #decision { height: 1fr; }
    RiskScreen.-low #whatif { height: 9; }
    RiskScreen.-low #sizeform { height: 10; }
    RiskScreen.-low #size { height: 1fr; }
    RiskScreen #correlation, RiskScreen #curve, RiskScreen #prevented { height: 1fr; }
    RiskScreen #latches { height: 2fr; }
    RiskScreen #locks { height: 3fr; }
    RiskScreen #curve.-strip { height: 14; }
    RiskScreen.-narrow #left { width: 1fr; }
    RiskScreen.-narrow #right { display: none; }
    RiskScreen.-narrow.-right #right { display: block; }
    RiskScreen.-narrow.-right #left { display: none; }
    RiskScreen #body .-off { display: none; }
    RiskScreen #body .-away { display: none; }
    RiskScreen #body .-zoomed { display: block; width: 1fr; height: 1fr; }
    RiskScreen #body .column.-alone { display: block; width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.work = RiskWork(self.desk)
        self.view = "now"

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="body"):
            with Vertical(id="left", classes="column"):
                yield MeterPane(id="meter")
                yield PendingPane(id="pending")
                yield LimitsPane(id="limits")
            with Vertical(id="right", classes="column"):
                yield ProtectsPane(id="protects")
                yield ExposurePane(id="exposure")
                yield AlertsPane(id="alerts")
                yield LimitsForm(id="limitsform")
                yield DiffPane(id="diff")
                yield WhatIfForm(id="whatif")
                yield DecisionPane(id="decision")
                yield SizeForm(id="sizeform")
                yield SizePane(id="size")
                yield CorrelationPane(id="correlation")
                yield LatchesPane(id="latches")
                yield LocksPane(id="locks")
                yield PreventedPane(id="prevented")
                yield CurvePane(id="curve")

    def on_mount(self) -> None:
        self.give_room()
        super().on_mount()

    def first_focus(self) -> Pane:
        return self.query_one(LimitsPane)

    def topics(self) -> list[str]:
        return ["risk"]

    def frame(self, dirty: set[str], now: float) -> None:
        if not self.query(CurvePane):
            return  # opened a moment ago: the panes are still to come
        self.work.heard(dirty, self._questions())
        if self.query_one(PendingPane).has_class("-off") == self._pending():
            self.give_room()
        super().frame(dirty, now)

    def _questions(self) -> set[str]:
        """What the shown panes need beside the live state."""
        wanted: set[str] = set()
        if self.query_one(AlertsPane).past:
            wanted.add("past")
        shown = set(self.shown_in(self.view))
        for pane, question in (("curve", "history"), ("correlation", "correlations"), ("prevented", "report")):
            if pane in shown:
                wanted.add(question)
        return wanted

    # what is shown

    def shown_in(self, view: str) -> list[str]:
        """The ids of the panes that have room in a view, from top to bottom."""
        strip = ["curve"] if view == "now" and self.app.size.height >= TALL else []
        return [*VIEWS[view], *strip]

    def give_room(self) -> None:
        shown = self.shown_in(self.view)
        for pane in self.query_one("#right").query(Pane):
            pane.set_class(pane.id not in shown, "-off")
        self.query_one(CurvePane).set_class(self.view == "now", "-strip")
        pending = self.work.risk.pending if self.work.risk is not None else []
        self.query_one(PendingPane).styles.height = 1 + min(len(pending), 2 if self.has_class("-low") else 4)
        self.query_one(PendingPane).set_class(not self._pending(), "-off")
        self.settle()

    def _pending(self) -> bool:
        return bool(self.work.risk is not None and self.work.risk.pending)

    def view_of(self, pane: Pane) -> str:
        if pane.id in self.shown_in(self.view):
            return self.view
        return next((view for view, names in VIEWS.items() if pane.id in names), "")

    def reachable(self, pane: Pane) -> bool:
        view = self.view_of(pane)
        if pane.id == "pending":
            return self._pending()
        return not view or view == self.view

    def reveal(self, pane: Pane) -> None:
        view = self.view_of(pane)
        self.set_class(bool(view), "-right")
        if view:
            self.view = view
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

    def step_back(self) -> bool:
        if self.view == "now":
            return False
        self.action_open_view("now")
        return True

    # keys

    def action_open_view(self, view: str) -> None:
        self.view = view
        pane = self.query_one(f"#{self.shown_in(view)[0]}", Pane)
        if isinstance(pane, SizeForm | WhatIfForm):
            # What it says may be from an hour ago.
            pane.changed()
        self.focus_on(pane)

    def action_view(self, step: int) -> None:
        names = list(VIEWS)
        self.action_open_view(names[(names.index(self.view) + step) % len(names)])

    def action_preset(self) -> None:
        """Opens the limits with the list of presets over them."""
        self.action_open_view("limits")
        self.query_one(LimitsForm).choose_preset()

    def action_withdraw(self) -> None:
        if self._pending():
            self.work.withdraw()
        else:
            self.desk.tell("No loosening waits to come into force.")

    def action_resume(self) -> None:
        self.desk.ask_resume()

    def action_flatten(self) -> None:
        self.desk.ask_flatten()

    def change_limit(self, name: str) -> None:
        """The form, with the cursor on this limit when it has a field."""
        form = self.query_one(LimitsForm)
        form.place = form.nearest(name)
        self.action_open_view("limits")

    def clear_latch(self, latch: LatchRow) -> None:
        """Acknowledges it when that is enough, else asks for its words and a reason."""
        if not self.desk.may_change():
            return
        words: list[Line | str] = [
            [(clean(latch.title, 60), "title"), (f"  since {moment(latch.since_ms)}", "muted")],
            clean(latch.reason, 300),
            [],
        ]
        if latch.clearable:
            words.append("Its time has come: acknowledging clears it, and entries are possible again.")
            entries = [Entry("reason", "note", hint="may stay empty")]
        else:
            words += [
                "It is still in force. Overriding lets entries pass again although the limit was broken. It is "
                "audited with the reason.",
                f"Otherwise: {clean(latch.how_to_clear, 300)}.",
            ]
            entries = [word(latch.override_words), Entry("reason", "reason", hint="for the audit", check=needed)]
            if not latch.override_words:
                self.desk.tell(f"This latch cannot be cleared here: {clean(latch.how_to_clear, 300)}.", "warning")
                return

        def answered(texts: dict[str, str] | None) -> None:
            if texts is not None:
                self.work.do(
                    ClearLatch(
                        name=latch.name,
                        words=texts.get("word", ""),
                        reason=texts["reason"].strip(),
                        caller=self.desk.caller,
                    )
                )

        title = "Acknowledge a latch" if latch.clearable else "Override a latch"
        self.desk.push_screen(Entries(title, words, entries, "clears it"), answered)
