"""What speaks for the chosen strategy and what is missing: figures by stage, evidence, its rule."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_values import BoardCard
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, percent
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.board.base import HEALTH, BoardPane, drawdown, figure, rate
from polotui.tui.widgets.board.column import LIVE
from polotui.tui.widgets.painted import Line, fit


class EvidencePane(BoardPane):
    """The lines come from the engine: ✓ is met, ✗ is missing."""

    NAME = "Evidence"
    ABOUT = "The chosen strategy by stage, what is proposed and what speaks for it or is still missing."
    SCOPES = ("text", "board")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("text")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.top = 0
        self._most = 0

    def title(self, width: int) -> Line:
        card = self.work.card
        if card is None:
            return [(self.NAME, "title")]
        line: Line = [(clean(card.strategy, 40), "title"), (f" v{card.version}" if card.version else "", "muted")]
        if card.proposal:
            line.append((f" · proposed: {clean(card.proposal, 40)}", "accent"))
        return line

    def title_right(self) -> Line:
        return [(f"{self.top + 1} of {self._most + 1}", "muted")] if self._most else []

    def body(self, width: int, height: int) -> list[Line]:
        card = self.work.card
        if card is None:
            words = "Choose a strategy with the arrows; what speaks for it stands here."
            if self.work.cards is None:
                words = self.work.waiting()
            elif not self.work.cards:
                words = "No strategy yet. 3 opens the Lab, where a makes one from a template."
            return [[], *([(f" {part}", "muted")] for part in wrapped(words, width - 2))]
        lines = self._sentences(card, width)
        self._most = max(0, len(lines) - height)
        self.top = max(0, min(self.top, self._most))
        return lines[self.top : self.top + height]

    def _sentences(self, card: BoardCard, width: int) -> list[Line]:
        run = f"#{card.run}" if card.run else UNKNOWN
        bot = f"bot {card.bot}" if card.bot else UNKNOWN
        rows = [
            ("", "return", "Sharpe", "max DD", "win", "trades", "from"),
            (
                "backtest",
                percent(card.total_return),
                figure(card.sharpe),
                drawdown(card.max_drawdown),
                rate(card.win_rate),
                UNKNOWN if card.trades is None else f"{card.trades:,}",
                run,
            ),
            (
                "paper",
                percent(card.paper_return),
                figure(card.paper_sharpe),
                drawdown(card.paper_drawdown),
                rate(card.paper_win_rate),
                UNKNOWN if card.paper_trades is None else f"{card.paper_trades:,}",
                bot,
            ),
        ]
        lines: list[Line] = []
        for index, row in enumerate(rows):
            texts = [fit(row[0], 9), *(fit(text, 10, "right") for text in row[1:])]
            lines.append([(" " + "".join(texts), "muted" if index == 0 else "")])
        words, tone = HEALTH[card.health]
        if words:
            lines.append([(" on paper ", "muted"), (words, tone)])
        for told in card.evidence:
            text = clean(told, 300)
            tone = "good" if text.startswith("✓") else "warn" if text.startswith("✗") else ""
            lines += [
                [(f" {part}" if n == 0 else f"   {part}", tone)] for n, part in enumerate(wrapped(text, width - 4))
            ]
        if not card.evidence:
            lines.append([(" No proposal: nothing speaks for another stage yet.", "muted")])
        rule = clean(card.rule, 200) if card.rule else "none; r opts in to promotion into paper by rule"
        lines += [
            [(" rule: " if n == 0 else "       ", "muted"), (part, "")]
            for n, part in enumerate(wrapped(rule, width - 9))
        ]
        if "live" in card.proposal:
            lines += [[(f" {part}", "muted")] for part in wrapped(LIVE, width - 2)]
        return lines

    def action_scroll_text(self, step: int) -> None:
        self.top = max(0, min(self.top + step, self._most))
        self.repaint()

    def copied(self) -> tuple[str, str] | None:
        card = self.work.card
        return (card.strategy, "\n".join([card.proposal, *card.evidence])) if card is not None else None
