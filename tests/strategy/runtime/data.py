"""Columns and candles for the tests of the runtime, made from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from polotui.strategy.runtime.columns import Bars

MINUTE = 60_000
START = 1_704_067_200_000  # 2024-01-01, a Monday


def numbers(size: int, seed: int, wild: bool = False) -> np.ndarray:
    """Prices with warm-up, holes, flat stretches, ties, spikes and zeros of both signs."""
    rng = np.random.default_rng(seed)
    x = np.round(100.0 + np.cumsum(rng.normal(0.0, 0.3, size)) % 20.0, 2)
    for begin in rng.integers(0, max(1, size), size // 400):
        x[begin : begin + int(rng.integers(1, 60))] = x[begin]
    x[rng.random(size) < 0.001] *= 1e9
    x[rng.random(size) < 0.002] = 0.0
    x[rng.random(size) < 0.002] = -0.0
    if wild:
        x[rng.random(size) < 0.05] = 1e308
        x[rng.random(size) < 0.05] = 5e-324
        x *= np.where(rng.random(size) < 0.5, -1.0, 1.0)
    x[rng.random(size) < 0.0008] = np.nan
    x[: min(size, 20)] = np.nan
    return x


def truths(size: int, seed: int) -> np.ndarray:
    """Long runs of one truth and short ones, with some unknown."""
    rng = np.random.default_rng(seed)
    runs = rng.choice([1, 2, 3, 15, 120, 700], size)
    truth = np.repeat(rng.choice([0, 0, 2, 2, 2], size), runs)[:size].astype(np.uint8)
    truth[rng.random(size) < 0.0008] = 1
    truth[: min(size, 20)] = 1
    return truth


def same(left: Any, right: Any) -> None:
    """Bit for bit; any NaN is unknown and equal to another."""
    left, right = np.asarray(left), np.asarray(right)
    assert left.dtype == right.dtype
    assert left.shape == right.shape
    if left.dtype == np.float64:
        differ = (left.view(np.int64) != right.view(np.int64)) & ~(np.isnan(left) & np.isnan(right))
    else:
        differ = left != right
    where = np.flatnonzero(differ)
    assert not len(where), f"{len(where)} differ, first at {where[0]}: {left[where[0]]!r} and {right[where[0]]!r}"


def bars(size: int, seed: int = 1, frame_ms: int = MINUTE, start: int = START, holes: float = 0.0) -> Bars:
    """A walk of candles; `holes` is the share of bars that are missing."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.002, size)))
    first_open = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(first_open, close) * (1.0 + rng.random(size) * 0.001)
    low = np.minimum(first_open, close) * (1.0 - rng.random(size) * 0.001)
    time = start + np.arange(size, dtype=np.int64) * frame_ms
    keep = rng.random(size) >= holes
    if holes and size > 2_000:
        keep[700:1_100] = False
    columns = (time, first_open, high, low, close, rng.random(size) * 50.0)
    return Bars(*(np.ascontiguousarray(column[keep]) for column in columns), frame_ms)
