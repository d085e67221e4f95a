"""Rows of a JSON file: a list of lists [time, open, high, low, close, volume], as freqtrade and ccxt write them.

Decided here:
* Eight values a row are polotui's own, with the amount and the trades at the end; twelve are a Binance kline.
* Read and decoded piece by piece at the rows' own brackets: the file is never in memory as a whole, nor is any other
  task kept waiting for it. That works because a row holds numbers only, and so no bracket of its own.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import msgspec
import numpy as np

from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.market.data_forms.kinds import NOTHING_STORED, unreadable
from polotui.market.data_forms.rows import Rows, epoch_ms, trade_counts

_PIECE = 128 * 1024
_SHAPES = {6: (-1, -1), 8: (6, 7), 12: (7, 8)}  # places of amount and trades by the number of values


async def read_json(path: Path) -> Rows:
    """Raises UsageError when it is no list of rows of numbers."""
    rows = Rows("row")
    try:
        for piece in _pieces(path):
            _take(rows, path, piece)
            rows.bounded()
            await asyncio.sleep(0)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error
    return rows


def _pieces(path: Path) -> Iterator[bytes]:
    """Whole rows with their commas between, without the outer brackets."""
    with _opened(path) as file:
        rest = file.read(_PIECE).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not rest.startswith(b"["):
            raise _wrong(path, "it does not begin with a list")
        rest = rest[1:].lstrip()
        while more := file.read(_PIECE):
            # At the last row's opening: its end may be the list's end as well.
            end = rest.rfind(b"[")
            if end > 0:
                yield rest[:end].rstrip().removesuffix(b",")
                rest = rest[end:]
            rest += more
            if len(rest) > 4 * _PIECE:
                raise _wrong(path, "a row does not end")
    rest = rest.rstrip()
    if not rest.endswith(b"]"):
        raise _wrong(path, "it does not end with a list's bracket; it may be cut short")
    rest = rest[:-1].rstrip()
    if rest:
        yield rest


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def _take(rows: Rows, path: Path, piece: bytes) -> None:
    try:
        part = msgspec.json.decode(b"[" + piece + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _wrong(path, f"after row {rows.seen}: {clean(error, 100)}") from error
    first = rows.seen + 1
    rows.seen += len(part)
    if not part:
        return
    width = len(part[0]) if isinstance(part[0], list) else 0
    if width not in _SHAPES:
        found = f"has {width} values" if width else "is no list"
        raise _wrong(path, f"row {first} {found}; a row has 6 (time, open, high, low, close, volume), or 8, or 12")
    try:
        block = np.array(part, np.float64)
        _extend(rows, block, width, first)
    except (ValueError, TypeError, OverflowError):
        for number, row in enumerate(part, first):
            _take_one(rows, row, width, number)


def _extend(rows: Rows, block: np.ndarray[tuple[int, ...], np.dtype[np.float64]], width: int, first: int) -> None:
    amount, trades = _SHAPES[width]
    nothing = np.zeros(len(block))
    columns = [*(block[:, place] for place in range(1, 6)), block[:, amount] if amount >= 0 else nothing]
    counts = trade_counts(block[:, trades]) if trades >= 0 else np.full(len(block), -1, np.int64)
    rows.extend(epoch_ms(block[:, 0]), columns, counts, first)


def _take_one(rows: Rows, row: object, width: int, number: int) -> None:
    """The slow way through a piece that holds something wrong: names the row."""
    if not isinstance(row, list) or len(row) != width:
        rows.unreadable(number, f"not a row of {width} numbers")
        return
    try:
        _extend(rows, np.array([row], np.float64), width, number)
    except (ValueError, TypeError, OverflowError) as error:
        rows.unreadable(number, clean(error, 80))


def _wrong(path: Path, why: str) -> UsageError:
    return UsageError(
        f"The file {clean(path.name, 80)} is no JSON of candles: {why}.",
        safe=NOTHING_STORED,
        next_step="It needs to be a list of lists [ms, open, high, low, close, volume].",
    )
