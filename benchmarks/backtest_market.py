"""The market that the backtest benchmarks run over, and the strategy. Both sides of a comparison read the same file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

YEAR = 525_600
START_MS = 1_735_689_600_000
FAST, SLOW = 20, 50
FEE, SLIPPAGE, CAPITAL = 0.001, 0.0005, 1e12

DOCUMENT = """
spec: 1
name: sma cross with stops
market: {symbols: [BTC_USDT]}
timeframe: 1m
params:
  fast_len: {type: int, default: 20, min: 2, max: 200, step: 1}
  slow_len: {type: int, default: 50, min: 5, max: 400, step: 1}
indicators:
  fast: {kind: sma, length: fast_len}
  slow: {kind: sma, length: slow_len}
entry: {long: "crosses_above(fast, slow)"}
exit: {long: "crosses_below(fast, slow)"}
stops:
  loss: {kind: percent, value: 2%}
  target: {kind: percent, value: 4%}
  trail: {kind: percent, value: 1.5%}
sizing: {kind: percent_equity, value: 100%}
"""
#: Everything in, and a share of the equity for each of five places.
PLAIN = DOCUMENT.split("stops:")[0] + "sizing: {kind: percent_equity, value: 100%}\n"
PLACES = DOCUMENT.replace("100%", "20%") + "limits: {max_positions: 5}\n"


def walk(bars: int, seed: int) -> np.ndarray:
    """Rows open, high, low, close, volume: a geometric walk of 80 % a year with jumps."""
    draw = np.random.default_rng(seed)
    steps = draw.normal(0.0, 0.8 / np.sqrt(YEAR), bars)
    jumps = draw.random(bars) < 5e-5
    steps[jumps] += draw.normal(0.0, 0.01, int(jumps.sum()))
    close = 30_000.0 * np.exp(np.cumsum(steps))
    open_ = np.concatenate((close[:1], close[:-1]))
    high = np.maximum(open_, close) * (1.0 + np.abs(draw.normal(0.0, 3e-4, bars)))
    low = np.minimum(open_, close) * (1.0 - np.abs(draw.normal(0.0, 3e-4, bars)))
    return np.stack([open_, high, low, close, np.full(bars, 1e9)])


def write(folder: Path, symbols: int = 20, bars: int = 100_000) -> None:
    """`year.npy` (5 rows) and `many.npy` (symbols by 5 rows)."""
    np.save(folder / "year.npy", walk(YEAR, 1))
    np.save(folder / "many.npy", np.stack([walk(bars, 100 + number) for number in range(symbols)]))


def times(bars: int) -> np.ndarray:
    return START_MS + 60_000 * np.arange(bars, dtype=np.int64)
