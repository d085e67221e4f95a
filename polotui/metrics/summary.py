"""All figures of a run at once, and the light form of which a sweep needs thousands.

Decided here: `summarise` gives every figure that `definitions` names for curve, market and trades, in that order, known
or not; a screen never finds a hole. `headline` takes daily returns instead of the bars and leaves out what a table of
runs does not show: it does a fraction of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polotui.metrics import curve as c
from polotui.metrics import drawdown as d
from polotui.metrics import significance
from polotui.metrics.breakdown import Row, breakdowns
from polotui.metrics.curve import MonthReturn
from polotui.metrics.daily import DAY_MS, Floats, Longs, daily_equity, daily_returns
from polotui.metrics.drawdown import Drawdown
from polotui.metrics.figure import Figure, counted, unknown
from polotui.metrics.trades import Bin, TradeColumns, distribution, result_figures, trade_figures

_NOT_COMPARED = unknown("not compared with holding")


@dataclass(frozen=True)
class CurveInput:
    """An equity curve: the bars' OPEN times, the equity at their closes, and the capital before the first of them.

    `notional` is the position's value at each close (its sign does not matter), for the exposure; None when unknown.
    """

    open_ms: Longs
    frame_ms: int
    equity: Floats
    start_capital: float
    notional: Floats | None = None

    @cached_property
    def elapsed_days(self) -> float:
        """From the first bar's open to the last one's close."""
        return (int(self.open_ms[-1]) + self.frame_ms - int(self.open_ms[0])) / DAY_MS

    @cached_property
    def daily(self) -> tuple[Longs, Floats]:
        return daily_equity(self.open_ms, self.equity, self.start_capital)

    @cached_property
    def returns(self) -> Floats:
        return daily_returns(self.daily[1], self.start_capital)

    @cached_property
    def deepest(self) -> Drawdown | None:
        return d.deepest(self.open_ms, self.frame_ms, self.equity, self.start_capital)


@dataclass(frozen=True)
class Summary:
    """`figures` by the names of `definitions`, and the tables behind them."""

    figures: dict[str, Figure]
    drawdown: Drawdown | None
    months: tuple[MonthReturn, ...]
    distribution: tuple[Bin, ...]
    breakdowns: dict[str, tuple[Row, ...]]


def summarise(
    curve: CurveInput,
    trades: TradeColumns,
    *,
    risk_free: float = 0.0,
    trials: int = 1,
    trial_sharpe_variance: float | None = None,
    hold: CurveInput | None = None,
) -> Summary:
    """Everything. `hold` is buying at the first tradable bar and keeping, after the same fees; `trials` counts the
    runs of which this one is the best, with the variance of their yearly Sharpe ratios."""
    figures = curve_figures(curve, risk_free, trials, trial_sharpe_variance)
    figures |= hold_figures(figures["total_return"], hold, risk_free)
    figures |= trade_figures(trades)
    days, values = curve.daily
    return Summary(
        figures=figures,
        drawdown=curve.deepest,
        months=c.monthly_returns(days, values, curve.start_capital),
        distribution=distribution(trades.pnl),
        breakdowns=breakdowns(trades),
    )


def curve_figures(
    curve: CurveInput, risk_free: float = 0.0, trials: int = 1, trial_sharpe_variance: float | None = None
) -> dict[str, Figure]:
    """Every figure of the curve alone."""
    start, end, returns = curve.start_capital, float(curve.equity[-1]), curve.returns
    daily = curve.daily[1]
    growth = c.cagr(end, start, curve.elapsed_days)
    daily_depth = d.max_drawdown(daily, start)
    deepest = curve.deepest
    at_risk, beyond = c.tail(returns)
    notional = curve.notional
    unseen = unknown("exposure was not recorded")
    return {
        "total_return": c.total_return(end, start),
        "cagr": growth,
        "volatility": c.volatility(returns),
        "sharpe": c.sharpe(returns, risk_free),
        "sharpe_error": significance.standard_error(returns, risk_free),
        "sharpe_probability": significance.probabilistic_sharpe(returns, risk_free),
        "sharpe_deflated": significance.deflated_sharpe(
            returns, risk_free, trials=trials, trial_sharpe_variance=trial_sharpe_variance
        ),
        "sortino": c.sortino(returns, risk_free),
        "days": Figure(float(len(returns))),
        "max_drawdown": Figure(deepest.depth if deepest else 0.0),
        "max_drawdown_days": Figure(deepest.days) if deepest else unknown("no drawdown"),
        "max_drawdown_daily": daily_depth,
        "calmar": d.calmar(growth, daily_depth),
        "ulcer_index": d.ulcer_index(daily, start),
        "var_95": at_risk,
        "cvar_95": beyond,
        "time_in_market": unseen if notional is None else c.time_in_market(notional),
        "mean_exposure": unseen if notional is None else c.mean_exposure(notional, curve.equity),
    }


def hold_figures(own: Figure, hold: CurveInput | None, risk_free: float = 0.0) -> dict[str, Figure]:
    """The market beside the run: what holding would have made, and what the run made more."""
    if hold is None:
        return dict.fromkeys(("hold_return", "hold_sharpe", "hold_max_drawdown", "return_over_hold"), _NOT_COMPARED)
    held = c.total_return(float(hold.equity[-1]), hold.start_capital)
    more = counted(own.value - held.value) if own.value is not None and held.value is not None else _NOT_COMPARED
    return {
        "hold_return": held,
        "hold_sharpe": c.sharpe(hold.returns, risk_free),
        "hold_max_drawdown": d.max_drawdown(hold.equity, hold.start_capital),
        "return_over_hold": more,
    }


def headline(
    returns: Floats, trades: TradeColumns, *, risk_free: float = 0.0, max_drawdown: Figure | None = None
) -> dict[str, Figure]:
    """The row of a run in a table of many, from its daily returns. `max_drawdown` is that on bars, where known."""
    if not len(returns):
        raise ValueError("a headline needs at least one day")
    wealth = np.cumprod(returns + 1.0, dtype=np.float64)
    end = float(wealth[-1])
    # A NaN marks days after the ruin.
    ruined = end != end
    growth = unknown(c.RUINED) if ruined else c.cagr(end, 1.0, float(len(returns)))
    depth = unknown(c.RUINED) if ruined else d.max_drawdown(wealth, 1.0)
    figures = {
        "total_return": unknown(c.RUINED) if ruined else c.total_return(end, 1.0),
        "cagr": growth,
        "volatility": c.volatility(returns),
        "sharpe": c.sharpe(returns, risk_free),
        "sharpe_error": significance.standard_error(returns, risk_free),
        "sortino": c.sortino(returns, risk_free),
        "days": Figure(float(len(returns))),
        "max_drawdown": max_drawdown or unknown("only daily values are kept"),
        "max_drawdown_daily": depth,
        "calmar": d.calmar(growth, depth),
    }
    return figures | result_figures(trades.pnl)
