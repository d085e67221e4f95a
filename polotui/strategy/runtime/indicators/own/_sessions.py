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
    first, into = divmod(int(times[0]) + shift_ms, session_ms)
    last = (int(times[-1]) + shift_ms) // session_ms
    begins = np.arange(first, last + 2) * session_ms - shift_ms
    places = np.searchsorted(times, begins).tolist()
    for number, start, end in zip(range(first, last + 1), places, places[1:], strict=False):
        if start < end:
            yield start, end, number, into == 0 or start > 0
