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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polotui.core.clock import Clock
from polotui.core.errors import UsageError
from polotui.model.candles import DAY_MS, Candle, Timeframe
from polotui.storage import candle_tables as tables
from polotui.storage.candle_tables import SETTLED_MS, Coverage, Gap
from polotui.storage.columns import CandleArrays, impossible, windows, without
from polotui.storage.database import Connection, Database

__all__ = ["SETTLED_MS", "CandleStore", "Coverage", "Gap", "Provenance", "Put"]

#: A gap that is not settled is asked for again, but not sooner than this.
_YOUNG_REST_MS = 60_000


@dataclass(frozen=True)
class Put:
    """What a `put` did: candles that were new, that replaced another one, that were there already."""

    new: int
    changed: int
    same: int


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
        for day, part in tables.by_day(candles):
            stored = tables.load(connection, series, day, day + DAY_MS)
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
                connection.executemany(tables.PUT_ROW, ((series, *row) for row in differing.rows()))
            else:
                tables.write_day(connection, series, day, stored.updated(differing))
        if written:
            all_written = CandleArrays(np.concatenate([part.block for part in written], axis=1))
            tables.end_gaps(connection, series, windows(all_written.open_ms, frame))
            tables.note_provenance(connection, series, all_written, frame, source, now)
        return Put(new, changed, len(candles) - new - changed)

    async def mark_gap(self, symbol: str, frame: Timeframe, from_ms: int, to_ms: int, reason: str) -> None:
        """Notes that the source has no candles in [from_ms, to_ms). Where candles are stored, none is noted."""
        now = self._clock.wall_ms()

        def mark(connection: Connection) -> None:
            series = self._series(connection, symbol, frame, make=True)
            filled = windows(tables.load(connection, series, from_ms, to_ms).open_ms, frame)
            for part in without((from_ms, to_ms), filled):
                tables.end_gaps(connection, series, [part])
                tables.add_gap(connection, series, part, reason, now)

        await self._database.transact(mark, "mark gap")

    async def seal_days(self) -> int:
        """Turns the rows of past days into blocks. Called after midnight and at the start. Returns the days sealed."""
        today = self._clock.wall_ms() // DAY_MS * DAY_MS

        def seal(connection: Connection) -> int:
            days = connection.execute(
                "SELECT DISTINCT series, open_ms - open_ms % ? FROM candle_rows WHERE open_ms < ?", (DAY_MS, today)
            ).fetchall()
            for series, day in days:
                tables.write_day(connection, series, day, tables.load(connection, series, day, day + DAY_MS))
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
            return tables.load(connection, series, from_ms, to_ms) if series else CandleArrays.empty()

        return await self._database.read(load, "load candles")

    async def last(self, symbol: str, frame: Timeframe, count: int, before_ms: int = 2**62) -> list[Candle]:
        """The newest `count` candles that open before `before_ms`, oldest first."""

        def load(connection: Connection) -> CandleArrays:
            series = self._series(connection, symbol, frame)
            return tables.last(connection, series, count, before_ms) if series else CandleArrays.empty()

        return (await self._database.read(load, "last candles")).candles()

    async def missing(self, symbol: str, frame: Timeframe, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        """Windows inside [from_ms, to_ms) with neither a candle nor a settled gap: what has to be asked for."""
        now = self._clock.wall_ms()
        window = (frame.floor(from_ms + frame.ms - 1), frame.floor(to_ms))

        def find(connection: Connection) -> list[tuple[int, int]]:
            series = self._series(connection, symbol, frame)
            if not series:
                return [window] if window[0] < window[1] else []
            known = windows(tables.open_times(connection, series, frame, *window), frame)
            for gap in tables.gaps(connection, series, *window):
                if gap.noted_ms >= gap.to_ms + SETTLED_MS or gap.noted_ms > now - _YOUNG_REST_MS:
                    known.append((gap.from_ms, gap.to_ms))
            return without(window, known)

        return await self._database.read(find, "missing candles")

    async def gaps(self, symbol: str, frame: Timeframe, from_ms: int = 0, to_ms: int = 2**62) -> list[Gap]:
        """The noted gaps that touch [from_ms, to_ms), oldest first."""

        def find(connection: Connection) -> list[Gap]:
            series = self._series(connection, symbol, frame)
            return tables.gaps(connection, series, from_ms, to_ms) if series else []

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
        return await self._database.read(lambda connection: tables.coverage(connection, self.venue), "coverage")

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
