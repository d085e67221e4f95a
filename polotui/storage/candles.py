"""The candle store in `market.db`: keyed by venue, symbol, timeframe and open time.

Decided here:
* The current UTC day is kept as rows, which the feed can add to one by one; each past day is one block of columns
  (see `columns`). A candle that arrives late for a past day rewrites its block.
* Only closed candles are stored. A later writer wins over an earlier one; each write that changed something leaves
  a provenance row with its source, span, hash and time, and a stream that goes on extends its own last row.
* A gap is a window for which the source was asked and had nothing. A candle that arrives after all ends it. A gap
  noted within ten minutes of its own end is young: it is asked for once more, since exchanges publish late.
* A higher timeframe in this store is the venue's own. Those built from minutes are never stored, so the two can't mix.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from polotui.core.clock import Clock
from polotui.core.errors import UsageError
from polotui.model.candles import DAY_MS, Candle, Timeframe
from polotui.storage.columns import CandleArrays, impossible, windows, without
from polotui.storage.database import Connection, Database

#: A gap noted sooner than this after its end is asked for again, but not sooner than the second figure.
SETTLED_MS = 600_000
_YOUNG_REST_MS = 60_000

_DAY_BLOBS = "SELECT columns FROM candle_days WHERE series = ? AND day_ms > ? AND day_ms < ? ORDER BY day_ms"
_DAY_COUNT = "SELECT sum(count) FROM candle_days WHERE series = ? AND day_ms > ? AND day_ms < ?"
_ROWS = (
    "SELECT open_ms, open, high, low, close, volume, amount, trades FROM candle_rows"
    " WHERE series = ? AND open_ms >= ? AND open_ms < ? ORDER BY open_ms"
)
_LAST_ROWS = _ROWS.replace("ORDER BY open_ms", "ORDER BY open_ms DESC LIMIT ?")
_PUT_ROW = "INSERT OR REPLACE INTO candle_rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_DAY = (
    "INSERT INTO candle_days (series, day_ms, count, columns) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (series, day_ms) DO UPDATE SET count = excluded.count, columns = excluded.columns"
)
_ADD_PROVENANCE = (
    "INSERT INTO provenance (series, from_ms, to_ms, candles, source, written_ms, hash) VALUES (?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True)
class Put:
    """What a `put` did: candles that were new, that replaced another one, that were there already."""

    new: int
    changed: int
    same: int


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


@dataclass(frozen=True)
class Provenance:
    """One write: what came from where, and when. For a stream that went on, the hash covers its parts in turn."""

    from_ms: int
    to_ms: int
    candles: int
    source: str
    written_ms: int
    hash: str


class CandleStore:
    """The stored candles of one venue."""

    def __init__(self, database: Database, clock: Clock, venue: str = "poloniex") -> None:
        self._database = database
        self._clock = clock
        self.venue = venue

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def put(self, symbol: str, frame: Timeframe, candles: Sequence[Candle], source: str) -> Put:
        """Stores the closed ones of these candles, in any order. Raises UsageError when one is impossible."""
        closed = [candle for candle in candles if candle.closed]
        return await self.put_arrays(symbol, frame, CandleArrays.of(closed), source) if closed else Put(0, 0, 0)

    async def put_arrays(self, symbol: str, frame: Timeframe, candles: CandleArrays, source: str) -> Put:
        """The same for a block of columns. All of it is stored, or nothing."""
        bad = impossible(candles, frame)
        if bad:
            place, reason = bad[0]
            raise UsageError(
                f"A {frame.value} candle of {symbol} at {int(candles.open_ms[place])} cannot be: {reason}.",
                safe=f"None of the {len(candles)} candles was stored.",
            )
        ordered = candles.in_order()
        if not len(ordered):
            return Put(0, 0, 0)
        now = self._clock.wall_ms()
        return await self._database.transact(
            lambda connection: self._put(connection, symbol, frame, ordered, source, now), "put candles"
        )

    def _put(
        self, connection: Connection, symbol: str, frame: Timeframe, candles: CandleArrays, source: str, now: int
    ) -> Put:
        series = self._series(connection, symbol, frame, make=True)
        today = now - now % DAY_MS
        new = changed = 0
        written: list[CandleArrays] = []
        for day, part in _by_day(candles):
            stored = _load(connection, series, day, day + DAY_MS)
            differing, lacking = part.differing(stored)
            if not len(differing):
                continue
            new += lacking
            changed += len(differing) - lacking
            written.append(differing)
            sealed = connection.execute(
                "SELECT 1 FROM candle_days WHERE series = ? AND day_ms = ?", (series, day)
            ).fetchone()
            if day >= today and not sealed:
                connection.executemany(_PUT_ROW, ((series, *row) for row in differing.rows()))
            else:
                _write_day(connection, series, day, stored.updated(differing))
        if written:
            all_written = CandleArrays(np.concatenate([part.block for part in written], axis=1))
            _end_gaps(connection, series, windows(all_written.open_ms, frame))
            _note_provenance(connection, series, all_written, frame, source, now)
        return Put(new, changed, len(candles) - new - changed)

    async def mark_gap(self, symbol: str, frame: Timeframe, from_ms: int, to_ms: int, reason: str) -> None:
        """Notes that the source has no candles in [from_ms, to_ms). Where candles are stored, none is noted."""
        now = self._clock.wall_ms()

        def mark(connection: Connection) -> None:
            series = self._series(connection, symbol, frame, make=True)
            filled = windows(_load(connection, series, from_ms, to_ms).open_ms, frame)
            for part in without((from_ms, to_ms), filled):
                _end_gaps(connection, series, [part])
                _add_gap(connection, series, part, reason, now)

        await self._database.transact(mark, "mark gap")

    async def seal_days(self) -> int:
        """Turns the rows of past days into blocks. Called after midnight and at the start. Returns the days sealed."""
        today = self._clock.wall_ms() // DAY_MS * DAY_MS

        def seal(connection: Connection) -> int:
            days = connection.execute(
                "SELECT DISTINCT series, open_ms - open_ms % ? FROM candle_rows WHERE open_ms < ?", (DAY_MS, today)
            ).fetchall()
            for series, day in days:
                _write_day(connection, series, day, _load(connection, series, day, day + DAY_MS))
            return len(days)

        return await self._database.transact(seal, "seal days")

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, symbol: str, frame: Timeframe, from_ms: int, to_ms: int) -> list[Candle]:
        """The candles that open in [from_ms, to_ms), oldest first."""
        return (await self.load_arrays(symbol, frame, from_ms, to_ms)).candles()

    async def load_arrays(self, symbol: str, frame: Timeframe, from_ms: int = 0, to_ms: int = 2**62) -> CandleArrays:
        """The same as columns: a year of minutes in milliseconds."""

        def load(connection: Connection) -> CandleArrays:
            series = self._series(connection, symbol, frame)
            return _load(connection, series, from_ms, to_ms) if series else CandleArrays.empty()

        return await self._database.read(load, "load candles")

    async def last(self, symbol: str, frame: Timeframe, count: int, before_ms: int = 2**62) -> list[Candle]:
        """The newest `count` candles that open before `before_ms`, oldest first."""

        def load(connection: Connection) -> CandleArrays:
            series = self._series(connection, symbol, frame)
            return _last(connection, series, count, before_ms) if series else CandleArrays.empty()

        return (await self._database.read(load, "last candles")).candles()

    async def missing(self, symbol: str, frame: Timeframe, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        """Windows inside [from_ms, to_ms) with neither a candle nor a settled gap: what has to be asked for."""
        now = self._clock.wall_ms()
        window = (frame.floor(from_ms + frame.ms - 1), frame.floor(to_ms))

        def find(connection: Connection) -> list[tuple[int, int]]:
            series = self._series(connection, symbol, frame)
            if not series:
                return [window] if window[0] < window[1] else []
            known = windows(_open_times(connection, series, frame, *window), frame)
            for gap in _gaps(connection, series, *window):
                if gap.noted_ms >= gap.to_ms + SETTLED_MS or gap.noted_ms > now - _YOUNG_REST_MS:
                    known.append((gap.from_ms, gap.to_ms))
            return without(window, known)

        return await self._database.read(find, "missing candles")

    async def gaps(self, symbol: str, frame: Timeframe, from_ms: int = 0, to_ms: int = 2**62) -> list[Gap]:
        """The noted gaps that touch [from_ms, to_ms), oldest first."""

        def find(connection: Connection) -> list[Gap]:
            series = self._series(connection, symbol, frame)
            return _gaps(connection, series, from_ms, to_ms) if series else []

        return await self._database.read(find, "gaps")

    async def provenance(self, symbol: str, frame: Timeframe) -> list[Provenance]:
        """All writes to a series in their order."""

        def find(connection: Connection) -> list[Provenance]:
            rows = connection.execute(
                "SELECT from_ms, to_ms, candles, source, written_ms, hash FROM provenance WHERE series = ? ORDER BY id",
                (self._series(connection, symbol, frame),),
            )
            return [Provenance(*row) for row in rows]

        return await self._database.read(find, "provenance")

    async def coverage(self) -> list[Coverage]:
        """Every stored series of this venue, by symbol and timeframe."""
        return await self._database.read(lambda connection: _coverage(connection, self.venue), "coverage")

    async def hash(self, symbol: str, frame: Timeframe) -> str:
        """Names exactly the stored candles of a series, so that a result can say what it was computed from."""
        return (await self.load_arrays(symbol, frame)).sha256()

    def _series(self, connection: Connection, symbol: str, frame: Timeframe, *, make: bool = False) -> int:
        """The series' number; 0 when there is none."""
        key = (self.venue, symbol, frame.value)
        if make:
            connection.execute("INSERT OR IGNORE INTO series (venue, symbol, timeframe) VALUES (?, ?, ?)", key)
        query = "SELECT id FROM series WHERE venue = ? AND symbol = ? AND timeframe = ?"
        row = connection.execute(query, key).fetchone()
        return int(row[0]) if row else 0


def _by_day(candles: CandleArrays) -> list[tuple[int, CandleArrays]]:
    days = candles.open_ms // DAY_MS
    edges = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(candles)]
    return [(int(days[first]) * DAY_MS, CandleArrays(candles.block[:, first:last])) for first, last in pairwise(edges)]


def _load(connection: Connection, series: int, from_ms: int, to_ms: int) -> CandleArrays:
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


def _last(connection: Connection, series: int, count: int, before_ms: int) -> CandleArrays:
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


def _open_times(
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


def _write_day(connection: Connection, series: int, day: int, candles: CandleArrays) -> None:
    connection.execute(_PUT_DAY, (series, day, len(candles), candles.blob()))
    connection.execute(
        "DELETE FROM candle_rows WHERE series = ? AND open_ms >= ? AND open_ms < ?", (series, day, day + DAY_MS)
    )


def _gaps(connection: Connection, series: int, from_ms: int, to_ms: int) -> list[Gap]:
    rows = connection.execute(
        "SELECT from_ms, to_ms, reason, noted_ms FROM gaps WHERE series = ? AND from_ms < ? AND to_ms > ?"
        " ORDER BY from_ms",
        (series, to_ms, from_ms),
    )
    return [Gap(*row) for row in rows]


def _end_gaps(connection: Connection, series: int, filled: list[tuple[int, int]]) -> None:
    """Cuts the filled windows out of the noted gaps."""
    for gap in _gaps(connection, series, filled[0][0], filled[-1][1]) if filled else []:
        rest = without((gap.from_ms, gap.to_ms), filled)
        connection.execute("DELETE FROM gaps WHERE series = ? AND from_ms = ?", (series, gap.from_ms))
        for start, end in rest:
            connection.execute(
                "INSERT INTO gaps VALUES (?, ?, ?, ?, ?)", (series, start, end, gap.reason, gap.noted_ms)
            )


def _add_gap(connection: Connection, series: int, window: tuple[int, int], reason: str, now: int) -> None:
    start, end = window
    for gap in _gaps(connection, series, start - 1, end + 1):
        settled = gap.noted_ms >= gap.to_ms + SETTLED_MS and now >= end + SETTLED_MS
        if gap.reason == reason and settled:
            connection.execute("DELETE FROM gaps WHERE series = ? AND from_ms = ?", (series, gap.from_ms))
            start, end = min(start, gap.from_ms), max(end, gap.to_ms)
    connection.execute("INSERT INTO gaps VALUES (?, ?, ?, ?, ?)", (series, start, end, reason, now))


def _note_provenance(
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


def _coverage(connection: Connection, venue: str) -> list[Coverage]:
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
            starts.append(int(_load(connection, series, edges, edges + DAY_MS).open_ms[0]))
        newest = _last(connection, series, 1, 2**62)
        sources = connection.execute("SELECT DISTINCT source FROM provenance WHERE series = ? ORDER BY 1", (series,))
        gaps = connection.execute("SELECT count(*) FROM gaps WHERE series = ?", (series,)).fetchone()[0]
        total = row_count + (day_count or 0)
        end = int(newest.open_ms[-1]) + frame.ms
        names = tuple(row[0] for row in sources)
        found.append(Coverage(venue, symbol, frame, min(starts), end, total, gaps, names))
    return sorted(found, key=lambda item: (item.symbol, item.timeframe.ms))
