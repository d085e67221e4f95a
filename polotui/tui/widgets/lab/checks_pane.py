"""What the checks say of the open document: whether it can be read, each fault with its place, and what was examined
on data.

Decided here: every line begins with ✓, ! or ✗, so nothing hangs on colour. Enter on a fault goes to its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from polotui.api.lab_values import Diagnostic
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.lab.work import LabWork, sentence
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Exported, Pane

_SIGNS = {
    "passed": ("✓", "good"), "failed": ("✗", "bad"), "warning": ("!", "warn"), "skipped": ("–", "muted"),
    "error": ("✗", "bad"), "info": ("·", "muted"),
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """One entry of the list."""

    state: str
    text: str
    problem: Diagnostic | None = None


class ChecksPane(Pane):
    """Reads `work.checked` and `work.examination`."""

    NAME = "Checks"
    ABOUT = (
        "✓ passed, ! look at it, ✗ wrong, – not run. Enter goes to the place of a fault. x examines the text on stored "
        "data: whether a signal changes when later bars are taken away, and whether the warm-up is long enough."
    )
    SCOPES = ("lab", "checks")
    TOPICS = frozenset({"link"})
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("checks")

    class Chosen(Message):
        """Enter on a fault."""

        def __init__(self, problem: Diagnostic) -> None:
            super().__init__()
            self.problem = problem

    def __init__(self, work: LabWork, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.work = work
        self.index = 0
        self._top = 0
        self._places: list[int] = []
        """The entry of each drawn line."""

    def entries(self) -> list[Said]:
        work = self.work
        if work.document is None:
            return []
        found: list[Said] = []
        checked = work.checked
        if work.check_fault:
            found.append(Said("warning", f"not checked: {work.check_fault}"))
        elif checked is not None:
            errors = sum(1 for one in checked.diagnostics if one.severity == "error")
            if checked.ok:
                found.append(Said("passed", f"can be read · {len(checked.params)} parameters"))
            else:
                found.append(Said("failed", f"cannot run · {errors} error{'s' if errors != 1 else ''}"))
        found += [Said(one.severity, sentence(one), one) for one in work.problems]
        return found + self._examined()

    def _examined(self) -> list[Said]:
        work = self.work
        if work.examining:
            return [Said("info", "examining on stored data …")]
        if work.examine_fault:
            return [Said("warning", f"not examined: {work.examine_fault}")]
        if work.examination is None:
            return [Said("info", "x examines it on stored data: look-ahead, warm-up.")]
        if work.examined_revision != work.revision:
            old = "The text has changed since it was examined; x examines it again."
            return [Said("info", old)]
        return [Said(line.state, f"{line.name}: {line.text}") for line in work.examination.checks]

    def title_right(self) -> Line:
        work = self.work
        if work.document is None or work.checked is None:
            return []
        return [] if work.up_to_date else [("checking …", "muted")]

    def body(self, width: int, height: int) -> list[Line]:
        entries = self.entries()
        if not entries:
            words = "Open a strategy to see what the checks say."
            return [[], *([(f" {line}", "muted")] for line in wrapped(words, max(10, width - 2)))]
        self.index = max(0, min(self.index, len(entries) - 1))
        lines: list[Line] = []
        places: list[int] = []
        for place, entry in enumerate(entries):
            sign, tone = _SIGNS.get(entry.state, ("·", "muted"))
            back = " cursor" if place == self.index and self.has_focus else ""
            words = "muted" if entry.state in ("info", "skipped") and entry.problem is None else ""
            for number, part in enumerate(wrapped(clean(entry.text, 500), max(10, width - 5))):
                mark = sign if number == 0 else " "
                lines.append([(f" {mark} ", tone + back), (part.ljust(width - 3), words + back)])
                places.append(place)
        first = places.index(self.index)
        last = len(places) - 1 - places[::-1].index(self.index)
        self._top = max(0, min(self._top, first, len(lines) - height), last - height + 1)
        self._places = places[self._top : self._top + height]
        return lines[self._top : self._top + height]

    def action_cursor(self, step: int) -> None:
        self.index = max(0, min(self.index + step, len(self.entries()) - 1))
        self.repaint()

    def action_open(self) -> None:
        entries = self.entries()
        problem = entries[self.index].problem if self.index < len(entries) else None
        if problem is not None:
            self.post_message(self.Chosen(problem))

    def on_click(self, event: events.Click) -> None:
        if 0 <= event.y - 1 < len(self._places):
            self.index = self._places[event.y - 1]
            self.repaint()
            if event.chain == 2:
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_cursor(1)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_cursor(-1)
        event.stop()

    def copied(self) -> tuple[str, str] | None:
        entries = self.entries()
        return ("the sentence", entries[self.index].text) if self.index < len(entries) else None

    def export(self) -> Exported | None:
        rows = [[entry.state, entry.text] for entry in self.entries()]
        return Exported("checks", ["state", "text"], rows) if rows else None
