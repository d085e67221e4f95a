"""Which screens there are. A new screen is one file and one line here; its module is imported when it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from polotui.tui.screens.base import DeskScreen


@dataclass(frozen=True)
class Entry:
    """A screen's place in the tabs and where it is written."""

    digit: str
    """Empty: reached by name (`:`), or by a key of its own."""
    name: str
    title: str
    module: str
    factory: str

    def make(self) -> DeskScreen:
        return cast("DeskScreen", getattr(import_module(self.module), self.factory)())


SCREENS: tuple[Entry, ...] = (
    Entry("1", "market", "Market", "polotui.tui.screens.market", "MarketScreen"),
    Entry("2", "balance", "Balance", "polotui.tui.screens.balance", "BalanceScreen"),
    Entry("3", "lab", "Lab", "polotui.tui.screens.lab", "LabScreen"),
    Entry("4", "backtest", "Backtest", "polotui.tui.screens.backtest", "BacktestScreen"),
    Entry("5", "paper", "Paper", "polotui.tui.screens.paper", "PaperScreen"),
    Entry("6", "risk", "Risk", "polotui.tui.screens.risk", "RiskScreen"),
    Entry("", "board", "Board", "polotui.tui.screens.board", "BoardScreen"),
)
