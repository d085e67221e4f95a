"""Curves and trades drawn from a seed, for tests that look at many."""

from __future__ import annotations

import numpy as np
from hypothesis import settings

from polotui.metrics.daily import DAY_MS, Floats
from polotui.metrics.trades import Labels, TradeColumns

HOUR = 3_600_000
#: For properties: an example may take as long as a busy machine needs.
UNTIMED = settings(deadline=None)
#: 2024-01-01 00:00 UTC, a Monday.
START = 1_704_067_200_000


def random_returns(seed: int) -> Floats:
    """Daily returns of another length, drift, spread and tail for each seed; some with idle days."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(120, 900))
    returns = rng.normal(rng.uniform(-0.002, 0.003), rng.uniform(0.002, 0.04), count)
    returns += rng.standard_t(3, count) * rng.uniform(0, 0.01)
    returns[rng.random(count) < rng.choice([0.0, 0.4])] = 0.0
    return np.clip(returns, -0.5, 0.9)


def random_equity(seed: int, bars: int = 24 * 200, start: float = 10_000.0) -> Floats:
    rng = np.random.default_rng(seed)
    return start * np.cumprod(1 + rng.normal(rng.uniform(-1e-4, 2e-4), rng.uniform(0.001, 0.01), bars))


def hours(count: int, first: int = START) -> np.ndarray:
    return first + np.arange(count, dtype=np.int64) * HOUR


def trades(
    pnl: list[float],
    *,
    r: list[float] | None = None,
    entry_ms: list[int] | None = None,
    reason: list[int] | None = None,
    symbols: list[int] | None = None,
) -> TradeColumns:
    """Trades of 1,000 quote notional each, two bars of an hour long, one after the other."""
    count = len(pnl)
    entries = np.array(entry_ms if entry_ms is not None else [START + i * DAY_MS for i in range(count)], dtype=np.int64)
    names = ("BTC_USDT", "ETH_USDT", "SOL_USDT")
    return TradeColumns(
        pnl=np.array(pnl, dtype=float),
        entry_notional=np.full(count, 1000.0),
        r=np.array(r if r is not None else [np.nan] * count, dtype=float),
        bars=np.full(count, 2, dtype=np.int64),
        mae=np.full(count, -0.01),
        mfe=np.full(count, 0.02),
        entry_ms=entries,
        exit_ms=entries + 2 * HOUR,
        reason=np.array(reason if reason is not None else [0] * count, dtype=np.int64),
        reason_names=("rule", "stop", "target"),
        labels={} if symbols is None else {"symbol": Labels(np.array(symbols, dtype=np.int64), names)},
    )
