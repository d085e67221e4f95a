"""Distance from the average in standard deviations; none where nothing moves."""

from __future__ import annotations

from typing import Any


def values(tape: Any, bar: Any, length: int) -> Any:
    source = (bar["source"],)
    return tape.ratio(source[0] - tape("SMA", source, length), tape("STDDEV", source, length, 1.0))
