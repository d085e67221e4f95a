"""ADX with the two directional indicators it is made of."""

from __future__ import annotations

from typing import Any


def values(tape: Any, bar: Any, length: int) -> Any:
    prices = (bar["high"], bar["low"], bar["close"])
    return tape("ADX", prices, length), tape("PLUS_DI", prices, length), tape("MINUS_DI", prices, length)
