"""The editor: a document's text with its faults underlined where they are, and the sentence about the nearest below.

Decided here: the pane is read with the keys of all panes until Enter begins typing; then every letter is text, and Esc
ends it. So no letter ever does something else than it says, and Tab still goes from pane to pane. While one types,
ctrl+z undoes; Esc and then ctrl+z goes to the shell.
"""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.message import Message

from polotui.api.lab_values import Completion, Diagnostic
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.lab import highlight
from polotui.tui.widgets.lab.buffer import LIMIT, TextBuffer
from polotui.tui.widgets.lab.completion_popup import CompletionPopup, boxed, laid
from polotui.tui.widgets.lab.work import LabWork, sentence
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Exported, Pane

_SAID_ROWS = 2
_MOVES = {
    "left": "left", "right": "right", "up": "up", "down": "down", "home": "start", "end": "end",
    "pageup": "page-up", "pagedown": "page-down", "ctrl+left": "word-left", "ctrl+right": "word-right",
    "ctrl+home": "top", "ctrl+end": "bottom",
}  # fmt: skip
_FAULTS = {"error": "fault", "warning": "caution", "info": "caution"}


class DocumentEditor(Pane):
    """Reads and writes `work.document`."""

    NAME = "Document"
    ABOUT = (
        "The document of the strategy. Enter begins typing, Esc ends it. Faults are underlined where they are while "
        "you type; F8 and F9 go from one to the next. ctrl+Space completes. Unsaved text is kept on this computer."
    )
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("document")

    class Changed(Message):
        """The text is another one now."""

    class Completing(Message):
        """Words are wanted at the cursor."""

        def __init__(self, *, asked: bool) -> None:
            super().__init__()
            self.asked = asked

    def __init__(self, work: LabWork, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.work = work
        self.SCOPES = ("lab", "document")
        self.popup: CompletionPopup | None = None
        self._cut = ""
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

    # completion

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

    def offer(self, offered: list[Completion], row: int, column: int) -> None:
        self.popup = CompletionPopup(offered, row, column) if offered else None
        self.repaint()

    def _take(self, one: Completion) -> None:
        buffer, popup = self.buffer, self.popup
        if buffer is None or popup is None:
            return
        row, column = buffer.place
        buffer.move_to(row, popup.start_of(one))
        buffer.move_to(row, column, select=True)
        self.popup = None
        self._room(buffer.insert(one.text))

    # typing

    def begin(self) -> None:
        """Letters are text from now on."""
        if self.buffer is not None and not self.typing:
            self.typing = True
            self.SCOPES = ("lab", "editor")
            self._told()

    def end(self) -> None:
        if self.typing:
            self.typing = False
            self.popup = None
            self.SCOPES = ("lab", "document")
            self._told()

    def _told(self) -> None:
        self.desk.refresh_frame()
        self.repaint()

    def action_type(self) -> None:
        if self.buffer is None:
            self.desk.tell("Nothing is open. Enter on a strategy opens it.")
        self.begin()

    def action_move(self, how: str) -> None:
        if self.buffer is not None:
            self.buffer.move(how, page=max(1, self._rows // 2))
            self.moved()

    def escape(self) -> bool:
        if self.popup is not None:
            self.popup = None
        elif self.typing:
            # The selection stays: y copies it.
            self.end()
        elif self.buffer is not None and self.buffer.selection is not None:
            self.buffer.anchor = None
        else:
            return False
        self.repaint()
        return True

    def on_blur(self, event: events.Blur) -> None:
        self.end()
        super().on_blur(event)

    def on_key(self, event: events.Key) -> None:
        buffer = self.buffer
        if not self.typing or buffer is None:
            return
        revision = buffer.revision
        if not (self._popup_key(event.key) or self._chord(event.key) or self._typed(buffer, event)):
            return
        event.stop()
        event.prevent_default()
        if buffer.revision != revision:
            self._edited(event)
        else:
            self.moved()

    def _popup_key(self, key: str) -> bool:
        found = self.offered()
        if not found or self.popup is None:
            return False
        if key in ("tab", "enter"):
            self._take(found[self.popup.index])
        elif key in ("down", "up"):
            self.popup.index = (self.popup.index + (1 if key == "down" else -1)) % len(found)
        elif key == "escape":
            self.popup = None
        else:
            return False
        return True

    def _chord(self, key: str) -> bool:
        """The keys of the table's scope «editor», as the person may have moved them."""
        for one in keys.KEYS:
            if one.scope == "editor" and key in self.desk.keymap.get(one.id, one.keys).split(","):
                name, _, argument = one.action.rstrip(")").partition("(")
                getattr(self, f"action_{name}")(*([int(argument)] if argument else []))
                return True
        return False

    def _typed(self, buffer: TextBuffer, event: events.Key) -> bool:
        key = event.key
        bare = key.removeprefix("shift+").replace("ctrl+shift+", "ctrl+")
        if bare in _MOVES:
            buffer.move(_MOVES[bare], select=bare != key, page=max(1, self._rows - 2))
        elif key == "enter":
            self._room(buffer.newline())
        elif key in ("backspace", "ctrl+h"):
            buffer.backspace()
        elif key == "delete":
            buffer.delete()
        elif event.is_printable and event.character:
            self._room(buffer.insert(event.character, typed=True))
        else:
            return False
        return True

    def _room(self, done: bool) -> None:
        if not done:
            self.desk.tell(f"A document has at most {LIMIT // 1024} KiB. Nothing was added.", "warning")

    def on_paste(self, event: events.Paste) -> None:
        if self.typing and self.buffer is not None:
            event.stop()
            self._room(self.buffer.insert(event.text.replace("\r\n", "\n").replace("\r", "\n")))
            self._edited()

    # what the keys of the scope «editor» do

    def action_complete(self) -> None:
        self.post_message(self.Completing(asked=True))

    def action_undo(self) -> None:
        if self.buffer is not None and not self.buffer.undo():
            self.desk.tell("There is nothing more to undo.")

    def action_redo(self) -> None:
        if self.buffer is not None and not self.buffer.redo():
            self.desk.tell("There is nothing more to redo.")

    def action_cut(self) -> None:
        if self.buffer is not None:
            self._cut = self.buffer.cut()
            self.desk.copy_to_clipboard(self._cut)

    def action_paste(self) -> None:
        if self._cut and self.buffer is not None:
            self._room(self.buffer.insert(self._cut))

    def action_indent(self, step: int) -> None:
        if self.buffer is not None:
            self.buffer.indent(step)

    def _edited(self, event: events.Key | None = None) -> None:
        buffer = self.buffer
        if buffer is None:
            return
        self.work.lines_moved(*buffer.last_change)
        self.post_message(self.Changed())
        if event is not None and event.is_printable and self.popup is None and self._in_rule(buffer):
            self.post_message(self.Completing(asked=False))
        self.moved()

    def _in_rule(self, buffer: TextBuffer) -> bool:
        """Inside an open quote, after a letter of a word or behind the point of an output."""
        head = buffer.line[: buffer.column]
        letter = head[-1:]
        return head.count('"') % 2 == 1 and (letter.isalpha() or letter in "_.@")

    def moved(self) -> None:
        """The cursor stands elsewhere, or the text is another."""
        self._following = True
        self.repaint()

    def show_place(self, line: int, column: int) -> None:
        """Goes to a place that counts from 1."""
        if self.buffer is not None:
            self.buffer.move_to(line - 1, column - 1)
            self.moved()

    # mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        place = self._under(event.x, event.y)
        if place is not None and self.buffer is not None:
            self.buffer.move_to(*place, select=event.shift)
            self.capture_mouse()
            self.moved()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        place = self._under(event.x, event.y)
        if event.button and place is not None and self.buffer is not None and self.app.mouse_captured is self:
            self.buffer.move_to(*place, select=True)
            self.moved()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        if self.buffer is None:
            return
        self.begin()
        if event.chain == 2:
            self.buffer.select_word()
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
