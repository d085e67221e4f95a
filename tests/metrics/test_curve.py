"""Figures of the curve: by hand, undefined, and what must not change them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.metrics import curve, drawdown
from polotui.metrics.daily import DAY_MS, daily_returns
from polotui.metrics.figure import unknown
from tests.metrics.samples import START, UNTIMED, random_returns

SEEDS = st.integers(0, 10_000)


def alternating(days: int = 60) -> np.ndarray:
    """+3 % and −1 % in turn: the mean is 1 %, each day 2 % away from it."""
    return np.tile([0.03, -0.01], days // 2)


def test_by_hand() -> None:
    returns = alternating()
    spread = math.sqrt(60 * 0.02**2 / 59)
    assert curve.volatility(returns).value == pytest.approx(spread * math.sqrt(365))
    assert curve.sharpe(returns).value == pytest.approx(0.01 / spread * math.sqrt(365))
    # Half of the days lose 1 %: √(30 × 0.01² / 60).
    assert curve.sortino(returns).value == pytest.approx(0.01 / math.sqrt(0.5 * 0.01**2) * math.sqrt(365))
    # 100 → 121 in half a year of 182.5 days is two such halves: 1.21² − 1.
    assert curve.cagr(121.0, 100.0, 182.5).value == pytest.approx(0.4641)
    assert curve.total_return(121.0, 100.0).value == pytest.approx(0.21)


def test_the_risk_free_rate_is_yearly_and_compounds() -> None:
    assert curve.daily_rate(0.05) == pytest.approx(1.05 ** (1 / 365) - 1)
    assert (1 + curve.daily_rate(0.05)) ** 365 == pytest.approx(1.05)
    assert curve.daily_rate(0.0) == 0.0
    spread = math.sqrt(60 * 0.02**2 / 59)
    expected = (0.01 - (1.1 ** (1 / 365) - 1)) / spread * math.sqrt(365)
    assert curve.sharpe(alternating(), 0.1).value == pytest.approx(expected)


def test_the_tail_by_hand() -> None:
    returns = np.arange(101) / 1000 - 0.05  # −5.0 % … +5.0 %; the 5th percentile is the sixth lowest, −4.5 %.
    assert curve.value_at_risk(returns).value == pytest.approx(0.045)
    assert curve.conditional_value_at_risk(returns).value == pytest.approx((50 + 49 + 48 + 47 + 46 + 45) / 6 / 1000)


def test_a_tail_that_gains_is_a_negative_loss() -> None:
    assert curve.value_at_risk(np.full(100, 0.01)).value == pytest.approx(-0.01)


@pytest.mark.parametrize("days", [1, 59])
def test_ratios_are_too_short_below_sixty_days(days: int) -> None:
    reason = unknown(f"too short: needs 60 days, has {days}")
    returns = alternating()[:days]
    assert curve.sharpe(returns) == curve.sortino(returns) == reason
    assert curve.sharpe(alternating(60)).known


def test_each_figure_waits_for_its_days() -> None:
    assert curve.volatility(np.array([0.1])).reason == "needs 2 days, has 1"
    assert curve.cagr(2.0, 1.0, 89.99).reason == "needs 90 days, has 89"
    assert curve.cagr(2.0, 1.0, 90.0).known
    assert curve.value_at_risk(alternating(98)).reason == "needs 100 days, has 98"
    assert curve.conditional_value_at_risk(alternating(98)).reason == "needs 100 days, has 98"
    assert curve.value_at_risk(alternating(100)).known


@pytest.mark.parametrize("rate", [0.0, 0.01, -0.003])
def test_returns_that_do_not_vary_have_no_sharpe(rate: float) -> None:
    # Divided values, as a curve gives them: they vary by rounding.
    returns = daily_returns(10_000 * np.cumprod(np.full(300, 1 + rate)), 10_000.0)
    assert curve.sharpe(returns) == unknown(curve.NO_SPREAD)


def test_without_a_losing_day_there_is_no_sortino() -> None:
    assert curve.sortino(np.tile([0.0, 0.01], 40)) == unknown(curve.NO_LOSS_DAY)


def test_after_a_ruin_figures_of_daily_returns_are_unknown() -> None:
    returns = daily_returns(np.append(np.full(120, 90.0), [0.0, 10.0]), 100.0)
    for figure in (
        *(curve.volatility(returns), curve.sharpe(returns), curve.sortino(returns)),
        *(curve.value_at_risk(returns), curve.conditional_value_at_risk(returns)),
    ):
        assert figure == unknown(curve.RUINED)


def test_growth_to_nothing_is_minus_one_and_below_nothing_is_none() -> None:
    assert curve.cagr(0.0, 100.0, 365.0).value == -1.0
    assert "below zero" in curve.cagr(-5.0, 100.0, 365.0).reason
    assert curve.cagr(1e300, 1e-8, 90.0).reason == "too large to say"
    assert curve.total_return(-20.0, 100.0).value == pytest.approx(-1.2)


def test_months_by_hand() -> None:
    day = START // DAY_MS + 29  # 2024-01-30, of a leap year.
    days = np.arange(day, day + 33, dtype=np.int64)  # until 2024-03-02
    values = np.concatenate([[101.0, 102.0], np.linspace(103.0, 96.9, 29), [100.0, 106.59]])
    table = curve.monthly_returns(days, values, 100.0)
    assert [(row.year, row.month, row.days) for row in table] == [(2024, 1, 2), (2024, 2, 29), (2024, 3, 2)]
    # 102/100 − 1, 96.9/102 − 1, 106.59/96.9 − 1.
    assert [row.figure.value for row in table] == pytest.approx([0.02, -0.05, 0.1])


def test_months_cross_the_year_and_end_with_the_ruin() -> None:
    days = np.array([-1, 0], dtype=np.int64)  # 1969-12-31 and 1970-01-01
    first, second = curve.monthly_returns(days, np.array([0.0, 5.0]), 100.0)
    assert (first.year, first.month, first.figure.value) == (1969, 12, -1.0)
    assert (second.year, second.month, second.figure.value) == (1970, 1, None)


@UNTIMED
@given(SEEDS)
def test_months_compound_to_the_total(seed: int) -> None:
    values = np.cumprod(1 + random_returns(seed))
    table = curve.monthly_returns(np.arange(len(values)), values, 1.0)
    product = math.prod(1 + row.figure.value for row in table if row.figure.value is not None)
    assert product == pytest.approx(values[-1])
    assert sum(row.days for row in table) == len(values)


def test_exposure_by_hand() -> None:
    notional = np.array([0.0, 50.0, -100.0, 0.0])
    equity = np.array([100.0, 100.0, 80.0, 80.0])
    assert curve.time_in_market(notional).value == 0.5
    # (0 + 0.5 + 1.25 + 0) / 4.
    assert curve.mean_exposure(notional, equity).value == pytest.approx(0.4375)
    assert not curve.mean_exposure(notional, np.array([1.0, 1.0, 0.0, 1.0])).known
    assert not curve.time_in_market(np.empty(0)).known
    assert not curve.mean_exposure(np.empty(0), np.empty(0)).known


@UNTIMED
@given(SEEDS, st.floats(0.01, 1e6))
def test_the_size_of_the_capital_does_not_matter(seed: int, scale: float) -> None:
    values = np.cumprod(1 + random_returns(seed))
    small, large = daily_returns(values, 1.0), daily_returns(values * scale, scale)
    for figure in (curve.volatility, curve.sharpe, curve.sortino, curve.value_at_risk):
        assert figure(small).value == pytest.approx(figure(large).value, rel=1e-9, abs=1e-12)
    assert drawdown.max_drawdown(values * scale, scale).value == pytest.approx(
        drawdown.max_drawdown(values, 1.0).value, rel=1e-9
    )


@UNTIMED
@given(SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_days_does_not_matter_to_ratios(seed: int, chance: object) -> None:
    returns = random_returns(seed)
    other = returns.tolist()
    chance.shuffle(other)  # type: ignore[attr-defined]
    for figure in (curve.volatility, curve.sharpe, curve.sortino, curve.value_at_risk, curve.conditional_value_at_risk):
        assert figure(np.array(other)).value == pytest.approx(figure(returns).value, rel=1e-9, abs=1e-12)


@UNTIMED
@given(SEEDS)
def test_the_mean_of_the_tail_is_not_below_its_edge(seed: int) -> None:
    returns = random_returns(seed)
    edge, mean = curve.value_at_risk(returns).value, curve.conditional_value_at_risk(returns).value
    assert edge is not None
    assert mean is not None
    assert mean >= edge - 1e-12
