"""The limits with how much of each is used, and the loosenings that wait to come into force."""

from __future__ import annotations

from polotui.api.trade_values import LimitChange, LimitRow
from polotui.core.text import clean
from polotui.tui.numbers import UNKNOWN
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.risk.base import STATE_TONES, RiskPane, gauge_text
from polotui.tui.widgets.rows import Cell, Column, Row


def countdown(milliseconds: int) -> str:
    """«29:59», «1:02:03»; «now» when it is over."""
    seconds = milliseconds // 1000
    if seconds <= 0:
        return "now"
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class LimitsPane(LiveTable, RiskPane):
    """Value of limit, bar, state, distance."""

    NAME = "Limits"
    ABOUT = (
        "How much of each limit is used; «near» from 80 % on. Enter changes a limit. What tightens counts at once, "
        "loosening after a delay and with a reason."
    )
    SCOPES = ("table", "risk")
    TOPICS = frozenset({"risk", "riskwork", "link", "second"})
    COLUMNS = (
        Column("title", "limit", least=12),
        Column("value", "now", "point"),
        Column("limit", "of", "point"),
        Column("use", "used"),
        Column("state", "state", least=5),
        Column("distance", "distance", drop=1),
        Column("warn", "warns at", drop=2),
    )

    def title(self, width: int) -> Line:
        risk = self.risk
        line: Line = [(self.NAME, "title")]
        if risk is not None:
            for state in ("breach", "near", "unknown"):
                count = sum(1 for row in risk.limits if row.state == state)
                if count:
                    line.append((f" · {count} {state}", STATE_TONES[state]))
        return line

    def empty_words(self) -> str:
        return self.work.waiting("risk", "Waiting for the first figures of risk.")

    def rows(self) -> list[Row]:
        risk = self.risk
        return [self._cells(row) for row in risk.limits] if risk is not None else []

    def _cells(self, row: LimitRow) -> Row:
        tone = STATE_TONES[row.state]
        word = "" if row.state == "ok" else row.state
        cells = {
            "title": Cell(clean(row.title, 30), "" if row.state != "unknown" else "muted", row.title),
            "value": Cell(clean(row.value_text, 16) or UNKNOWN, tone, row.use),
            "limit": Cell(clean(row.limit_text, 16), "muted", row.limit_text),
            "use": Cell(
                gauge_text(row.use, 14 if self.size.width >= 78 else 8 if self.size.width >= 60 else 6),
                tone or "key",
                row.use,
            ),
            "state": Cell(word, tone, row.state),
            "distance": Cell(clean(row.distance_text, 30), "muted", row.use),
            "warn": Cell(clean(row.warn_text, 20), "muted", row.warn_text),
        }
        return Row(row.name, cells)

    def closing_line(self) -> Line:
        """What is left of the limit under the cursor, when there is no room for the column that says it of all."""
        row = self.table.current
        if row is None or any(column.name == "distance" for column, _ in self._columns_for(self.size.width - 2)):
            return []
        warn = f"warns at {row.cells['warn'].text}" if row.cells["warn"].text else ""
        parts = [row.cells["title"].text, row.cells["distance"].text or f"distance {UNKNOWN}", warn]
        return [(" " + " · ".join(part for part in parts if part), "muted")]

    def opened(self, key: str) -> None:
        self.risk_screen.change_limit(key)


class PendingPane(RiskPane):
    """Loosenings that were asked for and are not in force yet; it has room only while there are any."""

    NAME = "Waiting limits"
    ABOUT = "What comes into force when the time is up. u takes it back, and the limits stay as they are."
    TOPICS = frozenset({"risk", "link", "second"})

    def title(self, width: int) -> Line:
        risk = self.risk
        left = countdown(risk.pending_ms - self.work.now_ms) if risk is not None else UNKNOWN
        return [(f"Limits change in {left}", "warn")]

    def title_right(self) -> Line:
        return [("u", "key"), (" takes it back", "muted")]

    def body(self, width: int, height: int) -> list[Line]:
        risk = self.risk
        pending = risk.pending if risk is not None else []
        lines = [change_line(change) for change in pending]
        if len(lines) > height:
            lines = [*lines[: height - 1], [(f" … and {len(lines) - height + 1} more", "muted")]]
        return lines


def change_line(change: LimitChange) -> Line:
    """«positions   50 → 80   looser»."""
    tone, word = ("warn", "looser") if change.loosens else ("good", "tighter")
    return [
        (f" {fit(clean(change.title, 40), 22)}", ""),
        (fit(clean(change.old, 16), 10, "right"), "muted"),
        (" → ", "muted"),
        (fit(clean(change.new, 16), 10), ""),
        (word, tone),
    ]
