"""Candles from files: CSV of many makes, JSON lists, Parquet, feather. Verified as a whole before anything is stored.

Decided here:
* What a file is, is told by its content (`data_forms.kinds`); each form is read into the same rows.
* In CSV a header is looked for in the first lines. Known names say which column is which; of two volume columns the
  one named after the base currency is the volume and the other the amount. Without a header the order is time, open,
  high, low, close, volume, and the twelve columns of a Binance kline file are known by their number.
* Times are epoch seconds, ms, us or ns, ISO text, «2019-10-17 09-AM», or ms since midnight in a file whose name
  begins with the day (Lean's `20180404_trade.zip`). What they mean is checked in `data_forms.series_times`.
* Newest first is turned around. A time twice with other numbers, a bar that cannot be, a line that cannot be read:
  an error, and nothing is stored. Gaps and repeated equal lines are warnings.
* A few lines out of place lose nothing, since each names its time: a warning (a published hourly series has five
  such lines in 20 111). More than one in a hundred is no series but a heap: an error.
* Read in slices, so that a large file does not hold up the engine.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.market.data_checks import MOST_FINDINGS, Finding, bars, gaps_in, order
from polotui.market.data_forms.arrow_rows import read_arrow
from polotui.market.data_forms.csv_rows import read_csv
from polotui.market.data_forms.json_rows import read_json
from polotui.market.data_forms.kinds import NOTHING_STORED, FileKind, kind_of
from polotui.market.data_forms.series_times import placed
from polotui.model.candles import Timeframe
from polotui.model.symbols import base_and_quote
from polotui.storage.candles import CandleStore
from polotui.storage.columns import CandleArrays, Ints


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


async def read_file(path: Path, symbol: str, frame: Timeframe, *, times: str = "start", zone: str = "") -> FileReading:
    """Reads and verifies a whole file. `times` says whether they name a bar's start or end, `zone` which zone times
    without one are in ("": UTC). Raises UsageError when it is no file of candles of this timeframe."""
    try:
        base_and_quote(symbol)
    except ValueError as error:
        raise UsageError(f"{error}.", safe=NOTHING_STORED, next_step="Write it as BTC_USDT.") from error
    kind = kind_of(path)
    if kind is FileKind.CSV:
        rows = await read_csv(path, symbol)
    elif kind is FileKind.JSON:
        rows = await read_json(path)
    else:
        rows = await read_arrow(path, kind, symbol)
    open_ms = await placed(rows, frame, times=times, zone=zone)
    await asyncio.sleep(0)
    candles, place = rows.candles(open_ms), np.array(rows.numbers_of, np.int64)
    await asyncio.sleep(0)
    reading = ordered_and_checked(candles, place, frame, rows.place)
    reading.findings = [*rows.findings, *reading.findings][:MOST_FINDINGS]
    reading.notes = [*reading.notes, *rows.notes]
    reading.lines = rows.seen
    return reading


def ordered_and_checked(candles: CandleArrays, place: Ints, frame: Timeframe, word: str = "line") -> FileReading:
    """Turns newest-first around and finds what is wrong. `place` names the line of each candle for the messages."""
    notes = []
    steps = np.diff(candles.open_ms)
    if np.count_nonzero(steps < 0) > np.count_nonzero(steps > 0):
        candles, place = CandleArrays(np.ascontiguousarray(candles.block[:, ::-1])), place[::-1]
        notes.append("newest first; turned around")
    findings = bars(candles, frame, place, word) + order(candles, place, word)
    once = candles.in_order()
    return FileReading(once, [*findings, *gaps_in(once, frame)][:MOST_FINDINGS], notes=notes)


async def import_file(
    path: Path, symbol: str, frame: Timeframe, store: CandleStore, *, times: str = "start", zone: str = ""
) -> Imported:
    """Stores a file's candles, all or nothing. Raises UsageError that names the lines that are wrong."""
    reading = await read_file(path, symbol, frame, times=times, zone=zone)
    errors = reading.errors
    if errors:
        shown = "; ".join(finding.text for finding in errors[:5])
        more = f"; and {len(errors) - 5} more" if len(errors) > 5 else ""
        raise UsageError(
            f"The file {clean(path.name, 80)} is not sound: {shown}{more}.",
            safe=NOTHING_STORED,
            next_step="Mend or remove these and import it again.",
        )
    if not len(reading.candles):
        raise UsageError(
            f"The file {clean(path.name, 80)} holds no candles.",
            safe=NOTHING_STORED,
            next_step="Check that it is the file you mean.",
        )
    await asyncio.sleep(0)
    put = await store.put_arrays(symbol, frame, reading.candles, f"file {clean(path.name, 80)}")
    opens = reading.candles.open_ms
    warnings = [*reading.notes, *(finding.text for finding in reading.findings)]
    return Imported(len(reading.candles), put.new, int(opens[0]), int(opens[-1]) + frame.ms, warnings)
