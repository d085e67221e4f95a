"""The tables of `market.db` as plain functions on a connection: days, rows, gaps, provenance, coverage.

Decided here: whatever is asked for, blocks and rows are read together and put in order, because the rows of a past
day that was not sealed yet may be older than a block that was written meanwhile.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from polotui.model.candles import DAY_MS, Timeframe
from polotui.storage.columns import CandleArrays, without
from polotui.storage.faults import Connection

#: A gap noted sooner than this after its end may still be filled by the source.
SETTLED_MS = 600_000

_DAY_BLOBS = "SELECT columns FROM candle_days WHERE series = ? AND day_ms > ? AND day_ms < ? ORDER BY day_ms"
_DAY_COUNT = "SELECT sum(count) FROM candle_days WHERE series = ? AND day_ms > ? AND day_ms < ?"
_ROWS = (
    "SELECT open_ms, open, high, low, close, volume, amount, trades FROM candle_rows"
    " WHERE series = ? AND open_ms >= ? AND open_ms < ? ORDER BY open_ms"
)
_LAST_ROWS = _ROWS.replace("ORDER BY open_ms", "ORDER BY open_ms DESC LIMIT ?")
PUT_ROW = "INSERT OR REPLACE INTO candle_rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_DAY = (
    "INSERT INTO candle_days (series, day_ms, count, columns) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (series, day_ms) DO UPDATE SET count = excluded.count, columns = excluded.columns"
)
_ADD_PROVENANCE = (
    "INSERT INTO provenance (series, from_ms, to_ms, candles, source, written_ms, hash) VALUES (?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True)
class Coverage:
    """One stored series. `to_ms` is the end of its last candle."""

    venue: str
    symbol: str
    timeframe: Timeframe
    from_ms: int
    to_ms: int
    candles: int
    gaps: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """A window [from_ms, to_ms) for which the source has no candles."""

    from_ms: int
    to_ms: int
    reason: str
    noted_ms: int


def by_day(candles: CandleArrays) -> list[tuple[int, CandleArrays]]:
    days = candles.open_ms // DAY_MS
    edges = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(candles)]
    return [(int(days[first]) * DAY_MS, CandleArrays(candles.block[:, first:last])) for first, last in pairwise(edges)]


def load(connection: Connection, series: int, from_ms: int, to_ms: int) -> CandleArrays:
    span = (series, from_ms - DAY_MS, to_ms)
    total = connection.execute(_DAY_COUNT, span).fetchone()[0] or 0
    stored = CandleArrays.from_blobs((row[0] for row in connection.execute(_DAY_BLOBS, span)), total)
    rows = connection.execute(_ROWS, (series, from_ms, to_ms)).fetchall()
    if rows:
        # in_order: the rows of a past day that is not sealed yet may be older than a block written meanwhile.
        stored = stored.updated(_from_rows(rows))
    return stored.window(from_ms, to_ms)


def _from_rows(rows: list[tuple[int | float, ...]]) -> CandleArrays:
    times, *prices, trades = zip(*rows, strict=True)
    return CandleArrays.from_columns(
        np.array(times, np.int64), [np.array(column, np.float64) for column in prices], np.array(trades, np.int64)
    )


def last(connection: Connection, series: int, count: int, before_ms: int) -> CandleArrays:
    rows = connection.execute(_LAST_ROWS, (series, 0, before_ms, count)).fetchall()
    found = _from_rows(rows[::-1]) if rows else CandleArrays.empty()
    query = "SELECT columns, count FROM candle_days WHERE series = ? AND day_ms < ? ORDER BY day_ms DESC"
    blobs: list[bytes] = []
    held = total = 0
    for blob, size in connection.execute(query, (series, before_ms)):
        blobs.append(blob)
        total += size
        held += len(CandleArrays.from_blobs([blob], size).window(0, before_ms))
        if held >= count:
            break
    return CandleArrays.from_blobs(blobs[::-1], total).updated(found).window(0, before_ms).tail(count)


def open_times(
    connection: Connection, series: int, frame: Timeframe, from_ms: int, to_ms: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Open times only. A full day needs no look into its block: it has every one."""
    full = DAY_MS // frame.ms
    query = (
        "SELECT day_ms, count, CASE WHEN count < ? THEN substr(columns, 1, count * 8) END FROM candle_days"
        " WHERE series = ? AND day_ms > ? AND day_ms < ? ORDER BY day_ms"
    )
    parts = [
        np.arange(day, day + DAY_MS, frame.ms, dtype=np.int64) if head is None else np.frombuffer(head, "<i8")
        for day, _, head in connection.execute(query, (full, series, from_ms - DAY_MS, to_ms))
    ]
    rows = connection.execute(
        "SELECT open_ms FROM candle_rows WHERE series = ? AND open_ms >= ? AND open_ms < ?", (series, from_ms, to_ms)
    ).fetchall()
    parts.append(np.array([row[0] for row in rows], np.int64))
    times = np.unique(np.concatenate(parts))
    return times[(times >= from_ms) & (times < to_ms)]


def write_day(connection: Connection, series: int, day: int, candles: CandleArrays) -> None:
    connection.execute(_PUT_DAY, (series, day, len(candles), candles.blob()))
    connection.execute(
        "DELETE FROM candle_rows WHERE series = ? AND open_ms >= ? AND open_ms < ?", (series, day, day + DAY_MS)
    )


def gaps(connection: Connection, series: int, from_ms: int, to_ms: int) -> list[Gap]:
    rows = connection.execute(
        "SELECT from_ms, to_ms, reason, noted_ms FROM gaps WHERE series = ? AND from_ms < ? AND to_ms > ?"
        " ORDER BY from_ms",
        (series, to_ms, from_ms),
    )
    return [Gap(*row) for row in rows]


def end_gaps(connection: Connection, series: int, filled: list[tuple[int, int]]) -> None:
    """Cuts the filled windows out of the noted gaps."""
    for gap in gaps(connection, series, filled[0][0], filled[-1][1]) if filled else []:
        rest = without((gap.from_ms, gap.to_ms), filled)
        connection.execute("DELETE FROM gaps WHERE series = ? AND from_ms = ?", (series, gap.from_ms))
        for start, end in rest:
            connection.execute(
                "INSERT INTO gaps VALUES (?, ?, ?, ?, ?)", (series, start, end, gap.reason, gap.noted_ms)
            )


def add_gap(connection: Connection, series: int, window: tuple[int, int], reason: str, now: int) -> None:
    start, end = window
    for gap in gaps(connection, series, start - 1, end + 1):
        settled = gap.noted_ms >= gap.to_ms + SETTLED_MS and now >= end + SETTLED_MS
        if gap.reason == reason and settled:
            connection.execute("DELETE FROM gaps WHERE series = ? AND from_ms = ?", (series, gap.from_ms))
            start, end = min(start, gap.from_ms), max(end, gap.to_ms)
    connection.execute("INSERT INTO gaps VALUES (?, ?, ?, ?, ?)", (series, start, end, reason, now))


def note_provenance(
    connection: Connection, series: int, candles: CandleArrays, frame: Timeframe, source: str, now: int
) -> None:
    start, end = int(candles.open_ms[0]), int(candles.open_ms[-1]) + frame.ms
    digest = candles.sha256()
    last = connection.execute(
        "SELECT id, to_ms, source, hash FROM provenance WHERE series = ? ORDER BY id DESC LIMIT 1", (series,)
    ).fetchone()
    if last and last[1] == start and last[2] == source:
        grown = hashlib.sha256(f"{last[3]}{digest}".encode()).hexdigest()
        connection.execute(
            "UPDATE provenance SET to_ms = ?, candles = candles + ?, written_ms = ?, hash = ? WHERE id = ?",
            (end, len(candles), now, grown, last[0]),
        )
        return
    connection.execute(_ADD_PROVENANCE, (series, start, end, len(candles), source, now, digest))


def coverage(connection: Connection, venue: str) -> list[Coverage]:
    found = []
    query = "SELECT id, symbol, timeframe FROM series WHERE venue = ?"
    for series, symbol, name in connection.execute(query, (venue,)).fetchall():
        frame = Timeframe.parse(name)
        row_count = connection.execute("SELECT count(*) FROM candle_rows WHERE series = ?", (series,)).fetchone()[0]
        day_count = connection.execute("SELECT sum(count) FROM candle_days WHERE series = ?", (series,)).fetchone()[0]
        if not row_count and not day_count:
            continue
        edges = connection.execute("SELECT min(day_ms) FROM candle_days WHERE series = ?", (series,)).fetchone()[0]
        first_row = connection.execute("SELECT min(open_ms) FROM candle_rows WHERE series = ?", (series,)).fetchone()[0]
        starts = [first_row] if first_row is not None else []
        if edges is not None:
            starts.append(int(load(connection, series, edges, edges + DAY_MS).open_ms[0]))
        newest = last(connection, series, 1, 2**62)
        sources = connection.execute("SELECT DISTINCT source FROM provenance WHERE series = ? ORDER BY 1", (series,))
        gaps = connection.execute("SELECT count(*) FROM gaps WHERE series = ?", (series,)).fetchone()[0]
        total = row_count + (day_count or 0)
        end = int(newest.open_ms[-1]) + frame.ms
        names = tuple(row[0] for row in sources)
        found.append(Coverage(venue, symbol, frame, min(starts), end, total, gaps, names))
    return sorted(found, key=lambda item: (item.symbol, item.timeframe.ms))
