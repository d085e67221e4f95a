"""Values for params become numbers, and the bars that have to pass before they mean something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.strategy.document.bind import BindError, Bound, bind
from polotui.strategy.document.check import check
from polotui.strategy.document.rules import kinds
from tests.strategy.document.samples import SPEC

SWEPT = """\
spec: 1
name: swept
market: {symbols: [BTC_USDT]}
timeframe: 1h
params:
  n: {type: int, default: 20, min: 10, max: 40, step: 5}
  width: {type: float, default: 2, min: 1, max: 3, step: 0.5}
  stop: {type: float, default: 3%, min: 1%, max: 5%, step: 0.5%}
indicators:
  second: {kind: sma, source: band.upper, length: 30}
  band: {kind: bb, length: n, deviation: width}
entry: {long: "crosses_above(close, second) and highest(close, n)[2] > open"}
exit: {long: "close < band.lower"}
stops:
  loss: {kind: percent, value: stop}
  trail: {kind: atr, indicator: band.middle, multiple: width, activate_at: 1%}
sizing: {kind: kelly, win_rate: 55%, payoff: 1.5}
filters: {sessions: ["22:30-02:00"], weekdays: [mon, 2], cooldown_bars: n}
"""


def bound(text: str = SWEPT, **values: float) -> Bound:
    checking = check(text)
    assert checking.ok, checking.diagnostics
    return bind(checking, values)


def test_defaults_are_taken_where_nothing_is_asked_for() -> None:
    got = bound()
    assert got.values == {"n": 20, "width": 2.0, "stop": 0.03}
    assert got.stops.loss.kind == "percent"
    assert got.stops.loss.value == 0.03
    assert got.stops.trail.multiple == 2.0
    assert got.stops.time_bars is None
    assert got.sizing is not None
    assert (got.sizing.fraction, got.sizing.win_rate, got.sizing.payoff) == (0.25, 0.55, 1.5)
    assert got.executor is None
    assert got.hash == check(SWEPT).hash


def test_values_reach_every_place_of_a_param() -> None:
    got = bound(n=40, width=1.5, stop=0.01)
    assert got.indicators["band"].settings == {"length": 40, "deviation": 1.5}
    assert got.stops.loss.value == 0.01
    assert got.stops.trail.multiple == 1.5
    assert got.filters.cooldown_bars == 40


def test_ints_stay_ints_and_floats_floats() -> None:
    got = bound(n=40.0, width=3)
    assert type(got.values["n"]) is int
    assert type(got.values["width"]) is float
    assert type(got.indicators["band"].settings["length"]) is int
    assert type(got.indicators["band"].settings["deviation"]) is float


def test_indicators_come_after_their_sources() -> None:
    assert list(bound().indicators) == ["band", "second"]
    assert bound().indicators["second"].source == "band.upper"


def test_filters_are_minutes_and_days() -> None:
    filters = bound().filters
    assert filters.sessions == ((22 * 60 + 30, 120),)
    assert filters.weekdays == {0, 2}
    assert bound(SPEC).filters.sessions == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"m": 1}, "no param m"),
        ({"n": 45}, "n cannot be 45"),
        ({"n": 5}, "n cannot be 5"),
        ({"n": 12}, "n cannot be 12"),
        ({"n": 20.5}, "has to be whole"),
        ({"n": float("nan")}, "no finite number"),
        ({"width": float("inf")}, "no finite number"),
        ({"stop": 3}, "stop cannot be 3"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(values: dict[str, float], words: str) -> None:
    with pytest.raises(BindError, match=words):
        bound(**values)


@given(st.integers(0, 6), st.integers(0, 4), st.integers(0, 8))
def test_every_step_of_a_sweep_is_taken(n: int, width: int, stop: int) -> None:
    got = bound(n=10 + 5 * n, width=1 + 0.5 * width, stop=0.01 + 0.005 * stop)
    assert got.values["n"] == 10 + 5 * n


def test_a_document_with_errors_is_not_bound() -> None:
    with pytest.raises(BindError, match="has errors"):
        bind(check(SWEPT.replace("kind: bb", "kind: bbb")))


def test_document_and_rules_may_be_given_by_hand() -> None:
    checking = check(SWEPT)
    assert checking.document is not None
    assert checking.rules is not None
    assert bind((checking.document, checking.rules)) == bind(checking)


GRID = """\
spec: 1
name: g
market: {symbols: [BTC_USDT]}
timeframe: 1h
params:
  bottom: {type: int, default: 100, min: 50, max: 300, step: 50}
executor: {kind: grid, lower: bottom, upper: 200, levels: 11, per_level: 10, stop: 40}
"""


def test_an_executor_is_bound_and_its_order_is_kept() -> None:
    got = bound(GRID)
    assert got.executor is not None
    assert got.executor.kind == "grid"
    assert got.sizing is None
    with pytest.raises(BindError, match="not above lower"):
        bound(GRID, bottom=250)


# Warm-up.


def warmup(rule: str, more: str = "", timeframe: str = "1h", indicators: str = "m: {kind: sma, length: 10}") -> int:
    text = f"""\
spec: 1
name: w
market: {{symbols: [BTC_USDT]}}
timeframe: {timeframe}
params: {{k: {{type: int, default: 7, min: 1, max: 9, step: 1}}}}
indicators: {{{indicators}}}
entry: {{long: {rule!r}}}
sizing: {{kind: percent_equity, value: 10%}}
{more}
"""
    checking = check(text)
    assert checking.ok, checking.errors
    return bind(checking).warmup_bars


@pytest.mark.parametrize(
    ("rule", "bars"),
    [
        ("close > 1", 0),
        ("close[26] > 1", 26),
        ("m > 1", 9),
        ("m[5] > 1", 14),
        ("crosses_above(m, close)", 10),
        ("highest(m, 20) > 1", 9 + 19),
        ("change(m, 20) > 1", 9 + 20),
        ("rising(close, k)", 7),
        ("held(rising(m, 3)[4], 5)", 9 + 3 + 4 + 4),
        ("percentile_rank(close, 50) > 1%", 50),
        ("bars_since(m > 1) > 3", 9),
        ("close@4h > 1", 4),
        ("m@4h > 1", 10 * 4),
        ("m@4h[3] > 1", 10 * 4 + 12),
        ("(m@4h)[3] > close", 10 * 4 + 12),
        ("(m@4h + 0)[3] > 1", 10 * 4 + 3),
        ("m@1d > m@4h", 10 * 24),
        ("close > 1 and (m > 1 or close[30] > 1)", 30),
    ],
)
def test_warmup_adds_up_along_the_tree(rule: str, bars: int) -> None:
    assert warmup(rule) == bars


def test_warmup_of_a_source_comes_first() -> None:
    chained = "m: {kind: sma, source: b.upper, length: 10}, b: {kind: bb, length: 20}"
    assert warmup("m > 1", indicators=chained) == 19 + 9


def test_recursive_indicators_have_to_settle() -> None:
    kind = kinds()["ema"]
    assert kind.settle({"length": 10}) > kind.warmup({"length": 10})
    assert warmup("m > 1", indicators="m: {kind: ema, length: 10}") == kind.settle({"length": 10})


def test_the_document_may_ask_for_more_but_not_for_less() -> None:
    assert warmup("m > 1", "warmup: 500") == 500
    assert warmup("m > 1", "warmup: 1") == 9


def test_volume_of_a_day_needs_a_day() -> None:
    assert warmup("close > 1", "filters: {min_quote_volume_24h: 1000}", "15m") == 96


def test_votes_settle_in_their_frame() -> None:
    ema = kinds()["ema"]
    bars = ema.settle({"length": 55})
    assert warmup("close > 1", "confirm: {frames: [1h, 4h], checks: [ema]}") == (bars + 1) * 4


def test_frames_of_rules_and_votes_are_named() -> None:
    assert bound(SPEC).frames == ("4h",)
    assert bound(SPEC).cost > 0
