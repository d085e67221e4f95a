"""The journal: closed trades with what they earned and why, and notes, newest first."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_values import JournalRow, TradeRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import group, moment, percent, signed, tone_of
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.paper.base import figure, r_words, tone_of_text
from polotui.tui.widgets.paper.tables import PaperTable
from polotui.tui.widgets.rows import Cell, Column, Row


def tags_words(tags: list[str]) -> str:
    """«#late #news»."""
    return " ".join(f"#{clean(tag, 30)}" for tag in tags)


def notes_words(row: JournalRow) -> tuple[str, list[str]]:
    """The note and the tags of a row, whether they stand beside a trade or of their own."""
    trade = row.trade
    note = row.note or (trade.note if trade is not None else "")
    tags = list(dict.fromkeys([*row.tags, *(trade.tags if trade is not None else [])]))
    return clean(note, 400), tags


def row_key(row: JournalRow) -> str:
    return f"trade {row.trade.id}" if row.trade is not None else f"note {row.id}"


class JournalPane(PaperTable):
    """Closed trades and notes."""

    NAME = "Journal"
    TABLE = "journal"
    ABOUT = (
        "Closed trades, newest first, and notes between them. w writes a note with tags beside a trade, W one of its "
        "own; c shows one tag's rows. Enter shows a trade whole, r the rules as they stood when it was entered."
    )
    SCOPES = ("journal", "table", "paper")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("journal")
    TOPICS = PaperTable.TOPICS | {"bots"}
    COLUMNS = (
        Column("when", "closed", least=12),
        Column("symbol", "symbol", drop=3),
        Column("bot", "bot", drop=6),
        Column("entry", "entry", "point", drop=5),
        Column("exit", "exit", "point", drop=4),
        Column("profit", "USDT", "point"),
        Column("ratio", "%", "point", drop=2),
        Column("r", "R", "point", drop=1),
        Column("reason", "reason"),
        Column("note", "note and tags"),
    )
    LEAST_REST = 24

    def filter_words(self) -> str:
        tag = f"#{self.work.tag}" if self.work.tag else ""
        return " · ".join(part for part in (self.work.filter_words, tag) if part)

    def empty_words(self) -> str:
        if self.work.journal is None:
            return clean(self.work.asking.faults.get("journal", "Loading the journal …"), 300)
        if self.filter_words():
            return "No trade and no note of this kind. c and b choose what is shown."
        return "No trade is closed yet. W writes a note of its own."

    def rows(self) -> list[Row]:
        return [self._line(key, row) for key, row in self._keyed().items()]

    def _keyed(self) -> dict[str, JournalRow]:
        """A trade's newest row keeps the trade's own key, so that a first note does not move the cursor off it."""
        keyed: dict[str, JournalRow] = {}
        for row in self.work.journal or []:
            key = row_key(row)
            keyed[f"{key} note {row.id}" if key in keyed else key] = row
        return keyed

    def _line(self, key: str, row: JournalRow) -> Row:
        note, tags = notes_words(row)
        trade = row.trade
        if trade is None:
            cells = {"when": Cell(moment(row.at_ms), "muted", row.at_ms)}
            return Row(key, cells, f"✎ {note}  {tags_words(tags)}", "")
        scale = self.desk.store.scale_of(trade.symbol)
        tone = tone_of_text(trade.profit)
        cells = {
            "when": Cell(moment(trade.exit_ms), "muted", trade.exit_ms),
            "symbol": Cell(clean(trade.symbol, 24), "", trade.symbol),
            "bot": Cell(self.work.bot_words(trade.bot), "muted", trade.bot),
            "entry": Cell(group(trade.entry_price, scale), "muted", figure(trade.entry_price)),
            "exit": Cell(group(trade.exit_price, scale), "", figure(trade.exit_price)),
            "profit": Cell(signed(trade.profit, 2), tone, figure(trade.profit)),
            "ratio": Cell(percent(trade.ratio), tone_of(trade.ratio), trade.ratio),
            "r": Cell(r_words(trade.r), tone, trade.r),
            "reason": Cell(clean(trade.reason, 20), "muted", trade.reason),
            "note": Cell("  ".join(part for part in (tags_words(tags), note) if part), "", note),
        }
        return Row(key, cells)

    def closing_line(self) -> Line:
        sums = self.work.sums
        if sums is None or not (sums.wins or sums.losses):
            return []
        count = sums.wins + sums.losses
        words = "the newest" if sums.more else "in all"
        line: Line = [
            (f" {words} {count} trades", "muted"),
            (f"  {sums.wins} won", "up"),
            (f"  {sums.losses} lost", "down"),
        ]
        line += [("   profit ", "muted"), (f"{signed(sums.profit, 2)} USDT", tone_of_text(sums.profit))]
        return [*line, (f"   after {group(sums.fees, 2)} fees", "muted")]

    @property
    def chosen(self) -> JournalRow | None:
        current = self.table.current
        if current is None:
            return None
        return self._keyed().get(current.key)

    @property
    def trade(self) -> TradeRow | None:
        return self.chosen.trade if self.chosen is not None else None

    def opened(self, key: str) -> None:
        if self.chosen is not None:
            self.paper.open_trade(self.chosen)

    def action_note(self) -> None:
        self.paper.write_note(self.trade)

    def action_own_note(self) -> None:
        self.paper.write_note(None)

    def action_rules(self) -> None:
        if self.chosen is not None:
            self.paper.open_rules(self.chosen)

    def action_tag(self) -> None:
        work = self.work
        if not work.tags:
            self.desk.tell("No row has a tag yet. w writes a note with tags.")
            return
        choices = [Choice("", "all rows"), *(Choice(tag, f"#{tag}") for tag in sorted(work.tags))]

        def taken(tag: str | None) -> None:
            if tag is not None and tag != work.tag:
                work.tag, work.journal = tag, None
                work.asking.forget("journal")
                work.changed()

        self.desk.push_screen(Picker("Tag", choices), taken)
