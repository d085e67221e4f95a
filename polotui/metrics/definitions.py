"""What each figure is, in a sentence a trader can check, and how it is shown. docs/metrics.md is written from it.

Decided here: one table for the screens' «definition» key, the command line and the documentation, so they cannot
disagree. It loads no numpy. Fractions are shown as percents; a sign is shown where the figure says more or less than
nothing (a return), not where it is a size (a win rate). A figure without a value is shown by its reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from polotui.metrics.figure import Figure
from polotui.metrics.rules import (
    KELLY_SHARE,
    LEAST_DAYS_GROWTH,
    LEAST_DAYS_RATIO,
    LEAST_DAYS_TAIL,
    LEAST_TRADES_CHANCE,
    LEAST_TRADES_KELLY,
    SQN_CAP,
    YEAR_DAYS,
)


class Unit(Enum):
    """What a figure counts in. A fraction of 0.1 is shown as 10 %."""

    FRACTION = "fraction"
    MONEY = "money"
    RATIO = "ratio"
    COUNT = "count"
    BARS = "bars"
    R = "R"
    DAYS = "days"
    HOURS = "hours"


_SUFFIX = {Unit.FRACTION: " %", Unit.R: " R", Unit.DAYS: " d", Unit.HOURS: " h"}


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure. `origin` says whose rule it is, and what it is checked against."""

    name: str
    group: str
    title: str
    text: str
    unit: Unit
    places: int
    signed: bool
    origin: str

    def shown(self, figure: Figure) -> str:
        """`+12.34 %`, `1.50`, or the reason why there is no value."""
        if figure.value is None:
            return figure.reason
        value = figure.value * 100 if self.unit is Unit.FRACTION else figure.value
        text = f"{value:{'+' if self.signed else ''},.{self.places}f}"
        if not re.search("[1-9]", text):
            text = text.lstrip("+-")
        return text.replace("-", "−") + _SUFFIX.get(self.unit, "")


CURVE, MARKET, TRADES, CHANCE = "Curve", "Holding the market", "Trades", "Chance"

_OWN = "polotui"
_EMPYRICAL = "empyrical-reloaded 0.7.1, `{}`, at 365 days; checked equal"
_BOTH = "empyrical-reloaded 0.7.1 and quantstats 0.0.86, `{}`, at 365 days; checked equal"
_HAND = "usual; checked against sums done by hand"
_BAILEY = "Bailey and López de Prado, {}; checked against the formula"
_THARP = "Van Tharp; checked against sums done by hand"
_TOO_SHORT = f"Too short under {LEAST_DAYS_RATIO} days."

_F, _M, _Q, _N, _R = Unit.FRACTION, Unit.MONEY, Unit.RATIO, Unit.COUNT, Unit.R

_TABLE: tuple[tuple[str, str, str, str, Unit, int, bool, str], ...] = (
    (
        *("total_return", CURVE, "Total return"),
        "What the run made of its capital, fees and open positions included: last equity / starting capital − 1.",
        *(_F, 2, True, _HAND),
    ),
    (
        *("cagr", CURVE, "Growth per year"),
        f"The steady yearly growth that leads from start to end: (end / start)^({YEAR_DAYS} / days) − 1, the days"
        f" fractional. Withheld under {LEAST_DAYS_GROWTH} days.",
        *(_F, 2, True, _BOTH.format("annual_return`, `cagr")),
    ),
    (
        *("volatility", CURVE, "Volatility"),
        f"How much the daily returns scatter, for a year: standard deviation (n − 1) × √{YEAR_DAYS}.",
        *(_F, 2, False, _BOTH.format("annual_volatility`, `volatility")),
    ),
    (
        *("sharpe", CURVE, "Sharpe ratio"),
        f"Return for the risk taken: (mean of the daily returns − risk-free) / standard deviation × √{YEAR_DAYS}; the"
        f" yearly risk-free rate (0 unless set) becomes a day's by (1 + rate)^(1/{YEAR_DAYS}) − 1. {_TOO_SHORT}",
        *(_Q, 2, False, _BOTH.format("sharpe_ratio`, `sharpe")),
    ),
    (
        *("sharpe_error", CURVE, "Sharpe, standard error"),
        "How far the ratio may be off, to read as ±; two of them hold 95 %. In daily units √((1 + S²/2) / n), shown"
        f" × √{YEAR_DAYS}.",
        *(_Q, 2, False, "Lo, «The Statistics of Sharpe Ratios», 2002; checked against the formula"),
    ),
    (
        *("sharpe_probability", CURVE, "Sharpe, probability above 0"),
        "The chance that the true ratio is above zero, given length, skewness g₃ and kurtosis g₄ of the daily returns:"
        " Φ(S √(n − 1) / √(1 − g₃ S + (g₄ − 1)/4 S²)), S in daily units.",
        *(_F, 1, False, _BAILEY.format("«The Sharpe Ratio Efficient Frontier», 2012")),
    ),
    (
        *("sharpe_deflated", CURVE, "Sharpe, deflated"),
        "The chance that the true ratio is above what the best of N trials shows by luck: the same with S − S* for the"
        " first S, S* = √V ((1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e))), V the variance of the trials' ratios,"
        " γ = 0.5772.",
        *(_F, 1, False, _BAILEY.format("«The Deflated Sharpe Ratio», 2014")),
    ),
    (
        *("sortino", CURVE, "Sortino ratio"),
        f"Like Sharpe, with only the losses as risk: mean excess × √{YEAR_DAYS} / √mean(min(excess, 0)²), the mean over"
        f" all days. {_TOO_SHORT}",
        *(_Q, 2, False, _BOTH.format("sortino_ratio`, `sortino")),
    ),
    (
        *("days", CURVE, "Days"),
        "How many UTC days the daily figures stand on. A day without a bar counts, with a return of zero.",
        *(_N, 0, False, _OWN),
    ),
    (
        *("max_drawdown", CURVE, "Maximum drawdown"),
        "The deepest fall of the equity below its highest point before, at bar closes, the starting capital included.",
        *(_F, 2, False, _BOTH.format("max_drawdown")),
    ),
    (
        *("max_drawdown_days", CURVE, "Its length"),
        "From the peak before the deepest fall until the equity was there again; until the end if it never was.",
        *(Unit.DAYS, 1, False, _HAND),
    ),
    (
        *("max_drawdown_daily", CURVE, "Maximum drawdown, daily"),
        "The same on the last value of each day: less deep, and the one that other programs and the ratios use.",
        *(_F, 2, False, _BOTH.format("max_drawdown")),
    ),
    (
        *("calmar", CURVE, "Calmar ratio"),
        "Growth per year for the worst fall: growth / abs(maximum drawdown, daily).",
        *(_Q, 2, False, _BOTH.format("calmar_ratio`, `calmar")),
    ),
    (
        *("ulcer_index", CURVE, "Ulcer index"),
        "Depth and length of all falls in one: √mean(drawdown²) over the days.",
        *(_F, 2, False, "Martin; checked against quantstats 0.0.86, `ulcer_index`, which divides by n − 1"),
    ),
    (
        *("var_95", CURVE, "Value at risk, 95 %, 1 day"),
        "On 95 of 100 days the loss was not above this: −(5th percentile of the daily returns). Needs"
        f" {LEAST_DAYS_TAIL} days.",
        *(_F, 2, False, _EMPYRICAL.format("value_at_risk")),
    ),
    (
        *("cvar_95", CURVE, "Mean loss beyond it"),
        f"What a bad day costs: −(mean of the returns at or below the 5th percentile). Needs {LEAST_DAYS_TAIL} days.",
        *(_F, 2, False, _EMPYRICAL.format("conditional_value_at_risk")),
    ),
    (
        *("time_in_market", CURVE, "Time in the market"),
        "The share of bars at whose close there was a position.",
        *(_F, 1, False, _HAND),
    ),
    (
        *("mean_exposure", CURVE, "Mean exposure"),
        "How much of the equity was at work: mean of abs(notional) / equity over all bars. Above 100 % is borrowed.",
        *(_F, 1, False, _HAND),
    ),
    (
        *("hold_return", MARKET, "Return of holding"),
        "Buying at the first bar that could be traded and keeping, after the same fees.",
        *(_F, 2, True, _HAND),
    ),
    (
        *("hold_sharpe", MARKET, "Sharpe of holding"),
        f"The Sharpe ratio of that. {_TOO_SHORT}",
        *(_Q, 2, False, _OWN),
    ),
    (
        *("hold_max_drawdown", MARKET, "Drawdown of holding"),
        "The maximum drawdown of that, at bar closes.",
        *(_F, 2, False, _OWN),
    ),
    (
        *("return_over_hold", MARKET, "More than holding"),
        "Total return − return of holding.",
        *(_F, 2, True, _HAND),
    ),
    (
        *("trades", TRADES, "Trades"),
        "Closed positions: all entries and exits of one position are one trade.",
        *(_N, 0, False, _HAND),
    ),
    ("wins", TRADES, "Wins", "Trades that made money after fees.", _N, 0, False, _HAND),
    ("losses", TRADES, "Losses", "Trades that lost money after fees.", _N, 0, False, _HAND),
    ("break_evens", TRADES, "Break-evens", "Trades that made exactly nothing.", _N, 0, False, _HAND),
    (
        *("win_rate", TRADES, "Win rate"),
        "Wins / all trades; a break-even is not a win.",
        *(_F, 1, False, _HAND),
    ),
    (
        *("profit_factor", TRADES, "Profit factor"),
        "Money won for each unit lost: sum of wins / abs(sum of losses). Without a loss there is none.",
        *(_Q, 2, False, _HAND),
    ),
    ("net_profit", TRADES, "Net profit", "Sum of all results, fees paid.", _M, 2, True, _HAND),
    (
        *("expectancy", TRADES, "Expectancy"),
        "What a trade made on average: net profit / trades.",
        *(_M, 2, True, _HAND),
    ),
    ("average_win", TRADES, "Average win", "Sum of wins / wins.", _M, 2, True, _HAND),
    ("average_loss", TRADES, "Average loss", "Sum of losses / losses.", _M, 2, True, _HAND),
    (
        *("payoff", TRADES, "Payoff"),
        "How much larger a win is than a loss: average win / abs(average loss).",
        *(_Q, 2, False, _HAND),
    ),
    ("largest_win", TRADES, "Largest win", "The best single trade.", _M, 2, True, _HAND),
    ("largest_loss", TRADES, "Largest loss", "The worst single trade.", _M, 2, True, _HAND),
    (
        *("expectancy_percent", TRADES, "Expectancy, percent"),
        "Mean of each trade's result / its entry notional; every trade weighs the same.",
        *(_F, 3, True, _HAND),
    ),
    (
        *("trades_with_r", TRADES, "Trades with R"),
        "Trades that had a stop at their entry. R is the result / what that stop put at risk.",
        *(_N, 0, False, _OWN),
    ),
    (
        *("expectancy_r", TRADES, "Expectancy, R"),
        "Mean R of the trades that have one.",
        *(_R, 2, True, _THARP),
    ),
    (
        *("sqn", TRADES, "System quality number"),
        f"How clearly the mean R differs from nothing: √min(n, {SQN_CAP}) × mean R / standard deviation (n − 1) of R.",
        *(_Q, 2, False, _THARP),
    ),
    (
        *("sqn_uncapped", TRADES, "The same, uncapped"),
        "√n × mean R / standard deviation of R: grows with the number of trades.",
        *(_Q, 2, False, _THARP),
    ),
    (
        *("kelly", TRADES, "Kelly"),
        "The share of capital at risk for the fastest growth if the past's odds were exact: W − (1 − W) / payoff, both"
        f" in R, at least 0. Withheld under {LEAST_TRADES_KELLY} trades with R.",
        *(_F, 1, False, "Kelly, 1956; checked against sums done by hand"),
    ),
    (
        *("kelly_used", TRADES, "Kelly, used"),
        f"{KELLY_SHARE:.0%} of it, because the odds are not exact.".replace("%", " %"),
        *(_F, 1, False, _OWN),
    ),
    (
        *("longest_wins", TRADES, "Longest winning streak"),
        "Most wins in a row, by exit; a break-even ends the row.",
        *(_N, 0, False, _HAND),
    ),
    (
        *("longest_losses", TRADES, "Longest losing streak"),
        "Most losses in a row, by exit; a break-even ends the row.",
        *(_N, 0, False, _HAND),
    ),
    (
        *("streak", TRADES, "Streak now"),
        "The row at the end: wins positive, losses negative, 0 after a break-even.",
        *(_N, 0, True, _HAND),
    ),
    (
        *("average_bars", TRADES, "Average holding, bars"),
        "Mean number of bars from entry to exit.",
        *(Unit.BARS, 1, False, _HAND),
    ),
    (
        *("average_hours", TRADES, "Average holding, hours"),
        "Mean time from the first entry to the last exit.",
        *(Unit.HOURS, 1, False, _HAND),
    ),
    (
        *("average_mae", TRADES, "Average worst point"),
        "Mean of the furthest that trades went against their entry, as a fraction of it.",
        *(_F, 2, True, _HAND),
    ),
    (
        *("average_mfe", TRADES, "Average best point"),
        "Mean of the furthest that trades went for their entry, as a fraction of it.",
        *(_F, 2, True, _HAND),
    ),
    (
        *("chance_return", CHANCE, "Return by chance"),
        "Percentiles of the total return over thousands of runs of the same trades, drawn with replacement, each"
        f" compounding its share of the capital before it. Needs {LEAST_TRADES_CHANCE} trades.",
        *(_F, 2, True, _OWN),
    ),
    (
        *("chance_drawdown", CHANCE, "Drawdown by chance"),
        "Percentiles of the maximum drawdown of those runs, measured from trade to trade; in permuted order the return"
        " stays and only this differs.",
        *(_F, 2, False, _OWN),
    ),
    (
        *("chance_of_loss", CHANCE, "Probability of loss"),
        "The share of those runs that ended below their start.",
        *(_F, 1, False, _OWN),
    ),
)

DEFINITIONS: dict[str, Definition] = {row[0]: Definition(*row) for row in _TABLE}

_HEAD = f"""# Metrics

Written from `polotui/metrics/definitions.py`.

Equity is marked at every bar's close with fees and open positions. Daily figures stand on the last equity of each UTC
day (a bar belongs to the day in which it opened), the first day against the starting capital, days without a bar at
zero. A year has {YEAR_DAYS} days. A figure that cannot be known has no value but a reason, such as «needs 60 days, has
12»; it is never 0. Trades are closed positions in quote money, net of fees. Breakdowns by hour and weekday go by the
entry, in UTC.
"""


def as_markdown() -> str:
    """docs/metrics.md."""
    parts = [_HEAD]
    for group in (CURVE, MARKET, TRADES, CHANCE):
        parts += [
            f"\n## {group}\n\n",
            "| figure | name | definition | unit | looks like | rule |\n",
            "|---" * 6 + "|\n",
        ]
        parts += [_line(row) for row in DEFINITIONS.values() if row.group == group]
    return "".join(parts)


def _line(row: Definition) -> str:
    sample = -0.1234 if "drawdown" in row.name or row.name == "average_mae" else 0.1234
    value = {Unit.FRACTION: sample, Unit.MONEY: -56.7 if "loss" in row.name else 1234.5, Unit.COUNT: 42}.get(
        row.unit, 1.5
    )
    example = row.shown(Figure(value))
    return f"| {row.title} | `{row.name}` | {row.text} | {row.unit.value} | {example} | {row.origin} |\n"
