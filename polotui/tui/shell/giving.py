"""Giving out: copy and export."""

from __future__ import annotations

import csv
import io
import re

import msgspec

from polotui.core.errors import PolotuiError
from polotui.core.files import private_folder, write_private
from polotui.tui.numbers import at
from polotui.tui.shell.base import ShellBase
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.pane import Exported, Pane


class Giving(ShellBase):
    """`y` copies the thing under the cursor, `e` writes the focused pane to a file."""

    def action_copy(self) -> None:
        focused = self.focused
        if isinstance(focused, Pane) and focused.copies_itself():
            return
        copied = focused.copied() if isinstance(focused, Pane) else None
        if copied is None:
            self.tell("There is nothing to copy here.")
            return
        what, text = copied
        self.copy_to_clipboard(text)
        # Terminals do not acknowledge a copy, so the other way is named.
        self.tell(f"Copied {what}: {text[:120]}. If your terminal does not take it: e writes a file.")

    def action_export(self) -> None:
        focused = self.focused
        if isinstance(focused, Pane) and focused.exports_itself():
            return
        exported = focused.export() if isinstance(focused, Pane) else None
        if exported is None or self.exports is None:
            self.tell("There is nothing to export here.")
            return
        choices = [Choice("csv", "CSV", "for spreadsheets"), Choice("json", "JSON", "for programs")]

        def write(kind: str | None) -> None:
            if kind:
                self.write_export(exported, kind)

        self.push_screen(Picker(f"Export {exported.name} ({len(exported.rows)} rows)", choices), write)

    def write_export(self, exported: Exported, kind: str) -> None:
        self.write_file(exported.name, kind, encoded(exported, kind), f"{len(exported.rows)} rows")

    def write_file(self, title: str, kind: str, data: bytes, what: str) -> None:
        """The file's name carries title and time; it is readable by its owner only."""
        if self.exports is None:
            self.tell("This face has no folder to export into.", "warning")
            return
        stamp = at(self.clock.wall_ms()).strftime("%Y%m%d-%H%M%S")
        name = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-").lower()
        path = self.exports / f"{name}-{stamp}.{kind}"
        try:
            private_folder(self.exports)
            write_private(path, data)
        except PolotuiError as error:
            self.tell_error(error)
        except OSError as error:
            self.tell(f"{path} could not be written: {error.strerror}. Nothing was kept.", "error")
        else:
            self.tell(f"Wrote {what} to {path}")


def encoded(exported: Exported, kind: str) -> bytes:
    """The table as CSV or as a list of objects."""
    if kind == "json":
        rows = [dict(zip(exported.columns, row, strict=False)) for row in exported.rows]
        return msgspec.json.format(msgspec.json.encode({"name": exported.name, "rows": rows}))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(exported.columns)
    writer.writerows([[_not_a_formula(value) for value in row] for row in exported.rows])
    return text.getvalue().encode()


def _not_a_formula(value: str) -> str:
    """Spreadsheets run text that starts like a formula; a number may start with a sign."""
    if value[:1] in "=@\t\r" or (value[:1] in "+-" and not re.match(r"[+-][\d.]", value)):
        return "'" + value
    return value
