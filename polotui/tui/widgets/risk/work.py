"""What the risk screen knows beside the live state, and what it asks: limits, previews, history, correlations, reports.

Decided here: one object holds it and the panes only paint it. Every question has a name and a turn; an answer whose
turn is over is dropped, so a slow answer never overwrites a newer one. A question that failed keeps its words, for the
pane that waits. What the engine pushes (the topic `risk`) is read from the store and not kept here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from polotui.api import risk_commands as rc
from polotui.api import trade_replies as tr
from polotui.api.command import Command
from polotui.api.replies import Done
from polotui.core.errors import PolotuiError
from polotui.core.text import clean

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp

#: Least time between two questions for what changes slowly: the curve and the correlations.
SLOWLY_MS = 60_000


class RiskWork:
    """One per screen."""

    def __init__(self, desk: PolotuiApp) -> None:
        self.desk = desk
        self.limits: tr.Limits | None = None
        self.history: tr.RiskHistory | None = None
        self.correlations: tr.Correlations | None = None
        self.past_alerts: tr.Alerts | None = None
        """Alerts of all time, once the history was asked for."""
        self.report: tr.RiskReport | None = None
        """With what the protections prevented."""
        self.faults: dict[str, str] = {}
        """By question: why there is no answer."""
        self._turn: Counter[str] = Counter()
        self._count: dict[str, object] = {}
        self._asked_ms: dict[str, int] = {}

    @property
    def risk(self) -> tr.Risk | None:
        return self.desk.store.risk

    @property
    def now_ms(self) -> int:
        """Now as trading counts it: a demo at sixty times the speed has its own clock."""
        risk = self.risk
        return max(risk.now_ms if risk is not None else 0, self.desk.clock.wall_ms())

    def ask(self, name: str, command: Command, then: Callable[[Any], None], *, quiet: bool = False) -> None:
        """Sends `command`; a later question of the same `name` makes its answer void."""
        self._turn[name] += 1
        turn = self._turn[name]

        async def send() -> None:
            try:
                reply = await self.desk.session.call(command)
            except PolotuiError as error:
                if turn == self._turn[name]:
                    self.faults[name] = error.record().sentence()
                    if not quiet:
                        self.desk.tell_error(error)
                    self.changed()
                return
            if turn == self._turn[name]:
                self.faults.pop(name, None)
                then(reply)
                self.changed()

        self.desk.run_worker(send(), group="risk", exit_on_error=True)

    def void(self, name: str) -> None:
        """Whatever is on its way for `name` is too late."""
        self._turn[name] += 1

    def changed(self) -> None:
        self.desk.store.mark("riskwork", "face")

    def waiting(self, name: str, words: str) -> str:
        """What a pane says while it has nothing: the fault, or what it waits for."""
        if self.desk.store.link != "live":
            return "The engine is not attached; ctrl+r starts it."
        return clean(self.faults[name], 300) if name in self.faults else words

    # what is kept fresh while the screen is open

    def heard(self, dirty: set[str], views: set[str]) -> None:
        """Called on each frame. `views` are the questions whose panes are shown now."""
        if self.desk.store.link != "live":
            return
        if "link" in dirty:
            self._count.clear()
            self._asked_ms.clear()
        count, risk = self.desk.store.trading.alerts, self.risk
        # A loosening comes into force without anybody doing anything.
        in_force = (risk.preset, risk.pending_ms, *(row.limit_text for row in risk.limits)) if risk is not None else ()
        self._keep("limits", (count, in_force), rc.GetLimits(), self._limits)
        if "past" in views:
            self._keep("past", count, rc.ListAlerts(open=False, limit=200), self._past)
        if "report" in views:
            counts = count + self.desk.store.trading.trades
            self._keep("report", counts, rc.GetRiskReport(prevented=True), self._report)
        if "history" in views:
            self._slowly("history", rc.GetRiskHistory(), self._history)
        if "correlations" in views:
            self._slowly("correlations", rc.GetCorrelations(), self._correlations)

    def _keep(self, name: str, count: object, command: Command, then: Callable[[Any], None]) -> None:
        """Once, and again whenever the engine says that what it stores has changed."""
        if self._count.get(name) != count:
            self._count[name] = count
            self.ask(name, command, then, quiet=True)

    def _slowly(self, name: str, command: Command, then: Callable[[Any], None]) -> None:
        now = self.desk.clock.wall_ms()
        if now - self._asked_ms.get(name, -SLOWLY_MS) >= SLOWLY_MS:
            self._asked_ms[name] = now
            self.ask(name, command, then, quiet=True)

    def _limits(self, reply: tr.Limits) -> None:
        self.limits = reply

    def _past(self, reply: tr.Alerts) -> None:
        self.past_alerts = reply

    def _report(self, reply: tr.RiskReport) -> None:
        self.report = reply

    def _history(self, reply: tr.RiskHistory) -> None:
        self.history = reply

    def _correlations(self, reply: tr.Correlations) -> None:
        self.correlations = reply

    # what changes something

    def do(self, command: Command) -> None:
        """A command whose answer is a sentence."""
        if self.desk.may_change():
            self.desk.ask(command, self._done)

    def _done(self, reply: Done) -> None:
        self.desk.tell(reply.text)

    def withdraw(self) -> None:
        if self.desk.may_change():
            self.desk.ask(rc.SetLimits(withdraw=True, caller=self.desk.caller), self._set)

    def set(self, preset: str, changes: dict[str, str], reason: str, then: Callable[[], None]) -> None:
        def done(reply: tr.LimitsSet) -> None:
            then()
            self._set(reply)

        self.desk.ask(rc.SetLimits(preset=preset, changes=changes, reason=reason, caller=self.desk.caller), done)

    def _set(self, reply: tr.LimitsSet) -> None:
        self.desk.tell(clean(reply.text, 300))
        self._count.pop("limits", None)
        self.changed()
