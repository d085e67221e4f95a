"""What the panes of the board share: words of health, figures of a card, and what its keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from polotui.api.trade_values import BoardCard
from polotui.tui.numbers import UNKNOWN, percent
from polotui.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from polotui.tui.screens.board import BoardScreen
    from polotui.tui.widgets.board.work import BoardWork

HEALTH = {
    "ok": ("● as expected", "good"),
    "below": ("▼ below expected", "bad"),
    "above": ("▲ above expected", "warn"),
    "early": ("◌ too early to say", "muted"),
    "": ("", ""),
}


class BoardPane(Pane):
    """A pane of the board."""

    SCOPES: tuple[str, ...] = ("board",)
    TOPICS = frozenset({"board", "link"})

    @property
    def board(self) -> BoardScreen:
        return cast("BoardScreen", self.screen)

    @property
    def work(self) -> BoardWork:
        return self.board.work


def rate(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value * 100:.1f} %"


def drawdown(value: float | None) -> str:
    return UNKNOWN if value is None else percent(-abs(value), 1)


def figure(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}".replace("-", "−")


def stage_return(card: BoardCard) -> float | None:
    """The return of the stage a strategy is in: on paper what paper made, before that the backtest's."""
    return card.paper_return if card.stage in ("paper", "live") else card.total_return
