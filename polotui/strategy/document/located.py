"""A document's text as data with places: every key and value knows where it stands. From YAML or JSON.

Decided here:
* Nothing is constructed by a YAML library. Its events are read one by one, and this file decides what a scalar is: the
  JSON types, so `on`, `yes`, `12:30` and `2024-01-01` are texts. Anchors, aliases, tags, merge keys, several documents
  and directives are refused: a strategy needs none of them, and each is a way to be surprised.
* JSON has a reader of its own, because places and doubled keys are not to be had from the standard one.
* All offsets are characters of the text as given; `Lines` turns them into line and column.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from polotui.core.text import clean
from polotui.strategy.document.limits import MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH

Path = tuple[str | int, ...]

#: C0 and C1 controls, zero-width and direction characters, line separators, private use, half characters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
_INT = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,3})?\Z")
_NUMERIC = re.compile(r"[-+]?\.?[0-9][0-9.eE+_-]*\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_NULL = ("", "~", "null", "Null", "NULL")
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_BLANK = " \t\r\n"


@dataclass(frozen=True)
class Problem:
    """What is wrong at characters [start, end) of the document."""

    code: str
    start: int
    end: int
    message: str
    suggestion: str = ""


@dataclass(slots=True)
class Located:
    """`value` is the scalar, or a dict or list of Located. `style` is the quote or block sign of a scalar."""

    value: Any
    start: int
    end: int
    style: str = ""
    #: Where the keys of a mapping stand.
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)

    def child(self, key: str | int) -> Located | None:
        found: Located | None = None
        if isinstance(self.value, dict):
            found = self.value.get(key)
        elif isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            found = self.value[key]
        return found

    def at(self, path: Path) -> Located | None:
        node: Located | None = self
        for key in path:
            node = node.child(key) if node is not None else None
        return node

    def plain(self) -> Any:
        """The data without places. Depth is bounded by the reader."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class Event(NamedTuple):
    """`kind` is map, list, end or scalar; `plain` scalars still have to be understood."""

    kind: str
    value: Any
    start: int
    end: int
    style: str = ""
    plain: bool = False


class Unreadable(Exception):
    """The text is not a document: reading ends here."""

    def __init__(self, code: str, start: int, end: int, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(code, start, end, message, suggestion)


class Lines:
    """From character offsets to line and column, both counted from 1."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
        self.text = text

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def line_end(self, line: int) -> int:
        """The column after the line's last character."""
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        return len(self.text[self.starts[line - 1] : end].rstrip("\r\n")) + 1


def read(text: str, form: str = "yaml") -> tuple[Located | None, list[Problem]]:
    """The document's data with places, and what is wrong with its notation. Never raises."""
    problems: list[Problem] = []
    try:
        _refuse_size_and_hidden(text)
        root = _build(_json_events(text) if form == "json" else _yaml_events(text), problems)
    except Unreadable as unreadable:
        return None, [*problems, unreadable.problem]
    if root is not None and not isinstance(root.value, dict):
        problems.append(Problem("no-document", root.start, root.end, "a document is a block of keys, such as spec: 1"))
        return None, problems
    return root, problems


def _refuse_size_and_hidden(text: str) -> None:
    if len(text) > MAX_DOCUMENT_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_DOCUMENT_BYTES:
        raise Unreadable("too-large", 0, 1, f"a document has at most {MAX_DOCUMENT_BYTES // 1024} KiB")
    if match := _HIDDEN.search(text):
        at = match.start()
        raise Unreadable(
            "hidden-character", at, at + 1, f"there is an invisible character {clean(match.group())} here", "delete it"
        )


# Building.


@dataclass(slots=True)
class _Open:
    node: Located
    key: str | None = None
    key_at: tuple[int, int] = (0, 0)
    #: The value of a doubled key is read and dropped.
    drop: bool = False


def _build(events: Iterator[Event], problems: list[Problem]) -> Located | None:
    stack: list[_Open] = []
    root: Located | None = None
    for event in events:
        if event.kind == "end":
            done = stack.pop()
            done.node.end = event.end
            node = done.node
        else:
            waiting = bool(stack) and isinstance(stack[-1].node.value, dict) and stack[-1].key is None
            if waiting:
                _take_key(stack[-1], event, problems)
                continue
            node = _node(event, problems)
            if event.kind != "scalar":
                if len(stack) >= MAX_DOCUMENT_DEPTH:
                    raise Unreadable("too-deep", event.start, event.start + 1, "the document is nested too deep")
                stack.append(_Open(node))
                continue
        if stack:
            _put(stack[-1], node)
        else:
            root = node
    return root


def _take_key(opened: _Open, event: Event, problems: list[Problem]) -> None:
    if event.kind != "scalar":
        raise Unreadable("key", event.start, event.start + 1, "a key is a word, not a block or list")
    key = event.value
    where = (event.start, event.end)
    if event.plain and key == "<<":
        raise Unreadable("merge", *where, "merge keys are not used in a document", "write the keys themselves")
    if event.plain and not isinstance(_scalar(event, []), str):
        problems.append(Problem("key", *where, f"a key is a word, and «{clean(key, 20)}» is not", "name it"))
    if _HIDDEN.search(key):
        problems.append(Problem("hidden-character", *where, "there is an invisible character in this key"))
    opened.drop = key in opened.node.value
    if opened.drop:
        problems.append(Problem("double-key", *where, f"the key {clean(key, 40)} is there twice", "delete one of them"))
    opened.key, opened.key_at = key, where


def _put(opened: _Open, node: Located) -> None:
    if isinstance(opened.node.value, list):
        opened.node.value.append(node)
        return
    if opened.key is not None and not opened.drop:
        if node.value is None and node.start == node.end:
            # Nothing stands behind the key; the notation's own place for that is where the next thing begins.
            node.start = node.end = opened.key_at[1] + 1
        opened.node.value[opened.key] = node
        opened.node.keys[opened.key] = opened.key_at
    opened.key = None


def _node(event: Event, problems: list[Problem]) -> Located:
    if event.kind == "map":
        return Located({}, event.start, event.end)
    if event.kind == "list":
        return Located([], event.start, event.end)
    value = _scalar(event, problems) if event.plain else event.value
    if isinstance(value, str) and _HIDDEN.search(value):
        problems.append(Problem("hidden-character", event.start, event.end, "there is an invisible character in here"))
        value = _HIDDEN.sub("?", value)
    return Located(value, event.start, event.end, event.style)


def _scalar(event: Event, problems: list[Problem]) -> Any:
    """What a plain scalar means: null, a truth, a number or a text."""
    raw: str = event.value
    if raw in _NULL:
        return None
    if raw in _TRUTH:
        return _TRUTH[raw]
    if _INT.match(raw):
        return int(raw)
    if _FLOAT.match(raw):
        number = float(raw)
        if number not in (float("inf"), float("-inf")):
            return number
    if _NOT_FINITE.match(raw) or _FLOAT.match(raw) or (_NUMERIC.match(raw) and len(raw) > 18 and raw.isdigit()):
        problems.append(Problem("not-finite", event.start, event.end, "this is no finite number of a usable size"))
        return 0
    return raw


# YAML.


def _yaml_events(text: str) -> Iterator[Event]:
    # Loaded here: a face that completes words in an editor has no use for it.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    documents = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            name = type(event).__name__
            if name == "DocumentStartEvent":
                documents += 1
                _refuse_directives(event, documents)
            elif name not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
                yield _yaml_event(event, name, text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = min(mark.index, len(text)) if mark is not None else 0
        said = clean(error.problem or error.context or "its shape is wrong", 120)
        raise Unreadable("yaml", at, at + 1, f"this cannot be read as YAML: {said}", _yaml_hint(text, at)) from error
    except YAMLError as error:
        raise Unreadable("yaml", 0, 1, f"this cannot be read as YAML: {clean(error, 120)}") from error
    except (ValueError, OverflowError) as error:
        # The library's own complaint about an impossible \U escape, which names no place.
        at = max(text.find("\\U"), 0)
        raise Unreadable("yaml", at, at + 2, "this cannot be read as YAML: an escape names no character") from error


def _yaml_hint(text: str, at: int) -> str:
    if "\t" in text[max(0, at - 1) : at + 1]:
        return "indent with spaces, not with tabs"
    return 'texts with : # @ % { [ or quotes in them are written in "double quotes"'


def _refuse_directives(event: Any, documents: int) -> None:
    start = event.start_mark.index
    if documents > 1:
        raise Unreadable("several-documents", start, start + 3, "a file holds one document", "split the file")
    if getattr(event, "version", None) or getattr(event, "tags", None):
        raise Unreadable("directive", start, start + 1, "directives are not used in a document", "delete the % line")


def _yaml_event(event: Any, name: str, text: str) -> Event:
    start, end = event.start_mark.index, event.end_mark.index
    if name == "AliasEvent" or getattr(event, "anchor", None):
        raise Unreadable("anchor", start, end, "anchors and aliases (& and *) are not used in a document",
                         "write the value itself; a text that begins with & or * needs quotes")  # fmt: skip
    if name.endswith("StartEvent") or name == "ScalarEvent":
        tag = event.tag
        if tag is not None and str(tag) not in ("", "None"):
            raise Unreadable("tag", start, end, "tags (!) are not used in a document", "delete it")
    if name == "ScalarEvent":
        style = event.style or ""
        return Event("scalar", event.value, start, end, style, plain=not style)
    if name == "MappingStartEvent":
        return Event("map", None, start, end)
    if name == "SequenceStartEvent":
        return Event("list", None, start, end)
    return Event("end", None, start, end)


# JSON.

_JSON_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_JSON_OTHER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_JSON_SPACE = re.compile(r"[ \t\r\n]*")


def _json_events(text: str) -> Iterator[Event]:
    stack: list[str] = []
    wanted = "value"
    at = 0
    while True:
        at = _JSON_SPACE.match(text, at).end()  # type: ignore[union-attr]
        sign = text[at : at + 1]
        if wanted == "done":
            if sign:
                raise _json_wrong(text, at, "the document should end here")
            return
        if wanted in ("value", "first") and sign in ("{", "["):
            yield Event("map" if sign == "{" else "list", None, at, at + 1)
            stack.append(sign)
            wanted = "first-key" if sign == "{" else "first"
            at += 1
        elif (
            sign
            and sign in "}]"
            and wanted in ("comma", "first", "first-key")
            and stack[-1:] == ["{" if sign == "}" else "["]
        ):
            yield Event("end", None, at, at + 1)
            stack.pop()
            wanted = "comma" if stack else "done"
            at += 1
        elif wanted == "comma" and sign == ",":
            wanted = "key" if stack[-1] == "{" else "value"
            at += 1
        elif wanted == "colon" and sign == ":":
            wanted = "value"
            at += 1
        elif wanted in ("key", "first-key", "value", "first"):
            event = _json_scalar(text, at, wanted)
            yield event
            at = event.end
            wanted = "colon" if wanted.endswith("key") else "comma" if stack else "done"
        else:
            raise _json_wrong(text, at, f"a {wanted} belongs here")


def _json_scalar(text: str, at: int, wanted: str) -> Event:
    if match := _JSON_STRING.match(text, at):
        return Event("scalar", json.loads(match.group()), at, match.end(), '"')
    if not wanted.endswith("key") and (match := _JSON_OTHER.match(text, at)):
        return Event("scalar", match.group(), at, match.end(), plain=True)
    raise _json_wrong(text, at, "a key in quotes belongs here" if wanted.endswith("key") else "a value belongs here")


def _json_wrong(text: str, at: int, message: str) -> Unreadable:
    if at >= len(text):
        return Unreadable("json", at, at, f"this cannot be read as JSON: it ends too early; {message}")
    hint = "JSON has no comments, and no comma after the last entry" if text[at] in "#/}]" else ""
    return Unreadable("json", at, at + 1, f"this cannot be read as JSON: {message}", hint)


# Places inside a text.


def inside(text: str, node: Located) -> list[int] | None:
    """For each character of a scalar's value, and one past them, its offset in the document.

    The characters that are not blank come in the same order in both, whatever folding and indentation did to the
    blanks; escapes are one character each. None when they do not match: then only the scalar's own place is known.
    """
    written = _written(text, node)
    places: list[int] = []
    nearest = node.start
    position = 0
    for character in node.value:
        if character in _BLANK:
            places.append(nearest)
            nearest += 1
            continue
        if position >= len(written) or written[position][0] != character:
            return None
        nearest = written[position][1]
        places.append(nearest)
        nearest = written[position][2]
        position += 1
    places.append(nearest)
    return places


def _written(text: str, node: Located) -> list[tuple[str, int, int]]:
    """The characters of a scalar as it is written, without blanks: each with its start and end."""
    at, end = node.start, node.end
    if node.style in ("|", ">"):
        newline = text.find("\n", at)
        at = newline + 1 if newline >= 0 else end
    elif node.style:
        at, end = at + 1, end - 1
    found: list[tuple[str, int, int]] = []
    while at < end:
        character, length = text[at], 1
        if node.style == "'" and character == "'":
            length = 2
        elif node.style == '"' and character == "\\":
            character, length = _escape(text, at)
        if character not in _BLANK:
            found.append((character, at, at + length))
        at += length
    return found


def _escape(text: str, at: int) -> tuple[str, int]:
    sign = text[at + 1 : at + 2]
    digits = {"x": 2, "u": 4, "U": 8}.get(sign, 0)
    if digits:
        try:
            return chr(int(text[at + 2 : at + 2 + digits], 16)), 2 + digits
        except (ValueError, OverflowError):
            return "?", 2 + digits
    return (" " if sign in ("n", "t", "r", "\n", " ", "\t", "_") else sign), 2
