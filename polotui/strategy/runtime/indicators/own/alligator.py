"""Williams' alligator: Wilder's averages of the middle price, drawn 8, 5 and 3 bars late."""

from __future__ import annotations

from typing import Any

from polotui.strategy.runtime.indicators.tape import Delay


def values(tape: Any, bar: Any, jaw: int, teeth: int, lips: int) -> Any:
    middle = tape("MEDPRICE", (bar["high"], bar["low"]))
    lines = ((jaw, 8), (teeth, 5), (lips, 3))
    return tuple(tape(Delay, (tape("RMA", (middle,), length),), late) for length, late in lines)
