"""The strategies that come with polotui."""

from __future__ import annotations

import pytest

from polotui.core.errors import UsageError
from polotui.strategy.document.bind import bind
from polotui.strategy.document.check import check
from polotui.strategy.document.templates import template, templates


def test_there_is_one_for_each_idea() -> None:
    assert set(templates()) >= {
        *("sma-cross", "ema-ribbon", "rsi-reversion", "macd-momentum", "bollinger-squeeze", "bollinger-reversion"),
        *("donchian-turtle", "ichimoku-cloud", "supertrend", "vwap-reversion", "keltner-breakout", "grid", "dca-dips"),
        *("multi-timeframe-trend", "ema-pullback", "breakout-both-ways"),
    }


@pytest.mark.parametrize("name", templates())
def test_it_is_sound_and_says_when_it_fails(name: str) -> None:
    one = template(name)
    checking = check(one.text)
    assert [str(said) for said in checking.diagnostics if said.severity != "info"] == []
    assert checking.document is not None
    assert checking.document.name == name
    assert checking.document.notes.thesis == one.thesis
    assert len(one.title) > 5
    assert len(one.thesis) > 40
    assert len(one.fails_when) > 40


@pytest.mark.parametrize("name", templates())
def test_it_can_be_swept_from_end_to_end(name: str) -> None:
    checking = check(template(name).text)
    assert checking.document is not None
    params = checking.document.params
    assert params
    for param, spec in params.items():
        assert spec.min < spec.max
        assert spec.on_step(spec.max) or spec.max - spec.min > spec.step
        for value in (spec.min, spec.default):
            assert bind(checking, {param: value}).values[param] == value


def test_the_turtles_add_and_one_goes_short() -> None:
    assert bind(check(template("donchian-turtle").text)).limits.max_adds == 3
    both = check(template("breakout-both-ways").text)
    assert both.rules is not None
    assert both.rules.entry_short is not None
    assert bind(check(template("multi-timeframe-trend").text)).frames == ("4h", "1d")


def test_the_simplest_has_the_usual_lengths() -> None:
    values = bind(check(template("sma-cross").text)).values
    assert (values["fast_len"], values["slow_len"]) == (20, 50)


def test_an_unknown_name_is_met_with_the_near_one() -> None:
    with pytest.raises(UsageError, match="sma-cross"):
        template("sma-crss")
