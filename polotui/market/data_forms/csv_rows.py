"""Rows of a CSV file, line by line; what a line cannot give is noted with its number."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import Iterator
from pathlib import Path

from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.market.data_forms.kinds import NOTHING_STORED
from polotui.market.data_forms.rows import SLICE, Rows
from polotui.market.file_forms import Layout, layout_of, lines_of, names_no_zone, time_of

_HEADER_LINES = 10
_MOST_COLUMNS = 40
_SAYS_UTC = re.compile(r"\b(UTC|GMT)\b", re.IGNORECASE)


async def read_csv(path: Path, symbol: str) -> Rows:
    """Raises UsageError when it is no CSV file of candles at all."""
    rows = Rows("line")
    table = csv.reader(lines_of(path))
    try:
        head = _head_of(table)
        layout, skipped = layout_of(head, symbol, path.name)
        data = [row for row in head[skipped:] if row]
        utc_said = bool(_SAYS_UTC.search(" ".join(" ".join(row) for row in head[:skipped])))
        rows.zoneless = bool(data) and layout.day_ms < 0 and names_no_zone(data[0][layout.time]) and not utc_said
        for number, row in enumerate(head[skipped:], skipped + 1):
            _take(rows, layout, row, number)
        line = len(head)
        for row in table:
            line += 1
            _take(rows, layout, row, table.line_num)
            if line % SLICE == 0:
                rows.bounded()
                await asyncio.sleep(0)
    except csv.Error as error:
        cause = f"The file {clean(path, 120)} is not CSV: line {table.line_num}: {error}."
        raise UsageError(cause, safe=NOTHING_STORED, next_step="Check its name and form.") from error
    rows.seen = line
    rows.bounded()
    return rows


def _head_of(table: Iterator[list[str]]) -> list[list[str]]:
    head: list[list[str]] = []
    for row in table:
        head.append(row[:_MOST_COLUMNS])
        if len(head) == _HEADER_LINES:
            break
    return head


def _take(rows: Rows, layout: Layout, row: list[str], line: int) -> None:
    if not row or not any(cell.strip() for cell in row):
        return
    try:
        if len(row) < layout.width:
            raise ValueError(f"{len(row)} columns instead of {layout.width}")
        raw = row[layout.time]
        time = layout.day_ms + round(float(raw)) if layout.day_ms >= 0 else time_of(raw)
        wanted = (*layout.prices, layout.volume, layout.amount)
        numbers = tuple(float(row[place]) if place >= 0 else 0.0 for place in wanted)
        trades = int(float(row[layout.trades])) if layout.trades >= 0 else -1
        if not -1 <= trades < 2**53:
            raise ValueError(f"not a count of trades: {row[layout.trades][:20]!r}")
    except (ValueError, OverflowError) as error:
        rows.unreadable(line, clean(error, 80))
        return
    rows.add(time, numbers, trades, line)
