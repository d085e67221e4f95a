"""Where the sessions of a column of open times begin and end. Sessions are of equal length, counted from 1970 UTC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def sessions(times: Any, session_ms: int, shift_ms: int) -> Iterator[tuple[int, int, int, bool]]:
    """Start, end (exclusive), number, and whether the session's beginning is among the bars: only the first one's may
    not be."""
    if not len(times):
        return
    numbers = (times + shift_ms) // session_ms
    starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist()]
    seen = (int(times[0]) + shift_ms) % session_ms == 0
    for start, end in zip(starts, [*starts[1:], len(times)], strict=True):
        yield start, end, int(numbers[start]), seen or start > 0
