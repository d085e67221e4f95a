"""Ichimoku without the future: both spans are those that a chart draws under this bar.

Decided here: the displacement counts the bar itself, as charts do, so that a displacement of 26 shows the cloud made 25
bars ago. The lagging line is a close drawn into the past; a rule writes it as `close > close[25]`.
"""

from __future__ import annotations

from typing import Any

from polotui.strategy.runtime.indicators.tape import Delay


def values(tape: Any, bar: Any, tenkan: int, kijun: int, span: int, displacement: int) -> Any:
    prices = (bar["high"], bar["low"])
    conversion = tape("MIDPRICE", prices, tenkan)
    base = tape("MIDPRICE", prices, kijun)
    slow = tape("MIDPRICE", prices, span)
    cloud = (tape(Delay, (line,), displacement - 1) for line in ((conversion + base) / 2.0, slow))
    return conversion, base, *cloud
