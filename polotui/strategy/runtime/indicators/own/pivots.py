"""Classic pivot points of the session before: its typical price, and two levels mirrored on either side."""

from __future__ import annotations

from typing import Any

from polotui.strategy.runtime.indicators.own.session_levels import Levels


def values(tape: Any, bar: Any, session_ms: int, shift_ms: int) -> Any:
    inputs = [bar[name] for name in ("open", "high", "low", "close", "time")]
    *_, high, low, close = tape(Levels, inputs, session_ms, shift_ms)
    pivot = (high + low + close) / 3.0
    reach = high - low
    return pivot, 2.0 * pivot - low, 2.0 * pivot - high, pivot + reach, pivot - reach
