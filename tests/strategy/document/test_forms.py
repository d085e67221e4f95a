"""Documents written out, hashed and edited."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from polotui.strategy.document.check import check
from polotui.strategy.document.forms import EditError, add, convert, dump, load, set_name, set_param_default, set_value
from polotui.strategy.document.templates import templates
from tests.strategy.document.samples import SPEC

ALL = [*(template.text for template in templates().values()), SPEC]


def hash_of(text: str, form: str = "yaml") -> str:
    checking = check(text, form)
    assert checking.ok, checking.errors
    return checking.hash


@pytest.mark.parametrize("text", ALL)
def test_a_document_is_the_same_in_every_form(text: str) -> None:
    checking = check(text)
    assert checking.document is not None
    for form in ("yaml", "json"):
        assert hash_of(convert(text, form), form) == checking.hash
        assert hash_of(dump(checking.document, form), form) == checking.hash
    assert load(convert(text, "json"), "json") == load(text)


def shuffled(data: Any, chance: random.Random) -> Any:
    if isinstance(data, dict):
        keys = list(data)
        chance.shuffle(keys)
        return {key: shuffled(data[key], chance) for key in keys}
    return data


@pytest.mark.parametrize("text", ALL)
def test_order_and_comments_do_not_change_the_hash(text: str) -> None:
    chance = random.Random(3)
    for _ in range(3):
        assert hash_of(json.dumps(shuffled(load(text), chance)), "json") == hash_of(text)
    assert hash_of("# above\n" + text.replace("\n", "   # behind\n", 1) + "\n# below\n") == hash_of(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value: 3%", "value: 0.03"),
        ("value: 3%", 'value: "3.0 %"'),
        ("risk: 1%", "risk: 1.0e-2"),
        ("default: 35", "default: 35.0"),
        ("multiple: 2}             #", "multiple: 2.0} #"),
        ("warmup: auto ", "# "),
        ("limits: {max_positions: 1, max_adds: 0}", "limits: {}"),
        ("fast@4h > slow@4h and", "(fast@4h>slow@4h)   and"),
        ("crosses_above(rsi, rsi_floor)", "(crosses_above( rsi,(rsi_floor)))"),
        ("bars_in_position >= 96", "bars_in_position >= 9600%"),
        ("close, slow)", "close@1h, slow.value)"),
    ],
)  # fmt: skip
def test_notation_does_not_change_the_hash(old: str, new: str) -> None:
    assert old in SPEC
    assert hash_of(SPEC.replace(old, new)) == hash_of(SPEC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value: 3%", "value: 3.1%"),
        ("rsi, rsi_floor)", "rsi, 35)"),
        ("length: 14}\n  atr", "length: 15}\n  atr"),
        ("fast@4h > slow@4h", "fast@4h >= slow@4h"),
        ('fails_when: "b"', 'fails_when: "c"'),
        ("[BTC_USDT, ETH_USDT]", "[ETH_USDT, BTC_USDT]"),
    ],
)
def test_meaning_does(old: str, new: str) -> None:
    assert old in SPEC
    assert hash_of(SPEC.replace(old, new)) != hash_of(SPEC)


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    return [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]


def test_a_default_is_changed_in_place() -> None:
    text = templates()["vwap-reversion"].text
    assert changed_lines(text, set_param_default(text, "stretch", 0.02)) == [
        (
            "  stretch: {type: float, default: 1.5%, min: 0.75%, max: 4%, step: 0.25%}",
            "  stretch: {type: float, default: 2%, min: 0.75%, max: 4%, step: 0.25%}",
        )
    ]


def test_every_default_can_be_set_and_read_back() -> None:
    for template in templates().values():
        document = check(template.text).document
        assert document is not None
        for name, spec in document.params.items():
            text = set_param_default(template.text, name, spec.min)
            again = check(text).document
            assert again is not None
            assert again.params[name].default == spec.min
            assert text.count("#") == template.text.count("#")


def test_any_value_can_be_set() -> None:
    text = set_value(SPEC, ("entry", "long"), "close > open # not a comment")
    assert load(text)["entry"] == {"long": "close > open # not a comment"}
    assert load(set_value(SPEC, ("market", "symbols", 1), "SOL_USDT"))["market"]["symbols"] == ["BTC_USDT", "SOL_USDT"]
    assert load(set_name(SPEC, "other name"))["name"] == "other name"
    assert load(set_value("a:\nb: 1\n", ("a",), 5)) == {"a": 5, "b": 1}
    folded = "entry:\n  long: >-\n    close >\n    open\nname: x  # kept\n"
    assert load(set_value(folded, ("entry", "long"), "open > close")) == {
        "entry": {"long": "open > close"},
        "name": "x",
    }
    as_json = convert(SPEC, "json")
    assert load(set_param_default(as_json, "rsi_floor", 40, "json"), "json")["params"]["rsi_floor"]["default"] == 40


def test_a_key_can_be_added_without_losing_comments() -> None:
    text = add(SPEC, ("stops", "time2"), {"bars": 3})
    assert load(text)["stops"]["time2"] == {"bars": 3}
    assert "# long | short | both" in text
    assert load(add(convert(SPEC, "json"), ("exit", "short"), "close > open", "json"), "json")["exit"]["short"]


@pytest.mark.parametrize("path", [("nothing",), ("params", "x", "default"), ("stops",), ("market", "symbols", 9)])
def test_what_is_not_there_is_not_changed(path: tuple[str | int, ...]) -> None:
    with pytest.raises(EditError):
        set_value(SPEC, path, 1)


def test_what_cannot_be_read_is_not_changed() -> None:
    with pytest.raises(EditError, match="3:1"):
        load("a: 1\nb: 2\na: 3\n")
    with pytest.raises(EditError):
        set_value("a: [", ("a",), 1)
    with pytest.raises(EditError):
        load("")
