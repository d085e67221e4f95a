"""What is said about a document, and that it is said at the right place."""

from __future__ import annotations

import json
import random

import pytest

from polotui.strategy.document.check import Checking, Diagnostic, check
from polotui.strategy.document.forms import dump, load
from polotui.strategy.document.limits import MAX_DIAGNOSTICS, MAX_DOCUMENT_BYTES
from polotui.strategy.document.templates import templates
from tests.strategy.document.samples import HOSTILE, SPEC, mutate, shuffle_document


def changed(*pairs: tuple[str, str]) -> str:
    text = SPEC
    for old, new in pairs:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text


def pointed(text: str, one: Diagnostic) -> str:
    """The characters that a diagnostic underlines."""
    return text.splitlines()[one.line - 1][one.column - 1 : one.end_column - 1]


def found(text: str, code: str, form: str = "yaml") -> tuple[Diagnostic, str]:
    said = check(text, form).diagnostics
    matching = [one for one in said if one.code == code]
    assert matching, [str(one) for one in said]
    return matching[0], pointed(text, matching[0])


def sound(text: str, checking: Checking) -> None:
    """What holds for every answer."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for one in checking.diagnostics:
        assert 1 <= one.line <= len(lines), one
        assert 1 <= one.column <= one.end_column <= len(lines[one.line - 1]) + 2, one
        assert one.message
    if checking.ok:
        assert checking.document is not None
        assert checking.rules is not None
        assert len(checking.hash) == 64
    else:
        assert checking.rules is None
        assert checking.hash == ""


def test_the_document_of_the_reference_is_whole() -> None:
    checking = check(SPEC)
    assert checking.diagnostics == ()
    assert checking.document is not None
    assert checking.document.stops.trail.value == 0.03
    assert checking.rules is not None
    assert checking.rules.entry_long is not None
    assert checking.rules.exit_short is None


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ("name: ema", "nam: ema", "unknown-key", "nam"),
        ("value: 3%", "vlue: 3%", "unknown-key", "vlue"),
        ("spec: 1\n", "", "missing-key", "name"),
        ("spec: 1", "spec: 2", "choice", "2"),
        ("spec: 1", "spec: true", "choice", "true"),
        ("step: 5", "step: 1.0e-300", "range", "1.0e-300"),
        ("timeframe: 1h", "timeframe: 2h", "choice", "2h"),
        ("direction: long}", "direction: up}", "choice", "up"),
        ("name: ema-pullback", "name: 12", "type", "12"),
        ("name: ema-pullback", "name: '<b>'", "name", "'<b>'"),
        ("ETH_USDT", "eth/usdt", "symbol", "eth/usdt"),
        ("ETH_USDT", "BTC_USDT", "symbol", "BTC_USDT"),
        ("[BTC_USDT, ETH_USDT]", "[]", "length", "[]"),
        ("[BTC_USDT, ETH_USDT]", "BTC_USDT", "type", "BTC_USDT"),
        ("default: 35", "default: 55", "range", "55"),
        ("type: float, default: 35", "type: int, default: 35.5", "not-whole", "35.5"),
        ("step: 5", "step: 0", "range", "0"),
        ("rsi_floor: {", "close: {", "name", "close"),
        ("rsi_floor: {", "1st: {", "name", "1st"),
        ("rsi_floor: {", "fast: {", "name", "fast"),
        ("kind: ema, source: close, length: 21", "kind: emma, length: 21", "unknown-kind", "emma"),
        ("length: 21", "lenght: 21", "unknown-key", "lenght"),
        ("length: 21", "length: 401", "range", "401"),
        ("length: 21", "length: 2.5", "range", "2.5"),
        ("length: 21", "length: true", "number-needed", "true"),
        ("length: 21", "length: '21'", "number-needed", "'21'"),
        ("length: 21", "length: rsi_flor", "unknown-param", "rsi_flor"),
        ("length: 21", "length: rsi_floor", "param-range", "rsi_floor"),
        ("length: 21", "settings: {length: 21}", "unknown-key", "settings"),
        ("source: close, length: 21", "source: clse, length: 21", "unknown-name", "clse"),
        ("source: close, length: 21", "source: rsi.hist, length: 21", "unknown-output", "rsi.hist"),
        ("source: close, length: 21", "source: fast, length: 21", "circle", "fast"),
        ("kind: atr, length: 14", "kind: atr, source: close, length: 14", "unknown-key", "source"),
        ("slow@4h and", "slw@4h and", "unknown-name", "slw"),
        ("rsi_floor)", "rsi_flor)", "unknown-name", "rsi_flor"),
        ("slow@4h", "slow@15m", "frame", "@15m"),
        ("frames: [1h, 4h]", "frames: [15m, 4h]", "frame", "15m"),
        ("frames: [1h, 4h]", "frames: [4h, 4h]", "twice", "[4h, 4h]"),
        ("checks: [rsi,", "checks: [rsj,", "choice", "rsj"),
        ("min_score: 66", "min_score: 101", "range", "101"),
        ("loss:    {kind: atr, indicator: atr", "loss:    {kind: atr, indicator: atrr", "unknown-name", "atrr"),
        ("loss:    {kind: atr, indicator: atr", "loss:    {kind: percent, indicator: atr", "missing-key", "loss"),
        ("multiple: 2}             #", "multiple: 2, value: 1%} #", "key-of-another-kind", "value"),
        ("loss:    {kind: atr, indicator: atr, multiple: 2}", "loss:    {kind: none}", "risk-without-stop", "rr"),
        ("value: 3%", "value: 300%", "range", "300%"),
        ("value: 3%", "value: .nan", "not-finite", ".nan"),
        ("value: 3%", "value: .inf", "not-finite", ".inf"),
        ("value: 3%", "value: 1e999", "not-finite", "1e999"),
        ("time:    {bars: 240}", "time:    {bars: 0}", "range", "0"),
        ("sizing: {kind: fixed_fractional, risk: 1%}\n", "", "missing-key", "spec"),
        ("risk: 1%", "risk: 30%", "range", "30%"),
        ("kind: fixed_fractional, risk: 1%", "kind: kelly, win_rate: 60%", "missing-key", "sizing"),
        ("entry: market", "entry: mrket", "choice", "mrket"),
        ("sessions: all", "sessions: [8-16]", "session", "8-16"),
        ("sessions: all", "weekdays: [mon, 7]", "type", "7"),
        ("max_adds: 0", "max_adds: 2, add_step: 0.5", "missing-key", "limits"),
        ("max_positions: 1", "max_positions: 1.5", "range", "1.5"),
        ("entry:  {long:", "entry:  {short:", "missing-rule", "entry"),
        ("limits: {", "executor: {kind: grid, lower: 1, upper: 2, levels: 5, per_level: 10}\nlimits: {", "executor",
         "entry"),
        ("limits: {", "executor: {kind: gird}\nlimits: {", "choice", "gird"),
        ("limits: {", "executor: {lower: 1}\nlimits: {", "missing-key", "executor"),
        ("stops:\n", "stops: 3\nx:\n", "type", "3"),
        ("warmup: auto", "warmup: soon", "number-needed", "soon"),
    ],
)  # fmt: skip
def test_errors_stand_at_the_key_or_value(old: str, new: str, code: str, at: str) -> None:
    text = changed((old, new))
    one, underlined = found(text, code)
    assert one.severity == "error"
    assert underlined == at
    sound(text, check(text))


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ("length: 14}\n  atr", "length: 14}\n  spare: {kind: sma, length: 9}\n  atr", "unused", "spare"),
        ("step: 5}}", "step: 5}, spare: {type: int, default: 1, min: 1, max: 3, step: 1}}", "unused", "spare"),
        ("kind: rr, multiple: 2", "kind: percent, value: 0.4%", "target-fees", "0.4%"),
        ("fast@4h > slow@4h and crosses_above(rsi, rsi_floor)", "hour == 12 and weekday == 0", "level", None),
        ("fast@4h > slow@4h", "close > highest(high, 20)", "always-false", "close > highest(high, 20)"),
        ("fast@4h > slow@4h", "rsi < 101", "always-true", "rsi < 101"),
        ("fast@4h > slow@4h", "close > close", "always-false", "close > close"),
        ("fast@4h > slow@4h", "1 < 2", "always-true", "1 < 2"),
        ("fast@4h > slow@4h", "hour == 24", "always-false", "hour == 24"),
        ("fast@4h > slow@4h", "fast == slow", "float-equality", "fast == slow"),
        ("fast@4h > slow@4h", "rising(fast@4h, 3)", "window-over-frame", "rising(fast@4h, 3)"),
        ("fast@4h > slow@4h", "(fast@4h - slow)[1] > 0", "window-over-frame", "(fast@4h - slow)[1]"),
        ("fast@4h > slow@4h", "pct_change(close, 3) > 5", "percent", "5"),
        ("exit:   {long:", "exit:   {short: \"close > open\", long:", "other-side", "short"),
        ("direction: long}", "direction: both}", "missing-rule", "entry"),
        ("fast@4h > slow@4h", "fast@1d > slow@1d", "long-warmup", "1h"),
    ],
)  # fmt: skip
def test_what_is_likely_not_meant_is_warned_of(old: str, new: str, code: str, at: str | None) -> None:
    if code == "level":
        text = changed((old, new), ("timeframe: 1h", "timeframe: 15m"))
    elif code == "long-warmup":
        text = changed((old, new), ("length: 55", "length: 400"))
    else:
        text = changed((old, new))
    one, underlined = found(text, code)
    assert one.severity == "warning"
    assert check(text).ok
    if at is not None:
        assert underlined == at


BARE = """\
spec: 1
name: bare
market: {symbols: [BTC_USDT]}
timeframe: 1h
entry: {long: "close > open"}
sizing: {kind: percent_equity, value: 10%}
"""


def test_a_document_without_stops_and_exits_says_so() -> None:
    codes = {one.code: one.severity for one in check(BARE).diagnostics}
    assert codes == {"no-stop": "warning", "no-exit": "warning", "level": "info"}


@pytest.mark.parametrize(
    "rule",
    [
        "hour == 12",
        "weekday == 0 and hour == 12",
        "lowest(close, 20) == close",
        "crosses_above(close, highest(high, 20)[1])",
        "close > highest(close, 20)[1]",
        "bars_since(close > open) == 0",
        "count(close > open, 5) == 5",
    ],
)
def test_what_is_meant_is_not_warned_of(rule: str) -> None:
    text = (
        BARE.replace("close > open", rule) + 'exit: {long: "close < open"}\nstops: {loss: {kind: percent, value: 3%}}\n'
    )
    checking = check(text)
    assert [one for one in checking.diagnostics if one.severity != "info"] == []


def test_a_text_that_is_wrong_throughout_is_not_told_so_for_ever() -> None:
    text = "".join(f"key{n}: 1\n" for n in range(3_000))
    assert len(check(text).diagnostics) == MAX_DIAGNOSTICS


def test_a_model_gets_everything_wrong_in_one_answer() -> None:
    text = changed(("timeframe: 1h", "timeframe: 2h"), ("rsi_floor)", "rsi_flor)"), ("kind: rsi", "kind: rsj"),
                   ("risk: 1%", "risk: 50%"), ("BTC_USDT", "BTC/USDT"))  # fmt: skip
    assert {one.code for one in check(text).errors} >= {"choice", "unknown-name", "unknown-kind", "range", "symbol"}


# Places of rules inside of YAML's texts.


@pytest.mark.parametrize(
    "entry",
    [
        'entry: {long: "close > nope"}',
        "entry: {long: 'close > nope'}",
        "entry: {long: close > nope}",
        "entry:\n  long: close > nope",
        "entry:\n  long: close >\n    nope",
        'entry:\n  long: "close >\n    nope"',
        "entry:\n  long: >-\n    close >\n    nope\n",
        "entry:\n  long: |\n    close\n      > nope\n",
        'entry: {long: "cl\\x6fse > \\\n  nope"}',
        "entry:\r\n  long: >-\r\n    close >\r\n    nope\r\n",
    ],
)
def test_a_rule_is_pointed_into_however_it_is_quoted(entry: str) -> None:
    text = BARE.replace('entry: {long: "close > open"}', entry)
    one, underlined = found(text, "unknown-name")
    assert underlined == "nope"
    assert one.severity == "error"


def test_a_rule_in_json_is_pointed_into() -> None:
    text = dump(load(BARE), "json").replace("close > open", "close \\u003e nope")
    assert found(text, "unknown-name", "json")[1] == "nope"


# Hostile notations.


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("spec: 1\nspec: 1\n", "double-key"),
        ("spec: &a 1\nname: *a\n", "anchor"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "anchor"),
        ("spec: !!python/object/apply:os.system ['true']\n", "tag"),
        ("spec: !int 1\n", "tag"),
        ("<<: {spec: 1}\n", "merge"),
        ("1: x\n", "key"),
        ("? [a, b]\n: 1\n", "key"),
        ("null: x\n", "key"),
        ("on: yes\n", "unknown-key"),
        ("%YAML 1.1\n---\nspec: 1\n", "directive"),
        ("spec: 1\n---\nspec: 1\n", "several-documents"),
        ("spec: [1\n", "yaml"),
        ("spec:\n\t1\n", "yaml"),
        ('spec: "\\U99999999"\n', "yaml"),
        ("spec: \x07\n", "hidden-character"),
        ("name: \u202exyz\n", "hidden-character"),
        ('name: "\\u202e"\n', "hidden-character"),
        ('name: "\\ud800"\n', "hidden-character"),
        ("name: \ud800\n", "hidden-character"),
        ("- a\n", "no-document"),
        ("just a text\n", "no-document"),
        ("", "empty"),
        ("# only a comment\n", "empty"),
        ("{a: " * 200, "too-deep"),
        ("[" * 30_000, "too-deep"),
        ("x" * (MAX_DOCUMENT_BYTES + 1), "too-large"),
        ("é" * (MAX_DOCUMENT_BYTES // 2 + 1), "too-large"),
    ],
)
def test_notations_that_surprise_are_refused_with_their_place(text: str, code: str) -> None:
    checking = check(text)
    assert code in {one.code for one in checking.errors}
    assert checking.document is None
    sound(text, checking)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"spec": 1, "spec": 1}', "double-key"),
        ('{"spec": NaN}', "json"),
        ('{"spec": 1,}', "json"),
        ('{"spec": 01}', "json"),
        ('{"spec": 1} {}', "json"),
        ('{"spec": 1e999}', "not-finite"),
        ('{"spec": "\\ud800"}', "hidden-character"),
        ("{" * 10, "json"),
        ('{"a":' * 5_000, "too-deep"),
        ("[]", "no-document"),
        ("", "json"),
        ("// no\n{}", "json"),
        ("{'a': 1}", "json"),
    ],
)
def test_json_is_read_strictly(text: str, code: str) -> None:
    checking = check(text, "json")
    assert code in {one.code for one in checking.errors}
    sound(text, checking)


@pytest.mark.parametrize("rule", HOSTILE)
def test_hostile_rules_are_refused_in_a_document(rule: str) -> None:
    text = BARE.replace('"close > open"', json.dumps(rule))
    checking = check(text)
    assert not checking.ok
    assert all(one.line == 5 for one in checking.errors)


def test_yes_and_on_are_texts() -> None:
    assert load("a: yes\nb: on\nc: 12:30\nd: 2024-01-01\ne: 0x10\nf: 1_000\n") == {
        "a": "yes",
        "b": "on",
        "c": "12:30",
        "d": "2024-01-01",
        "e": "0x10",
        "f": "1_000",
    }


# Campaigns.


def test_documents_near_to_sound_ones_have_an_answer(fuzz: int) -> None:
    """Generated documents as JSON, with wrong values, keys and rules at any depth."""
    chance = random.Random(7)
    sources = [load(template.text) for template in templates().values()] + [load(SPEC)]
    count = min(10_000, max(fuzz // 20, 100))
    sane = 0
    for _ in range(count):
        data = shuffle_document(chance.choice(sources), chance)
        text = json.dumps(data, indent=chance.choice((None, 1)))
        checking = check(text, "json")
        sound(text, checking)
        sane += checking.ok
    assert count // 100 < sane < count
    print(f"{count} documents, {sane} sound")


def test_yaml_texts_near_to_sound_ones_have_an_answer(fuzz: int) -> None:
    chance = random.Random(8)
    sources = [template.text for template in templates().values()] + [SPEC]
    count = min(10_000, max(fuzz // 50, 100))
    for _ in range(count):
        text = mutate(chance.choice(sources), chance)
        sound(text, check(text))
