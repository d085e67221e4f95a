"""Volume-weighted average of the typical price over a length.

TA-Lib's running sums keep a rest of earlier volume, and where no bar of the length has any, their ratio is noise of
any size. Such a bar has no value.
"""

from __future__ import annotations

from typing import Any


def values(tape: Any, bar: Any, length: int) -> Any:
    typical = tape("TYPPRICE", (bar["high"], bar["low"], bar["close"]))
    volume = bar["volume"]
    return tape.where(tape("MAX", (volume,), length), tape("VWMA", (typical, volume), length))
