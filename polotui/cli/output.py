"""What commands print: tables for people, one JSON document for programs, one record for errors.

Decided here: a person's text goes through `clean`; JSON is pure ASCII, so nothing in it can steer a terminal. With
--json standard output holds the document and nothing else; everything besides goes to standard error.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from polotui.api.values import Shown
from polotui.core.errors import ErrorRecord
from polotui.core.text import clean
from polotui.model.money import plain

NONE = "–"


def document(command: str, value: Any) -> str:
    """The JSON document of `command`: the reply's fields with `schema` in front."""
    fields = msgspec.json.decode(msgspec.json.encode(value))
    return json.dumps({"schema": f"polotui.{command}/1", **fields}, ensure_ascii=True)


def say(text: str) -> None:
    """A result, on standard output."""
    print(text, flush=True)


def note(text: str) -> None:
    """A word beside the result, on standard error."""
    print(text, file=sys.stderr, flush=True)


def complain(record: ErrorRecord, *, as_json: bool) -> int:
    """Prints an error the way the caller wants it; returns its exit code."""
    if as_json:
        fields = {"code": record.code, "cause": record.cause, "safe": record.safe, "next_step": record.next_step}
        more = {"retry_after_ms": record.retry_after_ms, "request_id": record.request_id}
        say(json.dumps({"schema": "polotui.error/1", **fields, **more}, ensure_ascii=True))
    else:
        note(clean(record.sentence(), 2_000))
    return record.exit_code


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """Columns under their heads. `align` has a letter a column: l left, r right, d on the decimal point."""
    columns = [list(column) for column in zip(heads, *rows, strict=True)]
    laid = [_column(cells, kind) for cells, kind in zip(columns, align, strict=True)]
    return "\n".join("  ".join(line).rstrip() for line in zip(*laid, strict=True))


def number(value: float | str | Decimal | None, *, sign: bool = False) -> str:
    """A figure with its own decimals and grouped thousands; – when it is not known."""
    if value is None or value == "":
        return NONE
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        return NONE
    text = plain(exact) if isinstance(value, float) else format(exact, "f")
    whole, point, rest = text.lstrip("-").partition(".")
    grouped = f"{int(whole):,}"
    front = "-" if text.startswith("-") else "+" if sign and exact > 0 else ""
    return f"{front}{grouped}{point}{rest}"


def percent(fraction: float | str | None) -> str:
    """A fraction as a signed percentage; – when it is not known."""
    if fraction is None or fraction == "":
        return NONE
    return f"{float(fraction) * 100:+.2f} %"


def shown(figure: Shown, *, as_percent: bool = False) -> str:
    """A figure with its standing: «12.3», «12.3 (as of 14:02:19)», «unknown»."""
    if figure.standing == "unknown":
        return "unknown"
    text = percent(figure.text) if as_percent else number(figure.text)
    return text if figure.standing == "known" else f"{text} (as of {clock(figure.as_of_ms)})"


def why(name: str, figure: Shown) -> str:
    """The sentence below a table for a figure that is not simply known; empty when it is."""
    if figure.standing == "known":
        return ""
    cause = clean(figure.cause or figure.reason or "the reason is not stated").rstrip(".")
    return " ".join(part for part in (f"{name}: {figure.standing}, {cause}.", clean(figure.help)) if part)


def clock(at_ms: int) -> str:
    """Time of day, UTC."""
    return NONE if at_ms <= 0 else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S")


def moment(at_ms: int) -> str:
    """Date and time, UTC."""
    return NONE if at_ms <= 0 else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def width(text: str) -> int:
    """Terminal cells of `text`."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(bool(unicodedata.combining(character)) for character in text)


def _column(cells: list[str], kind: str) -> list[str]:
    if kind == "d":
        cells = [cells[0], *_on_point(cells[1:])]
    broad = max(width(cell) for cell in cells)
    if kind == "l":
        return [cell + " " * (broad - width(cell)) for cell in cells]
    return [" " * (broad - width(cell)) + cell for cell in cells]


def _on_point(cells: list[str]) -> list[str]:
    """Cells padded behind so that their decimal points stand in one column; words keep to the right of the digits."""
    tails = []
    for cell in cells:
        figure, _, rest = cell.partition(" (")
        whole, point, decimals = figure.partition(".")
        is_figure = bool(whole) and whole[-1:].isdigit()
        tails.append(width(point + decimals + (" (" + rest if rest else "")) if is_figure else None)
    longest = max((tail for tail in tails if tail is not None), default=0)
    return [cell if tail is None else cell + " " * (longest - tail) for cell, tail in zip(cells, tails, strict=True)]
