"""Chaikin money flow: where closes lie in their ranges, weighted with volume.

TA-Lib's running sums keep a rest of earlier volume, and where no bar of the length has any, their ratio is noise of
any size. Such a bar has no value.
"""

from __future__ import annotations

from typing import Any


def values(tape: Any, bar: Any, length: int) -> Any:
    inputs = [bar[name] for name in ("high", "low", "close", "volume")]
    return tape.where(tape("MAX", (bar["volume"],), length), tape("CMF", inputs, length))
