"""From a document's text to everything that can be said about it before it runs. The one way in for texts.

Decided here:
* `check` never raises, and finds as much as it can in one go: notation, keys and ranges, rules, what the names mean,
  and only for a document without errors the advice (`advice.py`). A model that writes documents gets one chance to mend
  them, so one look should show everything.
* A document with errors in its blocks still has its rules read, against the names that can be made out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polotui.core.text import clean
from polotui.strategy.document import keys
from polotui.strategy.document.diagnostics import Diagnostic, Notebook, Severity
from polotui.strategy.document.grammar import Names
from polotui.strategy.document.limits import FRAME_MS, NAME
from polotui.strategy.document.located import Path, read
from polotui.strategy.document.rules import Rules, kinds, parse_rule, parse_rules
from polotui.strategy.document.tokens import did_you_mean

if TYPE_CHECKING:
    from polotui.strategy.document.spec import StrategyDocument

__all__ = ["Checking", "Diagnostic", "Rules", "Severity", "check"]


@dataclass(frozen=True)
class Checking:
    """`document` is None when its blocks are wrong, `rules` when there is any error; `hash` is empty then, too."""

    document: StrategyDocument | None
    rules: Rules | None
    diagnostics: tuple[Diagnostic, ...]
    hash: str = ""

    @property
    def ok(self) -> bool:
        return not self.errors

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(one for one in self.diagnostics if one.severity == "error")


def check(text: str, form: str = "yaml") -> Checking:
    """Reads a document. `form` is yaml or json."""
    root, problems = read(text, form)
    notebook = Notebook(text, root)
    for problem in problems:
        notebook.problem(problem)
    if root is None:
        if not problems:
            notebook.add("error", "empty", notebook.value(()), "the document is empty", "begin with spec: 1")
        return Checking(None, None, notebook.sorted())
    document = _document(root.plain(), notebook)
    if document is None:
        _loose_rules(root.plain(), notebook)
        return Checking(None, None, notebook.sorted())
    rules, faults = parse_rules(document)
    for path, fault in faults:
        notebook.fault(path, fault)
    return _whole(document, rules, notebook)


def _whole(document: StrategyDocument, rules: Rules, notebook: Notebook) -> Checking:
    from polotui.strategy.document.advice import advise
    from polotui.strategy.document.hashing import document_hash
    from polotui.strategy.document.meaning import examine

    examine(document, rules, notebook)
    if notebook.wrong:
        return Checking(document, None, notebook.sorted())
    advise(document, rules, notebook)
    return Checking(document, rules, notebook.sorted(), document_hash(document, rules))


# What the models refuse, in words and with its place.


def _document(data: Any, notebook: Notebook) -> StrategyDocument | None:
    # Loaded here: a face that only paints and completes a text has no use for them.
    from pydantic import ValidationError

    from polotui.strategy.document.spec import StrategyDocument

    try:
        return StrategyDocument.model_validate(data)
    except ValidationError as error:
        executor = data.get("executor")
        kind = str(executor.get("kind", "")) if isinstance(executor, dict) else ""
        for detail in error.errors(include_url=False):
            if notebook.full:
                break
            _refusal(dict(detail), kind, notebook)
        return None


def _refusal(detail: dict[str, Any], executor: str, notebook: Notebook) -> None:
    path: Path = tuple(detail["loc"])
    context: Mapping[str, Any] = detail.get("ctx") or {}
    block = notebook.known(path)
    match detail["type"]:
        case "extra_forbidden":
            known = keys.block(block[:-1], executor)
            hint = did_you_mean(str(path[-1]), known) or ("keys here are " + ", ".join(known) if known else "")
            message = f"{_said(path[-1])} is no key of {_where(block[:-1])}"
            notebook.add("error", "unknown-key", notebook.key(path), message, hint)
        case "missing":
            _missing(str(path[-1]), block, executor, notebook)
        case "union_tag_not_found":
            _missing("kind", block, executor, notebook)
        case "literal_error" | "union_tag_invalid":
            expected = re.findall(r"'([^']*)'", str(context.get("expected", context.get("expected_tags", ""))))
            choices = expected or [str(context.get("expected", ""))]
            where = (*block, "kind") if detail["type"] == "union_tag_invalid" else block
            given = context.get("tag", detail.get("input"))
            hint = did_you_mean(str(given), choices) or "it is one of " + ", ".join(choices)
            notebook.add("error", "choice", notebook.value(where), f"{_said(given)} cannot stand here", hint)
        case code if code in _WORDS:
            sides = block in (("entry",), ("exit",)) and isinstance(detail.get("input"), str)
            hint = f'write {block[0]}: {{long: "..."}}' if sides else _hint(block)
            notebook.add("error", "type", notebook.value(path), _WORDS[code], hint)
        case "too_short" | "too_long":
            most = context.get("max_length", context.get("min_length"))
            words = "at most" if "max_length" in context else "at least"
            notebook.add("error", "length", notebook.value(path), f"{_where(block)} has {words} {most} entries")
        case code:
            _own(code, str(detail["msg"]), path, context, executor, notebook)


_WORDS = {
    "model_type": "a block of keys belongs here",
    "model_attributes_type": "a block of keys belongs here",
    "dict_type": "a block of keys belongs here",
    "tuple_type": "a list belongs here, such as [a, b]",
    "string_type": "a text belongs here",
    "int_type": "a whole number belongs here",
    "string_too_long": "this text is too long",
    "greater_than_equal": "this number is too small",
    "less_than_equal": "this number is too large",
}


def _own(code: str, message: str, path: Path, context: Mapping[str, Any], executor: str, notebook: Notebook) -> None:
    """A refusal of our own models: the context says which key of the block it is about."""
    if "missing" in context:
        notebook.add("error", code, notebook.key(path), message, f"add {context['missing']}:")
        return
    if "inside" in context:
        path = (*path, context["inside"])
    if "item" in context:
        path = (*path, context["item"])
    at = notebook.value(path)
    if "key" in context:
        whole = (*path, context["key"])
        at = notebook.key(whole) if code in ("name", "key-of-another-kind", "executor") else notebook.value(whole)
        if code == "name" and not path:
            at = notebook.value(whole)
    notebook.add("error", code, at, clean(message), "" if code == "name" else _hint(notebook.known(path)))


def _missing(name: str, block: Path, executor: str, notebook: Notebook) -> None:
    key = keys.block(block, executor).get(name)
    hint = f"add {name}: {key.says}" if key is not None else f"add {name}:"
    notebook.add("error", "missing-key", notebook.key(block), f"{_where(block)} needs the key {name}", hint)


def _hint(path: Path) -> str:
    key = keys.block(path[:-1]).get(str(path[-1])) if path else None
    return key.says if key is not None else ""


def _where(path: Path) -> str:
    return clean(".".join(str(part) for part in path), 60) or "the document"


def _said(value: object) -> str:
    return f"«{clean(value, 40)}»"


# Rules of a document that is not whole.


def _loose_rules(data: Mapping[str, Any], notebook: Notebook) -> None:
    """Reads kinds and rules although other parts are wrong. What follows from those parts is not said again."""
    _loose_kinds(data, notebook)
    names, blurred = _loose_names(data)
    for path in keys.RULES:
        text: Any = data
        for part in path:
            text = text.get(part) if isinstance(text, dict) else None
        if not isinstance(text, str):
            continue
        _, faults = parse_rule(path, text, names)
        for fault in faults:
            if fault.code not in blurred:
                notebook.fault(path, fault)


def _loose_kinds(data: Mapping[str, Any], notebook: Notebook) -> None:
    # Loaded here, as the models behind it are.
    from polotui.strategy.document.meaning import unknown_kind

    entries = data.get("indicators")
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        kind = entry.get("kind") if isinstance(entry, dict) else None
        if isinstance(kind, str) and kind not in kinds():
            notebook.add("error", "unknown-kind", notebook.value(("indicators", name, "kind")), *unknown_kind(kind))


def _loose_names(data: Mapping[str, Any]) -> tuple[Names, set[str]]:
    """The names that can be made out, and the codes that cannot be trusted then."""
    known = kinds()
    blurred: set[str] = set()
    indicators: dict[str, tuple[str, ...]] = {}
    params: dict[str, str] = {}
    for block in ("indicators", "params"):
        entries = data.get(block)
        if not isinstance(entries, dict):
            blurred |= {"unknown-name", "unknown-function"} if entries is not None else set()
            continue
        for name, entry in entries.items():
            if NAME.match(name) is None:
                continue
            if block == "params":
                params[name] = str(entry.get("type")) if isinstance(entry, dict) else ""
                blurred |= set() if params[name] in ("int", "float") else {"window"}
            else:
                kind = entry.get("kind") if isinstance(entry, dict) else None
                indicators[name] = known[kind].outputs if isinstance(kind, str) and kind in known else ()
                blurred |= set() if indicators[name] else {"unknown-output"}
    timeframe = data.get("timeframe")
    if not isinstance(timeframe, str) or timeframe not in FRAME_MS:
        timeframe = "1m"
    return Names(indicators, params, timeframe), blurred
