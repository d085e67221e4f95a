"""A small form over the screen: a few sentences, a few fields, one of which may be a word to type.

Decided here: letters are text from the first moment; Enter goes to the next field and from the last one answers; Esc
leaves and changes nothing. A fault stands below its field while one types, and nothing is answered while there is one.
A word to type is compared exactly: that is what it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult

from polotui.core.text import clean
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.shell.modal import Modal
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Pane

_LONGEST = 200


@dataclass(frozen=True)
class Entry:
    """One field. `choices` make it a choice; `check` says what is wrong with a text, "" when nothing is."""

    name: str
    title: str
    value: str = ""
    choices: tuple[str, ...] = ()
    unit: str = ""
    hint: str = ""
    """Shown while the field is empty."""
    check: Callable[[str], str] | None = None


def word(wanted: str) -> Entry:
    """A field that holds only when `wanted` stands in it."""

    def check(text: str) -> str:
        return "" if text == wanted else f"type {wanted} to go on"

    return Entry("word", "type", hint=wanted, check=check)


def needed(text: str) -> str:
    """For fields that must not be empty."""
    return "" if text.strip() else "needed"


class EntriesPane(Pane):
    """The sentences and the fields."""

    def __init__(self, title: str, words: Sequence[Line | str], entries: Sequence[Entry], answer: str) -> None:
        super().__init__()
        self._title = title
        self._words = list(words)
        self._answer = answer
        self.entries = list(entries)
        self.texts = {entry.name: entry.value for entry in entries}
        self.place = 0
        self.caret = len(entries[0].value) if entries else 0
        self.tried = False

    def title(self, width: int) -> Line:
        return [(self._title, "title")]

    def title_right(self) -> Line:
        return [("Esc leaves", "muted")]

    @property
    def current(self) -> Entry:
        return self.entries[self.place]

    def fault(self, entry: Entry) -> str:
        return entry.check(self.texts[entry.name]) if entry.check is not None else ""

    def faults(self) -> list[str]:
        return [fault for entry in self.entries if (fault := self.fault(entry))]

    def _sentences(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for item in self._words:
            if isinstance(item, str):
                lines += [[(f" {part}", "")] for part in wrapped(item, width - 2)]
            else:
                lines.append([(" ", ""), *item])
        return lines

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._sentences(max(10, width - 2))) + len(self.entries) * 2 + 6

    def body(self, width: int, height: int) -> list[Line]:
        fields: list[Line] = []
        label = max((len(entry.title) for entry in self.entries), default=4) + 3
        for index, entry in enumerate(self.entries):
            fields += self._field(entry, width, label, chosen=index == self.place)
        fault = bool(self.faults())
        foot: Line = [(" Enter ", "muted" if fault else "key"), (self._answer, "muted" if fault else "")]
        if self.current.choices:
            foot.append(("   ← → another choice", "muted"))
        # In a low terminal the sentences give way, never the fields.
        room = max(1, height - len(fields) - 4)
        sentences = self._sentences(width)
        if len(sentences) > room:
            sentences = [*sentences[: room - 1], [(f" … {len(sentences) - room + 1} more lines", "muted")]]
        return [[], *sentences, [], *fields, [], foot]

    def _field(self, entry: Entry, width: int, label: int, *, chosen: bool) -> list[Line]:
        text = self.texts[entry.name]
        mark = ("▸", "accent") if chosen else (" ", "")
        line: Line = [mark, (fit(entry.title, label), "muted")]
        room = max(6, width - label - len(entry.unit) - 3)
        if entry.choices:
            line.append((f"◂ {text} ▸" if chosen else text, "accent" if chosen else ""))
        elif chosen:
            skip = max(0, self.caret - room + 1)
            shown, caret = text[skip : skip + room - 1], self.caret - skip
            line += [(shown[:caret], ""), (shown[caret : caret + 1] or " ", "caret"), (shown[caret + 1 :], "")]
            if not text and entry.hint:
                line.append((f" {entry.hint}", "faint"))
        else:
            line.append((text, "") if text else (entry.hint, "faint"))
        if entry.unit:
            line.append((f" {entry.unit}", "muted"))
        fault = self.fault(entry)
        told = fault and (self.tried or text != entry.value)
        return [line, [(" " * (label + 1), ""), (f"! {fault}", "warn")] if told else []]

    def press(self, event: events.Key) -> bool:
        """Takes a key that writes or moves. False when it is none."""
        text, caret = self.texts[self.current.name], self.caret
        if self.current.choices:
            if event.key in ("left", "right", "space"):
                names = self.current.choices
                step = -1 if event.key == "left" else 1
                self.texts[self.current.name] = names[(names.index(text) + step) % len(names)]
                return True
            return False
        if event.key == "backspace":
            self._put(text[: max(0, caret - 1)] + text[caret:], caret - 1)
        elif event.key == "delete":
            self._put(text[:caret] + text[caret + 1 :], caret)
        elif event.key == "ctrl+u":
            self._put("", 0)
        elif event.key in ("left", "right", "home", "end"):
            self.caret = {"left": caret - 1, "right": caret + 1, "home": 0, "end": len(text)}[event.key]
            self.caret = max(0, min(self.caret, len(text)))
        elif event.is_printable and event.character:
            self.insert(event.character)
        else:
            return False
        return True

    def insert(self, text: str) -> None:
        if not self.current.choices:
            old = self.texts[self.current.name]
            text = text[: max(0, _LONGEST - len(old))]
            self._put(old[: self.caret] + text + old[self.caret :], self.caret + len(text))

    def _put(self, text: str, caret: int) -> None:
        self.texts[self.current.name] = text
        self.caret = max(0, min(caret, len(text)))

    def go(self, place: int) -> None:
        self.place = place % len(self.entries)
        self.caret = len(self.texts[self.current.name])


class Entries(Modal[dict[str, str] | None], inherit_bindings=False):
    """Returns what stands in the fields, or None."""

    CSS = """
    Entries { align: center middle; background: $background 50%; }
    Entries > Pane { width: 76; max-width: 96%; height: auto; max-height: 92%; }
    """

    def __init__(self, title: str, words: Sequence[Line | str], entries: Sequence[Entry], answer: str) -> None:
        super().__init__()
        self.pane = EntriesPane(title, words, entries, answer)

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_key(self, event: events.Key) -> None:
        pane = self.pane
        if event.key == "escape":
            self.dismiss(None)
        elif event.key == "enter" and pane.place == len(pane.entries) - 1:
            self._answer()
        elif event.key in ("enter", "tab", "down"):
            pane.go(pane.place + 1)
        elif event.key in ("shift+tab", "up"):
            pane.go(pane.place - 1)
        elif not pane.press(event):
            return
        event.stop()
        event.prevent_default()
        pane.repaint()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.pane.insert(clean(event.text, _LONGEST))
        self.pane.repaint()

    def _answer(self) -> None:
        pane = self.pane
        wrong = next((place for place, entry in enumerate(pane.entries) if pane.fault(entry)), None)
        if wrong is None:
            self.dismiss(dict(pane.texts))
            return
        pane.tried = True
        pane.go(wrong)
