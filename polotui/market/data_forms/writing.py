"""Candles into a file: CSV, JSON, Parquet, feather; what was written can be imported again to the same hash.

Decided here:
* Numbers are written so that reading them gives the same float; amount and trades go along, because without them a
  copy would not be the same candles. `plain` leaves them out, for programs that want exactly the usual six columns.
* Written beside the target and put in its place at the end: a reader sees the old file or the new one. Without
  `force` the place is taken with a link, which fails when somebody else made the file meanwhile.
* Slice by slice, so that the engine goes on; never a file that is no ordinary one.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from polotui.core.errors import PolotuiError, StorageError, UsageError
from polotui.core.text import clean
from polotui.market.data_forms.kinds import FileKind, arrow, kind_by_name
from polotui.storage.columns import CandleArrays

NOTHING_WRITTEN = "Nothing was written."
_SLICE = 1_000
#: Rows of a Parquet group and of a feather batch.
_GROUP = 16_000
_PLAIN = ("open", "high", "low", "close", "volume")
_MORE = ("amount", "trades")


def kind_to_write(path: Path, name: str = "") -> FileKind:
    """The kind by the given name, else by the file's. Raises UsageError naming those there are."""
    named = next((kind for kind in FileKind if kind.value == name.lower()), None)
    found = named if name else kind_by_name(path)
    if found is None:
        raise UsageError(
            f"There is no format {clean(name, 20)!r}."
            if name
            else f"The format is not told by the name {clean(path.name, 80)}.",
            safe=NOTHING_WRITTEN,
            next_step="Give --format csv, json, parquet or feather.",
        )
    return found


def check_target(path: Path, *, force: bool) -> None:
    """Raises UsageError when nothing may be written there."""
    if not path.parent.is_dir():
        raise UsageError(
            f"There is no folder {clean(path.parent, 120)}.", safe=NOTHING_WRITTEN, next_step="Make it, or choose one."
        )
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageError(
            f"{clean(path, 120)} is no ordinary file.", safe=NOTHING_WRITTEN, next_step="Choose another name."
        )
    if path.exists() and not force:
        raise _taken(path)


async def write_file(path: Path, kind: FileKind, candles: CandleArrays, *, plain: bool, force: bool) -> int:
    """Writes the whole file or nothing. Returns its size. Raises UsageError, or StorageError when it fails."""
    check_target(path, force=force)
    if kind in (FileKind.PARQUET, FileKind.FEATHER):
        arrow(safe=NOTHING_WRITTEN)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        try:
            with temporary.open("xb") as file:
                await _write(file, kind, candles, plain=plain, packed=path.suffix.lower() == ".gz")
                file.flush()
                os.fsync(file.fileno())
            size = temporary.stat().st_size
            _put_in_place(temporary, path, force=force)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
    except FileExistsError as error:
        check_target(path, force=force)
        raise StorageError(
            f"{clean(temporary, 120)} exists: another export to this file runs, or one ended by force.",
            safe=NOTHING_WRITTEN,
            next_step="Wait for it, or remove that file.",
        ) from error
    except OSError as error:
        raise StorageError(
            f"{clean(path, 120)} cannot be written: {error.strerror or clean(error, 80)}.",
            safe="A file that was there before is unchanged.",
            next_step="Check the folder's rights and the free space.",
        ) from error
    return size


def _put_in_place(temporary: Path, path: Path, *, force: bool) -> None:
    if force:
        temporary.replace(path)
    else:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            raise
        except OSError:
            # A file system without links: the look and the renaming are two steps there.
            if path.exists():
                raise FileExistsError from None
            temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _taken(path: Path) -> PolotuiError:
    return UsageError(
        f"The file {clean(path, 120)} exists.",
        safe="It is unchanged.",
        next_step="Give another name, or --force to replace it.",
        code="exists",
    )


async def _write(file: IO[bytes], kind: FileKind, candles: CandleArrays, *, plain: bool, packed: bool) -> None:
    if kind is FileKind.PARQUET or kind is FileKind.FEATHER:
        await _write_arrow(file, kind, candles, plain=plain)
        return
    texts = _csv(candles, plain=plain) if kind is FileKind.CSV else _json(candles, plain=plain)
    # Without name and time in the packing, the same candles are the same file.
    packing = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) if packed else None
    with packing or contextlib.nullcontext():
        writer = cast("IO[bytes]", packing or file)
        for text in texts:
            writer.write(text.encode("ascii"))
            await asyncio.sleep(0)


def _slices(candles: CandleArrays, size: int) -> Iterator[CandleArrays]:
    for start in range(0, len(candles), size):
        yield CandleArrays(candles.block[:, start : start + size])


def _rows(part: CandleArrays, *, plain: bool) -> Iterator[str]:
    """The numbers of a candle with commas: right for CSV and for JSON, since all are finite."""
    for row in part.rows():
        yield ",".join(map(repr, row[:6] if plain else row))


def _csv(candles: CandleArrays, *, plain: bool) -> Iterator[str]:
    yield ",".join(("timestamp", *_PLAIN, *(() if plain else _MORE))) + "\n"
    for part in _slices(candles, _SLICE):
        yield "".join(f"{row}\n" for row in _rows(part, plain=plain))


def _json(candles: CandleArrays, *, plain: bool) -> Iterator[str]:
    between = "["
    for part in _slices(candles, _SLICE):
        yield between + ",\n".join(f"[{row}]" for row in _rows(part, plain=plain))
        between = ",\n"
    yield "]\n" if len(candles) else "[]\n"


async def _write_arrow(file: IO[bytes], kind: FileKind, candles: CandleArrays, *, plain: bool) -> None:
    pa = arrow(safe=NOTHING_WRITTEN)
    fields = [("date", pa.timestamp("ms", "UTC")), *((name, pa.float64()) for name in _PLAIN)]
    if not plain:
        fields += [("amount", pa.float64()), ("trades", pa.int64())]
    schema = pa.schema(fields)
    with _arrow_writer(file, kind, schema) as writer:
        async for part in _with_pauses(_slices(candles, _GROUP)):
            writer.write_batch(_batch(pa, part, schema, plain=plain))


async def _with_pauses(parts: Iterator[CandleArrays]) -> AsyncIterator[CandleArrays]:
    for part in parts:
        yield part
        await asyncio.sleep(0)


def _arrow_writer(file: IO[bytes], kind: FileKind, schema: Any) -> Any:
    if kind is FileKind.PARQUET:
        return arrow("pyarrow.parquet").ParquetWriter(file, schema, compression="zstd")
    ipc = arrow("pyarrow.ipc")
    return ipc.new_file(file, schema, options=ipc.IpcWriteOptions(compression="lz4", use_threads=False))


def _batch(pa: Any, part: CandleArrays, schema: Any, *, plain: bool) -> Any:
    """From the numbers' own memory: pyarrow's ordinary way loads pandas first, which takes a fifth of a second."""
    columns = [part.open_ms, part.open, part.high, part.low, part.close, part.volume]
    columns += [] if plain else [part.amount, part.trades]
    arrays = [
        pa.Array.from_buffers(kind, len(part), [None, pa.py_buffer(np.ascontiguousarray(column))])
        for kind, column in zip(schema.types, columns, strict=True)
    ]
    return pa.record_batch(arrays, schema=schema)
