"""Documents written out, and changed in place. Edits keep comments, order and notation of everything else.

Decided here: an edit is a replacement of characters at the value's known place, not a load and a dump, so nothing else
of the text can change. Only a key that is not there yet goes through the round-trip writer.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polotui.core.errors import UsageError
from polotui.strategy.document.diagnostics import Notebook
from polotui.strategy.document.located import Located, Path, read

if TYPE_CHECKING:
    from polotui.strategy.document.spec import StrategyDocument

_FLOW_WIDTH = 100
_PLAIN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9_. /-]*\Z")
_NOT_TEXT = re.compile(r"(?:null|true|false|yes|no|on|off|y|n)\Z", re.IGNORECASE)
_RULE_KEYS = ("long", "short", "price", "dip_rule")


class EditError(UsageError):
    """The text cannot be changed in this way."""

    code = "strategy-edit"


def load(text: str, form: str = "yaml") -> dict[str, Any]:
    """The document's data. For anything but a quick look use `check`."""
    root, problems = read(text, form)
    if root is None or problems:
        notebook = Notebook(text, root)
        for problem in problems:
            notebook.problem(problem)
        first = notebook.sorted()[0] if problems else "it is empty"
        raise EditError(f"The document cannot be read: {first}.", safe="Nothing was changed.")
    data: dict[str, Any] = root.plain()
    return data


def as_data(document: StrategyDocument) -> dict[str, Any]:
    """The document as it is written: only what was said, settings beside their kind."""
    data: dict[str, Any] = document.model_dump(mode="json", exclude_unset=True)
    for spec in data.get("indicators", {}).values():
        spec.update(spec.pop("settings", {}))
    data["spec"] = 1
    return data


def dump(data: dict[str, Any] | StrategyDocument, form: str = "yaml") -> str:
    """A text of the document. YAML in the style of the templates: small blocks on one line, rules in quotes."""
    plain = data if isinstance(data, dict) else as_data(data)
    if form == "json":
        return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return _block(plain, 0)


def convert(text: str, to: str, form: str = "yaml") -> str:
    """The same document in the other form. Comments are lost on the way to JSON."""
    return dump(load(text, form), to)


def _block(data: dict[str, Any], indent: int) -> str:
    pad = " " * indent
    lines: list[str] = []
    for key, value in data.items():
        name = _text(key, key)
        flow = _flow(value, key)
        nested = isinstance(value, dict) and any(isinstance(part, dict) for part in value.values())
        if isinstance(value, dict) and value and (nested or len(pad) + len(name) + 2 + len(flow) > _FLOW_WIDTH):
            lines.append(f"{pad}{name}:\n{_block(value, indent + 2)}")
        else:
            lines.append(f"{pad}{name}: {flow}\n")
    return "".join(lines)


def _flow(value: Any, key: str) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(name, name)}: {_flow(part, name)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(part, key) for part in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if key in _RULE_KEYS else _text(value, key)
    return json.dumps(value, allow_nan=False)


def _text(value: str, key: str) -> str:
    """A text without quotes where none are needed. JSON's quotes are YAML's double ones."""
    plain = _PLAIN_TEXT.match(value) is not None and _NOT_TEXT.match(value) is None and value == value.strip()
    return value if plain or re.fullmatch(r"[0-9]{1,2}[mhd]", value) else json.dumps(value, ensure_ascii=False)


# Edits.


def set_value(text: str, path: Sequence[str | int], value: float | str, form: str = "yaml") -> str:
    """The text with another value at `path`, which has to be there already."""
    root, where = _found(text, form), tuple(path)
    node = root.at(where)
    if node is None or isinstance(node.value, dict | list):
        raise EditError(f"The document has no value at {_dotted(where)}.", safe="Nothing was changed.")
    written = _scalar(value, node, form, str(where[-1]))
    if node.style in ("|", ">"):
        return text[: node.start] + written + "\n" + text[node.end :]
    if node.start == node.end:
        if text[node.start - 1] != ":":
            raise EditError(f"There is nothing to change at {_dotted(where)}.", safe="Nothing was changed.")
        written = " " + written
    return text[: node.start] + written + text[node.end :]


def set_param_default(text: str, name: str, value: float, form: str = "yaml") -> str:
    """The text with another default of a param; a percentage stays one."""
    return set_value(text, ("params", name, "default"), value, form)


def set_name(text: str, name: str, form: str = "yaml") -> str:
    return set_value(text, ("name",), name, form)


def add(text: str, path: Sequence[str], value: Any, form: str = "yaml") -> str:
    """The text with a key that it does not have yet; comments stay where they are."""
    where = tuple(path)
    root = _found(text, form)
    parent = root.at(where[:-1])
    if parent is None or not isinstance(parent.value, dict) or where[-1] in parent.value:
        raise EditError(f"{_dotted(where)} cannot be added here.", safe="Nothing was changed.")
    if form == "json":
        data = root.plain()
        _at(data, where[:-1])[where[-1]] = value
        return dump(data, "json")
    # Loaded here: only this edit needs it.
    from ruamel.yaml import YAML

    writer = YAML(typ="rt")
    writer.preserve_quotes = True
    writer.width = 4096
    data = writer.load(text)
    _at(data, where[:-1])[where[-1]] = value
    out = io.StringIO()
    writer.dump(data, out)
    return out.getvalue()


def _at(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data


def _found(text: str, form: str) -> Located:
    load(text, form)
    root, _ = read(text, form)
    if root is None:
        raise EditError("The document cannot be read.", safe="Nothing was changed.")
    return root


def _scalar(value: float | str, node: Located, form: str, key: str) -> str:
    if isinstance(value, str):
        plain = form == "yaml" and key not in _RULE_KEYS and not node.style
        return _text(value, key) if plain else json.dumps(value, ensure_ascii=False)
    was_percent = isinstance(node.value, str) and node.value.rstrip().endswith("%")
    number = f"{value * 100:.12g}%" if was_percent else _number(value)
    return json.dumps(number) if was_percent and (form == "json" or node.style) else number


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
