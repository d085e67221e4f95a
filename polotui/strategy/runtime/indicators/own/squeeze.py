"""The squeeze: Bollinger bands within the Keltner channel, and the momentum that a break may follow.

`momentum` is the end of a line fitted to the close's distance from the mean of the range's middle and the average.
"""

from __future__ import annotations

from typing import Any


def values(tape: Any, bar: Any, length: int, deviation: float, multiple: float) -> Any:
    high, low, close = bar["high"], bar["low"], bar["close"]
    upper, average, lower = tape("BBANDS", (close,), length, deviation, deviation)
    outer, _, inner = tape("KC", (high, low, close), length, length, multiple)
    _, middle, _ = tape("DONCHIAN", (high, low), length)
    momentum = tape("LINEARREG", (close - (middle + average) / 2.0,), length)
    return tape.flag((upper < outer) & (lower > inner)), momentum
