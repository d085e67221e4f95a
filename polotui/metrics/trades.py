"""Figures of closed positions: win rate, profit factor, expectancy, payoff, SQN, Kelly, streaks, distribution.

A trade here is one closed position: all its entries and exits together, net of fees, in quote money.

Decided here:

* A trade with exactly nothing is neither win nor loss. It counts in the win rate's divisor and is shown apart.
* R is what the position made over what its stop put at risk at the entry. Positions without a stop have none (NaN in
  the column). Figures in R are made of those that have one, and `trades_with_r` says how many.
* Percent expectancy is of the entry's notional, each trade weighing the same.
* Kelly is from trades in R, withheld under 30 of them, floored at 0; the screens use a quarter of it, since the full
  one assumes that the past's odds are exact.
* Columns are in the order in which the positions closed. Only the streaks depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from polotui.metrics.daily import Floats, Longs
from polotui.metrics.figure import Figure, counted, needs, unknown
from polotui.metrics.rules import KELLY_SHARE, LEAST_TRADES_KELLY, ROUNDING, SQN_CAP

HOUR_MS = 3_600_000
DISTRIBUTION_BINS = 20

NO_TRADES = "no trades"
NO_WINS = "no wins"
NO_LOSSES = "no losses"
NO_R = "no trade has an R: none had a stop at its entry"


@dataclass(frozen=True)
class TradeColumns:
    """Closed positions as columns of one length, oldest exit first.

    `pnl` and `entry_notional` are quote money, `r` multiples or NaN, `mae` and `mfe` the worst and best point of the
    position as fractions of its entry (−0.02, 0.05) or NaN, times are milliseconds UTC. `reason` holds codes into
    `reason_names`. `labels` holds further groupings (symbol, strategy, tag): codes and their names.
    """

    pnl: Floats
    entry_notional: Floats
    r: Floats
    bars: Longs
    mae: Floats
    mfe: Floats
    entry_ms: Longs
    exit_ms: Longs
    reason: Longs
    reason_names: tuple[str, ...] = ()
    labels: Mapping[str, Labels] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = (self.pnl, self.entry_notional, self.r, self.bars, self.mae, self.mfe)
        lengths = {len(self.entry_ms), len(self.exit_ms), len(self.reason)}
        lengths |= {len(column) for column in own} | {len(label.codes) for label in self.labels.values()}
        if len(lengths) > 1:
            raise ValueError(f"the columns of trades differ in length: {sorted(lengths)}")
        if not np.isfinite(self.pnl).all():
            raise ValueError("a trade's result must be finite")

    def __len__(self) -> int:
        return len(self.pnl)


@dataclass(frozen=True)
class Labels:
    """A grouping: for each trade a code, which is a place in `names`."""

    codes: Longs
    names: tuple[str, ...]


def no_trades() -> TradeColumns:
    """The columns of a run that never traded."""
    numbers, wholes = np.empty(0), np.empty(0, dtype=np.int64)
    return TradeColumns(numbers, numbers, numbers, wholes, numbers, numbers, wholes, wholes, wholes)


def result_figures(pnl: Floats) -> dict[str, Figure]:
    """What the results in money alone say. The part that a sweep needs of every run."""
    count = len(pnl)
    won, lost = pnl[pnl > 0], pnl[pnl < 0]
    wins, losses = len(won), len(lost)
    gross_win, gross_loss = float(won.sum()), float(-lost.sum())
    mean_win = counted(gross_win / wins) if wins else unknown(NO_WINS if count else NO_TRADES)
    mean_loss = counted(-gross_loss / losses) if losses else unknown(NO_LOSSES if count else NO_TRADES)
    return {
        "trades": Figure(float(count)),
        "wins": Figure(float(wins)),
        "losses": Figure(float(losses)),
        "break_evens": Figure(float(count - wins - losses)),
        "win_rate": counted(wins / count) if count else unknown(NO_TRADES),
        "profit_factor": counted(gross_win / gross_loss) if losses else mean_loss,
        "net_profit": counted(gross_win - gross_loss),
        "expectancy": counted((gross_win - gross_loss) / count) if count else unknown(NO_TRADES),
        "average_win": mean_win,
        "average_loss": mean_loss,
        "payoff": payoff(mean_win, mean_loss),
        "largest_win": counted(float(won.max())) if wins else mean_win,
        "largest_loss": counted(float(lost.min())) if losses else mean_loss,
    }


def payoff(mean_win: Figure, mean_loss: Figure) -> Figure:
    """Average win over the absolute average loss."""
    if mean_win.value is None:
        return mean_win
    if mean_loss.value is None:
        return mean_loss
    return counted(mean_win.value / -mean_loss.value)


def trade_figures(trades: TradeColumns) -> dict[str, Figure]:
    """Every figure of the trades but the breakdowns."""
    figures = result_figures(trades.pnl)
    figures["expectancy_percent"] = _percent_expectancy(trades)
    figures |= r_figures(trades.r, len(trades))
    figures |= streaks(trades.pnl)
    figures["average_bars"] = _mean(trades.bars)
    held = _mean(trades.exit_ms - trades.entry_ms)
    figures["average_hours"] = held if held.value is None else counted(held.value / HOUR_MS)
    figures["average_mae"] = _mean_known(trades.mae)
    figures["average_mfe"] = _mean_known(trades.mfe)
    return figures


def r_figures(r: Floats, count: int) -> dict[str, Figure]:
    """Expectancy, SQN and Kelly of the trades that have an R."""
    known = r[~np.isnan(r)]
    missing = unknown(NO_R if count else NO_TRADES)
    kelly = kelly_fraction(known)
    return {
        "trades_with_r": Figure(float(len(known))),
        "expectancy_r": counted(float(known.mean())) if len(known) else missing,
        "sqn": sqn(known, SQN_CAP) if len(known) else missing,
        "sqn_uncapped": sqn(known) if len(known) else missing,
        "kelly": kelly,
        "kelly_used": kelly if kelly.value is None else counted(kelly.value * KELLY_SHARE),
    }


def sqn(r: Floats, cap: int | None = None) -> Figure:
    """√n × mean R / standard deviation (n − 1) of R, with n not above `cap`."""
    count = len(r)
    if count < 2:
        return needs(2, count, "trades with R")
    spread = float(r.std(ddof=1))
    if spread < ROUNDING:
        return unknown("all trades made the same R")
    return counted(math.sqrt(count if cap is None else min(count, cap)) * float(r.mean()) / spread)


def kelly_fraction(r: Floats) -> Figure:
    """W − (1 − W) / payoff of the trades' R, at least 0."""
    count = len(r)
    if count < LEAST_TRADES_KELLY:
        return needs(LEAST_TRADES_KELLY, count, "trades with R")
    won, lost = r[r > 0], r[r < 0]
    if not len(lost):
        return unknown(NO_LOSSES)
    if not len(won):
        return Figure(0.0)
    share = len(won) / count
    odds = float(won.mean()) / -float(lost.mean())
    return counted(max(0.0, share - (1.0 - share) / odds))


def streaks(pnl: Floats) -> dict[str, Figure]:
    """The longest rows of wins and of losses; a break-even ends both. `streak` is the running one, losses negative."""
    if not len(pnl):
        return dict.fromkeys(("longest_wins", "longest_losses", "streak"), unknown(NO_TRADES))
    signs = np.sign(pnl).astype(np.int64)
    last = np.flatnonzero(np.append(signs[1:] != signs[:-1], True))
    lengths = np.diff(np.append(-1, last))
    kinds = signs[last]
    return {
        "longest_wins": Figure(float(lengths[kinds > 0].max(initial=0))),
        "longest_losses": Figure(float(lengths[kinds < 0].max(initial=0))),
        "streak": Figure(float(lengths[-1] * kinds[-1])),
    }


@dataclass(frozen=True, slots=True)
class Bin:
    """How many results lie in [low, high)."""

    low: float
    high: float
    count: int


def distribution(values: Floats, bins: int = DISTRIBUTION_BINS) -> tuple[Bin, ...]:
    """Results in at most `bins` + 2 bins of one round width. Zero is an edge, so no bin mixes wins with losses.

    Unknown values (NaN) are left out. A break-even lies in the first bin above zero.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return ()
    low, high = min(float(known.min()), 0.0), max(float(known.max()), 0.0)
    least = (high - low) / bins
    width = _round_width(least) if least > 0 else 1.0
    places = np.floor(known / width).astype(np.int64)
    first = int(places.min())
    counts = np.bincount(places - first).tolist()
    return tuple(Bin((first + i) * width, (first + i + 1) * width, count) for i, count in enumerate(counts))


def _round_width(least: float) -> float:
    """The next of 1, 2, 2.5, 5 × 10ⁿ."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((step * power for step in (1.0, 2.0, 2.5, 5.0) if step * power >= least), 10.0 * power)


def _percent_expectancy(trades: TradeColumns) -> Figure:
    if not len(trades):
        return unknown(NO_TRADES)
    if not float(trades.entry_notional.min()) > 0:
        return unknown("a trade has no entry notional")
    return counted(float(np.mean(trades.pnl / trades.entry_notional)))


def _mean(values: Longs) -> Figure:
    return counted(float(values.mean())) if len(values) else unknown(NO_TRADES)


def _mean_known(values: Floats) -> Figure:
    known = values[~np.isnan(values)]
    if not len(known):
        return unknown("not recorded" if len(values) else NO_TRADES)
    return counted(float(known.mean()))
