"""What the lab works on: the library, the open document with what the engine said of it, and the preview's choice.

Decided here: one object for all panes of the screen, so nothing a pane shows is kept in the pane. What the engine says
carries the revision of the text it was asked about; an answer about an older text never replaces a newer one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from polotui.api.lab_replies import CheckedStrategy, Examination
from polotui.api.lab_values import Diagnostic, Stage, StrategyPreview, StrategyRow, StrategyVersion
from polotui.core.text import clean
from polotui.tui.widgets.lab.buffer import TextBuffer

_RANK = {"error": 0, "warning": 1, "info": 2}


@dataclass
class OpenDocument:
    """One document in the editor. `version` 0 and the stage template: saving makes a new strategy of it."""

    name: str
    stage: Stage
    version: int
    form: str
    stored: str
    """The text as it is stored; the document is unsaved while the editor's differs."""
    buffer: TextBuffer
    versions: list[StrategyVersion] = field(default_factory=list)
    saving: bool = False

    @property
    def unsaved(self) -> bool:
        return self.buffer.text != self.stored

    @property
    def is_template(self) -> bool:
        return self.version == 0

    @property
    def key(self) -> str:
        """What its draft is kept under: a template's is not the one of the strategy of that name."""
        return f"template {self.name}" if self.is_template else self.name


@dataclass
class LabWork:
    """The state of the screen."""

    rows: list[StrategyRow] | None = None
    """None until the engine has told."""
    rows_fault: str = ""
    drafts: set[str] = field(default_factory=set)
    """Keys of documents with unsaved text that is kept on disk."""
    removed: list[str] = field(default_factory=list)
    """Put away from this screen, the last one at the end: what `u` brings back."""
    document: OpenDocument | None = None
    checked: CheckedStrategy | None = None
    checked_revision: int = -1
    check_fault: str = ""
    preview: StrategyPreview | None = None
    preview_revision: int = -1
    preview_fault: str = ""
    previewing: bool = False
    symbol: str = ""
    """Of the preview; empty = the document's first."""
    timeframe: str = ""
    examination: Examination | None = None
    examined_revision: int = -1
    examine_fault: str = ""
    examining: bool = False

    @property
    def revision(self) -> int:
        return self.document.buffer.revision if self.document is not None else -1

    @property
    def up_to_date(self) -> bool:
        """Whether the last check is of the text as it is now."""
        return self.checked is not None and self.checked_revision == self.revision

    @property
    def problems(self) -> list[Diagnostic]:
        """In the order of the text."""
        found = self.checked.diagnostics if self.checked is not None else []
        return sorted(found, key=lambda one: (one.line, one.column, _RANK.get(one.severity, 3)))

    def open(self, document: OpenDocument, checked: CheckedStrategy | None) -> None:
        """Another document: what was said of the one before is forgotten."""
        self.document = document
        self.checked = checked
        self.checked_revision = document.buffer.revision if checked is not None else -1
        self.check_fault = ""
        self.preview, self.preview_revision, self.preview_fault = None, -1, ""
        self.symbol = self.timeframe = ""
        self.examination, self.examined_revision, self.examine_fault = None, -1, ""

    def lines_moved(self, row: int, step: int) -> None:
        """Lines were added or taken below `row`: what is marked further down moves along until the next check."""
        if self.checked is None or not step:
            return
        moved = [
            msgspec.structs.replace(one, line=max(row + 1, one.line + step)) if one.line - 1 > row else one
            for one in self.checked.diagnostics
        ]
        self.checked = msgspec.structs.replace(self.checked, diagnostics=moved)


def sentence(problem: Diagnostic) -> str:
    """«line 9:41 'rsi' is not declared. Did you mean rsi14?»"""
    said = " ".join(part for part in (problem.message, problem.suggestion) if part)
    return clean(f"line {problem.line}:{problem.column} {said}", 400)
