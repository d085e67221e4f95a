"""Rows of Parquet and feather files, batch by batch, through pyarrow, which is loaded only then.

Decided here:
* The count of rows is read from the file's description and bounded before any of them is unpacked.
* A time column with a zone holds instants and is UTC by that. One without is wall-clock time (`zoneless`).
* Columns are found by name as in CSV; pandas' unnamed index counts as the time when it holds times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.market.data_forms.kinds import NOTHING_STORED, FileKind, arrow, unreadable
from polotui.market.data_forms.rows import Rows, epoch_ms, trade_counts
from polotui.market.file_forms import Layout, named_layout, names_no_zone, time_of
from polotui.storage.columns import Floats, Ints

_BATCH = 20_000
_INDEX = "__index_level_0__"


async def read_arrow(path: Path, kind: FileKind, symbol: str) -> Rows:
    """Raises UsageError when pyarrow is missing or the file holds no candles."""
    pa = arrow()
    rows = Rows("row")
    try:
        names, total, batches = _opened(path, kind)
        rows.bounded(total)
        layout = _layout(names, symbol, path)
        for batch in batches:
            for start in range(0, batch.num_rows, _BATCH):
                _take(pa, rows, batch.slice(start, _BATCH), layout, path)
                await asyncio.sleep(0)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from error
    return rows


def _opened(path: Path, kind: FileKind) -> tuple[list[tuple[str, Any]], int, Iterator[Any]]:
    """Names with types, the number of rows, and the batches."""
    if kind is FileKind.PARQUET:
        file = arrow("pyarrow.parquet").ParquetFile(path)
        schema = file.schema_arrow
        batches = file.iter_batches(_BATCH, use_threads=False)
        return _columns(schema), file.metadata.num_rows, batches
    pa, ipc = arrow(), arrow("pyarrow.ipc")
    reader = ipc.open_file(pa.memory_map(str(path)), options=ipc.IpcReadOptions(use_threads=False))
    every = (reader.get_batch(number) for number in range(reader.num_record_batches))
    return _columns(reader.schema), reader.count_rows(), every


def _columns(schema: Any) -> list[tuple[str, Any]]:
    return list(zip(schema.names, schema.types, strict=True))


def _layout(columns: list[tuple[str, Any]], symbol: str, path: Path) -> Layout:
    pa = arrow()
    names = [
        "timestamp" if name == _INDEX and pa.types.is_timestamp(kind) else name.strip().lower().replace(" ", "_")
        for name, kind in columns
    ]
    if not {"open", "high", "low", "close"} <= set(names):
        raise UsageError(
            f"The file {clean(path.name, 80)} has no columns open, high, low and close,"
            f" but {clean(', '.join(names), 120)}.",
            safe=NOTHING_STORED,
            next_step="Name the columns date, open, high, low, close and volume.",
        )
    return named_layout(names, symbol)


def _take(pa: Any, rows: Rows, batch: Any, layout: Layout, path: Path) -> None:
    first = rows.seen + 1
    rows.seen += batch.num_rows
    nothing = np.zeros(batch.num_rows)
    try:
        places = (*layout.prices, layout.volume, layout.amount)
        columns = [_floats(pa, batch.column(place)) if place >= 0 else nothing for place in places]
        counts = np.full(batch.num_rows, -1, np.int64)
        if layout.trades >= 0:
            counts = trade_counts(_floats(pa, batch.column(layout.trades)))
        times, zoneless = _times(pa, batch.column(layout.time))
    except (ValueError, pa.ArrowException) as error:
        raise UsageError(
            f"The file {clean(path.name, 80)}, rows {first} to {rows.seen}: {clean(error, 120)}.",
            safe=NOTHING_STORED,
            next_step="Every row needs a time and numbers.",
        ) from error
    rows.zoneless = rows.zoneless or zoneless
    rows.extend(times, columns, counts, first)
    rows.bounded()


def _plain(pa: Any, column: Any) -> Any:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _floats(pa: Any, column: Any) -> Floats:
    """Null becomes nan, which no candle may hold."""
    numbers = _plain(pa, column).cast(pa.float64())
    found: Floats = _values(numbers.fill_null(float("nan")) if numbers.null_count else numbers, np.float64)
    return found


def _values(column: Any, kind: Any) -> Any:
    """A column's own memory. pyarrow's way to numpy loads pandas first, which holds up the engine."""
    if not len(column):
        return np.empty(0, kind)
    return np.frombuffer(column.buffers()[1], kind)[column.offset : column.offset + len(column)]


def _times(pa: Any, column: Any) -> tuple[Ints, bool]:
    """Milliseconds, and whether they are of a clock without a zone."""
    column = _plain(pa, column)
    if column.null_count:
        raise ValueError("a time is missing")
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments = column.cast(pa.timestamp("ms"), safe=False) if pa.types.is_date(kind) else column
        zone = getattr(moments.type, "tz", None)
        ms = moments.cast(pa.timestamp("ms", zone), safe=False).cast(pa.int64())
        return _values(ms, np.int64), zone is None
    if pa.types.is_integer(kind):
        return epoch_ms(_values(column.cast(pa.int64()), np.int64)), False
    if pa.types.is_floating(kind):
        return epoch_ms(_floats(pa, column)), False
    texts = [str(value) for value in column.to_pylist()]
    times = np.array([time_of(text) for text in texts], np.int64)
    return times, bool(texts) and names_no_zone(texts[0])
