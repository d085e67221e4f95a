"""What the board knows: the cards, which of them is chosen, and when to ask for them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polotui.api.replies import Done
from polotui.api.risk_commands import GetBoard, SetPromotion
from polotui.api.trade_replies import Board
from polotui.api.trade_values import BoardCard
from polotui.core.errors import PolotuiError
from polotui.core.text import clean

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp

STAGES = ("generated", "backtested", "paper", "live")


class BoardWork:
    """One per screen. The chosen card is kept by the strategy's name: it may change its column."""

    def __init__(self, desk: PolotuiApp) -> None:
        self.desk = desk
        self.cards: list[BoardCard] | None = None
        self.fault = ""
        self.chosen = ""
        self._asked_of: object = None
        self._turn = 0

    def heard(self, dirty: set[str]) -> None:
        """Asks again when strategies, runs, trades or bots are others than those that the cards were made of."""
        store = self.desk.store
        if store.link != "live":
            return
        if "link" in dirty:
            self._asked_of = None
        bots = tuple((bot.id, bot.state, bot.health) for bot in store.bots or ())
        of = (store.lab.strategies, store.lab.runs, store.trading.trades, bots)
        if of != self._asked_of:
            self._asked_of = of
            self.refresh()

    def refresh(self) -> None:
        self._turn += 1
        turn = self._turn

        async def send() -> None:
            try:
                reply: Board = await self.desk.session.call(GetBoard())
            except PolotuiError as error:
                if turn == self._turn:
                    self.fault = error.record().sentence()
                    self.changed()
                return
            if turn == self._turn:
                self.cards, self.fault = reply.cards, ""
                self.changed()

        self.desk.run_worker(send(), group="board", exit_on_error=True)

    def changed(self) -> None:
        self.desk.store.mark("board", "face")

    def waiting(self) -> str:
        if self.desk.store.link != "live":
            return "The engine is not attached; ctrl+r starts it."
        return clean(self.fault, 300) or "Loading the board …"

    def of_stage(self, stage: str) -> list[BoardCard]:
        """Those with a proposal first: they wait for a person."""
        cards = [card for card in self.cards or [] if card.stage == stage]
        return sorted(cards, key=lambda card: (not card.proposal, card.strategy))

    @property
    def card(self) -> BoardCard | None:
        return next((card for card in self.cards or [] if card.strategy == self.chosen), None)

    def set_rule(self, command: SetPromotion) -> None:
        if self.desk.may_change():
            self.desk.ask(command, self._ruled)

    def _ruled(self, reply: Done) -> None:
        self.desk.tell(reply.text)
        self.refresh()
