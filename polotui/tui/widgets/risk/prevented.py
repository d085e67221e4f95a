"""What the protections prevented, by layer and month: losses avoided, and gains missed as well."""

from __future__ import annotations

from polotui.core.text import clean
from polotui.tui.numbers import group
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.risk.base import RiskPane
from polotui.tui.widgets.rows import Cell, Column, Row


class PreventedPane(LiveTable, RiskPane):
    """An estimate: the trades were never made, a shadow of each was followed with the same rules of filling."""

    NAME = "Prevented"
    ABOUT = (
        "Each entry that was refused and each exit that was forced is followed on as if it had been done. What that "
        "shadow lost was avoided, what it won was missed. It is an estimate: nothing of it was traded."
    )
    COLUMNS = (
        Column("layer", "protection", least=14),
        Column("month", "month"),
        Column("count", "times", "right"),
        Column("avoided", "avoided", "point"),
        Column("missed", "missed", "point"),
        Column("open", "open", "right", drop=1),
    )
    SCOPES = ("table", "risk")
    TOPICS = frozenset({"riskwork", "link"})

    def title(self, width: int) -> Line:
        return [(self.NAME, "title"), (" · an estimate in USDT", "muted")]

    def empty_words(self) -> str:
        if self.work.report is None:
            return self.work.waiting("report", "Loading the report …")
        return "Nothing was prevented yet: no order was refused and no exit forced."

    def rows(self) -> list[Row]:
        report = self.work.report
        return [
            Row(
                f"{row.layer} {row.month}",
                {
                    "layer": Cell(clean(row.layer, 30), "", row.layer),
                    "month": Cell(clean(row.month, 10), "muted", row.month),
                    "count": Cell(f"{row.count:,}", "", row.count),
                    "avoided": Cell(group(row.losses_avoided, 2), "up", _order(row.losses_avoided)),
                    "missed": Cell(group(row.gains_missed, 2), "down", _order(row.gains_missed)),
                    "open": Cell(f"{row.open}" if row.open else "", "muted", row.open),
                },
            )
            for row in (report.prevented if report is not None else [])
        ]

    def closing_line(self) -> Line:
        if self.work.report is None or not self.work.report.prevented:
            return []
        return [(" shadows of trades never made; open ones may turn", "muted")]


def _order(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
