"""What is said to hold always does hold, for whatever the market does."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.strategy.document.always import Known, decided, decided_parts
from polotui.strategy.document.grammar import parse
from polotui.strategy.document.hashing import written
from polotui.strategy.document.tree import Binary, Call, Clock, Indicator, Node, Number, Param, Price, Span, Unary
from tests.strategy.document.samples import NAMES

AT = Span(0, 0)
KNOWN = Known({"rsi": "rsi", "st": "supertrend", "bb": "bb"}, {"n": (1, 9), "rsi_floor": (20, 45)})
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ("1 < 2", True),
        ("close > close", False),
        ("close >= close", True),
        ("crosses(close, close)", False),
        ("hour == 24", False),
        ("minute < 60", True),
        ("rsi > 100", False),
        ("rsi[3] >= 0", True),
        ("rsi > rsi_floor", None),
        ("rsi_floor > 45", False),
        ("rsi_floor + n > 54", False),
        ("close > highest(high, 20)", False),
        ("close > highest(high, 20)[1]", None),
        ("close < lowest(low, 5)", False),
        ("close > highest(low, 20)", None),
        ("volume > highest(high, 20)", None),
        ("crosses_above(close, highest(close, 9))", False),
        ("between(rsi, 101, 200)", False),
        ("between(rsi, 70, 30)", False),
        ("between(rsi, 30, 70)", None),
        ("not (1 < 2) or close > open", None),
        ("1 > 2 and close > open", False),
        ("1 < 2 or close > open", True),
        ("count(close > open, 5) > 5", False),
        ("percentile_rank(close, 9) > 90", False),
        ("abs(change(close, 3)) < 0", False),
        ("st.direction > 1", False),
        ("1 / close > 0", None),
        ("bars_in_position >= 0", True),
        ("first(1 < 2)", False),
        ("held(rsi > 100, 3)", False),
        ("(rsi - 100) * (rsi + 1) > 0", False),
        ("(rsi - 50) * (rsi - 50) >= 0", None),
        ("-close > 1", False),
    ],
)
def test_rules_are_decided_by_their_structure(rule: str, verdict: bool | None) -> None:
    node = parse(rule, NAMES).node
    assert node is not None
    assert decided(node, KNOWN) is verdict


def test_the_cause_is_found_and_nothing_else() -> None:
    node = parse("close > open and (rsi > 100 or (hour == 24 and new_day))", NAMES).node
    assert node is not None
    assert [(written(part), verdict) for part, verdict in decided_parts(node, KNOWN)] == [
        ("rsi > 100", False),
        ("hour == 24", False),
    ]


def value(node: Node, market: Mapping[str, float]) -> float | bool | None:
    """The value at one bar; None is unknown."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Param | Price | Clock | Indicator):
        return market[node.name]
    if isinstance(node, Unary):
        of = value(node.of, market)
        return None if of is None else (not of if node.op == "not" else -of)
    assert isinstance(node, Binary | Call)
    left, right = (value(part, market) for part in ((node.left, node.right) if isinstance(node, Binary) else node.args))
    name = node.op if isinstance(node, Binary) else node.name
    if name in ("and", "or"):
        ends = name == "or"
        if left is ends or right is ends:
            return ends
        return None if left is None or right is None else not ends
    if left is None or right is None:
        return None
    if name in COMPARE:
        return COMPARE[name](left, right)
    if name in ("min", "max"):
        return min(left, right) if name == "min" else max(left, right)
    if name == "/" and right == 0:
        return None
    found = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}[name](left, right)
    return found if math.isfinite(found) else None


_LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.sampled_from([0.0, 1.0, 24.0, 50.0, 100.0, 1e-9, 1e300]).map(lambda number: Number(number, AT)),
    st.sampled_from(["n", "rsi_floor"]).map(lambda name: Param(name, AT)),
    st.sampled_from(["close", "low", "high"]).map(lambda name: Price(name, "", AT)),
    st.sampled_from(["hour", "weekday"]).map(lambda name: Clock(name, AT)),
    st.just(Indicator("rsi", "", "", AT)),
)
_NUMERIC: st.SearchStrategy[Node] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda op, a, b: Binary(op, a, b, AT), st.sampled_from(["+", "-", "*", "/"]), inner, inner),
        st.builds(lambda of: Unary("-", of, AT), inner),
        st.builds(lambda name, a, b: Call(name, (a, b), AT), st.sampled_from(["min", "max"]), inner, inner),
    ),
    max_leaves=6,
)
_RULES: st.SearchStrategy[Node] = st.recursive(
    st.builds(lambda op, a, b: Binary(op, a, b, AT, "bool"), st.sampled_from(list(COMPARE)), _NUMERIC, _NUMERIC),
    lambda inner: st.one_of(
        st.builds(lambda op, a, b: Binary(op, a, b, AT, "bool"), st.sampled_from(["and", "or"]), inner, inner),
        st.builds(lambda of: Unary("not", of, AT, "bool"), inner),
    ),
    max_leaves=4,
)
_MARKETS = st.fixed_dictionaries(
    {
        "n": st.integers(1, 9).map(float),
        "rsi_floor": st.floats(20, 45),
        "low": st.sampled_from([0.0, 1e-9, 10.0]),
        "close": st.sampled_from([10.0, 50.0]),
        "high": st.sampled_from([50.0, 1e12]),
        "hour": st.integers(0, 23).map(float),
        "weekday": st.integers(0, 6).map(float),
        "rsi": st.floats(0, 100),
    }
)


@settings(max_examples=1500, deadline=None)
@given(_RULES, _MARKETS)
def test_no_market_contradicts_what_was_decided(rule: Node, market: dict[str, float]) -> None:
    verdict = decided(rule, KNOWN)
    if verdict is not None:
        assert value(rule, market) in (verdict, None)
