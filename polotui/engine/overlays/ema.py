"""Exponential moving average of the closes (TA-Lib EMA)."""

from __future__ import annotations

from typing import Any

from polotui.strategy.runtime.talib_loader import talib

KIND = "ema"


def lines(close: Any, length: int) -> dict[str, Any]:
    return {"": talib().EMA(close, length)}


def warmup(length: int) -> int:
    return length * 8
