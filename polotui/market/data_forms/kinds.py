"""What kind of file it is: told by its first bytes. Its name only has to agree where it makes a claim.

Decided here: a file that is named .parquet and holds text is refused, because it is either broken or not what the
person meant; a .csv that holds JSON is read as JSON. Packed in gzip are CSV and JSON only: the others pack themselves.
"""

from __future__ import annotations

import gzip
import importlib
import zlib
from enum import Enum
from pathlib import Path
from typing import Any

from polotui.core.errors import UsageError
from polotui.core.text import clean

NOTHING_STORED = "Nothing was stored."
_HEAD = 512
_LEAST_ARROW = 26


class FileKind(Enum):
    """The kinds; the value is the name that people type after --format."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    FEATHER = "feather"


SUFFIXES = {
    ".csv": FileKind.CSV,
    ".txt": FileKind.CSV,
    ".json": FileKind.JSON,
    ".parquet": FileKind.PARQUET,
    ".pq": FileKind.PARQUET,
    ".feather": FileKind.FEATHER,
    ".arrow": FileKind.FEATHER,
}
_MAGIC = {b"PAR1": FileKind.PARQUET, b"ARROW1": FileKind.FEATHER}


def kind_by_name(path: Path) -> FileKind | None:
    """What the name says, below a .gz; None when it says nothing known."""
    inner = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return SUFFIXES.get(inner.suffix.lower())


def kind_of(path: Path) -> FileKind:
    """The kind of an existing file. Raises UsageError when it cannot be read or belies its name."""
    head, packed = _head(path)
    named = kind_by_name(path)
    found = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    if head.startswith(b"FEA1"):
        raise UsageError(
            f"The file {clean(path.name, 80)} is feather version 1, which nothing writes any more.",
            safe=NOTHING_STORED,
            next_step="Write it again as feather version 2, Parquet or CSV.",
        )
    if found is not None and packed:
        raise UsageError(
            f"The file {clean(path.name, 80)} is a {found.value} file packed with gzip.",
            safe=NOTHING_STORED,
            next_step="Unpack it with gunzip and import what comes out.",
        )
    if found is not None:
        return found
    if named in (FileKind.PARQUET, FileKind.FEATHER):
        raise UsageError(
            f"The file {clean(path.name, 80)} is named as a {named.value} file, but its content is not one.",
            safe=NOTHING_STORED,
            next_step="It may be cut short or misnamed: fetch it again, or give it the name of what it is.",
        )
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"[", b"{")) or (named is FileKind.JSON and not text.startswith(b"PK\x03\x04")):
        return FileKind.JSON
    return FileKind.CSV


def _head(path: Path) -> tuple[bytes, bool]:
    """The first bytes, unpacked, and whether gzip packed them."""
    try:
        with path.open("rb") as file:
            start = file.read(_HEAD)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(path, "rb") as unpacked:
                return unpacked.read(_HEAD), True
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error
    return start, False


def unreadable(path: Path, error: Exception) -> UsageError:
    return UsageError(
        f"The file {clean(path, 120)} cannot be read: {clean(error, 160)}.",
        safe=NOTHING_STORED,
        next_step="Check its name and form.",
    )


def arrow(module: str = "pyarrow", *, safe: str = NOTHING_STORED) -> Any:
    """The named part of pyarrow. Raises UsageError that says how to install it. The count of a feather file's rows,
    without unpacking them, came with version 26."""
    try:
        found = importlib.import_module(module)
        if int(importlib.import_module("pyarrow").__version__.partition(".")[0]) < _LEAST_ARROW:
            raise ImportError("too old")
        return found
    except ImportError as error:
        raise UsageError(
            f"Parquet and feather files need the library pyarrow {_LEAST_ARROW} or newer, which is not installed.",
            safe=safe,
            next_step="Install it with: python -m pip install 'polotui[parquet]' - or use CSV or JSON.",
            code="needs-pyarrow",
        ) from error
