"""Volume-weighted average price since the session began, and volume-weighted standard deviations around it.

Decided here: a session whose beginning is not among the bars has no value, so that the same bar never has two values
by how much history was loaded. Sums are of distances from the session's first typical price: sums of the prices
themselves would lose the deviation's digits. Before the session's first trade there is no value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from polotui.strategy.runtime.indicators.own._sessions import sessions
from polotui.strategy.runtime.indicators.tape import NAN, Sequential


class _Sums(Sequential):
    """State: the session's number, whether its beginning was seen, its first price, sums of volume, of distances
    and of their squares."""

    def __init__(self, session_ms: int, shift_ms: int) -> None:
        super().__init__()
        self.session_ms, self.shift_ms = session_ms, shift_ms

    def step(self, state: Any, row: Sequence[float]) -> tuple[Any, Any]:
        price, volume, time = row
        number, into = divmod(int(time) + self.shift_ms, self.session_ms)
        if state is None or state[0] != number:
            state = (number, state is not None or into == 0, price, 0.0, 0.0, 0.0)
        _, whole, first, volumes, distances, squares = state
        distance = price - first
        weighted = volume * distance
        volumes, distances, squares = volumes + volume, distances + weighted, squares + weighted * distance
        state = (number, whole, first, volumes, distances, squares)
        if not whole or volumes == 0:
            return state, (NAN, NAN)
        mean = distances / volumes
        spread = squares / volumes - mean * mean
        return state, (first + mean, 0.0 if spread <= 0 else math.sqrt(spread))

    def columns(self, columns: Sequence[Any]) -> tuple[Any, Any]:
        prices, volumes, times = columns
        lines, deviations = np.full(len(times), NAN), np.full(len(times), NAN)
        state = None
        for start, end, number, whole in sessions(times, self.session_ms, self.shift_ms):
            part = slice(start, end)
            first = prices[start]
            distance = prices[part] - first
            weighted = volumes[part] * distance
            sums = [np.cumsum(column) for column in (volumes[part], weighted, weighted * distance)]
            state = (number, whole, float(first), *(float(column[-1]) for column in sums))
            if not whole:
                continue
            traded = np.where(sums[0] == 0, NAN, sums[0])
            mean = sums[1] / traded
            spread = sums[2] / traded - mean * mean
            lines[part] = first + mean
            deviations[part] = np.sqrt(np.where(spread <= 0, 0.0, spread))
        return state, (lines, deviations)


def values(tape: Any, bar: Any, session_ms: int, shift_ms: int, deviation: float) -> Any:
    typical = tape("TYPPRICE", (bar["high"], bar["low"], bar["close"]))
    line, spread = tape(_Sums, (typical, bar["volume"], bar["time"]), session_ms, shift_ms)
    room = spread * deviation
    return line, line + room, line - room
