"""Choppiness: the way travelled (true ranges) over the distance covered, as a logarithm to the length."""

from __future__ import annotations

import math
from typing import Any


def values(tape: Any, bar: Any, length: int) -> Any:
    high, low = bar["high"], bar["low"]
    way = tape("SUM", (tape("TRANGE", (high, low, bar["close"])),), length)
    covered = tape("MAX", (high,), length) - tape("MIN", (low,), length)
    return tape("LOG10", (tape.ratio(way, covered),)) * (100.0 / math.log10(length))
