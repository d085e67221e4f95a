"""What may be written next, and how it is coloured."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.strategy.document import keys
from polotui.strategy.document.completion import complete, rule_tokens, tokens
from polotui.strategy.document.forms import convert
from polotui.strategy.document.rules import kinds
from polotui.strategy.document.templates import templates
from tests.strategy.document.samples import SPEC

BASE = """\
spec: 1
timeframe: 1h
params:
  n: {type: int}
indicators:
  macd: {kind: macd, fast: 3}
  bb: {kind: bb}
"""


def offered(text: str) -> list[str]:
    """What is offered at the mark ▌."""
    at = text.index("▌")
    head = text[:at]
    line = head.count("\n") + 1
    column = at - (head.rfind("\n") + 1) + 1
    return [one.text for one in complete(text.replace("▌", ""), line, column)]


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("▌", ["spec", "name", "market"], ["kind"]),
        ("ti▌", ["timeframe"], ["name"]),
        (BASE + "▌", ["entry", "stops"], ["spec", "params"]),
        (BASE + "stops:\n  ▌", ["loss", "target", "trail", "time"], ["entry"]),
        (BASE + "stops:\n  loss: {▌", ["kind", "value"], ["loss"]),
        (BASE + "stops:\n  loss: {kind: ▌", ["percent", "atr", "none"], ["rr"]),
        (BASE + "stops:\n  loss: {kind: atr, indicator: ▌", ["macd", "macd.hist", "bb.width"], ["n", "close"]),
        (BASE + "stops:\n  loss:\n    mul▌", ["multiple"], ["kind"]),
        (BASE + "stops: {time: {bars: ▌", ["n"], ["macd"]),
        (BASE + 'entry: {long: "▌', ["macd", "n", "crosses_above", "close", "hour", "not"], ["entry_price"]),
        (BASE + 'entry: {long: "close > macd.▌', ["line", "signal", "hist"], ["upper"]),
        (BASE + 'entry: {long: "close@▌', ["4h", "1d"], ["1h", "15m"]),
        (BASE + 'exit: {long: "bars▌"}', ["bars_in_position", "bars_since"], ["close"]),
        (BASE + "entry:\n  long: >-\n    cro▌", ["crosses_above"], ["close"]),
        (BASE + "entry: {long: close > op▌", ["open"], ["close"]),
        (BASE + "  z: {kind: macd, ▌", ["source", "fast", "signal"], ["kind", "length"]),
        (BASE + "  z: {kind: ▌", ["sma", "macd"], ["n"]),
        (BASE + "  z: {kind: sma, source: ▌", ["close", "macd.hist"], ["z"]),
        (BASE + "  z: {kind: sma, length: ▌", ["n"], ["close"]),
        (BASE + "market: {direction: ▌", ["long", "both"], []),
        (BASE + "confirm: {frames: [1h, ▌", ["4h"], []),
        (BASE + "executor: {kind: grid, ▌", ["lower", "per_level"], ["interval", "kind"]),
        (BASE + "executor: {kind: dca, dip_rule: '▌", ["close", "macd"], ["entry_price"]),
        (BASE + "# a comment ▌", [], ["spec", "entry"]),
        (BASE.replace("1h", "1h ▌"), [], ["1h", "4h"]),
        (convert(SPEC, "json").replace('"fast@4h', '"fas▌fast@4h'), ["fast"], []),
    ],
)
def test_what_fits_is_offered(text: str, some: list[str], none: list[str]) -> None:
    words = offered(text)
    assert set(some) <= set(words)
    assert not set(none) & set(words)


def test_the_word_before_the_cursor_is_replaced() -> None:
    [first, *_] = complete(BASE + 'entry: {long: "cros', 8, 20)
    assert (first.text, first.start, first.kind) == ("crosses_above", 16, "function")
    assert first.says


def test_beginnings_come_before_the_rest() -> None:
    assert offered(BASE + 'entry: {long: "since▌') == ["bars_since"]
    assert offered(BASE + 'entry: {long: "cl▌') == ["close"]
    assert offered(BASE + 'entry: {long: "ha▌') == ["change", "pct_change"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.integers(-1, 5), st.integers(-1, 90))
def test_any_text_and_place_has_an_answer(text: str, line: int, column: int) -> None:
    complete(text, line, column)
    for span in tokens(text):
        assert span.column < span.end_column
    rule_tokens(text)


def test_every_place_of_a_document_has_an_answer() -> None:
    for line, text in enumerate(SPEC.splitlines(), 1):
        for column in range(1, len(text) + 2):
            for one in complete(SPEC, line, column):
                assert 1 <= one.start <= column


@pytest.mark.parametrize("name", templates())
def test_colours_cover_everything_but_blanks_once(name: str) -> None:
    text = templates()[name].text
    lines = text.splitlines()
    seen: set[tuple[int, int]] = set()
    for span in tokens(text):
        assert span.kind != "unknown", (span, lines[span.line - 1][span.column - 1 : span.end_column - 1])
        places = {(span.line, column) for column in range(span.column, span.end_column)}
        assert not places & seen
        seen |= places
    for number, line in enumerate(lines, 1):
        for column, character in enumerate(line, 1):
            assert character in " :" or (number, column) in seen, (line, column)


def test_the_parts_of_a_rule_have_their_colours() -> None:
    text = BASE + 'exit: {long: "macd.hist@4h[1] > n and highest(close, 3) > 2% or bars_in_position > hour + nope"}\n'
    line = text.splitlines()[7]
    kinds_of = {line[one.column - 1 : one.end_column - 1]: one.kind for one in tokens(text) if one.line == 8}
    assert kinds_of == {
        "exit": "key",
        "long": "key",
        "macd": "indicator",
        "hist": "output",
        "@4h": "frame",
        "n": "param",
        "highest": "function",
        "close": "price",
        "2%": "number",
        "1": "number",
        "3": "number",
        "and": "keyword",
        "or": "keyword",
        "bars_in_position": "fact",
        "hour": "clock",
        "nope": "unknown",
        **dict.fromkeys(("{", '"', ".", "[", "]", ">", "(", ",", ")", "+", "}"), "operator"),
    }


def test_the_table_of_keys_is_that_of_the_models() -> None:
    from polotui.strategy.document import spec

    models = {
        "": spec.StrategyDocument,
        "market": spec.Market,
        "params.*": spec.ParamSpec,
        "entry": spec.Sides,
        "exit": spec.Sides,
        "confirm": spec.Confirm,
        "stops": spec.Stops,
        "stops.loss": spec.Loss,
        "stops.target": spec.Target,
        "stops.trail": spec.Trail,
        "stops.time": spec.TimeStop,
        "sizing": spec.Sizing,
        "orders": spec.Orders,
        "filters": spec.Filters,
        "limits": spec.Limits,
        "notes": spec.Notes,
        "executor.grid": spec.Grid,
        "executor.dca": spec.Dca,
    }
    for path, model in models.items():
        assert list(keys.BLOCKS[path]) == list(model.model_fields), path
    assert set(keys.BLOCKS) - set(models) == {"params", "indicators", "indicators.*", "executor"}
    assert list(keys.BLOCKS["indicators.*"]) == ["kind", "source"]


def test_an_editor_does_not_load_the_heavy_parts() -> None:
    """Completion, colours and the grammar are asked on a key press, and before the first screen."""
    code = (
        "import sys; from polotui.strategy.document import completion, grammar, check, rules; "
        "completion.tokens('a: 1'); completion.complete('a: 1', 1, 1); "
        "print([name for name in ('numpy', 'pydantic', 'ruamel.yaml', 'talib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_checking_does_not_load_numpy() -> None:
    code = (
        "import sys; from polotui.strategy.document.check import check; check('spec: 1'); "
        "from polotui.strategy.document import bind, forms, templates; print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_kinds_are_read_from_the_catalogue() -> None:
    assert {"sma", "ema", "rsi", "macd", "bb", "atr"} <= set(kinds())
