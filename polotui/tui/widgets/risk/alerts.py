"""Alerts: what comes near a limit, what broke one, what is unusual. Acknowledging says «seen»; a breach stays."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.risk_commands import AcknowledgeAlert
from polotui.api.trade_values import AlertRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import clock, moment
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.risk.base import LEVEL_TONES, RiskPane
from polotui.tui.widgets.rows import Cell, Column, Row

DAY_MS = 86_400_000


class AlertsPane(LiveTable, RiskPane):
    """Open alerts, newest first; H shows those of all time."""

    NAME = "Alerts"
    ABOUT = (
        "near: a limit is used to 80 %. breach: it is broken, and stays here until it is cured. unusual: far from "
        "what the last 30 days were like. safety: the desk itself is unsound. a acknowledges, A all of them, H shows "
        "the past."
    )
    SCOPES = ("alerts", "table", "risk")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("alerts")
    COLUMNS = (
        Column("at", "time"),
        Column("level", "kind"),
        Column("text", "what", grow=True),
        Column("seen", "seen", drop=1),
        Column("cured", "cured", drop=2),
        Column("code", "code", drop=3),
    )

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.past = False
        """All of them are shown, not only the open ones."""

    def shown_alerts(self) -> list[AlertRow]:
        if self.past:
            return self.work.past_alerts.alerts if self.work.past_alerts is not None else []
        return self.risk.alerts if self.risk is not None else []

    def title(self, width: int) -> Line:
        line: Line = [(f"{self.NAME} of all time" if self.past else self.NAME, "title")]
        alerts = self.shown_alerts()
        for level in ("breach", "safety", "near", "unusual"):
            count = sum(1 for row in alerts if row.level == level and not row.cured_ms)
            if count:
                line.append((f" · {count} {level}", LEVEL_TONES[level]))
        return line

    def empty_words(self) -> str:
        if self.past:
            return self.work.waiting("past", "No alert so far." if self.work.past_alerts else "Loading the alerts …")
        if self.risk is None:
            return self.work.waiting("risk", "Waiting for the first figures of risk.")
        return "No open alert. H shows those of before."

    def rows(self) -> list[Row]:
        now = self.work.now_ms
        return [self._cells(row, now) for row in self.shown_alerts()]

    def _cells(self, row: AlertRow, now: int) -> Row:
        settled = bool(row.cured_ms) or (bool(row.acknowledged_ms) and row.level != "breach")
        tone = "muted" if settled else LEVEL_TONES[row.level]
        at = clock(row.at_ms)[:5] if now - row.at_ms < DAY_MS else moment(row.at_ms)
        cells = {
            "at": Cell(at, "muted", row.at_ms),
            "level": Cell(row.level, tone, row.level),
            "text": Cell(clean(row.text, max(24, self.size.width - 20)), "muted" if settled else "", row.text),
            "seen": Cell(clock(row.acknowledged_ms)[:5] if row.acknowledged_ms else "", "muted", row.acknowledged_ms),
            "cured": Cell(clock(row.cured_ms)[:5] if row.cured_ms else "", "muted", row.cured_ms),
            "code": Cell(clean(row.code, 30), "faint", row.code),
        }
        return Row(str(row.id), cells)

    def _chosen(self) -> AlertRow | None:
        row = self.table.current
        return next((alert for alert in self.shown_alerts() if row is not None and str(alert.id) == row.key), None)

    def opened(self, key: str) -> None:
        """The whole sentence: in a narrow table it is cut."""
        alert = self._chosen()
        if alert is None:
            return
        lines: list[Line] = [[(f"{alert.level} ", LEVEL_TONES[alert.level]), (clean(alert.code, 60), "muted")], []]
        lines += [[(part, "")] for part in wrapped(clean(alert.text, 1000), self.desk.reading_width)]
        times = [("since", alert.at_ms), ("seen", alert.acknowledged_ms), ("cured", alert.cured_ms)]
        lines += [[], *([(f"{name:<6}", "muted"), (moment(at_ms), "")] for name, at_ms in times if at_ms)]
        self.desk.read(f"Alert {alert.id}", lines)

    def action_acknowledge(self) -> None:
        alert = self._chosen()
        if alert is None:
            self.desk.tell("There is no alert to acknowledge.")
        elif alert.acknowledged_ms:
            self.desk.tell("It was acknowledged before; a breach stays until it is cured.")
        else:
            self.work.do(AcknowledgeAlert(alert=alert.id, caller=self.desk.caller))

    def action_acknowledge_all(self) -> None:
        if any(not row.acknowledged_ms for row in self.shown_alerts()):
            self.work.do(AcknowledgeAlert(alert=0, caller=self.desk.caller))
        else:
            self.desk.tell("There is no alert to acknowledge.")

    def action_past(self) -> None:
        self.past = not self.past
        self.work.changed()

    def escape(self) -> bool:
        if super().escape():
            return True
        if self.past:
            self.action_past()
            return True
        return False
