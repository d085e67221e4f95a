"""Standard error, probabilistic and deflated Sharpe: the paper's example, by hand, undefined."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.metrics import curve, significance
from tests.metrics.samples import UNTIMED, random_returns


def test_the_example_of_the_paper() -> None:
    """Yearly ratio 2.5 over 1,250 days of years of 250, 100 trials with variance ½, skewness −3, kurtosis 10.

    Bailey and López de Prado print S* = 0.1132 a day and a deflated ratio of 0.9004.
    """
    best = significance.luck(100, 0.5) / math.sqrt(250)
    assert best == pytest.approx(0.1132, abs=5e-5)
    deflated = significance.probability_above(best, 2.5 / math.sqrt(250), 1250, -3.0, 10.0)
    assert deflated.value == pytest.approx(0.9004, abs=5e-5)


def test_the_standard_error_by_hand() -> None:
    returns = random_returns(1)
    daily = returns.mean() / returns.std(ddof=1)
    expected = math.sqrt((1 + daily**2 / 2) / len(returns)) * math.sqrt(365)
    assert significance.standard_error(returns).value == pytest.approx(expected)


def test_the_probability_by_hand() -> None:
    # Two values in turn: skewness 0 and kurtosis 1, so the spread under the root is 1.
    returns = np.tile([0.03, -0.02], 50)
    daily = 0.005 / math.sqrt(100 * 0.025**2 / 99)
    expected = NormalDist().cdf(daily * math.sqrt(99))
    assert significance.probabilistic_sharpe(returns).value == pytest.approx(expected)
    own = curve.sharpe(returns).value
    assert own is not None
    assert significance.probabilistic_sharpe(returns, benchmark=own).value == pytest.approx(0.5)


def test_the_shape_of_the_returns_by_hand() -> None:
    # One day in four (p) gains 4 %, the others lose 1 %: mean 0.25 %, skewness (1 − 2p) / √(p(1 − p)), kurtosis
    # 1 / (p(1 − p)) − 3.
    returns = np.tile([0.04, -0.01, -0.01, -0.01], 25)
    daily = 0.0025 / math.sqrt(100 / 99 * (0.25 * 0.0375**2 + 0.75 * 0.0125**2))
    under = 1 - 0.5 / math.sqrt(3 / 16) * daily + (16 / 3 - 3 - 1) / 4 * daily**2
    expected = NormalDist().cdf(daily * math.sqrt(99) / math.sqrt(under))
    assert significance.probabilistic_sharpe(returns).value == pytest.approx(expected, rel=1e-12)


def test_what_the_ratio_lacks_its_doubts_lack() -> None:
    short = np.tile([0.03, -0.01], 10)
    for figure in (
        significance.standard_error(short),
        significance.probabilistic_sharpe(short),
        significance.deflated_sharpe(short, trials=5, trial_sharpe_variance=1.0),
    ):
        assert figure.reason == "too short: needs 60 days, has 20"


def test_nothing_is_deflated_without_trials_or_their_variance() -> None:
    returns = random_returns(2)
    assert "only one trial" in significance.deflated_sharpe(returns, trials=1, trial_sharpe_variance=1.0).reason
    assert "variance" in significance.deflated_sharpe(returns, trials=9, trial_sharpe_variance=None).reason


def test_lopsided_returns_are_not_tested() -> None:
    assert "lopsided" in significance.probability_above(0.0, 1.0, 100, 9.0, 3.0).reason


@UNTIMED
@given(st.integers(0, 10_000), st.integers(2, 5_000), st.floats(0.01, 4.0))
def test_more_trials_leave_less_of_a_ratio(seed: int, trials: int, variance: float) -> None:
    returns = random_returns(seed)
    plain = significance.probabilistic_sharpe(returns).value
    few = significance.deflated_sharpe(returns, trials=trials, trial_sharpe_variance=variance).value
    many = significance.deflated_sharpe(returns, trials=trials * 3, trial_sharpe_variance=variance).value
    assert plain is not None
    assert few is not None
    assert many is not None
    assert 0.0 <= many <= few <= plain <= 1.0


def test_the_best_of_many_is_what_luck_says() -> None:
    """Drawn, not derived: the mean of the best of 50 normal draws with variance 0.25."""
    draws = np.random.default_rng(1).normal(0, 0.5, (20_000, 50)).max(axis=1).mean()
    assert significance.luck(50, 0.25) == pytest.approx(draws, rel=0.02)


def test_the_variance_of_trials_leaves_out_those_without_a_ratio() -> None:
    # (1, 2, 3): mean 2, squares 1 + 0 + 1 over 2.
    assert significance.trial_variance([1.0, None, 2.0, 3.0]) == pytest.approx(1.0)
    assert significance.trial_variance([1.0, None]) is None
