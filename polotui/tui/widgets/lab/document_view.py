"""How the open document looks: numbered lines in their colours, faults underlined, the sentence about them below.

Decided here: two lines below the text are always there, so nothing jumps when a fault comes or goes; and only the line
one types in moves aside when it is longer than the pane.
"""

from __future__ import annotations

from rich.cells import cell_len
from textual import events

from polotui.api.lab_values import Completion, Diagnostic
from polotui.core.text import clean
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.lab import highlight
from polotui.tui.widgets.lab.buffer import TextBuffer
from polotui.tui.widgets.lab.completion_popup import CompletionPopup, boxed, laid
from polotui.tui.widgets.lab.work import LabWork, sentence
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Exported, Pane

_SAID_ROWS = 2
_FAULTS = {"error": "fault", "warning": "caution", "info": "caution"}


class DocumentView(Pane):
    """Draws `work.document` and the words that fit where one types."""

    NAME = "Document"

    def __init__(self, work: LabWork, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.work = work
        self.popup: CompletionPopup | None = None
        self._top = 0
        self._left = 0
        self._rows = 10
        self._following = True
        """The view goes with the cursor; the mouse wheel leaves it behind."""

    @property
    def buffer(self) -> TextBuffer | None:
        return self.work.document.buffer if self.work.document is not None else None

    # titles

    def title(self, width: int) -> Line:
        document = self.work.document
        if document is None:
            return [(self.NAME, "title")]
        version = "" if document.is_template else f" · v{document.version}"
        star = "*" if document.unsaved else ""
        return [
            (clean(document.name, 60), "title"),
            (f"{version} · {document.stage}", "muted"),
            (star, "warn"),
        ]

    def title_right(self) -> Line:
        if self.work.document is None:
            return []
        buffer = self.work.document.buffer
        where = f"{buffer.row + 1}:{buffer.column + 1}"
        return [("typing ", "accent"), (where, "muted")] if self.typing else [(where, "muted")]

    # drawing

    def body(self, width: int, height: int) -> list[Line]:
        buffer = self.buffer
        if buffer is None:
            return self._nothing_open(width)
        said = self._said(width)
        self._rows = max(1, height - len(said))
        gutter = max(3, len(str(len(buffer.lines)))) + 1
        room = max(4, width - gutter)
        if self._following:
            self._follow(buffer, room)
        self._top = max(0, min(self._top, len(buffer.lines) - 1))
        marks = self._marks()
        lines = [
            self._numbered(buffer, row, gutter, room, marks.get(row, []))
            for row in range(self._top, min(self._top + self._rows, len(buffer.lines)))
        ]
        found = self.offered()
        if found and self.popup is not None:
            x = gutter + self._cells(buffer.line[self._left : self.popup.start_of(found[0])])
            box = boxed(found, self.popup.index, width)
            lines = laid(lines, box, x, buffer.row - self._top, width, self._rows)
        lines.extend([[]] * (self._rows - len(lines)))
        return [*lines[: self._rows], *said]

    def _nothing_open(self, width: int) -> list[Line]:
        words = "Nothing is open. Enter on a strategy opens it here." + (
            "" if self.desk.read_only else " a in the list makes a new one from a template."
        )
        return [[], *([(f" {line}", "muted")] for line in wrapped(words, width - 2))]

    def _follow(self, buffer: TextBuffer, room: int) -> None:
        self._top = max(min(self._top, buffer.row), buffer.row - self._rows + 1)
        self._left = min(self._left, max(0, buffer.column - 4))
        while self._cells(buffer.line[self._left : buffer.column]) >= room - 1:
            self._left += 8

    def _cells(self, text: str) -> int:
        return len(text) if text.isascii() else cell_len("".join(highlight.visible(text)))

    def _marks(self) -> dict[int, list[Diagnostic]]:
        marks: dict[int, list[Diagnostic]] = {}
        for problem in self.work.problems:
            marks.setdefault(problem.line - 1, []).append(problem)
        return marks

    def _numbered(self, buffer: TextBuffer, row: int, gutter: int, room: int, problems: list[Diagnostic]) -> Line:
        worst = next((one for one in problems if one.severity == "error"), problems[0] if problems else None)
        here = row == buffer.row and self.has_focus
        tone = "accent" if here else "faint"
        if worst is not None:
            tone = "bad" if worst.severity == "error" else "warn"
        text = buffer.lines[row]
        tones = highlight.tones(text)
        characters = highlight.visible(text)
        # One cell more than the text: a fault or the cursor may stand behind its end.
        tones.append("")
        characters.append(" ")
        for one in problems:
            start = min(one.column - 1, len(tones) - 1)
            for x in range(start, max(start + 1, min(one.end_column - 1, len(tones)))):
                tones[x] = f"{tones[x]} {_FAULTS[one.severity]}"
        self._select(buffer, row, tones)
        if here:
            tones[buffer.column] += " caret" if self.typing else " select"
        line: Line = [(f"{row + 1:>{gutter - 1}} ", tone)]
        # Only the line one types in moves aside; the others stay where they are.
        left = self._left if row == buffer.row else 0
        if left:
            characters[left], tones[left] = "‹", "muted"
        if self._cells("".join(characters[left:-1])) > room:
            characters, tones = characters[: left + room - 1], tones[: left + room - 1]
            characters.append("›")
            tones.append("muted")
        for x in range(left, min(len(characters), left + room)):
            if line[-1][1] == tones[x] and len(line) > 1:
                line[-1] = (line[-1][0] + characters[x], tones[x])
            else:
                line.append((characters[x], tones[x]))
        return line

    def _select(self, buffer: TextBuffer, row: int, tones: list[str]) -> None:
        chosen = buffer.selection
        if chosen is None or not chosen[0][0] <= row <= chosen[1][0]:
            return
        start = chosen[0][1] if row == chosen[0][0] else 0
        end = chosen[1][1] if row == chosen[1][0] else len(tones)
        for x in range(start, end):
            tones[x] += " select"

    def _said(self, width: int) -> list[Line]:
        """Two lines that are always there: what is wrong here, else first; or that nothing is."""
        work = self.work
        problems = work.problems
        if work.check_fault:
            words, tone = f"not checked: {clean(work.check_fault, 300)}", "warn"
        elif problems:
            buffer = self.buffer
            row = buffer.row if buffer is not None else 0
            here = [one for one in problems if one.line - 1 == row]
            errors = [one for one in problems if one.severity == "error"]
            one = (here or errors or problems)[0]
            more = f"   F8 next of {len(problems)}" if len(problems) > 1 else ""
            words, tone = sentence(one) + more, "bad" if one.severity == "error" else "warn"
        elif work.checked is None:
            words, tone = "checking …", "muted"
        else:
            words, tone = f"✓ no fault · warm-up {work.checked.warmup_bars:,} bars", "muted"
        lines: list[Line] = [[(f" {line}", tone)] for line in wrapped(words, max(10, width - 2))[:_SAID_ROWS]]
        return [*lines, *([[]] * (_SAID_ROWS - len(lines)))]

    def offered(self) -> list[Completion]:
        """The words of the popup that still fit; the popup closes when none does."""
        buffer = self.buffer
        if self.popup is None or buffer is None or not self.typing:
            self.popup = None
            return []
        found = self.popup.matching(buffer.line, buffer.row, buffer.column)
        if not found:
            self.popup = None
        return found

    def moved(self) -> None:
        """The cursor stands elsewhere, or the text is another."""
        self._following = True
        self.repaint()

    def _under(self, x: int, y: int) -> tuple[int, int] | None:
        buffer = self.buffer
        if buffer is None:
            return None
        gutter = max(3, len(str(len(buffer.lines)))) + 1
        row = max(0, min(self._top + y - 1, len(buffer.lines) - 1))
        left = self._left if row == buffer.row else 0
        column, cells = left, 0
        for character in highlight.visible(buffer.lines[row])[left:]:
            cells += cell_len(character)
            if cells > x - 1 - gutter:
                break
            column += 1
        return (row, column)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scroll(3, event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scroll(-3, event)

    def _scroll(self, step: int, event: events.MouseEvent) -> None:
        if self.buffer is not None:
            self._top = max(0, min(self._top + step, len(self.buffer.lines) - self._rows))
            self._following = False
            self.repaint()
        event.stop()

    # giving out

    def copied(self) -> tuple[str, str] | None:
        if self.buffer is None:
            return None
        chosen = self.buffer.selected
        return ("the selection", chosen) if chosen else ("the document", self.buffer.text)

    def export(self) -> Exported | None:
        if self.buffer is None or self.work.document is None:
            return None
        rows = [[str(number), line] for number, line in enumerate(self.buffer.lines, 1)]
        return Exported(f"strategy {self.work.document.name}", ["line", "text"], rows)
