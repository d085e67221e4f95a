"""Bars for the tests of bots, on a grid as an exchange has it."""

from __future__ import annotations

import numpy as np

from polotui.core.ids import Chance
from polotui.strategy.runtime.columns import Bars

START = 1_704_067_200_000  # 2024-01-01
HOUR = 3_600_000


def walk(
    seed: str,
    size: int,
    *,
    frame_ms: int = HOUR,
    price: float = 100.0,
    tick: float = 0.01,
    drift: float = 0.0,
    noise: float = 0.008,
    volume: float = 2_000.0,
    spread: float = 0.5,
    gaps: float = 0.0,
    start: int = START,
) -> Bars:
    """A random walk. `gaps` is the share of bars that are missing."""
    random = np.random.Generator(np.random.PCG64(Chance(f"market {seed}").generator().getrandbits(63)))
    swing = 0.15 * noise * np.sin(np.arange(size) / 17.0)
    close = price * np.exp(np.cumsum(random.normal(drift, noise, size) + swing))
    open_ = np.concatenate((close[:1], close[:-1])) * (1 + random.normal(0, 0.1 * noise, size))
    high = np.maximum(open_, close) * (1 + np.abs(random.normal(0, 0.5 * noise, size)))
    low = np.minimum(open_, close) * (1 - np.abs(random.normal(0, 0.5 * noise, size)))
    steps = [np.round(part / tick) for part in (open_, high, low, close)]
    columns = [np.ascontiguousarray(part * tick) for part in steps]
    traded = np.round(volume * np.exp(random.normal(0, spread, size)), 4)
    time = start + frame_ms * np.arange(size, dtype=np.int64)
    keep = random.random(size) >= gaps
    keep[0] = True
    return Bars(time[keep], *(np.ascontiguousarray(c[keep]) for c in columns), np.ascontiguousarray(traded[keep]),
                frame_ms)  # fmt: skip
