"""Rules become typed trees, or faults with their place."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.strategy.document.functions import FUNCTIONS
from polotui.strategy.document.grammar import Names, Parsed, frames_of, parse, signature
from polotui.strategy.document.hashing import written
from polotui.strategy.document.limits import MAX_DEPTH, MAX_NODES, MAX_RULE_TEXT
from polotui.strategy.document.tree import (
    Binary,
    Call,
    Clock,
    Indicator,
    Lag,
    Node,
    Number,
    Param,
    Price,
    Span,
    Unary,
    children,
    walk,
)
from tests.strategy.document.samples import HOSTILE, NAMES, RULES, mutate

AT = Span(0, 0)


def tree(text: str, **changes: object) -> Node:
    parsed = parse(text, Names(**{**NAMES.__dict__, **changes}))  # type: ignore[arg-type]
    assert parsed.node is not None, parsed.faults
    return parsed.node


def fault(text: str) -> tuple[str, str]:
    """The code of the first fault, and the text it points at."""
    parsed = parse(text, NAMES)
    assert parsed.node is None
    first = parsed.faults[0]
    return first.code, text[first.at.start : first.at.end]


@pytest.mark.parametrize("text", RULES)
def test_the_rules_of_known_strategies_are_conditions(text: str) -> None:
    assert tree(text).type == "bool"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_refused_with_their_place(text: str) -> None:
    parsed = parse(text, NAMES)
    assert parsed.node is None
    assert all(0 <= one.at.start <= one.at.end <= len(text) and one.message for one in parsed.faults)


def test_precedence_is_that_of_the_grammar() -> None:
    assert tree("not rsi > 1 + 2 * 3 and new_day or new_day") == Binary(
        "or",
        Binary(
            "and",
            Unary(
                "not",
                Binary(
                    ">",
                    Indicator("rsi", "", "", AT),
                    Binary("+", Number(1, AT), Binary("*", Number(2, AT), Number(3, AT), AT), AT),
                    AT,
                ),
                AT,
            ),
            Clock("new_day", AT),
            AT,
        ),
        Clock("new_day", AT),
        AT,
    )


def test_arithmetic_leans_to_the_left_and_minus_binds_tightest() -> None:
    assert tree("1 - 2 - 3 > -close[1]") == Binary(
        ">",
        Binary("-", Binary("-", Number(1, AT), Number(2, AT), AT), Number(3, AT), AT),
        Unary("-", Lag(Price("close", "", AT), 1, AT), AT),
        AT,
    )


def test_series_have_output_frame_and_lag() -> None:
    assert tree("macd.hist@4h[2] > rsi_floor") == Binary(
        ">", Lag(Indicator("macd", "hist", "4h", AT), 2, AT), Param("rsi_floor", AT), AT
    )


def test_the_first_output_and_the_base_frame_have_one_meaning() -> None:
    assert tree("macd.line@1h > macd") == Binary(">", Indicator("macd", "", "", AT), Indicator("macd", "", "", AT), AT)


def test_brackets_make_no_difference_to_the_tree_but_to_its_place() -> None:
    plain, bracketed = tree("close > open"), tree("((close) > (open))")
    assert plain == bracketed
    assert bracketed.at == Span(0, 18)


@pytest.mark.parametrize(("text", "value"), [("1%", 0.01), ("3.3%", 0.033), ("0.07%", 0.0007), (".5%", 0.005),
                                             ("250%", 2.5), ("1e2%", 1.0), ("5.", 5.0), ("1e-3", 0.001)])  # fmt: skip
def test_percentages_are_fractions_rounded_once(text: str, value: float) -> None:
    node = tree(f"close > {text}")
    assert isinstance(node, Binary)
    assert node.right == Number(value, AT)


@pytest.mark.parametrize("percent", [f"{n / 100:.2f}" for n in range(1, 2000, 37)])
def test_a_percentage_is_the_float_of_its_fraction(percent: str) -> None:
    node = tree(f"close > {percent}%")
    assert isinstance(node, Binary)
    assert node.right == Number(float(f"{percent}e-2"), AT)


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("", "empty", ""),
        ("   ", "empty", ""),
        ("rsj > 30", "unknown-name", "rsj"),
        ("macd.histo > 0", "unknown-output", "histo"),
        ("close.open > 0", "unknown-output", "open"),
        ("rsi < 30 < 40", "chained", "<"),
        ("rsi", "type", "rsi"),
        ("close and open", "type", "close"),
        ("new_day == 1", "type", "new_day"),
        ("-new_day", "type", "new_day"),
        ("not close", "type", "close"),
        ("held(close, 3)", "type", "close"),
        ("close[501] > 1", "lag", "501"),
        ("close[9999999999] > 1", "lag", "9999999999"),
        ("close[1.5] > 1", "syntax", "1.5"),
        ("close[n] > 1", "syntax", "n"),
        ("close[-1] > 1", "future", "-"),
        ("close[1][2] > 1", "syntax", "["),
        ("rising(rsi, 0)", "window", "0"),
        ("rising(rsi, 501)", "window", "501"),
        ("zscore(rsi, 1) > 1", "window", "1"),
        ("rising(rsi, 2.5)", "window", "2.5"),
        ("rising(rsi, rsi_floor)", "window", "rsi_floor"),
        ("rising(rsi, n + 1)", "window", "n + 1"),
        ("rising(rsi)", "arguments", "rising(rsi)"),
        ("min() > 1", "arguments", "min()"),
        ("rsi(14) > 1", "unknown-function", "rsi"),
        ("sqrt(close) > 1", "unknown-function", "sqrt"),
        ("highest > 1", "unknown-name", "highest"),
        ("close@15m > 1", "frame", "@15m"),
        ("close@2h > 1", "frame", "@2h"),
        ("rsi_floor@4h > 1", "frame", "rsi_floor@4h"),
        ("held(entry_price > 3, 2)", "fact-lookback", "entry_price"),
        ("bars_in_position[1] > 3", "fact-lookback", "bars_in_position"),
        ("(entry_price + close)[2] > 3", "fact-lookback", "entry_price"),
        ("crosses_above(close, entry_price)", "fact-lookback", "entry_price"),
        ("highest(close, 3", "unfinished", ""),
        ("close >", "unfinished", ""),
        ("(close > 1", "unfinished", ""),
        ("close > 1)", "syntax", ")"),
        ("close > 1 AND rsi > 1", "syntax", "AND"),
        ("close = 3", "character", "="),
        ("close > 3 && rsi > 1", "character", "&&"),
        ("close % 3 > 1", "character", "%"),
        ("close > 1e999", "number", "1e999"),
        ("close > 1x", "syntax", "x"),
        ("close ≥ 3", "character", "≥"),
        ("clоse > 1", "character", "о"),
    ],
)
def test_what_is_wrong_is_named_and_pointed_at(text: str, code: str, at: str) -> None:
    assert fault(text) == (code, at)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("rsj > 30", "rsi"),
        ("macd.histo > 0", "hist"),
        ("crossesabove(fast, slow)", "crosses_above"),
        ("close ** 2 > 1", "x * x"),
        ("close = 1", "=="),
        ("close > 1 AND new_day", "and"),
        ("1 < rsi < 3", "between"),
        ("position > 1", "position_pnl_pct"),
    ],
)
def test_what_was_probably_meant_is_suggested(text: str, hint: str) -> None:
    assert hint in parse(text, NAMES).faults[0].suggestion


def test_all_wrong_names_are_found_in_one_look() -> None:
    faults = parse("aaa > 1 and bbb < ccc", NAMES).faults
    assert [one.code for one in faults] == ["unknown-name"] * 3


def test_facts_are_for_exits() -> None:
    entry = Names(NAMES.indicators, NAMES.params, "1h", facts=False)
    assert parse("bars_in_position > 3", entry).faults[0].code == "fact"
    assert parse("bars_in_position > 3 and abs(position_pnl_pct) > 1%", NAMES).node is not None


def test_a_price_expression_is_a_number() -> None:
    assert parse("min(low, low[1]) - rsi", NAMES, "number").node is not None
    assert parse("close > 1", NAMES, "number").faults[0].code == "type"


def chain(links: int) -> str:
    return " and ".join(["new_day"] * links)


def test_the_limits_hold_at_their_edges() -> None:
    assert parse(chain(MAX_DEPTH), NAMES).node is not None
    assert fault(chain(MAX_DEPTH + 1))[0] == "too-deep"
    assert parse("(" * MAX_DEPTH + "new_day" + ")" * MAX_DEPTH, NAMES).node is not None
    assert fault("(" * (MAX_DEPTH + 1) + "new_day" + ")" * (MAX_DEPTH + 1))[0] == "too-deep"
    leaf = "(" + " and ".join(["new_day"] * 10) + ")"
    assert parse(" or ".join([leaf] * 10), NAMES).node is not None
    assert len(list(walk(tree(" or ".join([leaf] * 10))))) == MAX_NODES - 1
    assert fault(" or ".join([leaf] * 11))[0] == "too-many-nodes"
    assert fault("new_day" + " " * MAX_RULE_TEXT)[0] == "too-long"


@pytest.mark.parametrize("opening", ["(", "not ", "-", "abs(", "not (", "min(1, ", "-("])
def test_no_nesting_reaches_the_stack(opening: str) -> None:
    for depth in (33, 300, MAX_RULE_TEXT // len(opening)):
        assert parse(opening * depth, NAMES).node is None
        assert parse(opening * depth + "close > 1", NAMES).node is None


def test_the_frames_of_rules_are_found() -> None:
    assert frames_of([tree("close@1d > rsi@4h and close > 1"), None]) == ("4h", "1d")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_can_be_called(name: str) -> None:
    function = FUNCTIONS[name]
    words = {"number": "close", "bool": "new_day", "window": "5"}
    text = f"{name}({', '.join(words[kind] for kind in function.arguments)})"
    parsed = parse(text, NAMES, function.result)
    assert isinstance(parsed.node, Call)
    assert parsed.node.type == function.result


def test_a_signature_says_what_a_function_takes() -> None:
    assert signature(FUNCTIONS["between"]) == "between(x, y, z)"
    assert signature(FUNCTIONS["held"]) == "held(condition, n)"


# Generated trees.

_NUMBERS = st.one_of(
    st.integers(0, 10**6).map(float), st.floats(0, 1e12, allow_nan=False), st.sampled_from([0.01, 0.033, 1e-7])
)
_LEAVES = st.one_of(
    _NUMBERS.map(lambda value: Number(value, AT)),
    st.sampled_from(["rsi_floor", "n"]).map(lambda name: Param(name, AT)),
    st.sampled_from(["close", "hl2"]).flatmap(
        lambda name: st.sampled_from(["", "4h"]).map(lambda frame: Price(name, frame, AT))
    ),
    st.sampled_from([("macd", ""), ("macd", "hist"), ("rsi", "")]).map(lambda one: Indicator(*one, "1d", AT)),
    st.just(Clock("hour", AT)),
)


def _numbers(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.builds(lambda op, a, b: Binary(op, a, b, AT), st.sampled_from(["+", "-", "*", "/"]), inner, inner),
        st.builds(lambda of: Unary("-", of, AT), inner),
        st.builds(lambda of, bars: Lag(of, bars, AT), inner, st.integers(0, 500)),
        st.builds(lambda a, b: Call("max", (a, b), AT), inner, inner),
        st.builds(lambda a, n: Call("highest", (a, Number(float(n), AT)), AT), inner, st.integers(1, 500)),
    )


_NUMERIC: st.SearchStrategy[Node] = st.recursive(_LEAVES, _numbers, max_leaves=8)
_COMPARED: st.SearchStrategy[Node] = st.builds(
    lambda op, a, b: Binary(op, a, b, AT, "bool"),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    _NUMERIC,
    _NUMERIC,
)


def _conditions(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.builds(lambda op, a, b: Binary(op, a, b, AT, "bool"), st.sampled_from(["and", "or"]), inner, inner),
        st.builds(lambda of: Unary("not", of, AT, "bool"), inner),
        st.builds(lambda of, bars: Lag(of, bars, AT, "bool"), inner, st.integers(0, 500)),
        st.builds(lambda of: Call("first", (of,), AT, "bool"), inner),
    )


def depth(node: Node) -> int:
    return 1 + max((depth(child) for child in children(node)), default=0)


@settings(max_examples=300, deadline=None)
@given(st.recursive(_COMPARED, _conditions, max_leaves=6))
def test_a_tree_written_out_is_read_back_as_itself(node: Node) -> None:
    if depth(node) > MAX_DEPTH:
        return
    again = parse(written(node), NAMES)
    assert again.node == node
    for mine, theirs in zip(walk(node), walk(again.node), strict=True):
        assert type(mine) is type(theirs)


def sound(text: str, parsed: Parsed) -> None:
    """What holds for every answer of the parser."""
    if parsed.node is None:
        assert parsed.faults
        for one in parsed.faults:
            assert 0 <= one.at.start <= one.at.end <= len(text)
            assert one.code
            assert one.message
        return
    assert parsed.faults == ()
    assert parsed.node.type == "bool"
    nodes = list(walk(parsed.node))
    assert len(nodes) <= MAX_NODES
    assert depth(parsed.node) <= MAX_DEPTH
    assert all(0 <= node.at.start < node.at.end <= len(text) for node in nodes)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=200))
def test_any_text_has_an_answer(text: str) -> None:
    sound(text, parse(text, NAMES))


def test_texts_near_to_rules_have_an_answer(fuzz: int) -> None:
    chance = random.Random(20_260_101)
    accepted = 0
    for _ in range(fuzz):
        text = mutate(chance.choice(RULES), chance)
        parsed = parse(text, NAMES)
        sound(text, parsed)
        if parsed.node is not None:
            accepted += 1
            assert parse(written(parsed.node), NAMES).node == parsed.node, text
    # The mutations are mild enough to reach what a whole rule reaches.
    assert fuzz // 100 < accepted < fuzz
    print(f"{fuzz} texts, {accepted} accepted")
