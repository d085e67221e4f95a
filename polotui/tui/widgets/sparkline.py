"""Small curves in one line of eighth blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
PARTS = " ▏▎▍▌▋▊▉█"


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` buckets of `values` as blocks; flat when they are all the same, empty when there are none."""
    if not values or width <= 0:
        return ""
    picked = thinned(values, width)
    low, high = min(picked), max(picked)
    if high <= low:
        return BLOCKS[3] * len(picked)
    return "".join(BLOCKS[int((value - low) / (high - low) * 7 + 0.5)] for value in picked)


def thinned(values: Sequence[float], width: int) -> list[float]:
    """At most `width` values: the last one of each bucket."""
    count = len(values)
    if count <= width:
        return list(values)
    return [values[(index + 1) * count // width - 1] for index in range(width)]


def round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 7 times a power of ten: a full bar that need not change with each value."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-12)))
    return next((power * step for step in (1, 1.5, 2, 3, 4, 5, 7) if power * step >= value), power * 10)


def bar(ratio: float, width: int) -> str:
    """A horizontal bar of `width` cells in eighths, padded with spaces."""
    eighths = max(0, min(width * 8, round(ratio * width * 8)))
    full, rest = divmod(eighths, 8)
    return ("█" * full + (PARTS[rest] if rest else "")).ljust(width)
