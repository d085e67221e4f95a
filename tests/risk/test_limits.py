"""Limits: the presets as they are promised, one sentence for each mistake, what loosens."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from polotui.core.errors import UsageError
from polotui.risk.fields import BY_NAME, FIELDS, shown
from polotui.risk.limits import (
    DEFAULT_PRESET,
    PRESETS,
    Limits,
    SymbolCap,
    difference,
    from_json,
    hints,
    loosens,
    preset_of,
    tightest,
    to_json,
    validate,
)

TABLE = {
    "risk_per_trade": (0.005, 0.01, 0.02),
    "max_position": (0.10, 0.20, 0.30),
    "stop": (0.02, 0.03, 0.05),
    "target": (0.04, 0.06, 0.10),
    "daily_loss": (0.02, 0.05, 0.08),
    "drawdown_warn": (0.08, 0.15, 0.20),
    "drawdown_pause": (0.12, 0.25, 0.35),
    "positions_per_strategy": (5, 20, 30),
    "positions_total": (10, 50, 80),
    "correlated_pairs": (2, 3, 4),
    "leverage": (1, 2, 5),
    "reward_risk": (2.0, 1.5, 1.2),
}


@pytest.mark.parametrize("field", TABLE)
def test_presets_are_as_promised(field: str) -> None:
    assert tuple(getattr(PRESETS[name], field) for name in ("conservative", "moderate", "aggressive")) == TABLE[field]


def test_every_preset_is_valid_and_known_by_name() -> None:
    for name, preset in PRESETS.items():
        assert validate(preset) == ()
        assert preset_of(preset) == name
    assert preset_of(Limits(daily_loss=0.04)) == "custom"
    assert PRESETS[DEFAULT_PRESET] == Limits()


def test_every_field_is_described_once() -> None:
    described = [field.name for field in FIELDS]
    assert len(set(described)) == len(described)
    assert {*described, "symbols", "symbol_caps"} == set(Limits.__struct_fields__)
    assert all(field.title and field.help and field.low < field.high for field in FIELDS)


@pytest.mark.parametrize("field", [field for field in FIELDS if field.unit != "switch"], ids=lambda field: field.name)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e12, "much", None, True])
def test_a_senseless_value_is_named(field: object, value: object) -> None:
    name = field.name  # type: ignore[attr-defined]
    wrong = validate(replace(Limits(), **{name: value}))
    assert len(wrong) == 1
    assert BY_NAME[name].title in wrong[0]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"drawdown_warn": 0.25}, "warning"),
        ({"daily_loss": 0.3}, "Daily loss"),
        ({"positions_per_strategy": 51}, "Positions per strategy"),
        ({"max_position": 0.5, "gross_exposure": 0.4}, "largest position"),
        ({"risk_per_trade": 0.03}, "Risk a trade"),
        ({"price_collar": 0.3}, "price band"),
        ({"orders_per_second": 61}, "a second"),
        ({"symbols": ("BTC",)}, "BTC"),
        ({"symbol_caps": (SymbolCap(symbol="BTC_USDT", amount=Decimal("NaN")),)}, "BTC_USDT"),
        ({"safety_score": 50}, "Safety"),
        ({"positions_total": 50.5}, "whole number"),
        ({"stop_required": 1}, "on or off"),
        ({"max_order_amount": Decimal(2_000_000)}, "Largest order"),
    ],
)
def test_what_contradicts_itself_is_said_in_words(change: dict[str, object], word: str) -> None:
    wrong = validate(replace(Limits(), **change))
    assert len(wrong) == 1
    assert word in wrong[0]


def test_what_is_hardly_meant_is_said_but_allowed() -> None:
    odd = Limits(max_trade_risk=0.06, target=0.03)
    assert validate(odd) == ()
    assert len(hints(odd)) == 2
    assert all(hints(preset) == () for preset in PRESETS.values())


def test_a_difference_says_what_loosens() -> None:
    changes = difference(PRESETS["moderate"], replace(PRESETS["moderate"], daily_loss=0.08, reward_risk=2.0))
    assert [(change.field, change.old, change.new, change.loosens) for change in changes] == [
        ("daily_loss", "5 %", "8 %", True),
        ("reward_risk", "1.5", "2", False),
    ]
    assert difference(Limits(), Limits()) == []
    assert loosens(PRESETS["conservative"], PRESETS["moderate"])
    assert not loosens(PRESETS["moderate"], PRESETS["conservative"])


@pytest.mark.parametrize(
    ("old", "new", "loose"),
    [
        ((), ("BTC_USDT",), False),
        (("BTC_USDT",), (), True),
        (("BTC_USDT",), ("BTC_USDT", "ETH_USDT"), True),
        (("BTC_USDT", "ETH_USDT"), ("ETH_USDT",), False),
    ],
)
def test_allowing_more_symbols_loosens(old: tuple[str, ...], new: tuple[str, ...], loose: bool) -> None:
    assert loosens(Limits(symbols=old), Limits(symbols=new)) is loose


def test_a_cap_that_is_raised_or_dropped_loosens() -> None:
    low = Limits(symbol_caps=(SymbolCap(symbol="BTC_USDT", amount=Decimal(100)),))
    high = Limits(symbol_caps=(SymbolCap(symbol="BTC_USDT", amount=Decimal(200)),))
    assert loosens(low, high)
    assert loosens(low, Limits())
    assert not loosens(high, low)
    assert not loosens(Limits(), low)
    assert difference(low, high)[0].title == "Largest order on BTC_USDT"


def test_turning_the_required_stop_off_loosens() -> None:
    assert loosens(Limits(), Limits(stop_required=False))
    assert not loosens(Limits(stop_required=False), Limits())


def mixed(names: list[str], picks: list[int]) -> Limits:
    presets = list(PRESETS.values())
    return replace(Limits(), **{name: getattr(presets[pick], name) for name, pick in zip(names, picks, strict=True)})


@given(st.data())
def test_the_tighter_of_two_sets_loosens_neither(data: st.DataObject) -> None:
    names = sorted(TABLE)
    one = mixed(names, data.draw(st.lists(st.integers(0, 2), min_size=len(names), max_size=len(names))))
    two = mixed(names, data.draw(st.lists(st.integers(0, 2), min_size=len(names), max_size=len(names))))
    tight = tightest(one, two)
    assert not loosens(one, tight)
    assert not loosens(two, tight)
    assert tightest(one, one) == one
    if not validate(one) and not validate(two):
        assert validate(tight) == ()


def test_the_tighter_set_keeps_lists_and_caps() -> None:
    one = Limits(symbols=("BTC_USDT",), symbol_caps=(SymbolCap(symbol="BTC_USDT", amount=Decimal(5)),))
    two = Limits(symbols=("BTC_USDT", "ETH_USDT"), symbol_caps=(SymbolCap(symbol="BTC_USDT", amount=Decimal(9)),))
    assert tightest(one, two) == one
    assert tightest(one, Limits(symbols=("SOL_USDT",))).symbols == ("BTC_USDT",)


@pytest.mark.parametrize("name", PRESETS)
def test_limits_survive_json(name: str) -> None:
    limits = replace(
        PRESETS[name], symbols=("BTC_USDT",), symbol_caps=(SymbolCap(symbol="A_B", quantity=Decimal("0.1")),)
    )
    assert from_json(json.loads(json.dumps(to_json(limits)))) == limits


def test_json_over_a_base_keeps_the_rest() -> None:
    assert from_json({"daily_loss": 0.03}, PRESETS["aggressive"]).max_position == 0.30


@pytest.mark.parametrize("data", [{"dayly_loss": 0.05}, {"daily_loss": "x"}, {"daily_loss": 5}, {"max_position": -1}])
def test_wrong_json_is_refused_with_words(data: dict[str, object]) -> None:
    with pytest.raises(UsageError) as error:
        from_json(data)
    assert error.value.next_step


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("daily_loss", 0.05, "5 %"),
        ("max_order_amount", Decimal(50_000), "50,000"),
        ("duplicate_ms", 2_000, "2 s"),
        ("stop_required", False, "off"),
        ("correlation", 0.7, "0.7"),
    ],
)
def test_values_read_as_a_person_writes_them(field: str, value: object, text: str) -> None:
    assert shown(BY_NAME[field], value) == text
