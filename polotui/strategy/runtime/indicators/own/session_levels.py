"""The session so far (open, high, low), and the whole session before it (high, low, close).

Decided here: as with the session's VWAP, a session counts when its beginning is among the bars. All six are known
from the first bar after such a session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from polotui.strategy.runtime.indicators.own._sessions import sessions
from polotui.strategy.runtime.indicators.tape import NAN, Sequential

_UNKNOWN = (NAN, NAN, NAN)


class Levels(Sequential):
    """State: the session's number, whether its beginning was seen, its open, high, low and close, and the high, low
    and close of the one before."""

    def __init__(self, session_ms: int, shift_ms: int) -> None:
        super().__init__()
        self.session_ms, self.shift_ms = session_ms, shift_ms

    def step(self, state: Any, row: Sequence[float]) -> tuple[Any, Any]:
        opened, high, low, close, time = row
        number, into = divmod(int(time) + self.shift_ms, self.session_ms)
        if state is None:
            state = (number, into == 0, opened, high, low, close, _UNKNOWN)
        elif state[0] != number:
            state = (number, True, opened, high, low, close, state[3:6] if state[1] else _UNKNOWN)
        else:
            state = (number, *state[1:3], max(state[3], high), min(state[4], low), close, state[6])
        return state, (*state[2:5], *state[6]) if state[6] is not _UNKNOWN else _UNKNOWN * 2

    def columns(self, columns: Sequence[Any]) -> tuple[Any, Any]:
        opens, highs, lows, closes, times = columns
        found = [np.empty(len(times)) for _ in range(6)]
        state, before = None, _UNKNOWN
        for start, end, number, whole in sessions(times, self.session_ms, self.shift_ms):
            part = slice(start, end)
            np.maximum.accumulate(highs[part], out=found[1][part])
            np.minimum.accumulate(lows[part], out=found[2][part])
            levels = (float(found[1][end - 1]), float(found[2][end - 1]), float(closes[end - 1]))
            state = (number, whole, float(opens[start]), *levels, before)
            flat = [(0, float(opens[start])), *zip((3, 4, 5), before, strict=True)]
            if before is _UNKNOWN:
                flat = [(which, NAN) for which in range(6)]
            for which, level in flat:
                found[which][part] = level
            before = levels if whole else _UNKNOWN
        return state, tuple(found)


def values(tape: Any, bar: Any, session_ms: int, shift_ms: int) -> Any:
    inputs = [bar[name] for name in ("open", "high", "low", "close", "time")]
    return tape(Levels, inputs, session_ms, shift_ms)
