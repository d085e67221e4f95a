"""Candles from files: CSV of many makes, plain, gzipped or zipped. Verified as a whole before anything is stored.

Decided here:
* A header is looked for in the first lines. Known names say which column is which; of two volume columns the one
  named after the base currency is the volume and the other the amount. Without a header the order is time, open,
  high, low, close, volume, and the twelve columns of a Binance kline file are known by their number.
* Times are epoch seconds, ms, us or ns, ISO text, «2019-10-17 09-AM», or ms since midnight in a file whose name
  begins with the day (Lean's `20180404_trade.zip`). All are UTC.
* Newest first is turned around. A time twice with other numbers, a bar that cannot be, a line that cannot be read:
  an error, and nothing is stored. Gaps and repeated equal lines are warnings.
* A few lines out of place lose nothing, since each names its time: a warning (a published hourly series has five
  such lines in 20 111). More than one in a hundred is no series but a heap: an error.
* Read in slices, so that a large file does not hold up the engine.

Deliberate limit: whether a time marks a bar's start or end is not in such files. The start is assumed.
"""

from __future__ import annotations

import asyncio
import csv
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.market.file_forms import Layout, layout_of, lines_of, time_of
from polotui.model.candles import Timeframe
from polotui.model.symbols import base_and_quote
from polotui.storage.candles import CandleStore
from polotui.storage.columns import CandleArrays, impossible

_SLICE = 5_000
_MOST_LINES = 20_000_000
_MOST_FINDINGS = 200
_HEADER_LINES = 10
_MOST_COLUMNS = 40
#: One line in so many may be out of place.
_DISORDER_IN = 100


@dataclass(frozen=True)
class Finding:
    """Something to say about a series. `kind`: gap, duplicate, disorder, impossible, unreadable."""

    kind: str
    at_ms: int
    text: str
    error: bool
    line: int = 0


@dataclass
class FileReading:
    """A file as it was read: candles oldest first, and what was found on the way."""

    candles: CandleArrays
    findings: list[Finding] = field(default_factory=list)
    lines: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.error]


@dataclass(frozen=True)
class Imported:
    """What an import stored. `to_ms` is the end of the last candle."""

    candles: int
    new: int
    from_ms: int
    to_ms: int
    warnings: list[str]


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Reader:
    """Takes rows one by one and keeps what they hold in columns."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.times: list[int] = []
        self.numbers: list[tuple[float, ...]] = []
        self.trades: list[int] = []
        self.line_of: list[int] = []
        self.findings: list[Finding] = []

    def take(self, row: list[str], line: int) -> None:
        layout = self.layout
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
            if len(self.findings) < _MOST_FINDINGS:
                self.findings.append(Finding("unreadable", 0, f"line {line}: {clean(error, 80)}", True, line))
            return
        self.times.append(time)
        self.numbers.append(numbers)
        self.trades.append(trades)
        self.line_of.append(line)

    def arrays(self) -> CandleArrays:
        if not self.times:
            return CandleArrays.empty()
        columns = np.array(self.numbers, np.float64).T
        return CandleArrays.from_columns(np.array(self.times, np.int64), list(columns), np.array(self.trades, np.int64))


async def read_file(path: Path, symbol: str, frame: Timeframe) -> FileReading:
    """Reads and verifies a whole file. Raises UsageError when it is no file of candles at all."""
    try:
        base_and_quote(symbol)
    except ValueError as error:
        raise UsageError(f"{error}.", safe="Nothing was stored.", next_step="Write it as BTC_USDT.") from error
    lines = lines_of(path)
    rows = csv.reader(lines)
    head: list[list[str]] = []
    try:
        for row in rows:
            head.append(row[:_MOST_COLUMNS])
            if len(head) == _HEADER_LINES:
                break
        layout, skipped = layout_of(head, symbol, path.name)
        reader = _Reader(layout)
        for number, row in enumerate(head[skipped:], skipped + 1):
            reader.take(row, number)
        line = len(head)
        for row in rows:
            line += 1
            reader.take(row, rows.line_num)
            if line % _SLICE == 0:
                await asyncio.sleep(0)
            if line > _MOST_LINES:
                raise UsageError(f"The file has more than {_MOST_LINES:,} lines.", safe="Nothing was stored.")
    except csv.Error as error:
        cause = f"The file {path} is not CSV: line {rows.line_num}: {error}."
        raise UsageError(cause, safe="Nothing was stored.") from error
    reading = ordered_and_checked(reader.arrays(), reader.line_of, frame)
    reading.findings = [*reader.findings, *reading.findings][:_MOST_FINDINGS]
    reading.lines = line
    return reading


# ── verifying ────────────────────────────────────────────────────────────────────────────────────────────────────


def ordered_and_checked(candles: CandleArrays, line_of: list[int], frame: Timeframe) -> FileReading:
    """Turns newest-first around and finds what is wrong. `line_of` names the line of each candle for the messages."""
    notes = []
    times = candles.open_ms
    if np.count_nonzero(np.diff(times) < 0) > np.count_nonzero(np.diff(times) > 0):
        candles, line_of = CandleArrays(np.ascontiguousarray(candles.block[:, ::-1])), line_of[::-1]
        notes.append("newest first; turned around")
    findings = _bars(candles, frame, line_of) + _order(candles, line_of)
    once = candles.in_order()
    return FileReading(once, [*findings, *gaps_in(once, frame)][:_MOST_FINDINGS], notes=notes)


def _bars(candles: CandleArrays, frame: Timeframe, line_of: list[int]) -> list[Finding]:
    return [
        Finding("impossible", int(candles.open_ms[at]), f"line {line_of[at]}: {reason}", True, line_of[at])
        for at, reason in impossible(candles, frame)[:_MOST_FINDINGS]
    ]


def _order(candles: CandleArrays, line_of: list[int]) -> list[Finding]:
    findings = []
    steps = np.diff(candles.open_ms)
    backwards = np.flatnonzero(steps < 0)
    heap = len(backwards) * _DISORDER_IN > len(candles)
    for at in backwards[:_MOST_FINDINGS].tolist():
        words = f"line {line_of[at + 1]}: its time is before that of line {line_of[at]}"
        findings.append(Finding("disorder", int(candles.open_ms[at + 1]), words, heap, line_of[at + 1]))
    order = np.argsort(candles.open_ms, kind="stable")
    for place in np.flatnonzero(np.diff(candles.open_ms[order]) == 0)[:_MOST_FINDINGS].tolist():
        first, second = int(order[place]), int(order[place + 1])
        equal = bool(np.array_equal(candles.block[:, first], candles.block[:, second]))
        words = f"line {line_of[second]}: the same time as line {line_of[first]}"
        words += ", equal numbers" if equal else ", other numbers"
        findings.append(Finding("duplicate", int(candles.open_ms[second]), words, not equal, line_of[second]))
    return findings


def gaps_in(candles: CandleArrays, frame: Timeframe) -> list[Finding]:
    """Windows without candles between the first and the last: warnings."""
    steps = np.diff(candles.open_ms)
    found = []
    for at in np.flatnonzero(steps > frame.ms)[:_MOST_FINDINGS].tolist():
        start = int(candles.open_ms[at]) + frame.ms
        lacking = int(steps[at]) // frame.ms - 1
        found.append(Finding("gap", start, f"{lacking} candles missing from {_utc(start)}", False))
    return found


def verify(candles: CandleArrays, frame: Timeframe, known_gaps: list[tuple[int, int]] | None = None) -> list[Finding]:
    """Checks stored candles. A gap that the exchange is known to have is told as that."""
    place = list(range(1, len(candles) + 1))
    findings = [
        Finding(f.kind, f.at_ms, f.text.replace("line ", "candle "), f.error)
        for f in _bars(candles, frame, place) + _order(candles, place)
    ]
    for gap in gaps_in(candles, frame):
        known = any(start <= gap.at_ms < end for start, end in known_gaps or [])
        findings.append(Finding("gap", gap.at_ms, gap.text + (", none at the source" if known else ""), False))
    return findings[:_MOST_FINDINGS]


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


# ── importing ────────────────────────────────────────────────────────────────────────────────────────────────────


async def import_file(path: Path, symbol: str, frame: Timeframe, store: CandleStore) -> Imported:
    """Stores a file's candles, all or nothing. Raises UsageError that names the lines that are wrong."""
    reading = await read_file(path, symbol, frame)
    errors = reading.errors
    if errors:
        shown = "; ".join(finding.text for finding in errors[:5])
        more = f"; and {len(errors) - 5} more" if len(errors) > 5 else ""
        raise UsageError(
            f"The file {path.name} is not sound: {shown}{more}.",
            safe="Nothing was stored.",
            next_step="Mend or remove these lines and import it again.",
        )
    if not len(reading.candles):
        raise UsageError(f"The file {path.name} holds no candles.", safe="Nothing was stored.")
    put = await store.put_arrays(symbol, frame, reading.candles, f"file {clean(path.name, 80)}")
    times = reading.candles.open_ms
    warnings = [*reading.notes, *(finding.text for finding in reading.findings)]
    return Imported(len(reading.candles), put.new, int(times[0]), int(times[-1]) + frame.ms, warnings)
