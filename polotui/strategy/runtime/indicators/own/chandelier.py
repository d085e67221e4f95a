"""Chandelier exit: stops for a long and a short position, hung from the extremes of the length."""

from __future__ import annotations

from typing import Any


def values(tape: Any, bar: Any, length: int, multiple: float) -> Any:
    high, low = bar["high"], bar["low"]
    room = tape("ATR", (high, low, bar["close"]), length) * multiple
    return tape("MAX", (high,), length) - room, tape("MIN", (low,), length) + room
