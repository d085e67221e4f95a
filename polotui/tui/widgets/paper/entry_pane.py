"""A form in a dialog: fields under each other, what is wrong beside them while one types, and buttons at the end.

Decided here: letters are text from the first moment. Enter goes to the next field and acts only on a button;
what sells or sends is asked once more, with the focus on «no». Faults and hints stand on the line of their field, so
that nothing moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events

from polotui.core.text import clean
from polotui.tui.shell.modal import Modal, Result
from polotui.tui.widgets.painted import Line, fit, width_of
from polotui.tui.widgets.pane import Pane

LONGEST = 400


@dataclass(frozen=True)
class Entry:
    """One field. `choices` make it a choice; `steps` lets left and right step its number."""

    name: str
    title: str
    choices: tuple[str, ...] = ()
    unit: str = ""
    wide: int = 18
    """Cells of what is typed; the hint follows."""
    steps: bool = False


class EntryPane(Pane):
    """Subclasses say which fields there are, what is wrong with them, and what stands above and below."""

    TOPICS = frozenset({"paper", "positions", "link"})
    LABELS = 12

    def __init__(self) -> None:
        super().__init__()
        self._typing = True
        self.texts: dict[str, str] = {}
        self.place = 0
        self.caret = 0
        self.tried = False
        """An answer was tried: from now on empty fields are told as well."""
        self._top = 0

    # what the form is

    def entries(self) -> list[Entry]:
        raise NotImplementedError

    def buttons(self) -> Sequence[tuple[str, str]]:
        """(name, words)."""
        return ()

    def fault(self, name: str) -> str:
        """What is wrong with a field; empty when nothing is."""
        return ""

    def hint(self, name: str) -> Line:
        """What stands beside a field that is right."""
        return []

    def above(self, width: int) -> list[Line]:
        return []

    def below(self, width: int) -> list[Line]:
        return []

    def edited(self, name: str) -> None:
        """A field was changed by a key."""

    def stepped(self, name: str, step: int) -> str:
        """The text of a `steps` field after left or right."""
        return self.texts[name]

    def rows_wanted(self, width: int) -> int:
        """Lines of the body, so that the dialog need not change its size."""
        return len(self.above(width)) + len(self.entries()) + len(self.below(width)) + 3

    # state

    @property
    def entry(self) -> Entry | None:
        entries = self.entries()
        return entries[self.place] if self.place < len(entries) else None

    @property
    def button(self) -> str:
        """The name of the button the cursor is on; empty on a field."""
        index = self.place - len(self.entries())
        names = [name for name, _ in self.buttons()]
        return names[index] if 0 <= index < len(names) else ""

    def text(self, name: str) -> str:
        return self.texts.get(name, "")

    def faults(self) -> list[str]:
        """Names of the fields that are wrong."""
        return [entry.name for entry in self.entries() if self.fault(entry.name)]

    def go(self, place: int) -> None:
        count = len(self.entries()) + len(self.buttons())
        self.place = place % max(1, count)
        entry = self.entry
        self.caret = len(self.text(entry.name)) if entry is not None else 0

    def go_to_fault(self) -> None:
        """To the first field that is wrong; empty ones are told from now on."""
        self.tried = True
        wrong = self.faults()
        names = [entry.name for entry in self.entries()]
        if wrong:
            self.go(names.index(wrong[0]))

    def go_to_button(self, name: str) -> None:
        names = [button for button, _ in self.buttons()]
        self.go(len(self.entries()) + names.index(name))

    # drawing

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return self.rows_wanted(max(20, width - 2)) + 2

    def body(self, width: int, height: int) -> list[Line]:
        entries = self.entries()
        self.place = max(0, min(self.place, len(entries) + len(self.buttons()) - 1))
        above, below = self.above(width), self.below(width)
        foot = [self._button_line()] if self.buttons() else []
        room = max(2, min(len(entries), height - len(above) - len(foot) - 2))
        here = min(self.place, max(0, len(entries) - 1))
        self._top = max(0, min(self._top, here, max(0, len(entries) - room)), here - room + 1)
        fields = [
            self._field(entry, width, chosen=index == self.place)
            for index, entry in enumerate(entries[self._top : self._top + room], self._top)
        ]
        if self._top + room < len(entries):
            fields[-1] = [(f"   ↓ {len(entries) - self._top - room + 1} more fields", "muted")]
            if here == self._top + room - 1:
                fields[-1] = self._field(entries[here], width, chosen=here == self.place)
        lines = [*above, *fields]
        if foot:
            lines += [[], *foot]
        left = height - len(lines) - 1
        if below and left > 0:
            if len(below) > left:
                below = [*below[: left - 1], [(f" … {len(below) - left + 1} more lines", "muted")]]
            lines += [[], *below]
        return lines

    def _field(self, entry: Entry, width: int, *, chosen: bool) -> Line:
        text, fault = self.text(entry.name), self.fault(entry.name)
        wide = max(8, min(entry.wide, width - self.LABELS - 4))
        mark = ("▸", "accent") if chosen else (" ", "")
        line: Line = [mark, (fit(entry.title, self.LABELS), "muted"), (" ", "")]
        if entry.choices:
            shown = f"{text}  ‹ ›" if chosen else text
            line.append((fit(shown, wide + 1), "accent" if chosen else ""))
        elif chosen:
            line += self._input(text, wide)
        else:
            line.append((fit(text or "", wide + 1), ""))
        line.append((f" {entry.unit} " if entry.unit else " ", "muted"))
        room = width - width_of(line)
        if fault and (text or self.tried):
            return [*line, (fit(f"✗ {fault}", room), "bad")]
        return [*line, *self.hint(entry.name)]

    def _input(self, text: str, wide: int) -> Line:
        skip = max(0, self.caret - wide + 1)
        shown, caret = text[skip : skip + wide], self.caret - skip
        line: Line = [(shown[:caret], ""), (shown[caret : caret + 1] or " ", "caret"), (shown[caret + 1 :], "")]
        return [*line, ("_" * max(0, wide + 1 - width_of(line)), "faint")]

    def _button_line(self) -> Line:
        line: Line = [(" ", "")]
        for name, words in self.buttons():
            line += [(f"[ {words} ]", "last" if name == self.button else "accent"), ("   ", "")]
        return line

    # keys

    def press(self, event: events.Key) -> bool:
        """Takes a key that moves or writes. False when it is none of these."""
        key = event.key
        if key in ("down", "tab"):
            self.go(self.place + 1)
        elif key in ("up", "shift+tab"):
            self.go(self.place - 1)
        elif self.entry is None:
            if key not in ("left", "right"):
                return False
            first, count = len(self.entries()), len(self.buttons())
            self.go(first + (self.place - first + (1 if key == "right" else -1)) % max(1, count))
        elif key == "enter":
            self.go(self.place + 1)
        else:
            return self._write(self.entry, event)
        return True

    def _write(self, entry: Entry, event: events.Key) -> bool:
        key, text, caret = event.key, self.text(entry.name), self.caret
        if entry.choices:
            return self._choose(entry, event)
        if entry.steps and key in ("left", "right"):
            self._put(entry, self.stepped(entry.name, 1 if key == "right" else -1))
        elif key == "backspace":
            self._put(entry, text[: max(0, caret - 1)] + text[caret:], caret - 1)
        elif key == "delete":
            self._put(entry, text[:caret] + text[caret + 1 :], caret)
        elif key == "ctrl+u":
            self._put(entry, "", 0)
        elif key in ("left", "right", "home", "end"):
            to = {"left": caret - 1, "right": caret + 1, "home": 0, "end": len(text)}[key]
            self.caret = max(0, min(to, len(text)))
        elif event.is_printable and event.character:
            self.insert(event.character)
        else:
            return False
        return True

    def _choose(self, entry: Entry, event: events.Key) -> bool:
        text = self.text(entry.name)
        here = entry.choices.index(text) if text in entry.choices else 0
        if event.key in ("left", "right", "space"):
            here += -1 if event.key == "left" else 1
        elif event.is_printable and event.character:
            # The first letter of a choice goes to it.
            order = [*range(here + 1, len(entry.choices)), *range(here + 1)]
            letter = event.character.lower()
            here = next((place for place in order if entry.choices[place].lower().startswith(letter)), here)
        else:
            return False
        self._put(entry, entry.choices[here % len(entry.choices)])
        return True

    def insert(self, text: str) -> None:
        entry = self.entry
        if entry is None or entry.choices:
            return
        old = self.text(entry.name)
        text = text[: max(0, LONGEST - len(old))]
        self._put(entry, old[: self.caret] + text + old[self.caret :], self.caret + len(text))

    def _put(self, entry: Entry, text: str, caret: int | None = None) -> None:
        self.texts[entry.name] = text
        self.caret = max(0, min(len(text) if caret is None else caret, len(text)))
        self.edited(entry.name)


class EntryDialog(Modal[Result], inherit_bindings=False):
    """The modal around an `EntryPane`. Subclasses say what a button does."""

    pane: EntryPane

    def press_button(self, name: str) -> None:
        raise NotImplementedError

    def leave(self) -> None:
        """Esc."""
        self.dismiss(None)

    def on_key(self, event: events.Key) -> None:
        pane = self.pane
        if event.key == "escape":
            self.leave()
        elif event.key == "enter" and pane.button:
            self.press_button(pane.button)
        elif not pane.press(event):
            return
        event.stop()
        event.prevent_default()
        pane.repaint()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.pane.insert(clean(event.text, LONGEST))
        self.pane.repaint()


def dialog_css(name: str, width: int) -> str:
    """A dialog in the middle, as high as it needs."""
    return (
        f"{name} {{ align: center middle; background: $background 50%; }}\n"
        f"{name} > Pane {{ width: {width}; max-width: 98%; height: auto; max-height: 94%; }}"
    )
