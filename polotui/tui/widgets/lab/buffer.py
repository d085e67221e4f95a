"""A text that is typed in: lines, a cursor, a selection, and undo. It knows nothing of a screen.

Decided here: one primitive, `_replace`, changes the text and is what undo turns back. Typing is undone by words and not
by letters. Every change raises `revision`, by which answers about an older text are told apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Place = tuple[int, int]

#: Characters a document may have; the engine refuses more.
LIMIT = 64 * 1024
_UNDO_STEPS = 1000
_WORD = re.compile(r"\w+|[^\w\s]+|\s+")
INDENT = 2


@dataclass
class Step:
    """One change that can be turned back: at `start`, `removed` gave way to `added`."""

    start: Place
    removed: str
    added: str
    before: Place
    after: Place
    typed: bool


class TextBuffer:
    """Rows and columns count from 0, in characters."""

    def __init__(self, text: str = "") -> None:
        self.lines = text.split("\n")
        self.row = 0
        self.column = 0
        self.anchor: Place | None = None
        """Where the selection began; it ends at the cursor."""
        self.revision = 0
        self.last_change: tuple[int, int] = (0, 0)
        """Row of the last change, and how many lines it added."""
        self._goal: int | None = None
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._text: str | None = text

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = "\n".join(self.lines)
        return self._text

    @property
    def place(self) -> Place:
        return (self.row, self.column)

    @property
    def line(self) -> str:
        return self.lines[self.row]

    @property
    def selection(self) -> tuple[Place, Place] | None:
        """From and to, in the order of the text; None when nothing is selected."""
        if self.anchor is None or self.anchor == self.place:
            return None
        return (min(self.anchor, self.place), max(self.anchor, self.place))

    @property
    def selected(self) -> str:
        return self._between(*self.selection) if self.selection is not None else ""

    def _between(self, start: Place, end: Place) -> str:
        if start[0] == end[0]:
            return self.lines[start[0]][start[1] : end[1]]
        middle = self.lines[start[0] + 1 : end[0]]
        return "\n".join([self.lines[start[0]][start[1] :], *middle, self.lines[end[0]][: end[1]]])

    # changing

    def _replace(self, start: Place, end: Place, added: str, *, typed: bool = False) -> bool:
        """False when the text would grow beyond its limit; nothing is changed then."""
        removed = self._between(start, end)
        if len(added) > len(removed) and len(self.text) + len(added) - len(removed) > LIMIT:
            return False
        if added == removed:
            return True
        before = self.place
        after = self._put(start, removed, added)
        step = Step(start, removed, added, before, after, typed)
        if not (typed and self._joined(step)):
            self._undo.append(step)
            del self._undo[:-_UNDO_STEPS]
        self._redo.clear()
        return True

    def _put(self, start: Place, removed: str, added: str) -> Place:
        lost, new = removed.count("\n"), added.split("\n")
        row, column = start
        end_row = row + lost
        end_column = len(removed) - removed.rfind("\n") - 1 if lost else column + len(removed)
        head, tail = self.lines[row][:column], self.lines[end_row][end_column:]
        new[0] = head + new[0]
        self.row, self.column = row + len(new) - 1, len(new[-1])
        new[-1] += tail
        self.lines[row : end_row + 1] = new
        self.anchor, self._goal = None, None
        self._text = None
        self.revision += 1
        self.last_change = (row, len(new) - 1 - lost)
        return self.place

    def _joined(self, step: Step) -> bool:
        """Adds letters typed in a row to the step before."""
        if not self._undo or self._redo:
            return False
        last = self._undo[-1]
        one_word = step.added.strip() or not last.added[-1:].strip()
        if not last.typed or last.after != step.before or last.removed or step.removed or not one_word:
            return False
        last.added += step.added
        last.after = step.after
        return True

    def insert(self, text: str, *, typed: bool = False) -> bool:
        """In place of the selection, or at the cursor."""
        start, end = self.selection or (self.place, self.place)
        return self._replace(start, end, text, typed=typed)

    def newline(self) -> bool:
        """The next line begins where this one does, deeper after a colon."""
        start = self.selection[0] if self.selection is not None else self.place
        head = self.lines[start[0]][: start[1]]
        depth = len(head) - len(head.lstrip(" "))
        if head.rstrip().endswith(":"):
            depth += INDENT
        return self.insert("\n" + " " * depth)

    def backspace(self) -> None:
        """The selection, or the character before; in front of a line's text a whole step of indentation."""
        if self.selection is None:
            row, column = self.place
            head = self.line[:column]
            if column and not head.strip(" "):
                self._replace((row, (column - 1) // INDENT * INDENT), self.place, "")
            elif column:
                self._replace((row, column - 1), self.place, "")
            elif row:
                self._replace((row - 1, len(self.lines[row - 1])), self.place, "")
        else:
            self.insert("")

    def delete(self) -> None:
        if self.selection is not None:
            self.insert("")
        elif self.column < len(self.line):
            self._replace(self.place, (self.row, self.column + 1), "")
        elif self.row + 1 < len(self.lines):
            self._replace(self.place, (self.row + 1, 0), "")

    def cut(self) -> str:
        """The selection, or the whole line."""
        taken = self.selected
        if taken:
            self.insert("")
            return taken
        last = self.row + 1 == len(self.lines)
        taken = self.line + "\n"
        self._replace((self.row, 0), (self.row, len(self.line)) if last else (self.row + 1, 0), "")
        return taken

    def indent(self, step: int) -> None:
        """The selected lines, or this one when the cursor is before its text; else spaces up to the next stop."""
        if self.selection is None and step > 0 and self.line[: self.column].strip():
            self.insert(" " * (INDENT - self.column % INDENT))
            return
        start, end = self.selection or (self.place, self.place)
        chosen = self.selection is not None
        first, last = start[0], end[0] - int(end[1] == 0 and end[0] > start[0])
        column = self.column
        lines = self.lines[first : last + 1]
        if step > 0:
            changed = [" " * INDENT + line if line.strip() or len(lines) == 1 else line for line in lines]
        else:
            changed = [line[min(INDENT, len(line) - len(line.lstrip(" "))) :] for line in lines]
        grown = len(changed[-1]) - len(lines[-1])
        self._replace((first, 0), (last, len(self.lines[last])), "\n".join(changed))
        self.row, self.column = last, max(0, column + grown) if first == last else len(changed[-1])
        self.anchor = (first, 0) if chosen else None

    def replace_all(self, text: str) -> bool:
        """Another text in one step that can be undone; the cursor stays near its place."""
        row, column = self.place
        end = (len(self.lines) - 1, len(self.lines[-1]))
        done = self._replace((0, 0), end, text)
        self.move_to(row, column)
        return done

    def replace_line(self, row: int, text: str) -> bool:
        """One line's text; the cursor stays."""
        kept = self.place
        done = self._replace((row, 0), (row, len(self.lines[row])), text)
        self.move_to(*kept)
        return done

    def undo(self) -> bool:
        if not self._undo:
            return False
        step = self._undo.pop()
        self._put(step.start, step.added, step.removed)
        self.move_to(*step.before)
        self._redo.append(step)
        return True

    def redo(self) -> bool:
        if not self._redo:
            return False
        step = self._redo.pop()
        self._put(step.start, step.removed, step.added)
        self.move_to(*step.after)
        self._undo.append(step)
        return True

    # moving

    def move_to(self, row: int, column: int, *, select: bool = False) -> None:
        if select and self.anchor is None:
            self.anchor = self.place
        elif not select:
            self.anchor = None
        self.row = max(0, min(row, len(self.lines) - 1))
        self.column = max(0, min(column, len(self.line)))
        self._goal = None

    def move(self, how: str, *, select: bool = False, page: int = 10) -> None:
        """left, right, up, down, word-left, word-right, start, end, page-up, page-down, top, bottom."""
        if how in ("up", "down", "page-up", "page-down"):
            step = page if how.startswith("page") else 1
            goal = self.column if self._goal is None else self._goal
            self.move_to(self.row + (step if how.endswith("down") else -step), goal, select=select)
            self._goal = goal
            return
        if how in ("left", "right") and not select and self.selection is not None:
            self.move_to(*self.selection[0 if how == "left" else 1])
            return
        self.move_to(*self._target(how), select=select)

    def _target(self, how: str) -> Place:
        row, column = self.place
        if how == "left":
            return (row, column - 1) if column else (row - 1, len(self.lines[row - 1])) if row else (0, 0)
        if how == "right":
            return (
                (row, column + 1)
                if column < len(self.line)
                else (row + 1, 0)
                if row + 1 < len(self.lines)
                else self.place
            )
        if how == "word-left":
            if not column:
                return self._target("left")
            starts = [found.start() for found in _WORD.finditer(self.line[:column]) if found[0].strip()]
            return (row, starts[-1] if starts else 0)
        if how == "word-right":
            if column == len(self.line):
                return self._target("right")
            ends = [found.end() for found in _WORD.finditer(self.line) if found[0].strip() and found.end() > column]
            return (row, ends[0] if ends else len(self.line))
        if how == "start":
            text = len(self.line) - len(self.line.lstrip(" "))
            return (row, 0 if column == text else text)
        if how == "end":
            return (row, len(self.line))
        return (0, 0) if how == "top" else (len(self.lines) - 1, len(self.lines[-1]))

    def select_word(self) -> None:
        for found in _WORD.finditer(self.line):
            if found.start() <= self.column < found.end():
                self.move_to(self.row, found.start())
                self.move_to(self.row, found.end(), select=True)
                return
