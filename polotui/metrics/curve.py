"""Figures of the equity curve: return, volatility, the ratios over it, the tail, months, exposure.

Decided here:

* A year has 365 days and ratios come from daily simple returns. Volatility divides by n − 1, the downside of Sortino by
  all days. A risk-free rate is given for a year and becomes a day's by compounding.
* Ratios are «too short» under 60 days, a yearly growth under 90 days, a tail under 100 days: a number would be there,
  but it would say nothing.
* Returns that do not vary have no Sharpe. Their spread is then rounding alone, hence a bound instead of zero.

Drawdowns are in `drawdown`, the doubt about a Sharpe ratio in `significance`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from polotui.metrics.daily import Floats, Longs
from polotui.metrics.figure import Figure, counted, needs, unknown
from polotui.metrics.rules import (
    LEAST_DAYS_GROWTH,
    LEAST_DAYS_RATIO,
    LEAST_DAYS_TAIL,
    ROOT_YEAR,
    ROUNDING,
    TAIL,
    YEAR_DAYS,
)

RUINED = "equity fell to zero: there are no daily returns after it"
NO_SPREAD = "the daily returns do not vary"
NO_LOSS_DAY = "no day below the risk-free rate"


def total_return(end: float, start_capital: float) -> Figure:
    """End over start − 1."""
    return counted(end / start_capital - 1.0)


def daily_rate(yearly: float) -> float:
    """A yearly rate as a day's, by compounding."""
    return (1.0 + yearly) ** (1.0 / YEAR_DAYS) - 1.0 if yearly else 0.0


def volatility(returns: Floats) -> Figure:
    """Standard deviation (n − 1) of the daily returns × √365."""
    if len(returns) < 2:
        return needs(2, len(returns), "days")
    spread = _spread(returns)
    return unknown(RUINED) if math.isnan(spread) else counted(spread * ROOT_YEAR)


def sharpe(returns: Floats, risk_free: float = 0.0) -> Figure:
    """(mean − risk-free) / standard deviation × √365."""
    daily = daily_sharpe(returns, risk_free)
    return daily if daily.value is None else counted(daily.value * ROOT_YEAR)


def daily_sharpe(returns: Floats, risk_free: float = 0.0) -> Figure:
    """The Sharpe ratio of one day: what its standard error and its tests are made of."""
    if len(returns) < LEAST_DAYS_RATIO:
        return too_short(len(returns))
    spread = _spread(returns)
    if math.isnan(spread):
        return unknown(RUINED)
    if spread < ROUNDING:
        return unknown(NO_SPREAD)
    return counted((_mean(returns) - daily_rate(risk_free)) / spread)


def sortino(returns: Floats, risk_free: float = 0.0) -> Figure:
    """Mean excess × √365 / √mean(min(excess, 0)²), the mean over all days."""
    if len(returns) < LEAST_DAYS_RATIO:
        return too_short(len(returns))
    excess = returns - daily_rate(risk_free)
    below = np.minimum(excess, 0.0)
    downside = math.sqrt(float(below @ below) / len(below))
    if math.isnan(downside):
        return unknown(RUINED)
    if downside < ROUNDING:
        return unknown(NO_LOSS_DAY)
    return counted(_mean(excess) * ROOT_YEAR / downside)


def cagr(end: float, start_capital: float, elapsed_days: float) -> Figure:
    """(end / start)^(365 / days) − 1. The days may be fractional."""
    if elapsed_days < LEAST_DAYS_GROWTH:
        return needs(LEAST_DAYS_GROWTH, math.floor(elapsed_days), "days")
    if end < 0:
        return unknown("equity ended below zero: no growth rate leads there")
    try:
        return counted((end / start_capital) ** (YEAR_DAYS / elapsed_days) - 1.0)
    except OverflowError:
        return unknown("too large to say")


def value_at_risk(returns: Floats) -> Figure:
    """The loss that 95 % of the days stay under, as a positive number. Negative when even those days gained."""
    return tail(returns)[0]


def conditional_value_at_risk(returns: Floats) -> Figure:
    """The mean loss of the days at or beyond the value at risk, as a positive number."""
    return tail(returns)[1]


def tail(returns: Floats) -> tuple[Figure, Figure]:
    """Value at risk and the mean loss beyond it, from one look at the lowest returns."""
    if len(returns) < LEAST_DAYS_TAIL:
        missing = needs(LEAST_DAYS_TAIL, len(returns), "days")
        return missing, missing
    if math.isnan(_mean(returns)):
        return unknown(RUINED), unknown(RUINED)
    cut = float(np.percentile(returns, 100 * TAIL))
    return counted(-cut), counted(-float(returns[returns <= cut].mean()))


@dataclass(frozen=True, slots=True)
class MonthReturn:
    """A calendar month (UTC). The first and the last are as long as the curve covers them: `days` says how long."""

    year: int
    month: int
    figure: Figure
    days: int


def monthly_returns(days: Longs, values: Floats, start_capital: float) -> tuple[MonthReturn, ...]:
    """Each month's last value over the one before it; the first month against the starting capital."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    last = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    ends = values[last]
    starts = np.append(start_capital, ends[:-1])
    lengths = np.diff(np.append(-1, last))
    return tuple(
        MonthReturn(1970 + month // 12, month % 12 + 1, _month_figure(start, end), length)
        for month, start, end, length in zip(
            months[last].tolist(), starts.tolist(), ends.tolist(), lengths.tolist(), strict=True
        )
    )


def _month_figure(start: float, end: float) -> Figure:
    return counted(end / start - 1.0) if start > 0 else unknown("equity had fallen to zero before the month")


def time_in_market(notional: Floats) -> Figure:
    """The share of bars with a position. `notional` is its value at each bar's close, zero for none."""
    return counted(np.count_nonzero(notional) / len(notional)) if len(notional) else unknown("no bars")


def mean_exposure(notional: Floats, equity: Floats) -> Figure:
    """The mean of abs(notional) / equity over all bars; 1 is fully invested, above 1 is borrowed."""
    if not len(notional):
        return unknown("no bars")
    if equity.min() <= 0:
        return unknown("equity fell to zero: exposure has no measure after it")
    return counted(float(np.mean(np.abs(notional) / equity)))


def too_short(days: int) -> Figure:
    return unknown(f"too short: needs {LEAST_DAYS_RATIO} days, has {days}")


def _mean(values: Floats) -> float:
    return float(values.sum()) / len(values)


def _spread(values: Floats) -> float:
    """Standard deviation with n − 1; NaN where a value is."""
    away = values - _mean(values)
    return math.sqrt(float(away @ away) / (len(values) - 1))
