"""Bollinger bands: a simple average and two standard deviations of the closes around it (TA-Lib BBANDS)."""

from __future__ import annotations

from typing import Any

from polotui.strategy.runtime.talib_loader import talib

KIND = "bb"


def lines(close: Any, length: int) -> dict[str, Any]:
    upper, middle, lower = talib().BBANDS(close, length, 2.0, 2.0)
    return {"upper": upper, "middle": middle, "lower": lower}


def warmup(length: int) -> int:
    return length
