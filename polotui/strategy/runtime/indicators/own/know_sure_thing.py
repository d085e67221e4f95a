"""Pring's know sure thing with its classic lengths."""

from __future__ import annotations

from typing import Any

_PARTS = ((10, 10), (15, 10), (20, 10), (30, 15))


def values(tape: Any, bar: Any, signal: int) -> Any:
    first, second, third, fourth = (
        tape("SMA", (tape("ROC", (bar["source"],), change),), smooth) for change, smooth in _PARTS
    )
    line = first + 2.0 * second + 3.0 * third + 4.0 * fourth
    return line, tape("SMA", (line,), signal)
