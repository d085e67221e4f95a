"""Candles for the market's tests: a small random walk, always the same for one seed."""

from __future__ import annotations

import random

from polotui.model.candles import DAY_MS, MINUTE_MS, Candle, Timeframe

DAY0 = 1_780_012_800_000 // DAY_MS * DAY_MS
SYMBOL = "BTC_USDT"


def at(minute: int) -> int:
    return DAY0 + minute * MINUTE_MS


def candle(number: int, frame: Timeframe = Timeframe.M1, *, closed: bool = True, seed: int = 0) -> Candle:
    """The candle `number` frames after DAY0."""
    draw = random.Random(f"{seed}/{number}/{frame.value}")
    open_, close = (round(draw.uniform(90, 110), 2) for _ in range(2))
    high, low = max(open_, close) + draw.randint(0, 5), min(open_, close) - draw.randint(0, 5)
    volume = draw.randint(0, 64) / 64
    return Candle(DAY0 + number * frame.ms, open_, high, low, close, volume, volume * 128, draw.randint(0, 9), closed)


def minutes(start: int, end: int) -> list[Candle]:
    return [candle(number) for number in range(start, end)]
