"""Monte Carlo: what luck alone would have made of the run's trades."""

from __future__ import annotations

import numpy as np

from polotui.backtest.analyses.desk import Desk, Table, shown
from polotui.backtest.bench import Bench
from polotui.backtest.kernel import shapes as k
from polotui.core.ids import Chance
from polotui.metrics.monte_carlo import PERCENTILES, Chances, Draw, resample, shares_of_equity

MOST_PATHS = 5_000
LEAST_PATHS = 500
#: Draws in all; a run of very many trades takes fewer paths.
_MOST_DRAWS = 20_000_000


async def monte_carlo(desk: Desk) -> Table:
    """The trades drawn again, and in other orders."""
    bench = Bench(desk.recipe)
    desk.gauge.begin(bench.moments)
    outcome = bench.outcome(bench.prepared(bench.bind({}), desk.seat), desk.seat)
    desk.gauge.finished(bench.moments)
    trades = outcome.trades
    pnl = np.ascontiguousarray(trades["profit"][trades["reason"] != k.AT_END])
    shares = shares_of_equity(pnl, desk.recipe.settings.capital)
    paths = max(LEAST_PATHS, min(MOST_PATHS, _MOST_DRAWS // max(1, len(shares))))
    seeds = Chance(f"monte-carlo/{desk.work.seed}").generator()
    again, order = (
        resample(shares, draw=draw, paths=paths, seed=seeds.getrandbits(63))
        for draw in (Draw.BOOTSTRAP, Draw.PERMUTATION)
    )
    if not again.paths:
        reason = again.probability_of_loss.reason
        rows = [["Return", *["–"] * len(PERCENTILES)], ["Drawdown", *["–"] * len(PERCENTILES)]]
        return Table("Monte Carlo", _columns(), rows, f"There is nothing to draw from: {reason}.")
    rows = [
        ["Return, trades drawn again", *(shown("chance_return", again.total_return[at]) for at in PERCENTILES)],
        ["Drawdown, trades drawn again", *(shown("chance_drawdown", again.max_drawdown[at]) for at in PERCENTILES)],
        ["Drawdown, other order", *(shown("chance_drawdown", order.max_drawdown[at]) for at in PERCENTILES)],
        ["Probability of loss", shown("chance_of_loss", again.probability_of_loss), *[""] * (len(PERCENTILES) - 1)],
    ]
    return Table("Monte Carlo", _columns(), rows, _reading(again, order))


def _columns() -> list[str]:
    return ["figure", *(f"{percentile} %" for percentile in PERCENTILES)]


def _reading(again: Chances, order: Chances) -> str:
    deep = shown("chance_drawdown", order.max_drawdown[PERCENTILES[0]]).lstrip("−")
    low, high = (shown("chance_return", again.total_return[at]) for at in (PERCENTILES[0], PERCENTILES[-1]))
    return (
        f"The same {again.trades:,} trades, drawn again {again.paths:,} times, end between {low} and {high} in nine of"
        f" ten cases and below their start in {shown('chance_of_loss', again.probability_of_loss)}."
        f" In another order they would have fallen by {deep} or"
        " more in one of twenty cases. Drawdowns are from trade to trade and shallower than those on bars."
    )
