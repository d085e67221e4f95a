"""Seeded bars with everything a market does to an indicator: spikes, flat stretches, bars without volume."""

from __future__ import annotations

from functools import cache

import numpy as np

DAY_MS = 86_400_000


@cache
def bars(count: int, seed: int = 1) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(seed)
    steps = chance.normal(0, 0.001, count)
    spikes = chance.integers(0, count, max(1, count // 5000))
    steps[spikes] += chance.normal(0, 0.5, len(spikes))
    flats = [int(start) for start in chance.integers(0, count, max(1, count // 3000))]
    for start in flats:
        steps[start : start + 300] = 0
    close = 100 * np.exp(np.cumsum(steps))
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opened, close) * (1 + np.abs(chance.normal(0, 0.0005, count)))
    low = np.minimum(opened, close) * (1 - np.abs(chance.normal(0, 0.0005, count)))
    volume = chance.exponential(10, count)
    volume[chance.random(count) < 0.05] = 0
    volume[0] = 3.0
    for start in flats:
        part = slice(start + 1, start + 300)
        high[part] = low[part] = opened[part] = close[part]
        volume[part] = 0
    time = 1_700_006_400_000 // DAY_MS * DAY_MS + 300_000 * np.arange(count, dtype=np.int64)
    result = {"open": opened, "high": high, "low": low, "close": close, "volume": volume, "time": time, "source": close}
    for column in result.values():
        column.flags.writeable = False
    return result


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal to the last bit, and NaN in the same places."""
    unknown = np.isnan(one)
    return bool(
        np.array_equal(unknown, np.isnan(other))
        and np.array_equal(one[~unknown].view(np.int64), other[~unknown].view(np.int64))
    )
