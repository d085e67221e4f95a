"""How much a Sharpe ratio may be trusted: standard error, probabilistic and deflated form.

All three work on the ratio of one day, S, over n days.

    standard error      √((1 + S²/2) / n)
    probabilistic       Φ( (S − S*) √(n − 1) / √(1 − g₃ S + (g₄ − 1)/4 S²) ): the chance that the true ratio exceeds S*
    deflated            the same with S* = √V ((1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e))),  γ = 0.5772…

g₃ and g₄ are skewness and kurtosis (3 for a normal distribution) of the daily returns. N is how many trials were made
and V the variance of their Sharpe ratios: S* is the best ratio that N trials without any skill would be expected to
show (Bailey and López de Prado, «The Deflated Sharpe Ratio», 2014).

Decided here: ratios are yearly wherever a caller meets them, since that is what screens show, so V is the
variance of yearly ratios and S* becomes a daily one inside. One trial needs no deflation and has no deflated figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

from polotui.metrics.curve import daily_sharpe
from polotui.metrics.daily import Floats
from polotui.metrics.figure import Figure, counted, unknown
from polotui.metrics.rules import ROOT_YEAR

_NORMAL = NormalDist()
_EULER = 0.577215664901532860606512090082402431


def standard_error(returns: Floats, risk_free: float = 0.0) -> Figure:
    """Of the yearly Sharpe ratio: the daily standard error × √365, to stand behind the ratio as ±."""
    daily = daily_sharpe(returns, risk_free)
    if daily.value is None:
        return daily
    return counted(math.sqrt((1.0 + daily.value**2 / 2.0) / len(returns)) * ROOT_YEAR)


def probabilistic_sharpe(returns: Floats, risk_free: float = 0.0, benchmark: float = 0.0) -> Figure:
    """The probability that the true ratio is above `benchmark`, a yearly ratio."""
    daily = daily_sharpe(returns, risk_free)
    if daily.value is None:
        return daily
    skewness, kurtosis = _shape(returns)
    return probability_above(benchmark / ROOT_YEAR, daily.value, len(returns), skewness, kurtosis)


def probability_above(benchmark: float, ratio: float, days: int, skewness: float, kurtosis: float) -> Figure:
    """The formula itself. Both ratios are daily; the kurtosis of a normal distribution is 3."""
    spread = 1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2
    if spread <= 0:
        return unknown("the daily returns are too lopsided for the test")
    return counted(_NORMAL.cdf((ratio - benchmark) * math.sqrt(days - 1) / math.sqrt(spread)))


def luck(trials: int, trial_sharpe_variance: float) -> float:
    """The best yearly Sharpe ratio that `trials` without skill would be expected to show."""
    best = (1.0 - _EULER) * _NORMAL.inv_cdf(1.0 - 1.0 / trials) + _EULER * _NORMAL.inv_cdf(
        1.0 - 1.0 / (trials * math.e)
    )
    return math.sqrt(trial_sharpe_variance) * best


def deflated_sharpe(
    returns: Floats, risk_free: float = 0.0, *, trials: int, trial_sharpe_variance: float | None
) -> Figure:
    """The probability that the true ratio is above what luck alone gives the best of `trials`."""
    if trials < 2:
        return unknown("only one trial: nothing to deflate")
    if trial_sharpe_variance is None:
        return unknown("the variance of the trials' Sharpe ratios is not known")
    return probabilistic_sharpe(returns, risk_free, luck(trials, trial_sharpe_variance))


def trial_variance(ratios: Iterable[float | None]) -> float | None:
    """The variance (n − 1) of the trials' yearly Sharpe ratios; None with fewer than two that have one."""
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < 2:
        return None
    mean = math.fsum(known) / len(known)
    return math.fsum((ratio - mean) ** 2 for ratio in known) / (len(known) - 1)


def _shape(returns: Floats) -> tuple[float, float]:
    """Skewness and kurtosis, both of the sample as it is (division by n)."""
    away = returns - returns.sum() / len(returns)
    square = away * away
    variance = float(square.mean())
    return float((square * away).mean()) / variance**1.5, float((square * square).mean()) / variance**2
