"""The words of a rule: tokens with their places, and what is said about a character that no rule contains."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from polotui.core.text import clean
from polotui.strategy.document.tree import Span

TokenKind = Literal["number", "percent", "name", "frame", "op", "end"]

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?P<percent>%)?"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<frame>@[A-Za-z0-9]*)"
    r"|(?P<op><=|>=|==|!=|[-<>+*/()\[\],.])",
    re.ASCII,
)
_INSTEAD = {
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
    "!": "not",
    "=": "==",
    "<>": "!=",
    "=<": "<=",
    "=>": ">=",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "×": "*",
    "÷": "/",
    "\N{MINUS SIGN}": "-",
}
NO_POWER = "there is no power operator; write x * x"


class Token(NamedTuple):
    kind: TokenKind
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Fault:
    """What is wrong with a rule text, and where. `code` is stable, for tests and for scripts."""

    code: str
    at: Span
    message: str
    suggestion: str = ""


def near(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or nothing."""
    folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


def did_you_mean(word: str, known: Collection[str]) -> str:
    match = near(word, known)
    return f"did you mean {match}?" if match else ""


def quote(text: str) -> str:
    return f"«{clean(text, 40)}»"


def tokenize(text: str) -> tuple[list[Token], Fault | None]:
    """The tokens up to the end or to the first character that no rule contains."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            tokens.append(Token("end", "", position, position))
            return tokens, _stray(text, position)
        position = match.end()
        kind = match.lastgroup
        if kind == "percent":
            tokens.append(Token("percent", match["number"], match.start(), position))
        elif kind in ("number", "name", "frame", "op"):
            tokens.append(Token(kind, match.group(), match.start(), position))  # type: ignore[arg-type]
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens, None


def _stray(text: str, position: int) -> Fault:
    for length in (2, 1):
        piece = text[position : position + length]
        if piece in _INSTEAD:
            word = _INSTEAD[piece]
            return Fault("character", Span(position, position + len(piece)), f"{quote(piece)} is no operator here",
                         f"write {word}")  # fmt: skip
    character = text[position]
    hint = {
        "^": NO_POWER,
        "%": "a percentage is a number directly followed by %, such as 2%; there is no remainder operator",
        '"': "a rule has no texts, only numbers and conditions",
        "'": "a rule has no texts, only numbers and conditions",
        ";": "a rule is one condition; join several with and / or",
        ":": "a rule is one condition without assignments",
        "{": "use round brackets",
        "}": "use round brackets",
    }.get(character, "")
    return Fault("character", Span(position, position + 1), f"{quote(character)} cannot stand in a rule", hint)
