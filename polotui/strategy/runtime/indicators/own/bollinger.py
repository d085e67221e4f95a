"""Bollinger bands with their width and where the source lies within them.

`width` is the distance of the bands as a fraction of the middle; `percent` is 0 at the lower band and 1 at the upper.
Bands without width have no percent.
"""

from __future__ import annotations

from typing import Any


def values(tape: Any, bar: Any, length: int, deviation: float) -> Any:
    source = bar["source"]
    upper, middle, lower = tape("BBANDS", (source,), length, deviation, deviation)
    width = upper - lower
    return upper, middle, lower, tape.ratio(width, middle), tape.ratio(source - lower, width)
