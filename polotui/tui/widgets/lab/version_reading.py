"""An older version to read: its lines, with what differs from the text in the editor marked + and −."""

from __future__ import annotations

from difflib import SequenceMatcher

from textual import events
from textual.app import ComposeResult

from polotui.core.text import clean
from polotui.tui.shell.dialogs import TextPane
from polotui.tui.shell.modal import Modal
from polotui.tui.widgets.painted import Line


def differences(now: str, then: str) -> list[Line]:
    """`then` as a whole; lines that only the editor has stand in their place with «−»."""
    ours, theirs = now.split("\n"), then.split("\n")
    lines: list[Line] = []
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs).get_opcodes():
        if kind == "equal":
            lines += [[("  ", ""), (clean(line, 500), "")] for line in theirs[c:d]]
            continue
        lines += [[("− ", "down"), (clean(line, 500), "down")] for line in ours[a:b]]
        lines += [[("+ ", "up"), (clean(line, 500), "up")] for line in theirs[c:d]]
    return lines


class VersionPane(TextPane):
    """Says what Enter does."""

    def title_right(self) -> Line:
        return [("+ here  − only in the editor · Enter takes it into the editor · Esc closes", "muted")]


class VersionReading(Modal[bool], inherit_bindings=False):
    """True when the version is to come into the editor."""

    CSS = """
    VersionReading { align: center middle; background: $background 50%; }
    VersionReading > Pane { width: 110; max-width: 96%; height: auto; max-height: 90%; }
    """

    def __init__(self, title: str, now: str, then: str) -> None:
        super().__init__()
        self.pane = VersionPane(title, differences(now, then))

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.focus()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "q", "enter"):
            event.stop()
            self.dismiss(event.key == "enter")
