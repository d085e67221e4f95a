"""Ulcer index: how deep and how long the source lies below its highest, in percent."""

from __future__ import annotations

from typing import Any


def values(tape: Any, bar: Any, length: int) -> Any:
    source = bar["source"]
    highest = tape("MAX", (source,), length)
    fall = tape.ratio(source - highest, highest) * 100.0
    return tape.root(tape("SMA", (fall * fall,), length))
