"""The forms that files of candles come in: how they are packed, which column is what, how times are written.

Decided here: what a file is, is told by its first bytes and lines and not by its name, with one exception: Lean's
files hold ms since midnight, and only their name (`20180404_trade.zip`) says of which day.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.model.symbols import base_and_quote

_TIME_NAMES = (
    "timestamp", "time", "date", "datetime", "open_time", "opentime", "open_ms", "starttime", "start_time", "unix",
    "ts",
)  # fmt: skip
_AMOUNT_NAMES = ("amount", "quote_volume", "quote_asset_volume", "turnover", "volume_quote")
_TRADE_NAMES = ("trades", "trade_count", "tradecount", "count", "number_of_trades")
_LONGEST_LINE = 64 * 1024


@dataclass(frozen=True)
class Layout:
    """Which column holds what; -1 for none. `day_ms` when times count from that midnight."""

    time: int
    prices: tuple[int, int, int, int]
    volume: int
    amount: int = -1
    trades: int = -1
    day_ms: int = -1

    @property
    def width(self) -> int:
        return max(self.time, *self.prices, self.volume, self.amount, self.trades) + 1


def lines_of(path: Path) -> Iterator[str]:
    """The text lines of a plain, gzipped or zipped file. Raises UsageError when it cannot be opened."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as text:
                yield from _bounded(text, path)
        elif start == b"PK\x03\x04":
            yield from _zip_lines(path)
        else:
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
                yield from _bounded(text, path)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(
            f"The file {path} cannot be read: {error}.",
            safe="Nothing was stored.",
            next_step="Check its name and form.",
        ) from error


def _zip_lines(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
        if len(files) != 1:
            raise UsageError(
                f"The archive {path} holds {len(files)} files.",
                safe="Nothing was stored.",
                next_step="Give an archive with one CSV file, or the CSV file itself.",
            )
        with archive.open(files[0]) as file:
            yield from _bounded(io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline=""), path)


def _bounded(text: IO[str], path: Path) -> Iterator[str]:
    """The lines. One without an end, as a small packed file can hold, would otherwise fill the memory."""
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise UsageError(
                f"The file {clean(path, 120)} has a line of more than {_LONGEST_LINE:,} characters.",
                safe="Nothing was stored.",
                next_step="It is no file of candles, or was made without line ends.",
            )
        yield line


def layout_of(head: list[list[str]], symbol: str, file_name: str) -> tuple[Layout, int]:
    """The layout told by the first rows, and how many of them precede the data. Raises UsageError."""
    for number, row in enumerate(head):
        names = [cell.strip().strip('"').lower().replace(" ", "_") for cell in row]
        if {"open", "high", "low", "close"} <= set(names):
            return named_layout(names, symbol), number + 1
    for number, row in enumerate(head):
        if len(row) >= 6 and all(_is_number(cell) for cell in row[1:6]):
            return _plain_layout(row, file_name), number
    raise UsageError(
        "No candles were recognised in the first lines of the file.",
        safe="Nothing was stored.",
        next_step="It needs columns for time, open, high, low, close and volume, with a header naming them.",
    )


def named_layout(names: list[str], symbol: str) -> Layout:
    """The layout told by the columns' names, in lower case. Raises UsageError when none is the time."""
    time = next((names.index(name) for name in _TIME_NAMES if name in names), -1)
    if time < 0:
        raise UsageError(
            f"No column is named as the time: {clean(', '.join(names), 120)}.",
            safe="Nothing was stored.",
            next_step=f"Name it one of {', '.join(_TIME_NAMES[:5])}.",
        )
    prices = [names.index(name) for name in ("open", "high", "low", "close")]
    volume, amount = _volume_columns(names, symbol)
    trades = next((names.index(name) for name in _TRADE_NAMES if name in names), -1)
    return Layout(time, (prices[0], prices[1], prices[2], prices[3]), volume, amount, trades)


def _volume_columns(names: list[str], symbol: str) -> tuple[int, int]:
    """Base and quote volume. A volume named after a currency is that currency's."""
    base, quote = (part.lower() for part in base_and_quote(symbol))
    candidates = {name: place for place, name in enumerate(names) if name.startswith(("volume", "vol", "quantity"))}
    of_base = candidates.get(f"volume_{base}", -1)
    of_quote = candidates.get(f"volume_{quote}", -1)
    amount = next((names.index(name) for name in _AMOUNT_NAMES if name in names), of_quote)
    others = [place for place in candidates.values() if place not in (of_base, of_quote, amount)]
    if of_base >= 0:
        return of_base, amount if amount >= 0 else (others[0] if others else -1)
    return (others[0] if others else -1), amount


def _plain_layout(row: list[str], file_name: str) -> Layout:
    stem = file_name[:8]
    if _is_number(row[0]) and 0 <= float(row[0]) < 86_400_000 and len(stem) == 8 and stem.isdigit():
        if len(row) != 6:
            raise UsageError(
                f"The file {file_name} has {len(row)} columns; a trade bar has 6. It may hold quotes.",
                safe="Nothing was stored.",
                next_step="Give the file of trade bars.",
            )
        return Layout(0, (1, 2, 3, 4), 5, day_ms=time_of(f"{stem[:4]}-{stem[4:6]}-{stem[6:]}"))
    if len(row) == 12:
        return Layout(0, (1, 2, 3, 4), 5, amount=7, trades=8)
    return Layout(0, (1, 2, 3, 4), 5)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def time_of(text: str) -> int:
    """UTC milliseconds of a time in any of the known forms. Raises ValueError."""
    cell = text.strip().strip('"')
    if _is_number(cell):
        value = float(cell)
        if not 0 <= value < 1e20:
            raise ValueError(f"not a time: {cell[:40]!r}")
        # Seconds stay below 1e11 until the year 5138; each finer unit is a thousand times as many.
        for bound, divisor in ((1e11, 0.001), (1e14, 1), (1e17, 1_000)):
            if value < bound:
                return round(value / divisor)
        return int(cell.split(".")[0]) // 1_000_000
    if cell.endswith(("-AM", "-PM")):
        moment = datetime.strptime(cell, "%Y-%m-%d %I-%p")  # noqa: DTZ007
    else:
        moment = datetime.fromisoformat(cell)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def names_no_zone(text: str) -> bool:
    """True for a time in words without a zone. An epoch number is UTC by definition."""
    cell = text.strip().strip('"')
    if _is_number(cell):
        return False
    try:
        return cell.endswith(("-AM", "-PM")) or datetime.fromisoformat(cell).tzinfo is None
    except ValueError:
        return False
