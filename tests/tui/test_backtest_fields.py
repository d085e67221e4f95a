"""Pure parts of screen 4: dates, numbers, axes, curves, histograms, widths."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.api.lab_values import Bin, CurvePoint, MonthReturn, ParamField, RunSpec
from polotui.model.candles import DAY_MS
from polotui.tui.widgets.backtest.compare_view import on_the_point, returns_at
from polotui.tui.widgets.backtest.distribution import merged
from polotui.tui.widgets.backtest.form_fields import RunFields, Wrong, date_ms, number, span_ms, symbols_of
from polotui.tui.widgets.backtest.job_list import left_words
from polotui.tui.widgets.backtest.months_map import cell, heat_tone, year_total
from polotui.tui.widgets.backtest.result_curve import buckets, hanging, stretched
from polotui.tui.widgets.backtest.sweep_fields import SweepFields, axis_of, count_of
from tests.tui.fake_backtests import strategy_detail
from tests.tui.fake_engine import NOW

HOUR = 3_600_000


def test_dates_are_utc_days_and_last_n_days_end_at_the_hour():
    assert date_ms("2026-11-21") == 1_795_219_200_000
    assert span_ms("last 365 days", "now", NOW) == (0, 0)
    start, end = span_ms("last 30 days", "", NOW)
    assert end == NOW - NOW % HOUR
    assert end - start == 30 * DAY_MS
    assert span_ms("90d", "2026-11-21", NOW) == (date_ms("2026-11-21") - 90 * DAY_MS, date_ms("2026-11-21"))


@pytest.mark.parametrize("text", ["2026-13-01", "21.11.2026", "yesterday", "", "2026-02-30"])
def test_other_dates_are_refused(text):
    with pytest.raises(Wrong, match="YYYY-MM-DD"):
        date_ms(text)


@pytest.mark.parametrize(("text", "value"), [("10,000", 10_000.0), (" 0.2 ", 0.2), ("−5", -5.0), ("1e3", 1000.0)])
def test_numbers_as_people_write_them(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1.2.3", "0,1", "1,00", "10,00"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(Wrong):
        number(text)


def test_symbols_are_plain_and_stand_once():
    assert symbols_of("btc_usdt  ETH_USDT,sol_usdt") == ["BTC_USDT", "ETH_USDT", "SOL_USDT"]
    for text in ("BTC", "BTC_USDT BTC_USDT", "BTC_USD\u0422"):
        with pytest.raises(Wrong):
            symbols_of(text)


def fields(**texts):
    made = RunFields(known=frozenset({"BTC_USDT", "ETH_USDT"}))
    made.take(strategy_detail("ema-pullback"))
    for name, text in texts.items():
        made.put(name, text)
    return made


def test_the_form_as_it_stands_is_the_documents_own_run():
    spec = fields().spec(NOW)
    assert spec == RunSpec(strategy="ema-pullback", version=4)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("symbols", "DOGE_USDT", "not traded here"),
        ("from", "2027-01-01", "in the future"),
        ("from", "last 0 days", "at least 1 day"),
        ("to", "2020-01-01", "not after the first day"),
        ("to", "soon", "or now"),
        ("capital", "0", "at least 1"),
        ("maker", "11", "at most 10"),
        ("p.fast_len", "7.5", "a whole number"),
        ("p.fast_len", "4", "at least 5"),
        ("p.stop_pct", "0.2", "at most 0.1"),
    ],
)
def test_each_fault_stands_at_its_field_and_stops_the_run(name, text, words):
    made = fields(**({"from": "2026-01-01"} if name == "to" else {}))
    made.put(name, text)
    assert words in made.fault(name, NOW)
    assert list(made.faults(NOW)) == [name]
    assert made.spec(NOW) is None


def test_what_was_typed_back_to_the_default_is_no_change():
    made = fields()
    made.put("capital", "5")
    made.put("capital", "10,000")
    assert made.texts == {}


def test_another_document_drops_the_old_ones_own_fields_and_keeps_the_costs():
    made = fields(maker="0.1", symbols="ETH_USDT")
    made.put("p.fast_len", "30")
    made.take(strategy_detail("donchian-20"))
    assert made.texts == {"maker": "0.1"}
    spec = made.spec(NOW)
    assert spec is not None
    assert spec.costs.maker_fee == 0.001
    assert spec.symbols == []


PARAM = ParamField(name="n", whole=True, default=20, least=5, most=50, step=5)


def test_axes_are_two_ends_and_a_step():
    axis = axis_of(PARAM, "5 … 50 step 5")
    assert axis is not None
    assert (axis.least, axis.most, axis.step, count_of(axis)) == (5, 50, 5, 10)
    same = axis_of(PARAM, "10-30/10")
    assert same is not None
    assert (same.least, same.most, same.step) == (10, 30, 10)
    assert axis_of(PARAM, "fixed") is None
    below = axis_of(ParamField(name="x", whole=False, default=0.0), "-0.5 0.5")
    assert below is not None
    assert (below.least, below.most, below.step) == (-0.5, 0.5, 0.1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5", "two ends"),
        ("50 5 5", "above the first"),
        ("1 50 5", "at least 5"),
        ("5 60 5", "at most 50"),
        ("5 50 0", "above zero"),
        ("5 50 2.5", "whole"),
    ],
)
def test_faults_of_an_axis(text, words):
    with pytest.raises(Wrong, match=words):
        axis_of(PARAM, text)


def test_a_sweep_searches_its_axes_and_fixes_the_rest():
    made = SweepFields()
    made.take(strategy_detail("ema-pullback").checked.params)
    made.put("a.slow_len", "fixed")
    spec = made.spec(RunSpec(strategy="ema-pullback", params={"fast_len": 30, "stop_pct": 0.03}))
    assert spec is not None
    assert [axis.name for axis in spec.axes] == ["fast_len"]
    assert spec.run.params == {"stop_pct": 0.03}
    made.put("a.fast_len", "fixed")
    assert made.spec(RunSpec(strategy="ema-pullback")) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-0.9, 0.0), min_size=1, max_size=400), st.integers(1, 120))
def test_buckets_keep_the_last_equity_and_the_deepest_drawdown(falls, columns):
    curve = [CurvePoint(index, 100.0 + index, 100.0, fall) for index, fall in enumerate(falls)]
    made = stretched(buckets(curve, columns), columns)
    assert len(made) == columns
    assert made[-1].equity == curve[-1].equity
    assert min(point.drawdown for point in made) == min(falls)


def test_drawdowns_hang_as_deep_as_they_are():
    lines = hanging([0.0, -0.05, -0.1, -0.0001], -0.1, 2)
    assert [line[0] for line in lines] == [" ", " "]
    assert [line[1] for line in lines] == ["⣿", " "]
    assert [line[2] for line in lines] == ["⣿", "⣿"]
    assert [line[3] for line in lines] == [" ", " "]


def test_returns_are_read_at_common_times():
    curve = [CurvePoint(10, 100.0, 0.0, 0.0), CurvePoint(20, 110.0, 0.0, 0.0), CurvePoint(30, 99.0, 0.0, 0.0)]
    assert returns_at(curve, [0, 10, 19, 20, 30, 31]) == [
        None,
        0.0,
        0.0,
        pytest.approx(0.1),
        pytest.approx(-0.01),
        None,
    ]


def test_bins_are_joined_but_never_across_zero():
    bins = [Bin(low / 100, (low + 1) / 100, 1) for low in range(-5, 6)]
    made = merged(bins, 4)
    assert sum(item.count for item in made) == 11
    assert not any(item.low < 0 < item.high for item in made)
    assert made[0].low == bins[0].low
    assert made[-1].high == bins[-1].high


def test_months_are_compounded_and_coloured_by_strength():
    months = [MonthReturn(2026, 1, 0.1), MonthReturn(2026, 2, -0.1)]
    assert year_total(months) == pytest.approx(-0.01)
    assert heat_tone(0.1, 0.1) == "gain3"
    assert heat_tone(-0.01, 0.1) == "loss1"
    assert heat_tone(0.0, 0.1) == "muted"
    assert cell(0.123, 0.2, 7)[0] == " +12.3 "
    assert cell(0.123, 0.2, 5)[0] == " +12 "
    assert cell(-0.00001, 0.2, 7)[0].strip() == "0.0"
    assert cell(None, 0.2, 5) == ("     ", "")


def test_figures_of_a_column_stand_on_their_decimal_point():
    assert on_the_point(["+18.42 %", "1.12", "212", "–"]) == ["+18.42 %", "1.12  ", "212     ", "–     "]


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (7.2, "0:07 left"), (75, "1:15 left"), (3750, "1:02:30 left")]
)
def test_remaining_time(seconds, words):
    assert left_words(seconds) == words
