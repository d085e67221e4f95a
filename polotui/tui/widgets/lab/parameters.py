"""Values of a document's parameters: what may be typed into a field, and where a default stands in the text.

Decided here: a default is changed in its own place in the line, so that comments, order and notation of the document
stay as they are. When it cannot be found there, the form says so instead of rewriting the document.
"""

from __future__ import annotations

import math
import re

from polotui.api.lab_values import ParamField

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")


def written(value: float) -> str:
    """As one writes it: 21, 2.5, 0.001."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.10f}".rstrip("0")


def read(text: str, field: ParamField) -> tuple[float | None, str]:
    """(the value, what is wrong with it)."""
    typed = text.strip().replace("−", "-")
    if not typed:
        return None, "a number is needed"
    if not _NUMBER.match(typed):
        return None, "not a number"
    value = float(typed)
    if not math.isfinite(value):
        return None, "too large"
    if field.whole and value != int(value):
        return None, "a whole number is needed"
    if field.least is not None and value < field.least:
        return None, f"at least {written(field.least)}"
    if field.most is not None and value > field.most:
        return None, f"at most {written(field.most)}"
    return value, ""


def stepped(text: str, field: ParamField, steps: int) -> str:
    """The next value on the field's grid, held inside its limits."""
    size = field.step or (1.0 if field.whole else 0.1)
    value, _ = read(text, ParamField(name=field.name, whole=False, default=field.default))
    moved = (field.default if value is None else value) + steps * size
    if field.least is not None:
        moved = max(field.least, moved)
    if field.most is not None:
        moved = min(field.most, moved)
    return written(round(moved) if field.whole else round(moved, 10))


def with_default(text: str, form: str, name: str, value: float) -> str | None:
    """`text` with another default of the parameter; None when its place cannot be found."""
    return _in_json(text, name, value) if form == "json" else _in_yaml(text, name, value)


def _in_yaml(text: str, name: str, value: float) -> str | None:
    lines = text.split("\n")
    start = next((row for row, line in enumerate(lines) if re.match(r"params\s*:", line)), None)
    if start is None:
        return None
    flow = re.compile(rf"(\b{re.escape(name)}[\"']?\s*:\s*\{{[^}}]*?\bdefault[\"']?\s*:\s*)([^,}}\s#]+)")
    head = re.compile(rf"(\s+)[\"']?{re.escape(name)}[\"']?\s*:\s*(#.*)?\Z")
    depth = -1
    for row in range(start, len(lines)):
        line = lines[row]
        if row > start and line.strip() and not line.startswith((" ", "#")):
            return None
        if depth >= 0 and line.strip():
            if len(line) - len(line.lstrip()) <= depth:
                return None
            found = re.match(r"(\s+default\s*:\s*)([^\s#]+)", line)
        else:
            found = flow.search(line)
        if found is not None:
            lines[row] = line[: found.start(2)] + written(value) + line[found.end(2) :]
            return "\n".join(lines)
        below = head.match(line)
        if below is not None:
            depth = len(below[1])
    return None


def _in_json(text: str, name: str, value: float) -> str | None:
    params = re.search(r'"params"\s*:\s*\{', text)
    if params is None:
        return None
    place = re.compile(rf'("{re.escape(name)}"\s*:\s*\{{[^}}]*?"default"\s*:\s*)([^,}}\s]+)')
    found = place.search(text, params.end())
    return None if found is None else text[: found.start(2)] + written(value) + text[found.end(2) :]
