"""Balance: what the account is worth, how it got there, and what it consists of.

Decided here: below 30 rows the curve goes first; the summary keeps a small one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from polotui.tui import keys
from polotui.tui.screens.base import DeskScreen
from polotui.tui.widgets.account_summary import AccountSummary
from polotui.tui.widgets.asset_table import AssetTable
from polotui.tui.widgets.equity_chart import EquityChart
from polotui.tui.widgets.pane import Pane


class BalanceScreen(DeskScreen):
    """Screen 2."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("balance")
    DEFAULT_CSS = """
    BalanceScreen #summary { height: 4; width: 1fr; }
    BalanceScreen #equity { height: 1fr; width: 1fr; max-height: 12; }
    BalanceScreen #assets { height: 2fr; width: 1fr; }
    BalanceScreen.-low #equity { display: none; }
    BalanceScreen #body .-away { display: none; }
    BalanceScreen #body .-zoomed { display: block; width: 1fr; height: 1fr; max-height: 100%; }
    """

    def body(self) -> Iterable[Widget]:
        with Vertical(id="body"):
            yield AccountSummary(id="summary")
            yield EquityChart(id="equity")
            yield AssetTable(id="assets")

    def first_focus(self) -> Pane:
        return self.query_one(AssetTable)

    def settle(self) -> None:
        alone = self.zoomed is not None
        self.query_one(AccountSummary).frames(joins_above=False, has_bottom=alone)
        self.query_one(EquityChart).frames(joins_above=not alone, has_bottom=alone)
        self.query_one(AssetTable).frames(joins_above=not alone, has_bottom=True)

    def reachable(self, pane: Pane) -> bool:
        return pane.id != "equity" or not self.has_class("-low")

    def action_dust(self) -> None:
        self.desk.toggle_dust()

    def action_retry(self) -> None:
        self.desk.refresh_accounts()

    def action_account(self) -> None:
        self.desk.next_account()
