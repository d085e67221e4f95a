"""Colours of a document's text, line by line: what the eye needs while typing, before the engine has checked it.

Decided here: each line is coloured by itself, so a key costs the visible lines and not the document. Rules are texts in
quotes and are coloured inside; prose (notes, names) is not.
"""

from __future__ import annotations

import re

from polotui.core.text import clean

_PROSE = re.compile(r"\s*(?:- )?(thesis|fails_when|name|note)\s*:")
_NOTHING = re.compile("")
#: A line of a folded text that could be a rule, and not a sentence.
_RULE = re.compile(r"[\"'<>=({\[]|:(?:\s|$)")
_PIECE = re.compile(
    r"(?P<comment>(?:^|(?<=\s))\#.*)"
    r"|(?P<key>[A-Za-z_][\w-]*(?=\s*:(?:\s|$)))"
    r"|(?P<function>[A-Za-z_]\w*(?=\())"
    r"|(?P<operator>\b(?:and|or|not)\b|[<>=!]=|[<>]|@\w+)"
    r"|(?P<number>(?<![\w.@-])-?\d[\d_]*(?:\.\d+)?%?(?![\w-]))"
    r"|(?P<quote>[\"'])"
    r"|(?P<mark>[{}\[\],:()])"
)
_TONES = {
    "comment": "muted italic",
    "key": "key",
    "function": "line2",
    "operator": "line1",
    "number": "line3",
    "quote": "muted",
    "mark": "muted",
}
#: Longer lines are shown plain: no document has them for a good reason.
_LONGEST = 2000


def pieces(line: str) -> list[tuple[int, int, str]]:
    """(from, to, tone) of what is coloured."""
    if len(line) > _LONGEST:
        return []
    prose = _PROSE.match(line) or (None if _RULE.search(line) else _NOTHING.match(line))
    found: list[tuple[int, int, str]] = []
    quoted = ""
    place = 0
    while (piece := _PIECE.search(line, place)) is not None:
        kind = piece.lastgroup or ""
        # A # inside quotes begins nothing: what follows it is still to be looked at.
        place = piece.start() + 1 if kind == "comment" and quoted else piece.end()
        if kind == "quote":
            quoted = "" if quoted == piece[0] else quoted or piece[0]
        if kind == "comment" and quoted:
            continue
        if prose is not None and piece.start() >= prose.end() and kind != "comment":
            continue
        if kind == "key" and quoted:
            continue
        found.append((piece.start(), piece.end(), _TONES[kind]))
    return found


def tones(line: str) -> list[str]:
    """The tone of each character."""
    out = [""] * len(line)
    for start, end, tone in pieces(line):
        out[start:end] = [tone] * (end - start)
    return out


def visible(line: str) -> list[str]:
    """Each character as it may be shown: what would steer the terminal becomes a dot, a tab an arrow."""
    if line.isascii() and line.isprintable():
        return list(line)
    shown = []
    for character in line:
        if character == "\t":
            shown.append("→")
        else:
            shown.append(character if clean(character) == character else "·")
    return shown
