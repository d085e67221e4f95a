"""Simple moving average of the closes (TA-Lib SMA)."""

from __future__ import annotations

from typing import Any

from polotui.strategy.runtime.talib_loader import talib

KIND = "sma"


def lines(close: Any, length: int) -> dict[str, Any]:
    return {"": talib().SMA(close, length)}


def warmup(length: int) -> int:
    return length
