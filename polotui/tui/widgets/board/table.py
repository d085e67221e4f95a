"""The same strategies as a table to sort: return, Sharpe, drawdown, win rate, by stage."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_values import BoardCard
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, percent, tone_of
from polotui.tui.widgets.board.base import HEALTH, BoardPane, drawdown, figure, rate
from polotui.tui.widgets.board.work import STAGES
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.rows import Cell, Column, Row


class BoardTable(LiveTable, BoardPane):
    """s sorts by the column, / filters: «paper» leaves the strategies on paper."""

    NAME = "Strategies by stage"
    ABOUT = "All strategies with the figures of each stage. s sorts by the chosen column; v shows the columns again."
    SCOPES = ("table", "board")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("table")
    COLUMNS = (
        Column("strategy", "strategy", least=12),
        Column("stage", "stage"),
        Column("return", "return", "point"),
        Column("sharpe", "Sharpe", "point"),
        Column("drawdown", "max DD", "point", drop=1),
        Column("win", "win", "point", drop=2),
        Column("trades", "trades", "right", drop=3),
        Column("paper", "paper", "point"),
        Column("paper_trades", "on paper", "right", drop=6),
        Column("paper_sharpe", "paper Sharpe", "point", drop=9),
        Column("paper_drawdown", "paper DD", "point", drop=7),
        Column("paper_win", "paper win", "point", drop=8),
        Column("health", "health", drop=4),
        Column("proposal", "proposed", drop=5),
    )

    def title(self, width: int) -> Line:
        cards = self.work.cards
        return [(self.NAME, "title"), (f" · {len(cards)}" if cards is not None else "", "muted")]

    def empty_words(self) -> str:
        if self.work.cards is None:
            return self.work.waiting()
        return "No strategy yet. 3 opens the Lab, where a makes one from a template."

    def rows(self) -> list[Row]:
        return [self._cells(card) for card in self.work.cards or []]

    def _cells(self, card: BoardCard) -> Row:
        version = f" v{card.version}" if card.version else ""
        worst = None if card.max_drawdown is None else -abs(card.max_drawdown)
        words, tone = HEALTH[card.health]
        cells = {
            "strategy": Cell(clean(card.strategy, 24) + version, "", card.strategy),
            "stage": Cell(card.stage, "muted", STAGES.index(card.stage)),
            "return": Cell(percent(card.total_return), tone_of(card.total_return), card.total_return),
            "sharpe": Cell(figure(card.sharpe), "", card.sharpe),
            "drawdown": Cell(drawdown(card.max_drawdown), "", worst),
            "win": Cell(rate(card.win_rate), "", card.win_rate),
            "trades": Cell(UNKNOWN if card.trades is None else f"{card.trades:,}", "", card.trades),
            "paper": Cell(percent(card.paper_return), tone_of(card.paper_return), card.paper_return),
            "paper_trades": Cell(
                UNKNOWN if card.paper_trades is None else f"{card.paper_trades:,}", "", card.paper_trades
            ),
            "paper_sharpe": Cell(figure(card.paper_sharpe), "", card.paper_sharpe),
            "paper_drawdown": Cell(
                drawdown(card.paper_drawdown), "", None if card.paper_drawdown is None else -abs(card.paper_drawdown)
            ),
            "paper_win": Cell(rate(card.paper_win_rate), "", card.paper_win_rate),
            "health": Cell(words, tone, card.health),
            "proposal": Cell(clean(card.proposal, 24), "accent", card.proposal),
        }
        return Row(card.strategy, cells)

    def body(self, width: int, height: int) -> list[Line]:
        if self.work.chosen and not self.has_focus:
            # The card that was chosen in a column is the one under the cursor here.
            self.table.cursor = self.work.chosen
        return super().body(width, height)

    def _go(self, place: int) -> None:
        super()._go(place)
        self.work.chosen = self.table.cursor
        self.work.changed()

    def opened(self, key: str) -> None:
        self.work.chosen = key
        self.board.open_strategy()
