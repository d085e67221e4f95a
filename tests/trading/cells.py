"""Where the rows of a table lie in a SQLite file, byte by byte: enough of its format to damage one row on purpose.

Read from the file itself: the schema's root page, interior and leaf pages of the table, and each leaf cell. Rows that
overflow onto pages of their own are refused; the tests have none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Value and the place behind it."""
    value = 0
    for step in range(8):
        byte = data[at + step]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    return value << 8 | data[at + 8], at + 9


def rows(path: Path, table: str) -> dict[int, range]:
    """For each row number, the bytes of its cell: its length, its number, the record's header and its values."""
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    connection.close()
    data = path.read_bytes()
    size = int.from_bytes(data[16:18], "big")
    return dict(_walk(data, 65536 if size == 1 else size, root))


def _walk(data: bytes, size: int, page: int) -> Iterator[tuple[int, range]]:
    start = (page - 1) * size
    header = start + (100 if page == 1 else 0)
    kind, count = data[header], int.from_bytes(data[header + 3 : header + 5], "big")
    pointers = header + (12 if kind == 5 else 8)
    for place in range(count):
        cell = start + int.from_bytes(data[pointers + 2 * place : pointers + 2 * place + 2], "big")
        if kind == 5:
            yield from _walk(data, size, int.from_bytes(data[cell : cell + 4], "big"))
            continue
        length, after = varint(data, cell)
        number, body = varint(data, after)
        assert length <= size - 35, "a row that overflows"
        yield number, range(cell, body + length)
    if kind == 5:
        yield from _walk(data, size, int.from_bytes(data[header + 8 : header + 12], "big"))


def empty_place(data: bytes, cell: range) -> int:
    """The one byte of a cell that carries nothing: the record's place for `number`, which is in the cell's header."""
    _, after = varint(data, cell.start)
    _, body = varint(data, after)
    _, types = varint(data, body)
    return types
