"""A document's hash: the same for the same strategy, however it is written down.

Decided here: what is hashed is the validated document as JSON with sorted keys and with its defaults, its rules written
out from their trees. So comments, key order, YAML or JSON, 1% or 0.01, spaces and needless brackets make no difference,
and a default that is written out makes none either. Notes belong to the document and are hashed.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from polotui.strategy.document.tree import Binary, Call, Clock, Fact, Indicator, Lag, Node, Number, Param, Price, Unary

if TYPE_CHECKING:
    from polotui.strategy.document.rules import Rules
    from polotui.strategy.document.spec import StrategyDocument

_LEVEL = {"or": 1, "and": 2, "<": 4, "<=": 4, ">": 4, ">=": 4, "==": 4, "!=": 4, "+": 5, "-": 5, "*": 6, "/": 6}
_NOT, _MINUS, _ATOM = 3, 7, 9


def document_hash(document: StrategyDocument, rules: Rules) -> str:
    return hashlib.sha256(canonical(document, rules).encode()).hexdigest()


def canonical(document: StrategyDocument, rules: Rules) -> str:
    """The document as JSON that is equal for equal documents."""
    data: Any = document.model_dump(mode="json")
    for path, node in rules.placed():
        block = data
        for part in path[:-1]:
            block = block[part]
        block[path[-1]] = written(node)
    return json.dumps(_numbers(data), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _numbers(value: Any) -> Any:
    """2.0 is written as 2."""
    if isinstance(value, dict):
        return {key: _numbers(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def written(node: Node) -> str:
    """A tree as a rule text: parsed again, it gives an equal tree."""
    return _written(node)[0]


def _written(node: Node) -> tuple[str, int]:
    """The text, and how tightly it holds together."""
    match node:
        case Number():
            return number(node.value), _ATOM
        case Param() | Fact() | Clock():
            return node.name, _ATOM
        case Price():
            return node.name + (f"@{node.frame}" if node.frame else ""), _ATOM
        case Indicator():
            output = f".{node.output}" if node.output else ""
            return node.name + output + (f"@{node.frame}" if node.frame else ""), _ATOM
        case Lag():
            # A lag stands directly behind an atom only: a lagged lag needs brackets.
            text, level = _written(node.of)
            return f"{text if level == _ATOM else f'({text})'}[{node.bars}]", _ATOM - 1
        case Call():
            return f"{node.name}({', '.join(_written(part)[0] for part in node.args)})", _ATOM
        case Unary():
            level = _NOT if node.op == "not" else _MINUS
            text = _held(node.of, level)
            return (f"not {text}" if node.op == "not" else f"-{text}"), level
        case Binary():
            level = _LEVEL[node.op]
            # Chains lean to the left, and comparisons do not chain at all.
            left = _held(node.left, level + 1 if level == _LEVEL["<"] else level)
            return f"{left} {node.op} {_held(node.right, level + 1)}", level


def _held(node: Node, level: int) -> str:
    text, own = _written(node)
    return text if own >= level else f"({text})"


def number(value: float) -> str:
    """The shortest text that the tokenizer reads back as the same float."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
