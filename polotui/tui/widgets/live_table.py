"""A table that shows live values: cursor, vim keys, sort, filter; only changed cells are sent."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from polotui.tui import keys
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported, Pane
from polotui.tui.widgets.rows import Column, Row, Rows


class LiveTable(Pane):
    """Subclasses give COLUMNS and `rows()`."""

    SCOPES: tuple[str, ...] = ("table",)
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("table")
    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    GAP: ClassVar[int] = 2

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.table = Rows(self.COLUMNS)
        self._top = 0
        self._height = 1
        self._typing = False

    @property
    def typing(self) -> bool:
        """Whether a filter is being typed."""
        return self._typing

    def rows(self) -> list[Row]:
        """The rows as they are now."""
        raise NotImplementedError

    def empty_words(self) -> str:
        """What the table waits for, and which key helps."""
        return "Nothing here yet."

    def closing_line(self) -> Line:
        """A line under the rows, such as the count of hidden ones."""
        return []

    def opened(self, key: str) -> None:
        """Enter on a row."""

    # drawing

    def body(self, width: int, height: int) -> list[Line]:
        self.table.put(self.rows())
        columns = self._columns_for(width)
        closing = self.closing_line()
        filter_line = self._filter_line()
        self._height = max(1, height - 1 - int(bool(closing)) - int(bool(filter_line)))
        lines = [self._head(columns)]
        shown = self.table.shown()
        if not shown:
            words = f"No row matches «{self.table.needle}»; Esc clears." if self.table.needle else self.empty_words()
            lines += [[], [(f" {words}", "muted")]]
        place = self.table.place
        self._top = max(0, min(self._top, place, max(0, len(shown) - self._height)))
        self._top = max(self._top, place - self._height + 1)
        for row in shown[self._top : self._top + self._height]:
            lines.append(self._row(row, columns, width, cursor=row.key == self.table.cursor))
        if closing:
            lines.append(closing)
        if filter_line:
            lines.extend([[]] * (height - 1 - len(lines)))
            lines.append(filter_line)
        return lines

    def _columns_for(self, width: int) -> list[tuple[Column, int]]:
        columns = [(column, self.table.width(column)) for column in self.COLUMNS]
        while sum(size + self.GAP for _, size in columns) + 1 - self.GAP > width:
            droppable = [item for item in columns if item[0].drop]
            if not droppable:
                break
            columns.remove(max(droppable, key=lambda item: item[0].drop))
        spare = width - 1 + self.GAP - sum(size + self.GAP for _, size in columns)
        growing = [item for item in columns if item[0].grow]
        if growing and spare > 0:
            share = min(spare // len(growing), 8)
            columns = [(column, size + share if column.grow else size) for column, size in columns]
        return columns

    def _head(self, columns: list[tuple[Column, int]]) -> Line:
        line: Line = [(" ", "")]
        for column, size in columns:
            mark = ""
            if column.name == self.table.sort_by:
                mark = "▾" if self.table.descending else "▴"
            chosen = self.has_focus and column is self.COLUMNS[self.table.chosen]
            align = "left" if column.align == "left" else "right"
            text = fit(f"{column.title}{mark}", size, align)
            line += [(text, "muted underline" if chosen else "muted"), (" " * self.GAP, "")]
        return line

    def _row(self, row: Row, columns: list[tuple[Column, int]], width: int, *, cursor: bool) -> Line:
        back = " cursor" if cursor and self.has_focus else ""
        line: Line = [("▸" if cursor else " ", f"accent{back}" if back else "muted")]
        if row.note:
            first = columns[0]
            cell = row.cells[first[0].name]
            line += [(self.table.fitted(first[0], cell.text, first[1]), cell.tone + back), (" " * self.GAP, back)]
            used = 1 + first[1] + self.GAP
            return [*line, (fit(row.note, max(0, width - used)), (row.note_tone + back).strip())]
        for column, size in columns:
            cell = row.cells[column.name]
            line += [(self.table.fitted(column, cell.text, size), (cell.tone + back).strip()), (" " * self.GAP, back)]
        used = 1 + sum(size + self.GAP for _, size in columns)
        return [*line, (" " * max(0, width - used), back)]

    def _filter_line(self) -> Line:
        if self._typing:
            return [(" /", "key"), (self.table.needle, ""), ("▏", "accent"), ("  Enter keeps, Esc clears", "muted")]
        if self.table.needle:
            return [(f" / {self.table.needle}", "key"), ("  Esc clears", "muted")]
        return []

    # keys

    def on_key(self, event: events.Key) -> None:
        if not self._typing:
            return
        if event.key == "enter":
            self._type(False)
        elif event.key == "escape":
            self._type(False)
            self.table.narrow("")
        elif event.key == "backspace":
            self.table.narrow(self.table.needle[:-1])
        elif event.is_printable and event.character and len(self.table.needle) < 40:
            self.table.narrow(self.table.needle + event.character)
        else:
            return
        event.stop()
        event.prevent_default()
        self.repaint()

    def escape(self) -> bool:
        if not self.table.needle and not self._typing:
            return False
        self._type(False)
        self.table.narrow("")
        self.repaint()
        return True

    def on_blur(self, event: events.Blur) -> None:
        self._type(False)
        super().on_blur(event)

    def action_filter(self) -> None:
        self._type(True)
        self.repaint()

    def _type(self, on: bool) -> None:
        """Letters are text, or keys again: the footer says which."""
        if on != self._typing:
            self._typing = on
            self.desk.refresh_frame()

    def action_cursor(self, step: int) -> None:
        self._go(self.table.place + step)

    def action_cursor_to(self, place: int) -> None:
        self._go(place if place >= 0 else len(self.table.shown()) - 1)

    def action_cursor_page(self, step: int) -> None:
        self._go(self.table.place + step * max(1, self._height // 2))

    def _go(self, place: int) -> None:
        self.table.move_to(place)
        self.repaint()

    def action_column(self, step: int) -> None:
        self.table.chosen = (self.table.chosen + step) % len(self.COLUMNS)
        self.repaint()

    def action_sort(self) -> None:
        self.table.sort()
        self.repaint()

    def action_reverse(self) -> None:
        self.table.reverse()
        self.repaint()

    def action_open(self) -> None:
        row = self.table.current
        if row is not None:
            self.opened(row.key)

    def on_click(self, event: events.Click) -> None:
        y = event.y - 2
        shown = self.table.shown()
        if 0 <= y < self._height and self._top + y < len(shown):
            self._go(self._top + y)
            if event.chain == 2:
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_cursor(3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_cursor(-3)
        event.stop()

    # giving out

    def export(self) -> Exported | None:
        self.table.put(self.rows())
        rows = [
            [row.cells[column.name].text if column.name in row.cells else row.note for column in self.COLUMNS]
            for row in self.table.shown()
        ]
        return Exported(self.NAME, [column.title for column in self.COLUMNS], rows) if rows else None

    def copied(self) -> tuple[str, str] | None:
        row = self.table.current
        if row is None:
            return None
        column = self.COLUMNS[self.table.chosen]
        cell = row.cells.get(column.name)
        return (f"{row.key} {column.title}", cell.text if cell and not row.note else row.note or row.key)
