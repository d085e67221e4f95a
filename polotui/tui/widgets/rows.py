"""The rows of a table without a screen: order, filter, cursor, column widths.

Decided here: widths only grow while the same columns are shown, so nothing jumps when a number changes its length;
numbers are aligned on their decimal point; the cursor follows its row, not its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from polotui.tui.widgets.painted import fit


@dataclass(frozen=True)
class Column:
    """`align` is left, right or point (on the decimal point). `drop` 0 always stays; else larger goes first."""

    name: str
    title: str
    align: str = "left"
    drop: int = 0
    grow: bool = False
    least: int = 0


@dataclass(frozen=True)
class Cell:
    """What a cell shows, in which tone, and by what it is sorted (None sorts last)."""

    text: str
    tone: str = ""
    order: float | str | None = None


@dataclass(frozen=True)
class Row:
    key: str
    cells: dict[str, Cell]
    note: str = ""
    """A sentence shown instead of all but the first cell."""
    note_tone: str = "warn"


@dataclass
class Rows:
    """The table's state."""

    columns: Sequence[Column]
    rows: list[Row] = field(default_factory=list)
    sort_by: str = ""
    """Empty: as given."""
    descending: bool = True
    needle: str = ""
    cursor: str = ""
    chosen: int = 0
    """Index of the column that `s` sorts by and `y` copies."""
    _whole: dict[str, int] = field(default_factory=dict)
    _part: dict[str, int] = field(default_factory=dict)
    _shown: list[Row] | None = None

    def put(self, rows: list[Row]) -> None:
        """Replaces the rows; the cursor stays on its key, or near its place when the row has gone. The same list again
        is the same rows."""
        if rows is self.rows:
            return
        place = self.place
        self.rows = rows
        self._shown = None
        for row in rows:
            if not row.note:
                self._measure(row)
        shown = self.shown()
        if shown and self.cursor not in {row.key for row in shown}:
            self.cursor = shown[max(0, min(place, len(shown) - 1))].key

    def _measure(self, row: Row) -> None:
        for column in self.columns:
            cell = row.cells.get(column.name)
            if cell is None:
                continue
            whole, part = split_point(cell.text) if column.align == "point" else (cell.text, "")
            self._whole[column.name] = max(self._whole.get(column.name, 0), len(whole))
            self._part[column.name] = max(self._part.get(column.name, 0), len(part))

    def forget_widths(self) -> None:
        self._whole.clear()
        self._part.clear()

    def width(self, column: Column) -> int:
        inside = self._whole.get(column.name, 0) + self._part.get(column.name, 0)
        return max(column.least, len(column.title) + 1, inside)

    def fitted(self, column: Column, text: str, width: int) -> str:
        if column.align == "point":
            whole, part = split_point(text)
            text = whole + part.ljust(self._part.get(column.name, 0))
            return fit(text, width, "right")
        return fit(text, width, column.align)

    def shown(self) -> list[Row]:
        """The rows that pass the filter, in order. The list is the same object until something changes."""
        if self._shown is None:
            rows = self.rows
            if self.needle:
                wanted = self.needle.lower()
                rows = [row for row in rows if any(wanted in cell.text.lower() for cell in row.cells.values())]
            if self.sort_by:
                rows = self._sorted(rows)
            self._shown = rows
        return self._shown

    def _sorted(self, rows: list[Row]) -> list[Row]:
        known: list[Row] = []
        rest: list[Row] = []
        for row in rows:
            cell = row.cells.get(self.sort_by)
            (rest if cell is None or cell.order is None else known).append(row)
        numbers = all(isinstance(row.cells[self.sort_by].order, int | float) for row in known)

        def by(row: Row) -> tuple[float, str]:
            order = row.cells[self.sort_by].order
            return (float(order), "") if numbers and isinstance(order, int | float) else (0.0, str(order))

        return sorted(known, key=by, reverse=self.descending) + rest

    @property
    def place(self) -> int:
        """Index of the cursor among the shown rows; 0 when it is on none."""
        for index, row in enumerate(self.shown()):
            if row.key == self.cursor:
                return index
        return 0

    @property
    def current(self) -> Row | None:
        shown = self.shown()
        return shown[self.place] if shown else None

    def move_to(self, place: int) -> None:
        shown = self.shown()
        if shown:
            self.cursor = shown[max(0, min(place, len(shown) - 1))].key

    def sort(self) -> None:
        """By the chosen column; a second time: as given again."""
        name = self.columns[self.chosen].name
        if self.sort_by == name:
            self.sort_by = ""
        else:
            self.sort_by, self.descending = name, self.columns[self.chosen].align != "left"
        self._shown = None

    def reverse(self) -> None:
        if not self.sort_by:
            self.sort_by = self.columns[self.chosen].name
        self.descending = not self.descending
        self._shown = None

    def narrow(self, needle: str) -> None:
        self.needle = needle
        self._shown = None
        shown = self.shown()
        if shown and self.cursor not in {row.key for row in shown}:
            self.cursor = shown[0].key


def split_point(text: str) -> tuple[str, str]:
    """«1,204.50 bp» as («1,204», «.50 bp»)."""
    for index, character in enumerate(text):
        if character == "." or (character == " " and index):
            return text[:index], text[index:]
    return text, ""
