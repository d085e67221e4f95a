"""Candles as the bars of a moment, and the moments that a bot's state does not know yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polotui.model.candles import Candle
from polotui.strategy.runtime.columns import Bar, Bars


def bar_of(candle: Candle) -> Bar:
    return Bar(candle.open_ms, candle.open, candle.high, candle.low, candle.close, candle.volume)


def bars_at(candles: Mapping[str, Candle]) -> dict[str, Bar]:
    return {symbol: bar_of(candle) for symbol, candle in candles.items()}


def split(
    whole: Mapping[str, Bars], frame_ms: int, state: Mapping[str, Any] | None
) -> tuple[dict[str, Bars], list[tuple[int, dict[str, Bar]]]]:
    """What the state knows, and the moments after it."""
    if state is None:
        return dict(whole), []
    known, missed = {}, {}  # type: tuple[dict[str, Bars], dict[int, dict[str, Bar]]]
    for symbol, bars in whole.items():
        count = int((bars.time <= state["bar_ms"]).sum())
        known[symbol] = bars.slice(0, count)
        for place in range(count, len(bars)):
            missed.setdefault(int(bars.time[place]), {})[symbol] = bars.bar(place)
    return known, sorted(missed.items())
