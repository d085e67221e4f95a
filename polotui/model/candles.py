"""Candles and timeframes. Prices and volumes are float64 here: candles feed charts and indicators, never money."""

from __future__ import annotations

from enum import Enum

import msgspec

MINUTE_MS = 60_000
DAY_MS = 86_400_000


class Timeframe(Enum):
    """A candle's length; the value is what people type."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def ms(self) -> int:
        return _MS[self]

    def floor(self, at_ms: int) -> int:
        """Open time of the candle that contains `at_ms` (UTC)."""
        return at_ms - at_ms % self.ms

    @classmethod
    def parse(cls, text: str) -> Timeframe:
        try:
            return cls(text)
        except ValueError:
            names = ", ".join(frame.value for frame in cls)
            raise ValueError(f"unknown timeframe {text[:20]!r}; there are {names}") from None


_MS = {
    Timeframe.M1: MINUTE_MS,
    Timeframe.M5: 5 * MINUTE_MS,
    Timeframe.M15: 15 * MINUTE_MS,
    Timeframe.M30: 30 * MINUTE_MS,
    Timeframe.H1: 60 * MINUTE_MS,
    Timeframe.H4: 240 * MINUTE_MS,
    Timeframe.D1: DAY_MS,
}


class Candle(msgspec.Struct, frozen=True, array_like=True):
    """Open, high, low, close in the quote currency; volume in base, amount in quote units.

    `closed` is False while trades may still change it. `trades` counts them; -1 means the source did not say.
    """

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    amount: float = 0.0
    trades: int = -1
    closed: bool = True


def merge(candles: list[Candle], frame: Timeframe, *, closed: bool = True) -> Candle:
    """One candle of `frame` from lower ones of the same window, oldest first, at least one."""
    first = candles[0]
    counts = [candle.trades for candle in candles]
    return Candle(
        open_ms=frame.floor(first.open_ms),
        open=first.open,
        high=max(candle.high for candle in candles),
        low=min(candle.low for candle in candles),
        close=candles[-1].close,
        volume=sum(candle.volume for candle in candles),
        amount=sum(candle.amount for candle in candles),
        trades=-1 if min(counts) < 0 else sum(counts),
        closed=closed,
    )
