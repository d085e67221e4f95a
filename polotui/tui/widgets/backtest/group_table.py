"""Trades by hour, weekday, exit reason, symbol and side: where the result comes from."""

from __future__ import annotations

from polotui.core.text import clean
from polotui.tui.numbers import UNKNOWN, tone_of
from polotui.tui.widgets.backtest.result_pane import ResultPane, tabs
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.rows import Cell, Column, Row
from polotui.tui.widgets.sparkline import bar


class GroupTable(LiveTable, ResultPane):
    """All groups in one table: / narrows it to one kind."""

    NAME = "Groups"
    ABOUT = "Trades by hour (UTC), weekday, reason of the exit, symbol and side. / weekday shows the weekdays alone."
    SCOPES = ("result", "table", "backtest")
    COLUMNS = (
        Column("by", "by", least=8),
        Column("key", "group", least=8, grow=True),
        Column("trades", "trades", "right"),
        Column("win", "win", "point"),
        Column("profit", "profit USDT", "point", least=12),
        Column("share", "", drop=1, least=12),
    )

    def title(self, width: int) -> Line:
        return tabs("groups")

    def empty_words(self) -> str:
        return "No trade to group." if self.result is not None else "No result is open. i shows the history."

    def rows(self) -> list[Row]:
        groups = self.result.groups if self.result is not None else []
        most: dict[str, float] = {}
        for group in groups:
            # Bars are compared within one kind: hours with hours.
            most[group.by] = max(most.get(group.by, 1e-9), abs(group.profit))
        rows = []
        for index, group in enumerate(groups):
            win = UNKNOWN if group.win_rate is None else f"{group.win_rate * 100:.1f} %"
            tone = tone_of(group.profit)
            cells = {
                "by": Cell(clean(group.by, 16), "muted", f"{group.by} {index:04}"),
                "key": Cell(clean(group.key, 30), "", f"{group.key}"),
                "trades": Cell(f"{group.trades:,}", "", group.trades),
                "win": Cell(win, "", group.win_rate),
                "profit": Cell(f"{group.profit:+,.2f}".replace("-", "−"), tone, group.profit),
                "share": Cell(bar(abs(group.profit) / most[group.by], 12), tone, group.profit),
            }
            rows.append(Row(f"{group.by} {group.key}", cells))
        return rows

    def opened(self, key: str) -> None:
        row = self.table.current
        if row is not None:
            self.table.narrow(row.cells["by"].text)
            self.repaint()
