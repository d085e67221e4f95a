"""All figures at once, and the light form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.metrics import curve as c
from polotui.metrics import drawdown, significance
from polotui.metrics.daily import daily_returns
from polotui.metrics.figure import Figure, unknown
from polotui.metrics.summary import CurveInput, headline, summarise
from polotui.metrics.trades import no_trades
from tests.metrics.samples import HOUR, UNTIMED, hours, random_equity, random_returns, trades

PNL = [100.0, -50.0, 25.0]


def curve(seed: int = 3, bars: int = 24 * 200, start: float = 10_000.0) -> CurveInput:
    return CurveInput(hours(bars), HOUR, random_equity(seed, bars, start), start)


def test_a_year_of_bars_gives_every_figure() -> None:
    own = curve(bars=24 * 365)
    notional = np.where(np.arange(24 * 365) % 4 == 0, own.equity / 2, 0.0)
    found = summarise(
        CurveInput(own.open_ms, HOUR, own.equity, own.start_capital, notional),
        trades(PNL * 20, r=[2.0, -1.0, 0.5] * 20, symbols=[0, 1, 0] * 20),
        trials=20,
        trial_sharpe_variance=0.3,
        hold=curve(4, bars=24 * 365),
    )
    missing = {name: figure.reason for name, figure in found.figures.items() if not figure.known}
    assert not missing
    assert found.figures["time_in_market"].value == pytest.approx(0.25)
    assert found.figures["mean_exposure"].value == pytest.approx(0.125)
    assert found.figures["days"].value == 365
    assert [row.days for row in found.months] == [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 30]
    assert sum(row.count for row in found.distribution) == 60
    assert list(found.breakdowns) == ["hour", "weekday", "reason", "symbol"]
    assert found.drawdown is not None
    assert found.drawdown.depth == found.figures["max_drawdown"].value


def test_each_name_holds_its_own_figure() -> None:
    own, rate = curve(5), 0.03
    figures = summarise(own, no_trades(), risk_free=rate, trials=9, trial_sharpe_variance=0.2).figures
    returns, (_, daily) = own.returns, own.daily
    expected = {
        "volatility": c.volatility(returns),
        "sharpe": c.sharpe(returns, rate),
        "sharpe_error": significance.standard_error(returns, rate),
        "sharpe_probability": significance.probabilistic_sharpe(returns, rate),
        "sharpe_deflated": significance.deflated_sharpe(returns, rate, trials=9, trial_sharpe_variance=0.2),
        "sortino": c.sortino(returns, rate),
        "max_drawdown": drawdown.max_drawdown(own.equity, 10_000.0),
        "max_drawdown_daily": drawdown.max_drawdown(daily, 10_000.0),
        "ulcer_index": drawdown.ulcer_index(daily, 10_000.0),
        "var_95": c.value_at_risk(returns),
        "cvar_95": c.conditional_value_at_risk(returns),
    }
    assert len({figure.value for figure in expected.values()}) == len(expected)
    assert {name: figures[name] for name in expected} == expected


def test_the_market_beside_it() -> None:
    own = CurveInput(hours(2), HOUR, np.array([100.0, 110.0]), 100.0)
    hold = CurveInput(hours(2), HOUR, np.array([90.0, 104.0]), 100.0)
    figures = summarise(own, no_trades(), hold=hold).figures
    assert figures["hold_return"].value == pytest.approx(0.04)
    assert figures["return_over_hold"].value == pytest.approx(0.1 - 0.04)
    assert figures["hold_max_drawdown"].value == pytest.approx(-0.1)
    assert figures["hold_sharpe"].reason == "too short: needs 60 days, has 1"
    assert summarise(own, no_trades()).figures["return_over_hold"] == unknown("not compared with holding")


def test_a_short_flat_run_says_what_it_lacks() -> None:
    found = summarise(CurveInput(hours(30), HOUR, np.full(30, 100.0), 100.0), no_trades())
    shown = {name: found.figures[name] for name in ("total_return", "max_drawdown", "volatility", "ulcer_index")}
    assert set(shown.values()) == {Figure(0.0)}
    reasons = {name: found.figures[name].reason for name in ("cagr", "sharpe", "var_95", "max_drawdown_days")}
    assert reasons == {
        "cagr": "needs 90 days, has 1",
        "sharpe": "too short: needs 60 days, has 2",
        "var_95": "needs 100 days, has 2",
        "max_drawdown_days": "no drawdown",
    }
    assert found.drawdown is None
    assert found.figures["mean_exposure"].reason == "exposure was not recorded"


def test_the_days_of_growth_are_fractional() -> None:
    own = curve(bars=24 * 100 + 12)
    assert own.elapsed_days == 100.5
    growth = summarise(own, no_trades()).figures["cagr"].value
    assert growth == pytest.approx((own.equity[-1] / 10_000) ** (365 / 100.5) - 1)


def test_a_ruined_run_has_a_return_and_a_drawdown_but_no_ratios() -> None:
    equity = np.append(np.linspace(100, 50, 24 * 150), np.full(48, -10.0))
    figures = summarise(CurveInput(hours(len(equity)), HOUR, equity, 100.0), no_trades()).figures
    assert figures["total_return"].value == pytest.approx(-1.1)
    assert figures["max_drawdown"].value == pytest.approx(-1.1)
    assert "below zero" in figures["cagr"].reason
    for name in ("sharpe", "sharpe_error", "sharpe_probability", "sortino", "volatility", "var_95", "cvar_95"):
        assert figures[name] == unknown(c.RUINED)


@UNTIMED
@given(st.integers(0, 10_000))
def test_the_headline_says_the_same_as_the_summary(seed: int) -> None:
    own = curve(seed)
    closed = trades(PNL)
    whole = summarise(own, closed).figures
    light = headline(own.returns, closed, max_drawdown=whole["max_drawdown"])
    for name, figure in light.items():
        assert figure.reason == whole[name].reason
        assert figure.value == pytest.approx(whole[name].value, rel=1e-9, abs=1e-12), name


def test_a_headline_without_bars_does_not_pass_daily_drawdown_for_theirs() -> None:
    found = headline(random_returns(1), no_trades())
    assert found["max_drawdown"] == unknown("only daily values are kept")
    assert found["max_drawdown_daily"].known


def test_a_ruined_headline() -> None:
    found = headline(daily_returns(np.array([50.0, 0.0, 0.0]), 100.0), no_trades())
    for name in ("total_return", "cagr", "max_drawdown_daily", "calmar", "volatility"):
        assert found[name] == unknown(c.RUINED)


def test_a_headline_needs_a_day() -> None:
    with pytest.raises(ValueError, match="one day"):
        headline(np.empty(0), no_trades())


@UNTIMED
@given(st.integers(0, 10_000), st.sampled_from([0.25, 4.0, 1000.0]))
def test_the_capital_s_unit_does_not_matter(seed: int, scale: float) -> None:
    own = curve(seed, bars=24 * 120)
    other = CurveInput(own.open_ms, HOUR, own.equity * scale, own.start_capital * scale)
    one, two = summarise(own, no_trades()).figures, summarise(other, no_trades()).figures
    for name, figure in one.items():
        assert (figure.value is None) == (two[name].value is None)
        assert figure.value == pytest.approx(two[name].value, rel=1e-9, abs=1e-12), name


def test_no_figure_is_nan_whatever_the_curve() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        bars = int(rng.integers(1, 24 * 130))
        equity = rng.normal(50, rng.choice([0.0, 10.0, 60.0]), bars)
        found = summarise(CurveInput(hours(bars), HOUR, equity, 100.0, equity), no_trades()).figures
        assert all(figure.value is None or math.isfinite(figure.value) for figure in found.values())
