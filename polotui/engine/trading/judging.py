"""Whether a strategy may go to another stage, as sentences: what is met and what is missing.

Decided here: pure functions of a rule and figures, so that the board, the automatic promotion and a test read the same.
A hold-out counts when the run has one: its last part must not have lost more than the rule allows. A rule says nothing
about live but what speaks for it: that step is a person's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from polotui.api.lab_values import Analysis, RunRow
from polotui.api.trade_values import BotRow
from polotui.metrics.definitions import DEFINITIONS

_PERCENT = re.compile(r"([+\-−]?)([\d,]+(?:\.\d+)?) ?%")
_EXPECTED = {
    "ok": "as its backtest made one expect",
    "above": "above what its backtest made one expect",
    "below": "below what its backtest made one expect",
    "early": "too early to be held against its backtest",
    "": "no backtest of the same symbols, timeframe and params that is long enough to compare with",
}


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy must show. Return and drawdown are fractions; the capital is what its bot gets, "" the usual."""

    least_trades: int = 30
    least_return: float = 0.0
    most_drawdown: float = 0.25
    capital: str = ""
    set_ms: int = 0

    def words(self) -> str:
        capital = f", with {self.capital} USDT" if self.capital else ""
        return (
            f"to paper from {self.least_trades} trades on, return at least {percent(self.least_return)}, drawdown at"
            f" most {percent(self.most_drawdown)}{capital}"
        )


#: What is asked of a strategy that nobody opted in.
USUAL = Rule()


@dataclass(frozen=True)
class Point:
    """One sentence. `asked` False: told, but not part of the rule."""

    met: bool
    text: str
    asked: bool = True

    def sentence(self) -> str:
        return f"{'✓' if self.met else '✗'} {self.text}"


def holds(points: list[Point]) -> bool:
    """Whether all that is asked is met; of nothing it does not hold."""
    return any(point.asked for point in points) and all(point.met for point in points if point.asked)


def of_run(rule: Rule, row: RunRow, hold_out: Analysis | None) -> list[Point]:
    """A backtest against a rule."""
    points = _figures("Backtest", rule, row.trades, row.total_return, row.max_drawdown)
    if hold_out is None:
        return [*points, Point(False, f"Hold-out: none was made of run {row.run}; the rule goes without", asked=False)]
    text = _last_return(hold_out)
    found = fraction(text)
    least = min(0.0, rule.least_return)
    met = found is not None and found >= least
    return [
        *points,
        Point(met, f"Hold-out: the last part returned {text or 'nothing known'} (at least {percent(least)})"),
    ]


def of_paper(rule: Rule, row: BotRow) -> list[Point]:
    """A bot's run on paper against the same rule, and whether it went as expected."""
    points = _figures("Paper", rule, row.trades, row.result_ratio, row.drawdown)
    return [*points, Point(row.health in ("ok", "above"), f"Paper: {_EXPECTED[row.health]}")]


def fails(rule: Rule, trades: int, total: float | None, drawdown: float | None) -> bool:
    """Whether figures are against a rule for good: too deep a fall at any time, too low a return once there are trades
    enough to say so."""
    if drawdown is not None and abs(drawdown) > rule.most_drawdown:
        return True
    return trades >= rule.least_trades and total is not None and total < rule.least_return


def _figures(stage: str, rule: Rule, trades: int, total: float | None, drawdown: float | None) -> list[Point]:
    deep = None if drawdown is None else abs(drawdown)
    return [
        Point(trades >= rule.least_trades, f"{stage}: {trades:,} trades (at least {rule.least_trades:,})"),
        Point(
            total is not None and total >= rule.least_return,
            f"{stage}: return {percent(total, signed=True)} (at least {percent(rule.least_return)})",
        ),
        Point(
            deep is not None and deep <= rule.most_drawdown,
            f"{stage}: drawdown {percent(deep)} (at most {percent(rule.most_drawdown)})",
        ),
    ]


def percent(value: float | None, *, signed: bool = False) -> str:
    """A fraction as people read it: 0.25 is 25 %."""
    if value is None:
        return "unknown"
    text = f"{value * 100:+.2f}" if signed else f"{value * 100:.2f}"
    if "." in text and not signed:
        text = text.rstrip("0").rstrip(".")
    return f"{text} %".replace("-", "−")


def fraction(text: str) -> float | None:
    """The number of a percentage as it is shown, or None when the text holds a reason instead."""
    found = _PERCENT.fullmatch(text.strip())
    if found is None:
        return None
    value = float(found[2].replace(",", "")) / 100
    return -value if found[1] in ("-", "−") else value


def _last_return(hold_out: Analysis) -> str:
    title = DEFINITIONS["total_return"].title
    return next((row[-1] for row in hold_out.rows if row and row[0] == title), "")
