"""A form as a pane: fields under each other, one of them changed at a time, each fault under its field.

Decided here: outside of a field the letters are keys; Enter opens the field, and from then on every character belongs
to it until Enter, Tab or Esc. A choice is stepped with left and right, a list is opened with Enter. Faults are shown
while one types, and nothing typed is thrown away but by Esc.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.backtest.base import BenchPane
from polotui.tui.widgets.backtest.form_fields import Field
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported

_LONGEST = 80


class FormPane(BenchPane):
    """Subclasses say what the fields are, what is wrong with them, and what the last line does."""

    SCOPES = ("form", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("form")
    TOPICS = frozenset({"bench", "link", "jobs", "face", "symbols"})
    LABELS: ClassVar[int] = 11
    HEAD: ClassVar[int] = 0
    """Lines above the first field."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.place = 0
        self._top = 0
        self._starts: list[int] = []
        """First line of each field, and the end of the last."""
        self._typed: str | None = None
        self._before: str | None = None
        """The field's text before the first keystroke, for Esc."""
        self._caret = 0

    # what the form is

    def fields(self) -> list[Field]:
        raise NotImplementedError

    def value(self, name: str) -> str:
        raise NotImplementedError

    def put(self, name: str, text: str) -> None:
        raise NotImplementedError

    def forget(self, name: str) -> None:
        """The field as it was before anybody changed it."""
        raise NotImplementedError

    def is_default(self, name: str) -> bool:
        raise NotImplementedError

    def fault(self, name: str) -> str:
        raise NotImplementedError

    def pick(self, name: str) -> None:
        """Opens the list of a field of kind «pick»."""

    def submit(self) -> None:
        """Enter on the last line."""
        raise NotImplementedError

    def last_lines(self, width: int) -> list[Line]:
        """The button, and what is to say about it."""
        raise NotImplementedError

    @property
    def locked(self) -> bool:
        return False

    # drawing

    @property
    def typing(self) -> bool:
        return self._typed is not None

    def body(self, width: int, height: int) -> list[Line]:
        fields = self.fields()
        self.place = max(0, min(self.place, len(fields)))
        closing = self.last_lines(width)
        lines: list[Line] = []
        starts: list[int] = []
        for index, item in enumerate(fields):
            starts.append(len(lines))
            lines += self._field(item, width, chosen=index == self.place)
        starts.append(len(lines))
        self._starts = starts
        room = max(1, height - len(closing))
        if self.place < len(fields):
            here = starts[self.place]
            self._top = max(min(self._top, here), starts[self.place + 1] - room)
        self._top = max(0, min(self._top, len(lines) - room))
        shown = lines[self._top : self._top + room]
        shown += [[] for _ in range(room - len(shown))]
        if self._top + room < len(lines):
            shown[-1] = [(f" ↓ {sum(1 for start in starts[:-1] if start >= self._top + room - 1)} more", "muted")]
        return shown + closing

    def _field(self, item: Field, width: int, *, chosen: bool) -> list[Line]:
        if item.kind == "head":
            return [[(f" {fit(item.title, width - 2)}", "muted")]]
        chosen = chosen and self.has_focus and not self.locked
        back = " cursor" if chosen else ""
        label = max(6, min(self.LABELS, width // 2))
        room = max(4, width - label - 2)
        mark = ("▸", f"accent{back}") if chosen else (" ", "")
        line: Line = [mark, (fit(item.title, label), f"muted{back}")]
        if chosen and self._typed is not None:
            line += self._input(self._typed, room, back)
        else:
            line += self._shown(item, room, back, chosen=chosen)
        lines = [line]
        fault = "" if self.locked else self.fault(item.name)
        if fault:
            told = wrapped(clean(fault, 200), width - 4)[:3]
            lines += [[(f"  {'!' if index == 0 else ' '} {part}", "warn")] for index, part in enumerate(told)]
        return lines

    def _input(self, text: str, room: int, back: str) -> Line:
        skip = max(0, self._caret - room + 2)
        text, caret = text[skip : skip + room - 1] + " ", self._caret - skip
        return [
            (text[:caret], back.strip()),
            (text[caret : caret + 1], "last"),
            (fit(text[caret + 1 :], room - caret), back.strip()),
        ]

    def _shown(self, item: Field, room: int, back: str, *, chosen: bool) -> Line:
        value = clean(self.value(item.name), 200)
        tone = "muted" if self.locked else "" if self.is_default(item.name) else "key"
        if chosen and item.kind == "choice":
            value = f"‹ {value} ›"
        elif item.unit and value:
            value = f"{value} {item.unit}"
        return [(fit(value, room + 1), f"{tone}{back}".strip())]

    # keys

    def current(self) -> Field | None:
        fields = self.fields()
        return fields[self.place] if self.place < len(fields) else None

    def action_cursor(self, step: int) -> None:
        fields = self.fields()
        place = max(0, min(self.place + step, len(fields)))
        direction = 1 if step > 0 else -1
        while 0 <= place < len(fields) and fields[place].kind == "head":
            place += direction
        self.place = place if place >= 0 else self.place
        self.repaint()

    def action_edit(self) -> None:
        item = self.current()
        if item is None:
            self.submit()
        elif self.locked:
            self.desk.tell("A backtest of this form is running; x in Jobs cancels it.")
        elif item.kind == "pick":
            self.pick(item.name)
        elif item.kind == "choice":
            self.action_step(1)
        else:
            self._typed = self.value(item.name)
            self._caret = len(self._typed)
            self.desk.refresh_frame()
        self.repaint()

    def action_step(self, step: int) -> None:
        item = self.current()
        if item is None or self.locked or item.kind != "choice" or not item.choices:
            return
        here = item.choices.index(self.value(item.name)) if self.value(item.name) in item.choices else 0
        self.put(item.name, item.choices[(here + step) % len(item.choices)])
        self.repaint()

    def action_reset(self) -> None:
        item = self.current()
        if item is not None and not self.locked:
            self.forget(item.name)
            self.repaint()

    def on_key(self, event: events.Key) -> None:
        if self._typed is None:
            return
        text, caret = self._typed, self._caret
        if event.key in ("enter", "tab", "down"):
            self._leave(1)
        elif event.key in ("shift+tab", "up"):
            self._leave(-1)
        elif event.key == "escape":
            self._end()
        elif event.key == "backspace":
            self._change(text[: max(0, caret - 1)] + text[caret:], max(0, caret - 1))
        elif event.key == "delete":
            self._change(text[:caret] + text[caret + 1 :], caret)
        elif event.key == "ctrl+u":
            self._change("", 0)
        elif event.key in ("left", "right", "home", "end"):
            to = {"left": caret - 1, "right": caret + 1, "home": 0, "end": len(text)}[event.key]
            self._caret = max(0, min(to, len(text)))
        elif event.is_printable and event.character:
            self._insert(event.character)
        elif event.key.startswith("ctrl+"):
            return
        event.stop()
        event.prevent_default()
        self.repaint()

    def on_paste(self, event: events.Paste) -> None:
        if self._typed is not None:
            self._insert(clean(event.text, _LONGEST))
            event.stop()
            self.repaint()

    def _insert(self, text: str) -> None:
        assert self._typed is not None
        text = text[: max(0, _LONGEST - len(self._typed))]
        self._change(self._typed[: self._caret] + text + self._typed[self._caret :], self._caret + len(text))

    def _change(self, text: str, caret: int) -> None:
        """Each keystroke is put into the form at once, so that faults are live; Esc puts the old text back."""
        item = self.current()
        assert item is not None
        if self._before is None:
            self._before = self.value(item.name)
        self._typed, self._caret = text, caret
        self.put(item.name, text)

    def _leave(self, step: int) -> None:
        self._close()
        self.action_cursor(step)

    def _end(self) -> None:
        item = self.current()
        if item is not None and self._before is not None:
            self.put(item.name, self._before)
        self._close()

    def _close(self) -> None:
        """Letters are keys again."""
        if self._typed is not None:
            self.desk.refresh_frame()
        self._typed, self._before = None, None

    def on_blur(self, event: events.Blur) -> None:
        self._close()
        super().on_blur(event)

    def on_click(self, event: events.Click) -> None:
        row = event.y - 1 - self.HEAD + self._top
        fields = self.fields()
        for index, item in enumerate(fields[: len(self._starts) - 1]):
            if self._starts[index] <= row < self._starts[index + 1] and item.kind != "head":
                self._close()
                self.place = index
                self.repaint()

    # giving out

    def export(self) -> Exported | None:
        rows = [[item.title, self.value(item.name)] for item in self.fields() if item.kind != "head"]
        return Exported(self.NAME, ["field", "value"], rows) if rows else None

    def copied(self) -> tuple[str, str] | None:
        item = self.current()
        return (item.title, self.value(item.name)) if item is not None else None
