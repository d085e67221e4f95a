"""What chance alone would have made of the same trades: their results drawn again, thousands of times.

    bootstrap       as many trades drawn with replacement: other luck, same edge
    permutation     the same trades in another order: the same end, other drawdowns

Decided here: a trade is its result as a share of the equity before it, and a path compounds them from 1, so one large
win late in a run is not spent twice. A path that reaches zero stays there. Drawdowns are measured from trade to trade
and are therefore shallower than those on bars. Paths are drawn in blocks, so memory does not grow with their number.

Limit: trades are drawn as if one told nothing about the next. Where they come in clusters, true drawdowns are deeper.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from polotui.metrics.daily import Floats
from polotui.metrics.figure import Figure, needs, unknown
from polotui.metrics.rules import LEAST_TRADES_CHANCE

PERCENTILES = (5, 25, 50, 75, 95)
_BLOCK_CELLS = 250_000

#: A path that ends below its start by less made nothing: that is the rounding of a long product.
_ROUNDING = 1e-12


class Draw(Enum):
    """How a path is drawn from the trades."""

    BOOTSTRAP = "bootstrap"
    PERMUTATION = "permutation"


@dataclass(frozen=True)
class Chances:
    """Bands by percentile (5 is the worse end of both), and the share of paths that ended below their start."""

    draw: Draw
    paths: int
    trades: int
    total_return: dict[int, Figure]
    max_drawdown: dict[int, Figure]
    probability_of_loss: Figure


def shares_of_equity(pnl: Floats, start_capital: float) -> Floats:
    """Each trade's result over the capital before it: the start plus what the trades before it made.

    Entries are NaN from the first trade that had no capital left before it.
    """
    if not start_capital > 0:
        raise ValueError(f"starting capital must be above zero, not {start_capital}")
    before = start_capital + np.cumsum(pnl) - pnl
    shares = np.full(len(pnl), np.nan)
    ruined = np.flatnonzero(before <= 0)
    kept = int(ruined[0]) if len(ruined) else len(pnl)
    shares[:kept] = pnl[:kept] / before[:kept]
    return shares


def resample(shares: Floats, *, draw: Draw, paths: int, seed: int) -> Chances:
    """`paths` runs of the trades. Equal `seed` and inputs give equal results; draw the seed from `core.ids.Chance`."""
    if paths < 1:
        raise ValueError("at least one path")
    count = len(shares)
    if count < LEAST_TRADES_CHANCE:
        return _none(draw, count, needs(LEAST_TRADES_CHANCE, count, "trades"))
    if not np.isfinite(shares).all():
        return _none(draw, count, unknown("the capital was spent before the last trade"))
    ends, depths = np.empty(paths), np.empty(paths)
    rng = np.random.default_rng(seed)
    factors = np.maximum(1.0 + shares, 0.0)
    block = max(1, _BLOCK_CELLS // count)
    for start in range(0, paths, block):
        rows = min(block, paths - start)
        if draw is Draw.BOOTSTRAP:
            drawn = factors[rng.integers(0, count, size=(rows, count))]
        else:
            drawn = rng.permuted(np.broadcast_to(factors, (rows, count)), axis=1)
        wealth = np.cumprod(drawn, axis=1, out=drawn)
        ends[start : start + rows] = wealth[:, -1]
        depths[start : start + rows] = _deepest(wealth)
    if draw is Draw.PERMUTATION:
        # One end for every order; multiplied in each of them it would differ by rounding.
        ends[:] = factors.prod()
    return Chances(
        draw=draw,
        paths=paths,
        trades=count,
        total_return=_bands(ends - 1.0),
        max_drawdown=_bands(depths),
        probability_of_loss=Figure(float(np.count_nonzero(ends < 1.0 - _ROUNDING)) / paths),
    )


def _deepest(wealth: Floats) -> Floats:
    peaks = np.maximum(np.maximum.accumulate(wealth, axis=1), 1.0)
    depths: Floats = np.minimum((wealth / peaks).min(axis=1) - 1.0, 0.0)
    return depths


def _bands(values: Floats) -> dict[int, Figure]:
    cuts = np.percentile(values, PERCENTILES).tolist()
    return {percentile: Figure(cut) for percentile, cut in zip(PERCENTILES, cuts, strict=True)}


def _none(draw: Draw, trades: int, reason: Figure) -> Chances:
    bands = dict.fromkeys(PERCENTILES, reason)
    return Chances(draw, 0, trades, bands, bands, reason)
