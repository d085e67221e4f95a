"""Rows that prove their order and content: each carries the hash of the row before it.

Decided here: SHA-256 over the previous hash and the row's canonical bytes. Canonical means that every field is
written with its kind and its length, so that no two different rows share their bytes ("ab","c" is not "a","bc",
and the text "1" is not the number 1).

Deliberate limit: a chain alone proves that nothing in the middle was changed, not that the end was not cut off or
that the whole was not written anew. For the first the ledger keeps the head beside the rows; the second needs a key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: What the first row names as the hash before it.
GENESIS = "0" * 64

Field = str | bytes | int | None


@dataclass(frozen=True)
class ChainedRow:
    """A stored row as the check needs it: its place, its fields, and the two hashes that it claims."""

    number: int
    fields: Sequence[Field]
    previous: str
    hash: str


@dataclass(frozen=True)
class ChainBreak:
    """The first row that does not fit, and why."""

    number: int
    reason: str


def canonical(fields: Sequence[Field]) -> bytes:
    """The bytes that stand for these fields and for no others. Text and its UTF-8 bytes count as the same."""
    parts: list[bytes] = [b"%d;" % len(fields)]
    for field in fields:
        if field is None:
            parts.append(b"n;")
        elif isinstance(field, int):
            parts.append(b"i%d;" % field)
        else:
            data = field.encode() if isinstance(field, str) else field
            parts.append(b"t%d:" % len(data))
            parts.append(data)
    return b"".join(parts)


def link(previous: str, fields: Sequence[Field]) -> str:
    """The hash of a row that follows the row with hash `previous`."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical(fields)).hexdigest()


def first_break(rows: Iterable[ChainedRow]) -> ChainBreak | None:
    """Follows the chain from its first row; None when every row fits."""
    previous = GENESIS
    expected = 1
    for row in rows:
        if row.number != expected:
            return ChainBreak(expected, f"row {expected} is missing; the next one is {row.number}")
        if row.previous != previous:
            return ChainBreak(row.number, f"row {row.number} does not follow row {row.number - 1}")
        if link(previous, row.fields) != row.hash:
            return ChainBreak(row.number, f"the content of row {row.number} does not match its hash")
        previous = row.hash
        expected += 1
    return None
