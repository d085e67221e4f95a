"""A document's text cut into pieces while it is being written: keys, values, comments, each with its path.

Decided here: this reader forgives everything, knows no errors and needs no YAML library; an editor asks it on every key
press. `located.py` is the strict one. JSON is cut the same way, since its notation is YAML's flow notation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from polotui.strategy.document.limits import MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH
from polotui.strategy.document.located import Path

PieceKind = Literal["comment", "key", "value", "sign"]

_KEY = re.compile(r"""(?:"([A-Za-z0-9_*-]*)"|'([A-Za-z0-9_*-]*)'|([A-Za-z0-9_-]+))[ \t]*:(?=\s|$|"|\{|\[)""")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?|\'(?:[^\']|\'\')*\'?')
_BLOCK = re.compile(r"[|>][-+0-9]*[ \t]*(?=#|$)")
_PLAIN_FLOW = re.compile(r"(?:[^,\]}\[{#]|(?<=\S)#)+")
_PLAIN = re.compile(r"(?:[^#]|(?<=\S)#)+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters [start, end) of the text; `closed` is False for a quoted text whose end quote is missing."""

    kind: PieceKind
    start: int
    end: int
    path: Path
    closed: bool = True


@dataclass
class _Flow:
    sign: str
    key: str | None = None


@dataclass
class Pieces:
    """The pieces, and where a text that ended here would go on."""

    found: list[Piece] = field(default_factory=list)
    blocks: list[tuple[int, str]] = field(default_factory=list)
    flows: list[_Flow] = field(default_factory=list)
    #: Column of the key whose block scalar is being read.
    folded: int | None = None

    @property
    def path(self) -> Path:
        return (*(key for _, key in self.blocks), *(flow.key for flow in self.flows if flow.key is not None))

    @property
    def parent(self) -> Path:
        """The block that a key written in the open bracket would belong to."""
        within = [flow.key for flow in self.flows[:-1] if flow.key is not None]
        return (*(key for _, key in self.blocks), *within)


def cut(text: str) -> Pieces:
    """Nothing is cut from a text that no document can have."""
    pieces = Pieces()
    if len(text) > MAX_DOCUMENT_BYTES:
        return pieces
    at = 0
    for line in text.split("\n"):
        _line(pieces, line, at)
        at += len(line) + 1
    return pieces


def _line(pieces: Pieces, line: str, offset: int) -> None:
    indent = len(line) - len(line.lstrip(" "))
    bare = not line.strip()
    if pieces.folded is not None:
        if bare:
            return
        if indent > pieces.folded:
            pieces.found.append(Piece("value", offset + indent, offset + len(line.rstrip()), pieces.path))
            return
        pieces.folded = None
    at = indent
    while at < len(line):
        if line[at] in " \t\r":
            at += 1
            continue
        at = _piece(pieces, line, at, offset)


def _piece(pieces: Pieces, line: str, at: int, offset: int) -> int:
    """Takes one piece from the line and gives the place behind it."""
    sign = line[at]
    if sign == "#" and (at == 0 or line[at - 1] in " \t"):
        pieces.found.append(Piece("comment", offset + at, offset + len(line), pieces.path))
        return len(line)
    if match := _KEY.match(line, at):
        name = match.group(match.lastindex or 3)
        _key(pieces, at, name)
        pieces.found.append(Piece("key", offset + at, offset + match.end() - 1, pieces.path))
        return match.end()
    if sign in "{[" or (pieces.flows and sign in "}],"):
        _sign(pieces, sign)
        pieces.found.append(Piece("sign", offset + at, offset + at + 1, pieces.path))
        return at + 1
    if sign == "-" and line[at + 1 : at + 2] in ("", " ") and not pieces.flows:
        pieces.found.append(Piece("sign", offset + at, offset + at + 1, pieces.path))
        return at + 1
    if not pieces.flows and (match := _BLOCK.match(line, at)):
        pieces.folded = pieces.blocks[-1][0] if pieces.blocks else 0
        pieces.found.append(Piece("sign", offset + at, offset + match.end(), pieces.path))
        return match.end()
    closed = True
    if sign in "\"'":
        match = _QUOTED.match(line, at)
        closed = match is not None and len(match.group()) > 1 and match.group()[-1] == sign
    else:
        match = (_PLAIN_FLOW if pieces.flows else _PLAIN).match(line, at)
    end = match.end() if match is not None and match.end() > at else at + 1
    shown = at + len(line[at:end].rstrip())
    pieces.found.append(Piece("value", offset + at, offset + max(shown, at + 1), pieces.path, closed))
    return end


def _key(pieces: Pieces, column: int, name: str) -> None:
    if pieces.flows:
        pieces.flows[-1].key = name
        return
    while pieces.blocks and pieces.blocks[-1][0] >= column:
        pieces.blocks.pop()
    pieces.blocks.append((column, name))


def _sign(pieces: Pieces, sign: str) -> None:
    if sign in "{[":
        # Deeper than any document goes, brackets are no longer counted: a path costs its length.
        if len(pieces.flows) < MAX_DOCUMENT_DEPTH:
            pieces.flows.append(_Flow(sign))
    elif sign == ",":
        if pieces.flows[-1].sign == "{":
            pieces.flows[-1].key = None
    else:
        pieces.flows.pop()


@dataclass(frozen=True)
class Outline:
    """What a text under construction declares."""

    indicators: Mapping[str, str]
    params: tuple[str, ...]
    timeframe: str
    executor: str
    keys: frozenset[Path]


def outline(text: str, pieces: Pieces) -> Outline:
    indicators: dict[str, str] = {}
    params: list[str] = []
    keys: set[Path] = set()
    said = {"timeframe": "", "executor": ""}
    for piece in pieces.found:
        if piece.kind == "key":
            keys.add(piece.path)
            if len(piece.path) == 2 and piece.path[0] == "indicators":
                indicators.setdefault(str(piece.path[1]), "")
            elif len(piece.path) == 2 and piece.path[0] == "params":
                params.append(str(piece.path[1]))
        elif piece.kind == "value":
            word = text[piece.start : piece.end].strip("\"'")
            if len(piece.path) == 3 and piece.path[0] == "indicators" and piece.path[2] == "kind":
                indicators[str(piece.path[1])] = word
            elif piece.path == ("timeframe",):
                said["timeframe"] = word
            elif piece.path == ("executor", "kind"):
                said["executor"] = word
    return Outline(indicators, tuple(params), said["timeframe"], said["executor"], frozenset(keys))
