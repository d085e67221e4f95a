"""Candles as the bars of a moment, and the moments that a bot's state does not know yet.

Decided here: what a state knows is told for each symbol, since one may have been decided before the other's bar came.
Before a bot's first moment everything that had closed when it was started is its past, and nothing that it missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polotui.model.candles import Candle
from polotui.strategy.runtime.columns import Bar, Bars


def bar_of(candle: Candle) -> Bar:
    return Bar(candle.open_ms, candle.open, candle.high, candle.low, candle.close, candle.volume)


def split(
    whole: Mapping[str, Bars], frame_ms: int, state: Mapping[str, Any] | None, started_ms: int
) -> tuple[dict[str, Bars], list[tuple[int, dict[str, Bar]]]]:
    """What the state knows, and the moments after it. `started_ms`: when the bot was started for the first time."""
    if state is None:
        return dict(whole), []
    known, missed = {}, {}  # type: tuple[dict[str, Bars], dict[int, dict[str, Bar]]]
    for symbol, bars in whole.items():
        count = int((bars.time <= known_until(symbol, state, frame_ms, started_ms)).sum())
        known[symbol] = bars.slice(0, count)
        for place in range(count, len(bars)):
            missed.setdefault(int(bars.time[place]), {})[symbol] = bars.bar(place)
    return known, sorted(missed.items())


def known_until(symbol: str, state: Mapping[str, Any], frame_ms: int, started_ms: int) -> int:
    """The open of the last bar of a symbol that the state knows."""
    own = int(state["hands"].get(symbol, {}).get("bar_ms", state["bar_ms"]))
    return own if own and state["bar_ms"] else max(own, started_ms - frame_ms)
