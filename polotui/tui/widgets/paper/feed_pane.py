"""The feed: each signal, decision, order and fill, and each trade that was not taken, with its reason; newest first.

Decided here: who stands on the newest line stays on the newest one; whoever has moved away stays where they read.
Scrolling past the end asks for older lines.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_values import FeedItem
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.paper.base import time_words
from polotui.tui.widgets.paper.tables import PaperTable
from polotui.tui.widgets.paper.work import BY_HAND, KINDS
from polotui.tui.widgets.rows import Cell, Column, Row

KIND_TONES = {
    "signal": "accent",
    "decision": "muted",
    "refused": "warn",
    "order": "",
    "fill": "good",
    "bot": "key",
    "protection": "key",
    "risk": "warn",
    "halt": "bad",
    "alert": "warn",
}
#: Lines kept while nobody reads further down.
MOST_FOLLOWED = 600
_LEVEL_TONES = {"warning": "warn", "error": "bad"}
_KIND_HINTS = {
    "signal": "what a rule asked for",
    "decision": "what became of it",
    "refused": "what a check stopped, and which",
    "order": "states of orders",
    "fill": "executions",
    "bot": "starts, pauses, ends",
    "protection": "stops and targets",
    "risk": "limits, latches, locks",
    "halt": "halts and resumes",
    "alert": "what needs attention",
}


class FeedPane(PaperTable):
    """What happened on the desk."""

    NAME = "Feed"
    TABLE = "feed"
    ABOUT = (
        "What happened on the desk, newest first, with the reason of each trade and of each that was not taken. Enter "
        "shows a line whole, with its order and its signal. b shows one bot's lines, c one kind's; / searches in what "
        "is loaded, and scrolling past the end loads older lines."
    )
    SCOPES = ("feed", "table", "paper")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("feed")
    COLUMNS = (
        Column("time", "time", least=8),
        Column("kind", "kind", least=10),
        Column("symbol", "symbol", least=8, drop=2),
        Column("bot", "bot", drop=3),
        Column("text", "what"),
    )
    LEAST_REST = 36

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._made: list[Row] = []
        self._made_of: tuple[int, int] = (-1, -1)
        self._kept: dict[int, Row] = {}
        self._kept_of: tuple[int, ...] = ()

    def filter_words(self) -> str:
        parts = [self.work.filter_words, ", ".join(self.work.kinds)]
        return " · ".join(part for part in parts if part)

    def empty_words(self) -> str:
        work = self.work
        if not work.feed_loaded:
            return clean(work.asking.faults.get("feed", "Loading what happened …"), 300)
        if self.filter_words():
            return "Nothing of this kind yet. c and b choose what is shown."
        return "Nothing has happened yet: the first signal of a bot appears here with its reason."

    def rows(self) -> list[Row]:
        now = self.desk.market_ms()
        of = (self.work.feed_revision, now // 86_400_000)
        if of != self._made_of:
            follows = self.table.place == 0
            self._made_of = of
            if of[1:] != self._kept_of:
                self._kept, self._kept_of = {}, of[1:]
            # A line never changes once it is drawn: only new ones are made.
            if follows:
                self.work.trim_feed(MOST_FOLLOWED)
            items = self.work.items()
            self._kept = {item.number: self._kept.get(item.number) or self._line(item, now) for item in items}
            self._made = list(self._kept.values())
            if follows and self._made:
                self.table.cursor = self._made[0].key
        return self._made

    def _line(self, item: FeedItem, now: int) -> Row:
        tone = _LEVEL_TONES.get(item.level, "")
        cells = {
            "time": Cell(time_words(item.at_ms, now), "muted", item.at_ms),
            "kind": Cell(clean(item.kind, 12), KIND_TONES.get(item.kind, ""), item.kind),
            "symbol": Cell(clean(item.symbol, 24), "", item.symbol),
            "bot": Cell("" if item.bot == BY_HAND else f"#{item.bot}", "muted", item.bot),
            "text": Cell(clean(item.text, 500), tone, item.text),
        }
        return Row(str(item.number), cells)

    def body(self, width: int, height: int) -> list[Line]:
        lines = super().body(width, height)
        if self.work.feed_more and not self.table.needle:
            shown = len(self.table.shown())
            if shown and self.table.place >= shown - self._height and not self.table.sort_by:
                self.work.older_feed()
        return lines

    def closing_line(self) -> Line:
        return [(" loading older lines …", "muted")] if self.work.asking.busy("older") else []

    def opened(self, key: str) -> None:
        item = self.work.feed.get(int(key))
        if item is not None:
            self.paper.open_fact(item)

    def action_kinds(self) -> None:
        chosen = self.work.kinds
        choices = [Choice("", "all kinds", "everything of trading")]
        choices += [Choice(kind, kind, _KIND_HINTS[kind] + (" · shown" if kind in chosen else "")) for kind in KINDS]
        choices += [
            Choice("trades", "trades alone", "orders and fills"),
            Choice("why", "reasons alone", "signals, decisions, refusals"),
        ]
        several = {"trades": ("order", "fill"), "why": ("signal", "decision", "refused")}

        def taken(kind: str | None) -> None:
            if kind is not None:
                self.work.show_kinds(several.get(kind, (kind,) if kind else ()))

        self.desk.push_screen(Picker("Kinds of the feed", choices), taken)
