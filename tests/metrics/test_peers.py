"""The figures of the curve against two libraries, on hundreds of random curves, where the definitions are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from polotui.metrics import curve, drawdown, significance
from polotui.metrics.figure import Figure
from tests.metrics.samples import random_returns

empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded comes with the peers extra")
stats = pytest.importorskip("quantstats.stats", reason="quantstats comes with the peers extra")
pd = pytest.importorskip("pandas", reason="pandas comes with quantstats")

pytestmark = pytest.mark.peer

CURVES = 300
SECOND_OPINIONS = 120
YEARLY = 0.04
DAILY = 1.04 ** (1 / 365) - 1


def same(own: Figure, theirs: float) -> None:
    assert own.value is not None, own.reason
    assert own.value == pytest.approx(float(theirs), rel=1e-9, abs=1e-12)


def dated(returns: np.ndarray) -> Any:
    return pd.Series(returns, index=pd.date_range("2023-01-01", periods=len(returns), freq="D"))


def test_empyrical_agrees_on_hundreds_of_curves() -> None:
    for seed in range(CURVES):
        returns = random_returns(seed)
        wealth = np.cumprod(1 + returns)
        growth = curve.cagr(wealth[-1], 1.0, len(returns))
        depth = drawdown.max_drawdown(wealth, 1.0)
        same(curve.total_return(wealth[-1], 1.0), empyrical.cum_returns_final(returns))
        same(growth, empyrical.annual_return(returns, annualization=365))
        same(curve.volatility(returns), empyrical.annual_volatility(returns, annualization=365))
        same(curve.sharpe(returns), empyrical.sharpe_ratio(returns, annualization=365))
        same(curve.sharpe(returns, YEARLY), empyrical.sharpe_ratio(returns, risk_free=DAILY, annualization=365))
        same(curve.sortino(returns), empyrical.sortino_ratio(returns, annualization=365))
        same(
            curve.sortino(returns, YEARLY),
            empyrical.sortino_ratio(returns, required_return=DAILY, annualization=365),
        )
        same(depth, empyrical.max_drawdown(returns))
        same(drawdown.calmar(growth, depth), empyrical.calmar_ratio(returns, annualization=365))
        same(curve.value_at_risk(returns), -empyrical.value_at_risk(returns, cutoff=0.05))


def test_empyrical_agrees_on_the_mean_of_the_tail_where_no_returns_are_equal() -> None:
    """It takes a fixed number of the lowest; ours takes all up to the percentile, which differs only with ties."""
    seen = 0
    for seed in range(CURVES):
        returns = random_returns(seed)
        if len(np.unique(returns)) == len(returns):
            seen += 1
            same(curve.conditional_value_at_risk(returns), -empyrical.conditional_value_at_risk(returns, cutoff=0.05))
    assert seen > CURVES / 4


def test_quantstats_agrees_on_a_hundred_curves() -> None:
    for seed in range(1000, 1000 + SECOND_OPINIONS):
        returns = random_returns(seed)
        theirs = dated(returns)
        wealth = np.cumprod(1 + returns)
        growth = curve.cagr(wealth[-1], 1.0, len(returns))
        depth = drawdown.max_drawdown(wealth, 1.0)
        same(curve.sharpe(returns), stats.sharpe(theirs, periods=365))
        same(curve.sortino(returns), stats.sortino(theirs, periods=365))
        same(curve.volatility(returns), stats.volatility(theirs, periods=365))
        same(growth, stats.cagr(theirs, periods=365))
        same(depth, stats.max_drawdown(theirs))
        same(drawdown.calmar(growth, depth), stats.calmar(theirs, periods=365))


def test_quantstats_agrees_on_the_ulcer_index_but_for_its_divisor() -> None:
    for seed in range(2000, 2000 + SECOND_OPINIONS):
        returns = random_returns(seed)
        count = len(returns)
        own = drawdown.ulcer_index(np.cumprod(1 + returns), 1.0)
        assert own.value is not None
        # Theirs measures from the first value, not from the capital before it: compared where the start is no peak.
        if returns[0] > 0:
            same(Figure(own.value * (count / (count - 1)) ** 0.5), stats.ulcer_index(dated(returns)))


def test_quantstats_agrees_on_the_probabilistic_ratio_from_its_own_moments() -> None:
    """Its moments are pandas' bias-corrected ones; the formula around them is the same."""
    for seed in range(3000, 3020):
        returns = random_returns(seed)
        own = significance.probabilistic_sharpe(returns)
        assert own.value == pytest.approx(float(stats.probabilistic_sharpe_ratio(dated(returns))), abs=0.02)
