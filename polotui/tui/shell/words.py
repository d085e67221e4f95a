"""Words: help of the focused pane, guides, notifications."""

from __future__ import annotations

from typing import Any

from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import clock
from polotui.tui.shell.base import ShellBase
from polotui.tui.shell.dialogs import Reading, columns, wrapped
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.painted import Line, Painted
from polotui.tui.widgets.pane import Pane

_SCOPE_TITLES = {
    "market": "Market",
    "balance": "Balance",
    "table": "Tables",
    "watchlist": "Watchlist",
    "chart": "Chart",
    "backtest": "Backtest",
    "form": "Forms",
    "runs": "History",
    "running": "What is at work",
    "joblist": "Jobs",
    "result": "Result",
    "figures": "Figures",
    "curve": "Curve",
    "sweeps": "Sweeps",
    "global": "Everywhere",
    "text": "Texts",
    "lab": "Lab",
    "strategies": "Strategies",
    "document": "Reading a document",
    "editor": "Typing in a document",
    "checks": "Checks",
    "preview": "Preview",
    "risk": "Risk",
    "protects": "What protects",
    "alerts": "Alerts",
    "latches": "Latches",
    "locks": "Pair locks",
    "board": "Board",
    "stage": "A stage",
    "paper": "Paper",
    "bots": "Bots",
    "held": "Positions",
    "profit": "Result",
    "feed": "Feed",
    "orders": "Orders",
    "journal": "Journal",
    "signals": "Signals",
}


class Words(ShellBase):
    """Everything that opens a text."""

    failed_panes: dict[str, str]

    def read(self, title: str, lines: list[Line]) -> None:
        self.push_screen(Reading(title, lines))

    @property
    def reading_width(self) -> int:
        """Columns of a text dialog."""
        return max(20, min(88, self.size.width * 96 // 100 - 4))

    def action_help(self) -> None:
        focused = self.focused
        pane = focused if isinstance(focused, Pane) else None
        scopes = [*reversed(pane.SCOPES)] if pane is not None else []
        lines: list[Line] = []
        if pane is not None:
            lines += [[(line, "")] for line in wrapped(pane.ABOUT, self.reading_width)] + [[]]
        for scope in [*scopes, "global"]:
            rows = [
                [
                    (keys.all_shown(self.keymap.get(key.id, key.keys)), "key"),
                    (key.words, ""),
                    (key.id, "faint"),
                ]
                for key in keys.KEYS
                if key.scope == scope and not (key.changes and self.read_only)
            ]
            if scope == "global":
                numbered = [entry for entry in self.screens if entry.digit]
                digits = " ".join(entry.digit for entry in numbered)
                rows.insert(0, [(digits, "key"), (", ".join(entry.title for entry in numbered), ""), ("", "")])
            lines += [[(_SCOPE_TITLES.get(scope, scope), "title")], *columns(rows), []]
        tail = "Keys move with [face.keymap] in polotui.toml: id = key. The mouse is the app's: shift+drag selects."
        lines += [[(line, "muted")] for line in wrapped(tail, self.reading_width)]
        self.read(f"Help · {pane.NAME}" if pane is not None else "Help", lines)

    def action_guides(self) -> None:
        found = sorted(self.guides.glob("*.md")) if self.guides is not None and self.guides.is_dir() else []
        if not found:
            self.action_help()
            return
        choices = [Choice(path.stem, path.stem.replace("-", " ")) for path in found]
        paths = {path.stem: path for path in found}

        def show(name: str | None) -> None:
            if name is None:
                return
            try:
                text = paths[name].read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                self.tell(f"{paths[name].name} cannot be read: {error}.", "error")
                return
            pages = _pages(text, self.reading_width)
            self.read(name, [[(clean(line, 500), "title" if line.startswith("#") else "")] for line in pages])

        self.push_screen(Picker("Guides", choices), show)

    def show_alerts(self) -> None:
        """Toasts for what went wrong, and for fills while no feed is in sight: every loud one, of the others three at a
        time and the rest as a count."""
        loud = [note for note in self.store.alerts if note.loud]
        seen = self.current_name == "paper"
        alerts = [note for note in self.store.alerts if not note.loud and not (note.level == "info" and seen)]
        self.store.alerts.clear()
        for note in loud:
            self.notify(clean(note.text, 300), title=note.kind, severity="error", timeout=30, markup=False)
        for note in alerts[-3:]:
            severity: Any = {"error": "error", "info": "information"}.get(note.level, "warning")
            self.notify(clean(note.text, 300), severity=severity, timeout=8, markup=False)
        if len(alerts) > 3:
            self.notify(f"{len(alerts) - 3} more: n shows all.", severity="warning", timeout=8, markup=False)

    def action_notices(self) -> None:
        tones = {"warning": "warn", "error": "bad"}
        lines: list[Line] = []
        for note in reversed(self.store.notes):
            for index, part in enumerate(wrapped(note.text, self.reading_width - 10)):
                when = f"{clock(note.at_ms)}  " if index == 0 else " " * 10
                lines.append([(when, "muted"), (part, tones.get(note.level, ""))])
        self.read("Notifications", lines or [[("Nothing has happened yet.", "muted")]])

    def pane_failed(self, pane: Painted, error: Exception) -> None:
        """A pane could not be drawn: said once, kept for the report."""
        name = f"{type(pane).__name__}"
        words = f"{type(error).__name__}: {error}"
        if self.failed_panes.get(name) != words:
            self.failed_panes[name] = words
            self.store.note(
                self.clock.wall_ms(), "error", f"The pane {name} cannot be drawn: {words}. The rest goes on."
            )


def _pages(text: str, width: int) -> list[str]:
    return [line for paragraph in text.splitlines() for line in wrapped(paragraph, width)]
