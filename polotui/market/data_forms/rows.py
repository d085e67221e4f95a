"""Rows as any form of file yields them: columns in the file's own order, before anything was judged.

Decided here:
* Compact arrays and not lists of tuples: ten million rows, the bound, take 700 MB and not six times as much.
* A time is UTC milliseconds when the file says so, by an epoch number or a named zone. When it only names a day and
  an hour (`zoneless`), the milliseconds are of that wall clock, and `series_times` decides what zone it is in.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from polotui.core.errors import UsageError
from polotui.market.data_checks import MOST_FINDINGS, Finding
from polotui.market.data_forms.kinds import NOTHING_STORED
from polotui.storage.columns import CandleArrays, Floats, Ints

#: Nineteen years of minutes.
MOST_ROWS = 10_000_000
#: Rows worked on before other tasks get their turn.
SLICE = 2_000
_MOST_TRADES = 2**53


@dataclass
class Rows:
    """`place` is what the messages call a row of this file: «line» or «row»."""

    place: str = "row"
    zoneless: bool = False
    times: array[int] = field(default_factory=lambda: array("q"))
    numbers: tuple[array[float], ...] = field(default_factory=lambda: tuple(array("d") for _ in range(6)))
    trades: array[int] = field(default_factory=lambda: array("q"))
    numbers_of: array[int] = field(default_factory=lambda: array("q"))
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: int = 0

    def __len__(self) -> int:
        return len(self.times)

    def add(self, time: int, numbers: Sequence[float], trades: int, number: int) -> None:
        """One row: open, high, low, close, volume, amount."""
        self.times.append(time)
        for column, value in zip(self.numbers, numbers, strict=True):
            column.append(value)
        self.trades.append(trades)
        self.numbers_of.append(number)

    def extend(self, times: Ints, columns: Sequence[Floats], trades: Ints, first: int) -> None:
        """Many rows, numbered from `first`."""
        self.times.frombytes(np.ascontiguousarray(times, np.int64).tobytes())
        for column, values in zip(self.numbers, columns, strict=True):
            column.frombytes(np.ascontiguousarray(values, np.float64).tobytes())
        self.trades.frombytes(np.ascontiguousarray(trades, np.int64).tobytes())
        self.numbers_of.frombytes(np.arange(first, first + len(times), dtype=np.int64).tobytes())

    def unreadable(self, number: int, why: str) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding("unreadable", 0, f"{self.place} {number}: {why}", "error", number))

    def bounded(self, coming: int = 0) -> None:
        """Raises UsageError when these and the `coming` rows are more than fit."""
        if len(self) + coming > MOST_ROWS:
            raise UsageError(
                f"The file has more than {MOST_ROWS:,} rows.",
                safe=NOTHING_STORED,
                next_step="Split it into years, or import a higher timeframe.",
            )

    def open_ms(self) -> Ints:
        return np.frombuffer(self.times, np.int64)

    def candles(self, open_ms: Ints) -> CandleArrays:
        """With these open times, in the file's order."""
        if not len(self):
            return CandleArrays.empty()
        columns = [np.frombuffer(column, np.float64) for column in self.numbers]
        return CandleArrays.from_columns(open_ms, columns, np.frombuffer(self.trades, np.int64))


def epoch_ms(values: Floats | Ints) -> Ints:
    """UTC milliseconds of epoch numbers in s, ms, us or ns. Raises ValueError when they are no times."""
    if not len(values):
        return np.empty(0, np.int64)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() >= 1e20:
        raise ValueError("not a time")
    # Seconds stay below 1e11 until the year 5138; each finer unit is a thousand times as many.
    whole = values.dtype.kind == "i"
    ms = np.where(values < 1e11, values * 1000, values)
    ms = np.where(values >= 1e14, values // 1_000 if whole else values / 1_000, ms)
    ms = np.where(values >= 1e17, values // 1_000_000 if whole else values / 1_000_000, ms)
    return np.asarray(np.rint(ms), np.int64)


def trade_counts(values: Floats) -> Ints:
    """Counts of trades, -1 where the source did not say. Raises ValueError when they are no counts."""
    known = np.isfinite(values)
    if np.any(known & ((values < -1) | (values >= _MOST_TRADES))):
        raise ValueError("not a count of trades")
    return np.where(known, values, -1).astype(np.int64)
