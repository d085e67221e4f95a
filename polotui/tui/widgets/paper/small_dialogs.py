"""The small dialogs of the paper screen: a note with tags, settling an unknown order, and the guard before a sale."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual.app import ComposeResult

from polotui.api.trade_values import OrderRow, TradeRow
from polotui.core.text import clean
from polotui.tui.numbers import moment, signed
from polotui.tui.shell.dialogs import Question, wrapped
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.paper.base import tone_of_text
from polotui.tui.widgets.paper.entry_pane import Entry, EntryDialog, EntryPane, dialog_css

_TAG = re.compile(r"[\w][\w-]{0,39}\Z")


def tags_of(text: str) -> list[str]:
    """«late, #news» as names, each once. What is no tag stays out; see `wrong_tag`."""
    parts = [part.lstrip("#").lower() for part in re.split(r"[,\s]+", text.strip())]
    return list(dict.fromkeys(part for part in parts if _TAG.match(part)))


def wrong_tag(text: str) -> str:
    parts = [part.lstrip("#") for part in re.split(r"[,\s]+", text.strip()) if part]
    return next((part for part in parts if not _TAG.match(part.lower())), "")


class NotePane(EntryPane):
    """A note and its tags."""

    NAME = "Note"
    LABELS = 6

    def __init__(self, trade: TradeRow | None, known: Sequence[str]) -> None:
        super().__init__()
        self._trade = trade
        self._known = sorted(known)
        self.texts = {"note": trade.note if trade is not None else "", "tags": ", ".join(trade.tags) if trade else ""}
        self.caret = len(self.texts["note"])

    def title(self, width: int) -> Line:
        trade = self._trade
        words = "of its own" if trade is None else f"{clean(trade.symbol, 24)}, closed {moment(trade.exit_ms)}"
        return [(self.NAME, "title"), (f" · {words}", "muted")]

    def title_right(self) -> Line:
        return [("Esc leaves", "muted")]

    def entries(self) -> list[Entry]:
        return [Entry("note", "note", wide=54), Entry("tags", "tags", wide=40)]

    def buttons(self) -> list[tuple[str, str]]:
        return [("keep", "Keep it"), ("leave", "Leave")]

    def fault(self, name: str) -> str:
        if name == "note" and not self.text("note").strip():
            return "a few words"
        wrong = wrong_tag(self.text("tags")) if name == "tags" else ""
        return f"{wrong[:20]} is no tag: letters, digits, - and _" if wrong else ""

    def hint(self, name: str) -> Line:
        return [("commas between several", "faint")] if name == "tags" and not self.text("tags") else []

    def above(self, width: int) -> list[Line]:
        trade = self._trade
        if trade is None:
            return [[]]
        line: Line = [
            (f" {signed(trade.profit, 2)} USDT", tone_of_text(trade.profit)),
            (f"  {clean(trade.reason, 60)}  {clean(trade.strategy, 40)}", "muted"),
        ]
        return [[], line, []]

    def below(self, width: int) -> list[Line]:
        if not self._known:
            return []
        words = wrapped("used before: " + ", ".join(f"#{tag}" for tag in self._known[:40]), width - 2)
        return [[(f" {part}", "muted")] for part in words[:3]]

    def rows_wanted(self, width: int) -> int:
        return 11


class NoteDialog(EntryDialog[tuple[str, list[str]] | None]):
    """Returns (note, tags)."""

    CSS = dialog_css("NoteDialog", 84)

    def __init__(self, trade: TradeRow | None, known: Sequence[str]) -> None:
        super().__init__()
        self.pane: NotePane = NotePane(trade, known)

    def compose(self) -> ComposeResult:
        yield self.pane

    def press_button(self, name: str) -> None:
        pane = self.pane
        if name == "leave":
            self.dismiss(None)
        elif pane.faults():
            pane.go_to_fault()
        else:
            self.dismiss((pane.text("note").strip(), tags_of(pane.text("tags"))))


OUTCOMES = ("CANCELLED", "REJECTED")
OUTCOME_WORDS = {"CANCELLED": "it rested and is gone", "REJECTED": "it never came to be"}


class SettlePane(EntryPane):
    """What became of an unknown order, by a person who looked at the exchange."""

    NAME = "Settle an unknown order"
    LABELS = 10

    def __init__(self, row: OrderRow) -> None:
        super().__init__()
        self._row = row
        self.texts = {"state": OUTCOMES[0], "note": ""}

    def title(self, width: int) -> Line:
        return [(self.NAME, "title")]

    def title_right(self) -> Line:
        return [("Esc leaves", "muted")]

    def entries(self) -> list[Entry]:
        return [Entry("state", "outcome", OUTCOMES, wide=16), Entry("note", "why", wide=32)]

    def buttons(self) -> list[tuple[str, str]]:
        return [("settle", "Settle it"), ("leave", "Leave it unknown")]

    def fault(self, name: str) -> str:
        return "how you know: it goes into the audit" if name == "note" and not self.text("note").strip() else ""

    def hint(self, name: str) -> Line:
        return [(OUTCOME_WORDS[self.text("state")], "muted")] if name == "state" else []

    def above(self, width: int) -> list[Line]:
        row = self._row
        words = (
            f"{row.side} {clean(row.symbol, 24)}, order {clean(row.id, 60)}. The exchange is still asked for it; "
            "settle it only when you have seen there what became of it. If it did fill, do not settle it: the fill "
            "will be found."
        )
        return [[], *([(f" {part}", "")] for part in wrapped(words, width - 2)), []]

    def rows_wanted(self, width: int) -> int:
        return len(self.above(width)) + 5


class SettleDialog(EntryDialog[tuple[str, str] | None]):
    """Returns (state, note)."""

    CSS = dialog_css("SettleDialog", 84)

    def __init__(self, row: OrderRow) -> None:
        super().__init__()
        self.pane: SettlePane = SettlePane(row)

    def compose(self) -> ComposeResult:
        yield self.pane

    def press_button(self, name: str) -> None:
        pane = self.pane
        if name == "leave":
            self.dismiss(None)
        elif pane.faults():
            pane.go_to_fault()
        else:
            self.dismiss((pane.text("state"), pane.text("note").strip()))


class Guard(Question, inherit_bindings=False):
    """A question whose text grows when more is known. It has its full room from the start."""

    CSS = """
    Guard { align: center middle; background: $background 50%; }
    Guard > Pane { width: 72; max-width: 96%; height: auto; max-height: 90%; }
    """

    def __init__(self, title: str, text: str, answers: Sequence[tuple[str, str]], harmless: str) -> None:
        super().__init__(title, text + "\n ", answers, harmless)
        self._first = text

    def add(self, words: str) -> None:
        if self.is_attached:
            self._pane._text = f"{self._first}\n{words}"
            self._pane.refresh(layout=True)
            self._pane.repaint()
