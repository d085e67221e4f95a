"""A form made from a document: one field for each parameter it declares, checked while one types, with steps on the
arrow keys.

Decided here: the form stands beside the preview and the preview follows it, so a value is seen before it is taken.
Esc leaves the document as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.app import ComposeResult

from polotui.api.lab_values import ParamField
from polotui.core.text import clean
from polotui.tui.shell.modal import Modal
from polotui.tui.widgets.lab.parameters import read, stepped, written
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Pane


class FormPane(Pane):
    """The fields, one below the other."""

    def __init__(self, title: str, fields: Sequence[ParamField]) -> None:
        super().__init__()
        self._typing = True
        self._title = title
        self.fields = fields
        self.typed = [written(field.default) for field in fields]
        self.index = 0
        self.said = ""
        self._top = 0

    def title(self, width: int) -> Line:
        return [("Parameters", "title"), (f" · {clean(self._title, 40)}", "muted")]

    def title_right(self) -> Line:
        return [("Enter takes · Esc leaves", "muted")]

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self.fields) + 7

    def fault(self, place: int) -> str:
        return read(self.typed[place], self.fields[place])[1]

    @property
    def values(self) -> dict[str, float] | None:
        """None while a field is wrong."""
        found = [read(text, field)[0] for text, field in zip(self.typed, self.fields, strict=True)]
        if any(value is None for value in found):
            return None
        return {field.name: value for field, value in zip(self.fields, found, strict=True) if value is not None}

    def changed(self, place: int) -> bool:
        return read(self.typed[place], self.fields[place])[0] != self.fields[place].default

    def body(self, width: int, height: int) -> list[Line]:
        names = max(4, min(24, max(len(field.name) for field in self.fields)))
        lines: list[Line] = [[(f"  {'name':<{names}} {'value':>11}  least … most, step", "muted")]]
        rows = max(1, height - 4)
        self._top = max(0, min(self._top, self.index), self.index - rows + 1)
        for place in range(self._top, min(self._top + rows, len(self.fields))):
            lines.append(self._field(place, names, width))
        fault = self.fault(self.index)
        field = self.fields[self.index]
        lines.append([])
        if self.said:
            lines.append([(f" {self.said}", "warn")])
        elif fault:
            lines.append([(f" {clean(field.name, 24)}: {fault}.", "bad")])
        else:
            was = f"The document says {written(field.default)}." if self.changed(self.index) else ""
            lines.append([(f" {was}", "muted")])
        lines.append([(" ↑ ↓ field   ← → step   Backspace erases   ctrl+u empties", "muted")])
        return lines

    def _field(self, place: int, names: int, width: int) -> Line:
        field, fault = self.fields[place], self.fault(place)
        here = place == self.index
        back = " cursor" if here else ""
        tone = "bad" if fault else "accent" if self.changed(place) else ""
        limits = f"{_limit(field.least)} … {_limit(field.most)}, {_limit(field.step)}"
        tail = f"✗ {fault}" if fault else limits
        return [
            ("▸ " if here else "  ", f"accent{back}" if here else ""),
            (fit(clean(field.name, 24), names) + " ", back.strip()),
            (fit(self.typed[place], 11, "right"), (tone + back).strip()),
            ("▏" if here else " ", "accent" + back),
            (fit(f" {tail}", max(0, width - names - 15)), ("bad" if fault else "muted") + back),
        ]


def _limit(value: float | None) -> str:
    return "any" if value is None else written(value)


class ParamForm(Modal[dict[str, float] | None], inherit_bindings=False):
    """The values that were taken; None when the form was left. `follow` hears of every sound set of values."""

    CSS = """
    ParamForm { align: left top; background: $background 20%; }
    ParamForm > Pane { width: 64; max-width: 96%; height: auto; max-height: 90%; margin: 4 2; }
    """

    def __init__(self, title: str, fields: Sequence[ParamField], follow: Callable[[dict[str, float]], None]) -> None:
        super().__init__()
        self.pane = FormPane(title, fields)
        self._follow = follow

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_key(self, event: events.Key) -> None:
        pane = self.pane
        before = list(pane.typed)
        pane.said = ""
        if event.key == "escape":
            self.dismiss(None)
        elif event.key in ("enter", "ctrl+s"):
            self._take()
        elif event.key in ("down", "tab", "up", "shift+tab"):
            step = 1 if event.key in ("down", "tab") else -1
            pane.index = (pane.index + step) % len(pane.fields)
        elif not self._edited(event):
            return
        event.stop()
        event.prevent_default()
        values = pane.values
        if pane.typed != before and values is not None:
            self._follow(values)
        pane.repaint()

    def _edited(self, event: events.Key) -> bool:
        pane = self.pane
        here = pane.typed[pane.index]
        if event.key in ("left", "right"):
            here = stepped(here, pane.fields[pane.index], 1 if event.key == "right" else -1)
        elif event.key == "backspace":
            here = here[:-1]
        elif event.key == "ctrl+u":
            here = ""
        elif event.is_printable and event.character:
            here = (here + event.character)[:24] if event.character in "0123456789.+-−eE" else here
        else:
            return False
        pane.typed[pane.index] = here
        return True

    def _take(self) -> None:
        pane = self.pane
        values = pane.values
        if values is None:
            pane.index = next(place for place in range(len(pane.fields)) if pane.fault(place))
            return
        changed = {field.name: values[field.name] for field in pane.fields if values[field.name] != field.default}
        self.dismiss(changed)
