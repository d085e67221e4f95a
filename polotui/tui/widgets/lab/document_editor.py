"""The editor: a document's text with its faults underlined where they are, and the sentence about the nearest below.

Decided here: the pane is read with the keys of all panes until Enter begins typing; then every letter is text, and Esc
ends it. So no letter ever does something else than it says, and Tab still goes from pane to pane. While one types,
ctrl+z undoes; Esc and then ctrl+z goes to the shell.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from polotui.api.lab_values import Completion
from polotui.tui import keys
from polotui.tui.widgets.lab.buffer import LIMIT, TextBuffer
from polotui.tui.widgets.lab.completion_popup import CompletionPopup
from polotui.tui.widgets.lab.document_view import DocumentView
from polotui.tui.widgets.lab.work import LabWork

_MOVES = {
    "left": "left", "right": "right", "up": "up", "down": "down", "home": "start", "end": "end",
    "pageup": "page-up", "pagedown": "page-down", "ctrl+left": "word-left", "ctrl+right": "word-right",
    "ctrl+home": "top", "ctrl+end": "bottom",
}  # fmt: skip


class DocumentEditor(DocumentView):
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
        super().__init__(work, id=id)
        self.SCOPES = ("lab", "document")
        self._cut = ""

    # completion

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
            self._typing = True
            self.SCOPES = ("lab", "editor")
            self._told()

    def end(self) -> None:
        if self.typing:
            self._typing = False
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
