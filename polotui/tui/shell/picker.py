"""A line to type in and a list that narrows: the command palette, adding a symbol, choosing an overlay or a format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult

from polotui.core.text import clean
from polotui.tui.shell.modal import Modal
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Pane


@dataclass(frozen=True)
class Choice:
    key: str
    label: str
    hint: str = ""


class PickerPane(Pane):
    """What was typed, and the choices that match it."""

    def __init__(self, title: str, choices: Sequence[Choice], prompt: str) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._prompt = prompt
        self.typed = ""
        self.index = 0
        self._top = 0

    def title(self, width: int) -> Line:
        return [(self._title, "title")]

    def title_right(self) -> Line:
        return [("Enter takes · Esc leaves", "muted")]

    def matching(self) -> list[Choice]:
        """Starting with what was typed first, then containing it."""
        needle = self.typed.strip().lower()
        if not needle:
            return list(self._choices)
        starts = [choice for choice in self._choices if choice.label.lower().startswith(needle)]
        has = [
            choice
            for choice in self._choices
            if choice not in starts and (needle in choice.label.lower() or needle in choice.hint.lower())
        ]
        # A verb with an argument typed after it still shows the verb.
        verbs = [choice for choice in self._choices if needle.startswith(choice.key.lower() + " ")]
        return [*starts, *has, *(choice for choice in verbs if choice not in starts and choice not in has)]

    @property
    def picked(self) -> Choice | None:
        found = self.matching()
        return found[min(self.index, len(found) - 1)] if found else None

    def body(self, width: int, height: int) -> list[Line]:
        lines: list[Line] = [[(f" {self._prompt} ", "key"), (self.typed, ""), ("▏", "accent")], []]
        found = self.matching()
        self.index = max(0, min(self.index, len(found) - 1))
        rows = max(1, height - 2)
        self._top = max(0, min(self._top, self.index), self.index - rows + 1)
        labels = max((len(choice.label) for choice in self._choices), default=8)
        labels = min(labels, max(10, width - 20))
        for place, choice in enumerate(found[self._top : self._top + rows], self._top):
            back = "cursor" if place == self.index else ""
            lines.append(
                [
                    ("▸" if back else " ", back),
                    (fit(choice.label, labels), f"{back}".strip()),
                    (fit(f"   {choice.hint}", max(0, width - labels - 1)), f"muted {back}".strip()),
                ]
            )
        if not found:
            lines.append([(" Nothing of that name.", "muted")])
        return lines


class Picker(Modal[str | None], inherit_bindings=False):
    """Returns the key of the choice, or with `free` what was typed when it says more than the choice."""

    CSS = """
    Picker { align: center top; background: $background 50%; }
    Picker > Pane { width: 84; max-width: 96%; height: 20; max-height: 80%; margin-top: 2; }
    """

    def __init__(self, title: str, choices: Sequence[Choice], *, prompt: str = "›", free: bool = False) -> None:
        super().__init__()
        self.pane = PickerPane(title, choices, prompt)
        self._free = free

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_key(self, event: events.Key) -> None:
        pane = self.pane
        if event.key == "escape":
            self.dismiss(None)
        elif event.key == "enter":
            self._take()
        elif event.key in ("down", "ctrl+n"):
            pane.index += 1
        elif event.key in ("up", "ctrl+p"):
            pane.index = max(0, pane.index - 1)
        elif event.key == "backspace":
            pane.typed = pane.typed[:-1]
        elif event.key == "ctrl+u":
            pane.typed = ""
        elif event.key == "tab" and pane.picked is not None:
            pane.typed = pane.picked.key + " "
        elif event.is_printable and event.character:
            pane.typed = (pane.typed + event.character)[:200]
            pane.index = 0
        else:
            return
        event.stop()
        event.prevent_default()
        pane.repaint()

    def on_paste(self, event: events.Paste) -> None:
        self.pane.typed = (self.pane.typed + clean(event.text, 200))[:200]
        self.pane.repaint()

    def _take(self) -> None:
        typed, picked = self.pane.typed.strip(), self.pane.picked
        if self._free and typed and (picked is None or typed.lower().startswith(picked.key.lower() + " ")):
            self.dismiss(typed)
        elif picked is not None:
            self.dismiss(picked.key)
