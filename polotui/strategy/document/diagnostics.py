"""What is said about a document's text: severity, code, place, words. And where each part of it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from polotui.strategy.document.limits import MAX_DIAGNOSTICS
from polotui.strategy.document.located import Lines, Located, Path, Problem, inside
from polotui.strategy.document.tokens import Fault
from polotui.strategy.document.tree import Span

Severity = Literal["error", "warning", "info"]
_RANK = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Diagnostic:
    """Line and column count from 1, in the document's text; `end_column` is one past the last, on the same line."""

    severity: Severity
    code: str
    line: int
    column: int
    end_column: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.line}:{self.column} {self.severity}: {self.message}{hint}"


class Notebook:
    """Collects diagnostics against one text."""

    def __init__(self, text: str, root: Located | None) -> None:
        self.text = text
        self.root = root or Located({}, 0, 0)
        self.lines = Lines(text)
        self._found: dict[tuple[str, int, int, str], Diagnostic] = {}

    def add(self, severity: Severity, code: str, at: Span, message: str, suggestion: str = "") -> None:
        if self.full:
            return
        line, column = self.lines.place(at.start)
        last, end = self.lines.place(max(at.end, at.start))
        end_column = end if last == line else self.lines.line_end(line)
        key = (code, line, column, message)
        self._found.setdefault(
            key, Diagnostic(severity, code, line, column, max(end_column, column), message, suggestion)
        )

    def problem(self, problem: Problem) -> None:
        self.add("error", problem.code, Span(problem.start, problem.end), problem.message, problem.suggestion)

    def fault(self, path: Path, fault: Fault, severity: Severity = "error") -> None:
        self.add(severity, fault.code, self.in_rule(path, fault.at), fault.message, fault.suggestion)

    def sorted(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self._found.values(), key=lambda one: (one.line, one.column, _RANK[one.severity])))

    @property
    def full(self) -> bool:
        """True when no more is taken."""
        return len(self._found) >= MAX_DIAGNOSTICS

    @property
    def wrong(self) -> bool:
        return any(one.severity == "error" for one in self._found.values())

    def value(self, path: Path) -> Span:
        """Where the value at `path` stands: a scalar or list itself, a block at its key; else the nearest above it."""
        path = self.known(path)
        node = self.root.at(path)
        if node is not None and path and not isinstance(node.value, dict):
            return Span(node.start, node.end)
        return self.key(path)

    def key(self, path: Path) -> Span:
        path = self.known(path)
        parent = self.root.at(path[:-1]) if path else None
        if parent is not None and path[-1] in parent.keys:
            start, end = parent.keys[str(path[-1])]
            return Span(start, end)
        node = self.root.at(path) if path else self.root
        if node is None:
            return Span(0, 0)
        first = min(node.keys.values(), default=(node.start, node.start + 1))
        return Span(*first) if isinstance(node.value, dict) else Span(node.start, node.end)

    def known(self, path: Iterable[str | int]) -> Path:
        """`path` without the parts that the text does not have."""
        kept: list[str | int] = []
        node = self.root
        for part in path:
            below = node.child(part)
            if below is not None:
                kept.append(part)
                node = below
        return tuple(kept)

    def in_rule(self, path: Path, at: Span) -> Span:
        """The place in the document of a place in the rule text at `path`."""
        node = self.root.at(path)
        if node is None or not isinstance(node.value, str):
            return self.value(path)
        places = inside(self.text, node)
        if places is None:
            return Span(node.start, node.end)
        last = len(places) - 1
        start = places[min(at.start, last)]
        end = places[min(at.end - 1, last)] + 1 if at.end > at.start else start
        return Span(start, max(start, end))
