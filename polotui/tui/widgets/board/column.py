"""One stage of the board: its cards under each other, one of them chosen."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from polotui.api.trade_values import BoardCard
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import percent, tone_of
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.board.base import HEALTH, BoardPane, drawdown, figure, rate
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported

_TITLES = {"generated": "Generated", "backtested": "Backtested", "paper": "Paper", "live": "Live"}
_EMPTY = {
    "generated": "No strategy waits for its first backtest. 3 opens the Lab, where a makes one.",
    "backtested": "None has been backtested and waits here. b tests the one that is chosen.",
    "paper": "None trades on paper. P takes a backtested one there; a rule (r) does it by itself.",
    "live": "",
}
LIVE = (
    "Going live is an act of a person, never of a rule, and comes with live trading. Until then a proposal says "
    "«to live (by hand)» and nothing more happens."
)


class StageColumn(BoardPane):
    """Left and right go to the neighbouring stage."""

    ABOUT = (
        "Strategies in one stage, those with a proposal first. Left and right go to the next stage; below, the "
        "evidence of the chosen one. b backtests it, P takes it to paper, r sets its promotion rule, v shows a table."
    )
    SCOPES = ("stage", "board")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("stage")

    def __init__(self, stage: str, *, id: str) -> None:
        super().__init__(id=id)
        self.stage = stage
        self._top = 0
        self._starts: list[tuple[int, str]] = []

    def cards(self) -> list[BoardCard]:
        return self.work.of_stage(self.stage)

    def title(self, width: int) -> Line:
        cards = self.cards()
        line: Line = [(_TITLES[self.stage], "title")]
        if self.work.cards is not None:
            line.append((f" · {len(cards)}", "muted"))
        if proposed := sum(1 for card in cards if card.proposal):
            line.append((f" · → {proposed}", "accent"))
        return line

    def title_right(self) -> Line:
        return self.board.place_words(self.stage) or self.stale_mark(0)

    def body(self, width: int, height: int) -> list[Line]:
        cards = self.cards()
        if self.work.cards is None:
            return self._words(self.work.waiting(), width)
        foot = self._words(LIVE, width) if self.stage == "live" else []
        if not cards:
            return foot or self._words(_EMPTY[self.stage], width)
        lines: list[Line] = []
        self._starts = []
        for card in cards:
            self._starts.append((len(lines), card.strategy))
            lines += [*self._card(card, width), []]
        here = next((start for start, name in self._starts if name == self.work.chosen), 0)
        end = next((start for start, _ in self._starts if start > here), len(lines))
        room = max(1, height - len(foot))
        self._top = max(0, min(self._top, here), end - 1 - room)
        self._top = min(self._top, here)
        return lines[self._top : self._top + room] + foot

    @staticmethod
    def _words(text: str, width: int) -> list[Line]:
        return [[], *([(f" {part}", "muted")] for part in wrapped(text, width - 2))]

    def _card(self, card: BoardCard, width: int) -> list[Line]:
        chosen = card.strategy == self.work.chosen
        back = " cursor" if chosen and self.has_focus else ""
        name = clean(card.strategy, 40)
        version = f" v{card.version}" if card.version else ""
        head: Line = [
            ("▸" if chosen else " ", f"accent{back}" if back else "muted"),
            (fit(name + version, width - 1), f"title{back}"),
        ]
        lines = [head]
        if card.trades is None and card.total_return is None:
            lines.append([("  not backtested yet", "muted")])
        else:
            change = card.total_return
            lines.append(_pair("return", percent(change, 1), tone_of(change), "DD", drawdown(card.max_drawdown)))
            lines.append(_pair("Sharpe", figure(card.sharpe), "", "win", rate(card.win_rate)))
        if card.paper_return is not None or card.paper_trades:
            trades = f" · {card.paper_trades} trades" if card.paper_trades is not None else ""
            paper = card.paper_return
            lines.append([("  paper ", "muted"), (percent(paper, 2), tone_of(paper)), (trades, "muted")])
        words, tone = HEALTH[card.health]
        if words:
            lines.append([(f"  {words}", tone)])
        if card.proposal:
            lines.append([(f"  → {clean(card.proposal, 40)}", "accent")])
        elif card.rule:
            lines.append([("  by rule", "muted")])
        return lines

    # keys

    def on_focus(self, event: events.Focus) -> None:
        self.arrive()
        super().on_focus(event)

    def arrive(self) -> None:
        """The chosen card is one of this stage, if there is any."""
        names = [card.strategy for card in self.cards()]
        chosen = self.work.chosen if self.work.chosen in names else names[0] if names else ""
        if chosen != self.work.chosen:
            self.work.chosen = chosen
            self.work.changed()

    def action_cursor(self, step: int) -> None:
        names = [card.strategy for card in self.cards()]
        if not names:
            return
        here = names.index(self.work.chosen) if self.work.chosen in names else 0
        self.work.chosen = names[max(0, min(here + step, len(names) - 1))]
        self.work.changed()

    def action_stage(self, step: int) -> None:
        self.board.next_stage(step)

    def action_open_strategy(self) -> None:
        self.board.open_strategy()

    def on_click(self, event: events.Click) -> None:
        row = event.y - 1 + self._top
        found = [name for start, name in self._starts if start <= row]
        if found:
            self.work.chosen = found[-1]
            self.work.changed()

    # giving out

    def export(self) -> Exported | None:
        return self.board.exported()

    def copied(self) -> tuple[str, str] | None:
        card = self.work.card
        return (card.strategy, "\n".join([card.proposal, *card.evidence])) if card is not None else None


def _pair(one: str, first: str, tone: str, two: str, second: str) -> Line:
    """Two figures on a line, each aligned with those above and below."""
    return [
        (f"  {one:<6}", "muted"), (fit(first, 8, "right"), tone),
        (f" {two:<4}", "muted"), (fit(second, 7, "right"), ""),
    ]  # fmt: skip
