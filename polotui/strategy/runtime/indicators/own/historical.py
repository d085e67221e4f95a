"""Historical volatility of one bar's logarithmic return. Not made yearly: that depends on the timeframe."""

from __future__ import annotations

from typing import Any

from polotui.strategy.runtime.indicators.tape import Delay


def values(tape: Any, bar: Any, length: int) -> Any:
    source = bar["source"]
    change = tape("LN", (tape.ratio(source, tape(Delay, (source,), 1)),))
    return tape("STDDEV", (change,), length, 1.0)
