"""Relative volume: this bar over the average of those before it.

TA-Lib's running sums keep a rest of earlier volume, and where no bar of the length has any, their ratio is noise of
any size. Such a bar has no value.
"""

from __future__ import annotations

from typing import Any

from polotui.strategy.runtime.indicators.tape import Delay


def values(tape: Any, bar: Any, length: int) -> Any:
    volume = (bar["volume"],)
    traded = tape(Delay, (tape("MAX", volume, length),), 1)
    return tape.where(traded, tape("RVOL", volume, length))
