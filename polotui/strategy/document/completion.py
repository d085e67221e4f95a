"""What may be written next, and how to colour what is there: for editors, on every key press."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from polotui.strategy.document import keys
from polotui.strategy.document.functions import FUNCTIONS
from polotui.strategy.document.limits import FRAME_MS, KEYWORDS, TIMEFRAMES
from polotui.strategy.document.located import Lines, Path
from polotui.strategy.document.pieces import Outline, Piece, cut, outline
from polotui.strategy.document.rules import kinds
from polotui.strategy.document.tokens import Token, tokenize
from polotui.strategy.document.tree import CLOCK, FACTS, PRICES

_WORD = re.compile(r"[A-Za-z0-9_-]*\Z")
_RULE_WORD = re.compile(r"[A-Za-z0-9_]*\Z")
_KEY_LINE = re.compile(r"[ ]*[A-Za-z0-9_\"-]*\Z")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[ ]*%?\Z")
MOST = 250

FUNCTION_WORDS = {name: f"{row.says}" for name, row in FUNCTIONS.items()}
PRICE_WORDS = {
    "open": "first price of the bar",
    "high": "highest price",
    "low": "lowest price",
    "close": "last price",
    "volume": "traded, in the base currency",
    "hl2": "(high + low) / 2",
    "hlc3": "(high + low + close) / 3",
    "ohlc4": "(open + high + low + close) / 4",
}
FACT_WORDS = {
    "entry_price": "average price of the open position",
    "bars_in_position": "bars since the entry",
    "position_pnl_pct": "profit or loss as a fraction of the entry price",
    "highest_since_entry": "highest price since the entry",
    "lowest_since_entry": "lowest price since the entry",
}
CLOCK_WORDS = {
    "hour": "of the bar's open, UTC, 0 to 23",
    "minute": "of the bar's open, 0 to 59",
    "weekday": "0 on Monday to 6 on Sunday, UTC",
    "new_day": "true on the first bar of a UTC day",
}


@dataclass(frozen=True)
class Completion:
    """`text` replaces what stands between column `start` and the cursor."""

    text: str
    kind: str
    says: str
    start: int = 1


@dataclass(frozen=True, slots=True)
class Highlight:
    """Line and columns count from 1; `end_column` is one past the last. `kind` is comment, key, text, number, keyword,
    function, price, fact, clock, indicator, param, output, frame, operator or unknown."""

    line: int
    column: int
    end_column: int
    kind: str


def complete(text: str, line: int, column: int) -> list[Completion]:
    """What may stand at the cursor, likeliest first. Line and column count from 1."""
    lines = text.split("\n")
    if not 1 <= line <= len(lines):
        return []
    before = lines[line - 1][: max(column - 1, 0)]
    head = "\n".join([*lines[: line - 1], before])
    whole = outline(text, cut(text))
    return list(_choices(head, before, whole))[:MOST]


def _choices(head: str, before: str, whole: Outline) -> Iterable[Completion]:
    state = cut(head)
    last = state.found[-1] if state.found else None
    if last is not None and last.kind == "comment" and last.end == len(head):
        return []
    in_text = state.folded is not None and (not before.strip() or len(before) - len(before.lstrip()) > state.folded)
    if not in_text and not state.flows and _KEY_LINE.match(before):
        indent = len(before) - len(before.lstrip(" "))
        parent = tuple(key for depth, key in state.blocks if depth < indent)
        return _matching(_keys(parent, whole), before, _WORD, before.lstrip(" "))
    if not in_text and state.flows and state.flows[-1].sign == "{" and state.flows[-1].key is None:
        return _matching(_keys(state.parent, whole), before, _WORD)
    path = state.path
    typed = head[last.start :] if last is not None and last.kind == "value" and last.path == path else ""
    holds = _holds(path, whole)
    if holds in ("rule", "price rule"):
        return _in_rule(typed or before, path, before, whole)
    if last is not None and last.kind == "value" and last.path == path and last.end < len(head) and not state.flows:
        return []
    return _matching(_values(path, holds, whole), before, re.compile(r"[A-Za-z0-9_.%-]*\Z"))


def _key(path: Path, whole: Outline) -> keys.Key | None:
    return keys.block(path[:-1], whole.executor).get(str(path[-1])) if path else None


def _holds(path: Path, whole: Outline) -> str:
    if len(path) == 3 and path[0] == "indicators" and path[2] not in ("kind", "source"):
        return "number"
    key = _key(path, whole)
    return key.holds if key is not None else ""


def _keys(parent: Path, whole: Outline) -> Iterator[Completion]:
    for key in keys.block(parent, whole.executor).values():
        if (*parent, key.name) not in whole.keys:
            yield Completion(key.name, "key", key.says)
    if len(parent) == 2 and parent[0] == "indicators":
        kind = kinds().get(whole.indicators.get(str(parent[1]), ""))
        for parameter in kind.parameters if kind is not None else ():
            if (*parent, parameter.name) not in whole.keys:
                says = f"{parameter.default:g} by default, {parameter.least:g} to {parameter.most:g}"
                yield Completion(parameter.name, "key", says)


def _values(path: Path, holds: str, whole: Outline) -> Iterator[Completion]:
    key = _key(path, whole)
    if key is not None:
        for choice in key.choices:
            yield Completion(choice, "choice", "")
    if holds == "kind":
        for kind in kinds().values():
            yield Completion(kind.name, "kind", kind.says)
    if holds == "series":
        yield from _named(PRICES, "price", PRICE_WORDS)
    if holds in ("series", "indicator"):
        for name, kind_name in whole.indicators.items():
            if name not in path:
                yield Completion(name, "indicator", kind_name)
                row = kinds().get(kind_name)
                for output in row.outputs[1:] if row is not None else ():
                    yield Completion(f"{name}.{output}", "indicator", kind_name)
    if holds == "number" and path[0] != "params":
        for name in whole.params:
            yield Completion(name, "param", "a param")


def _named(names: Iterable[str], kind: str, words: dict[str, str]) -> Iterator[Completion]:
    for name in names:
        yield Completion(name, kind, words.get(name, ""))


def _in_rule(typed: str, path: Path, before: str, whole: Outline) -> Iterable[Completion]:
    stem = _RULE_WORD.sub("", typed)
    if stem.endswith("@"):
        base = FRAME_MS.get(whole.timeframe, 0)
        frames = (Completion(frame, "frame", "last closed bar") for frame in TIMEFRAMES if FRAME_MS[frame] > base)
        return _matching(frames, before, _RULE_WORD)
    if stem.endswith("."):
        match = re.search(r"([A-Za-z_][A-Za-z0-9_]*)\.\Z", stem)
        row = kinds().get(whole.indicators.get(match.group(1), "")) if match is not None else None
        outputs = row.outputs if row is not None else ()
        return _matching((Completion(output, "output", "") for output in outputs), before, _RULE_WORD)
    return _matching(_words(path, whole), before, _RULE_WORD)


def _words(path: Path, whole: Outline) -> Iterator[Completion]:
    for name, kind in whole.indicators.items():
        yield Completion(name, "indicator", kind)
    yield from _named(whole.params, "param", {})
    yield from _named(FUNCTIONS, "function", FUNCTION_WORDS)
    yield from _named(PRICES, "price", PRICE_WORDS)
    if path[0] == "exit":
        yield from _named(FACTS, "fact", FACT_WORDS)
    yield from _named(CLOCK, "clock", CLOCK_WORDS)
    yield from _named(KEYWORDS, "keyword", {})


def _matching(
    choices: Iterable[Completion], before: str, pattern: re.Pattern[str], prefix: str | None = None
) -> list[Completion]:
    """Those that begin with the word before the cursor, then those that contain it."""
    match = pattern.search(before)
    word = (prefix if prefix is not None else match.group() if match is not None else "").casefold()
    start = len(before) - len(word) + 1
    begin: list[Completion] = []
    contain: list[Completion] = []
    for one in choices:
        name = one.text.casefold()
        if name.startswith(word) and name != word:
            begin.append(Completion(one.text, one.kind, one.says, start))
        elif len(word) > 1 and word in name and name != word:
            contain.append(Completion(one.text, one.kind, one.says, start))
    return begin + contain


# Colours.


def tokens(text: str) -> list[Highlight]:
    """The coloured spans of a document, in order."""
    pieces = cut(text)
    whole = outline(text, pieces)
    lines = Lines(text)
    found: list[Highlight] = []
    for piece in pieces.found:
        for start, end, kind in _spans(text, piece, whole):
            line, column = lines.place(start)
            found.append(Highlight(line, column, column + end - start, kind))
    return found


def rule_tokens(text: str, whole: Outline | None = None) -> list[Highlight]:
    """The coloured spans of one rule on one line. Without an outline of its document, names of it are «unknown»."""
    known = whole or outline("", cut(""))
    return [Highlight(1, start + 1, end + 1, kind) for start, end, kind in _rule_spans(text, 0, known)]


def _spans(text: str, piece: Piece, whole: Outline) -> Iterator[tuple[int, int, str]]:
    if piece.kind == "sign":
        yield piece.start, piece.end, "operator"
    elif piece.kind != "value":
        yield piece.start, piece.end, piece.kind
    elif _holds(piece.path, whole) in ("rule", "price rule"):
        inner, end = piece.start, piece.end
        if text[inner : inner + 1] in ("'", '"'):
            yield inner, inner + 1, "operator"
            inner += 1
            end -= piece.closed
            yield from _rule_spans(text[inner:end], inner, whole)
            if piece.closed:
                yield end, end + 1, "operator"
        else:
            yield from _rule_spans(text[inner:end], inner, whole)
    else:
        word = text[piece.start : piece.end]
        kind = "number" if _NUMBER.match(word) else "text"
        if word in whole.params and _holds(piece.path, whole) == "number":
            kind = "param"
        elif word.partition(".")[0] in whole.indicators and _holds(piece.path, whole) in ("indicator", "series"):
            kind = "indicator"
        yield piece.start, piece.end, kind


def _rule_spans(rule: str, offset: int, whole: Outline) -> Iterator[tuple[int, int, str]]:
    found, stray = tokenize(rule)
    dotted = False
    for place, token in enumerate(found):
        if token.kind != "end":
            kind = "output" if dotted and token.kind == "name" else _rule_kind(token, found[place + 1], whole)
            yield offset + token.start, offset + token.end, kind
        dotted = token.text == "."
    if stray is not None:
        yield offset + stray.at.start, offset + len(rule), "unknown"


def _rule_kind(token: Token, following: Token, whole: Outline) -> str:
    if token.kind != "name":
        return {"number": "number", "percent": "number", "frame": "frame"}.get(token.kind, "operator")
    name = token.text
    if name in KEYWORDS:
        return "keyword"
    if following.text == "(":
        return "function" if name in FUNCTIONS else "unknown"
    for kind, names in (("indicator", whole.indicators), ("param", whole.params), ("price", PRICES),
                        ("fact", FACTS), ("clock", CLOCK)):  # fmt: skip
        if name in names:
            return kind
    return "unknown"
