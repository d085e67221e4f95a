"""The library: stored strategies and templates, with where each stands."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from polotui.api.lab_values import StrategyRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, percent, tone_of
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.lab.work import LabWork
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.rows import Cell, Column, Row

_THESIS_ROWS = 4
_STAGES = {"template": 0, "draft": 1, "backtested": 2, "paper": 3, "live": 4}
_TONES = {"template": "muted", "draft": "", "backtested": "accent", "paper": "good", "live": "warn"}


class StrategyList(LiveTable):
    """Enter opens the strategy in the editor."""

    NAME = "Strategies"
    ABOUT = (
        "Your strategies and the templates, with where each stands: draft, backtested, paper, live. A star marks "
        "unsaved text that is kept on this computer. What is put away keeps its runs; u brings the last one back."
    )
    SCOPES = ("lab", "table", "strategies")
    TOPICS = frozenset({"lab", "link", "engine", "view"})
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("strategies")
    GAP = 1
    COLUMNS = (
        Column("name", "name", least=12, grow=True),
        Column("stage", "stage", least=10),
        Column("runs", "runs", "right", drop=2, least=5),
        Column("last", "last", "point", drop=1, least=9),
        Column("frame", "frame", drop=3, least=5),
    )

    class Opened(Message):
        """Enter on the row with this key."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Wanted(Message):
        """A key of the list: new, copy, remove, undo."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self, work: LabWork, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.work = work

    def title(self, width: int) -> Line:
        rows = self.work.rows or []
        own = sum(1 for row in rows if row.stage != "template")
        return [(self.NAME, "title"), (f" · {own}" if rows else "", "muted")]

    def title_right(self) -> Line:
        return self.stale_mark(0)

    def empty_words(self) -> str:
        if self.work.rows_fault:
            return clean(self.work.rows_fault, 200)
        if self.work.rows is None:
            return "Waiting for the engine." if self.desk.store.engine is None else "Loading strategies …"
        return "Nothing here yet." + ("" if self.desk.read_only else " a new from a template.")

    def rows(self) -> list[Row]:
        return [self._line(row) for row in self.work.rows or []]

    def _line(self, row: StrategyRow) -> Row:
        template = row.stage == "template"
        document = self.work.document
        key = key_of(row)
        is_open = document is not None and document.key == key
        unsaved = document.unsaved if is_open and document is not None else key in self.work.drafts
        # The stage keeps its room beside a long name.
        star = "*" if unsaved else ""
        name = clean(row.name, max(10, self.size.width - 14 - len(star))) + star
        return Row(
            key,
            {
                "name": Cell(name, "accent" if is_open else "muted" if template else "", name.lower()),
                "stage": Cell(row.stage, _TONES.get(row.stage, ""), str(_STAGES.get(row.stage, 9))),
                "runs": Cell("" if template else f"{row.runs:,}", "muted", row.runs),
                "last": Cell(
                    percent(row.last_return) if row.last_return is not None else "" if template else UNKNOWN,
                    tone_of(row.last_return),
                    row.last_return,
                ),
                "frame": Cell(clean(row.timeframe, 5), "muted", row.timeframe),
            },
        )

    @property
    def chosen(self) -> StrategyRow | None:
        """The strategy under the cursor."""
        current = self.table.current
        return next((row for row in self.work.rows or [] if current and key_of(row) == current.key), None)

    def opened(self, key: str) -> None:
        self.post_message(self.Opened(key))

    def action_new(self) -> None:
        self.post_message(self.Wanted("new"))

    def action_copy_strategy(self) -> None:
        self.post_message(self.Wanted("copy"))

    def action_remove(self) -> None:
        self.post_message(self.Wanted("remove"))

    def action_undo_remove(self) -> None:
        self.post_message(self.Wanted("undo"))

    def body(self, width: int, height: int) -> list[Line]:
        """The rows, and at the bottom what the strategy under the cursor is about."""
        room = min(_THESIS_ROWS, height // 5)
        lines = super().body(width, height - room)
        lines.extend([[]] * (height - room - len(lines)))
        row = self.chosen
        words = wrapped(clean(row.thesis, 300), max(10, width - 2)) if row is not None and row.thesis else []
        if len(words) > room > 0:
            words = [*words[: room - 1], fit(" ".join(words[room - 1 :]), width - 2)]
        return [*lines, *([(f" {line}", "muted")] for line in words[:room])]


def key_of(row: StrategyRow) -> str:
    """A template and a strategy may have the same name."""
    return f"template {row.name}" if row.stage == "template" else row.name
