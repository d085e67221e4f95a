"""What can be told of a rule by its structure alone: parts that are always true, or never.

Decided here: each number has bounds that follow from what it is (an hour, a share, a literal, the highest of a window),
and a comparison whose sides cannot overlap is decided. Nothing is tried on data, so what is found here holds always.
Params stand for their whole range.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from polotui.strategy.document.tree import (
    Binary,
    Call,
    Clock,
    Fact,
    Indicator,
    Lag,
    Node,
    Number,
    Param,
    Price,
    Unary,
    children,
)

Bounds = tuple[float, float]
_ANY: Bounds = (-math.inf, math.inf)
_POSITIVE: Bounds = (0.0, math.inf)
_CLOCK: dict[str, Bounds] = {"hour": (0, 23), "minute": (0, 59), "weekday": (0, 6)}
_FACT: dict[str, Bounds] = {"bars_in_position": _POSITIVE, "position_pnl_pct": (-math.inf, math.inf)}
#: Indicators that are bounded by what they are.
_KIND: dict[str, Bounds] = {
    **dict.fromkeys(("rsi", "stoch", "stoch_fast", "stoch_rsi", "mfi", "ultosc", "imi", "rvi"), (0.0, 100.0)),
    **dict.fromkeys(("adx", "adxr", "dx", "aroon", "chop"), (0.0, 100.0)),
    **dict.fromkeys(("cmo", "aroon_osc"), (-100.0, 100.0)),
    **dict.fromkeys(("atr", "natr", "tr", "adr", "stddev", "hv", "var"), _POSITIVE),
    "willr": (-100.0, 0.0),
    "er": (0.0, 1.0),
}


@dataclass(frozen=True)
class Known:
    """What the document says about names: each indicator's kind, each param's range."""

    kinds: Mapping[str, str]
    params: Mapping[str, Bounds]


def decided(node: Node, known: Known) -> bool | None:
    """True or False when the condition is so on every bar (where it is known at all)."""
    if isinstance(node, Unary) and node.op == "not":
        below = decided(node.of, known)
        return None if below is None else not below
    if isinstance(node, Lag):
        return decided(node.of, known) if node.type == "bool" else None
    if isinstance(node, Call):
        return _call(node, known)
    if isinstance(node, Binary):
        if node.op in ("and", "or"):
            left, right = decided(node.left, known), decided(node.right, known)
            ends = node.op == "or"
            if left is ends or right is ends:
                return ends
            return left if left == right else None
        return _comparison(node, known)
    return None


def decided_parts(node: Node, known: Known) -> Iterator[tuple[Node, bool]]:
    """The conditions within a rule that are decided by themselves, with what they are."""
    joins = isinstance(node, Binary) and node.op in ("and", "or")
    verdict = decided(node, known) if node.type == "bool" and not joins else None
    if verdict is not None:
        yield node, verdict
        return
    for part in children(node):
        yield from decided_parts(part, known)


def _call(node: Call, known: Known) -> bool | None:
    if node.name in ("crosses", "crosses_above", "crosses_below"):
        left, right = node.args
        if left == right or (_literal(left, known) and _literal(right, known)):
            return False
        if node.name == "crosses_above" and (
            _never_above(left, right) or bounds(left, known)[1] <= bounds(right, known)[0]
        ):
            return False
        if node.name == "crosses_below" and (
            _never_above(right, left) or bounds(left, known)[0] >= bounds(right, known)[1]
        ):
            return False
    if node.name == "between":
        value, low, high = node.args
        below = _compare("<", bounds(value, known), bounds(low, known))
        above = _compare(">", bounds(value, known), bounds(high, known))
        if below or above or _compare(">", bounds(low, known), bounds(high, known)):
            return False
    if node.name in ("held", "within"):
        return decided(node.args[0], known)
    if node.name == "first":
        return False if decided(node.args[0], known) is not None else None
    if node.name in ("rising", "falling") and _literal(node.args[0], known):
        return False
    return None


def _literal(node: Node, known: Known) -> bool:
    low, high = bounds(node, known)
    return low == high


def _comparison(node: Binary, known: Known) -> bool | None:
    if node.left == node.right:
        return node.op in ("<=", ">=", "==")
    if node.op == ">" and _never_above(node.left, node.right):
        return False
    if node.op == "<" and _never_above(node.right, node.left):
        return False
    return _compare(node.op, bounds(node.left, known), bounds(node.right, known))


def _compare(op: str, left: Bounds, right: Bounds) -> bool | None:
    """What holds for every pair of numbers within the bounds."""
    table = {
        "<": (left[1] < right[0], left[0] >= right[1]),
        "<=": (left[1] <= right[0], left[0] > right[1]),
        ">": (left[0] > right[1], left[1] <= right[0]),
        ">=": (left[0] >= right[1], left[1] < right[0]),
        "==": (left[0] == left[1] == right[0] == right[1], left[1] < right[0] or left[0] > right[1]),
        "!=": (left[1] < right[0] or left[0] > right[1], left[0] == left[1] == right[0] == right[1]),
    }
    always, never = table[op]
    return True if always else False if never else None


def _never_above(value: Node, limit: Node) -> bool:
    """True when `value` cannot exceed `limit`: the highest of a window that the bar itself belongs to, and so on."""
    if isinstance(limit, Call) and limit.name == "highest" and _at_most(value, limit.args[0]):
        return True
    return isinstance(value, Call) and value.name == "lowest" and _at_most(value.args[0], limit)


def _at_most(value: Node, other: Node) -> bool:
    if value == other:
        return True
    if isinstance(value, Price) and isinstance(other, Price) and value.frame == other.frame:
        return "volume" not in (value.name, other.name) and (other.name == "high" or value.name == "low")
    return False


# Bounds.


def bounds(node: Node, known: Known) -> Bounds:
    if node.type == "bool":
        return _ANY
    match node:
        case Number():
            return (node.value, node.value)
        case Param():
            return known.params.get(node.name, _ANY)
        case Price():
            return _POSITIVE
        case Clock():
            return _CLOCK.get(node.name, _ANY)
        case Fact():
            return _FACT.get(node.name, _POSITIVE)
        case Indicator():
            return _indicator(node, known)
        case Lag():
            return bounds(node.of, known)
        case Unary():
            low, high = bounds(node.of, known)
            return (-high, -low)
        case Binary():
            return _arithmetic(node.op, bounds(node.left, known), bounds(node.right, known))
        case Call():
            return _call_bounds(node, known)


def _indicator(node: Indicator, known: Known) -> Bounds:
    kind = known.kinds.get(node.name, "")
    if kind == "supertrend" and node.output == "direction":
        return (-1, 1)
    return _KIND.get(kind, _ANY)


def _arithmetic(op: str, left: Bounds, right: Bounds) -> Bounds:
    if op == "+":
        return _sound(left[0] + right[0], left[1] + right[1])
    if op == "-":
        return _sound(left[0] - right[1], left[1] - right[0])
    if op == "/" and right[0] <= 0 <= right[1]:
        return _ANY
    corners = []
    for one in left:
        for other in right:
            if op == "*":
                corners.append(0.0 if 0 in (one, other) else one * other)
            else:
                corners.append(math.nan if math.isinf(one) and math.isinf(other) else one / other)
    return _sound(min(corners), max(corners)) if not any(map(math.isnan, corners)) else _ANY


def _sound(low: float, high: float) -> Bounds:
    """Infinite results of finite sides are unknown when a rule runs, so they bound nothing."""
    if math.isnan(low) or math.isnan(high) or low == math.inf or high == -math.inf:
        return _ANY
    return (low, high)


def _call_bounds(node: Call, known: Known) -> Bounds:
    inner = [bounds(part, known) for part in node.args]
    if node.name in ("highest", "lowest"):
        return inner[0]
    if node.name == "abs":
        low, high = inner[0]
        return (0.0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high)))
    if node.name in ("min", "max"):
        pick = min if node.name == "min" else max
        return (pick(inner[0][0], inner[1][0]), pick(inner[0][1], inner[1][1]))
    if node.name == "count":
        return (0.0, inner[1][1])
    if node.name == "bars_since":
        return _POSITIVE
    if node.name == "percentile_rank":
        return (0.0, 1.0)
    return _ANY
