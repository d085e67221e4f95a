"""Dialogs: a question with its answers, and a text to read. Painted like everything else, so no markup can act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from polotui.tui import keys
from polotui.tui.shell.modal import Modal
from polotui.tui.widgets.painted import Line, width_of
from polotui.tui.widgets.pane import Pane

_CENTRED = """
{name} {{ align: center middle; background: $background 50%; }}
{name} > Pane {{ width: {width}; max-width: 96%; height: auto; max-height: 90%; }}
"""


def wrapped(text: str, width: int) -> list[str]:
    """Words in lines of at most `width`."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            while len(word) > width:
                lines.append((line + " " + word[: width - len(line) - 1]).strip() if line else word[:width])
                word = word[width - len(line) - 1 :] if line else word[width:]
                line = ""
            if len(line) + len(word) + 1 > width and line:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines


class QuestionPane(Pane):
    """The question and its answers on one line."""

    def __init__(self, title: str, text: str, answers: Sequence[tuple[str, str]], focused: int) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self.answers = answers
        self.index = focused

    def title(self, width: int) -> Line:
        return [(self._title, "title")]

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(wrapped(self._text, max(10, width - 4))) + 6

    def body(self, width: int, height: int) -> list[Line]:
        lines: list[Line] = [[]]
        lines += [[(f" {line}", "")] for line in wrapped(self._text, width - 2)]
        row: Line = [(" ", "")]
        for index, (letter, words) in enumerate(self.answers):
            tone = "last" if index == self.index else ""
            row += [(f" {letter} ", f"key {tone}".strip()), (f"{words} ", tone), ("   ", "")]
        return [*lines, [], row]


class Question(Modal[str], inherit_bindings=False):
    """Answers with the letter, or with arrows and Enter. Esc is the harmless answer, which is also focused."""

    CSS = _CENTRED.format(name="Question", width=64)

    def __init__(self, title: str, text: str, answers: Sequence[tuple[str, str]], harmless: str) -> None:
        super().__init__()
        self._harmless = harmless
        letters = [letter for letter, _ in answers]
        self._pane = QuestionPane(title, text, answers, letters.index(harmless))

    def compose(self) -> ComposeResult:
        yield self._pane

    def on_key(self, event: events.Key) -> None:
        pane = self._pane
        letters = [letter for letter, _ in pane.answers]
        if event.key == "escape":
            self.dismiss(self._harmless)
        elif event.key == "enter":
            self.dismiss(letters[pane.index])
        elif event.character in letters:
            self.dismiss(event.character)
        elif event.key in ("left", "right", "tab", "shift+tab", "h", "l"):
            pane.index = (pane.index + (-1 if event.key in ("left", "shift+tab", "h") else 1)) % len(letters)
            pane.repaint()
        else:
            return
        event.stop()


class TextPane(Pane):
    """Lines to read, with a place in them."""

    SCOPES = ("text",)
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("text")

    def __init__(self, title: str, lines: list[Line]) -> None:
        super().__init__()
        self._title = title
        self.text = lines
        self.top = 0
        self._rows = 1

    def title(self, width: int) -> Line:
        return [(self._title, "title")]

    def title_right(self) -> Line:
        end = min(len(self.text), self.top + max(1, self.size.height - 2))
        return [(f"{end}/{len(self.text)} · Esc closes", "muted")]

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self.text) + 2

    def body(self, width: int, height: int) -> list[Line]:
        self._rows = height
        self.top = max(0, min(self.top, len(self.text) - height))
        return [[(" ", ""), *line] for line in self.text[self.top : self.top + height]]

    def action_scroll_text(self, step: int) -> None:
        self.top = max(0, min(self.top + step, len(self.text) - self._rows))
        self.repaint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_scroll_text(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_scroll_text(-3)


class Reading(Modal[None], inherit_bindings=False):
    """A text to read; Esc, q or ? closes it."""

    CSS = _CENTRED.format(name="Reading", width=92)

    def __init__(self, title: str, lines: list[Line]) -> None:
        super().__init__()
        self.pane = TextPane(title, lines)

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.focus()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "q", "question_mark", "enter"):
            event.stop()
            self.dismiss(None)


def columns(rows: Sequence[Sequence[tuple[str, str]]], gap: int = 3) -> list[Line]:
    """Rows of spans with their columns aligned."""
    widths: list[int] = []
    for row in rows:
        for index, span in enumerate(row):
            size = width_of([span])
            if index >= len(widths):
                widths.append(size)
            widths[index] = max(widths[index], size)
    lines: list[Line] = []
    for row in rows:
        line: Line = []
        for index, (text, tone) in enumerate(row):
            pad = widths[index] - width_of([(text, tone)]) + gap if index < len(row) - 1 else 0
            line.append((text + " " * pad, tone))
        lines.append(line)
    return lines
