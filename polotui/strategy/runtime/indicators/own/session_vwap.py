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
        parts = list(sessions(times, self.session_ms, self.shift_ms))
        if not parts:
            return None, (np.empty(0), np.empty(0))
        firsts = np.repeat([prices[start] for start, *_ in parts], [end - start for start, end, *_ in parts])
        distance = prices - firsts
        weighted = volumes * distance
        squared = np.multiply(weighted, distance, out=distance)
        traded = np.empty(len(times))
        for start, end, _, _ in parts:
            part = slice(start, end)
            np.cumsum(volumes[part], out=traded[part])
            np.cumsum(weighted[part], out=weighted[part])
            np.cumsum(squared[part], out=squared[part])
        *_, number, whole = parts[-1]
        state = (number, whole, *(float(column[-1]) for column in (firsts, traded, weighted, squared)))
        with np.errstate(all="ignore"):
            mean = np.divide(weighted, traded, out=weighted)
            spread = np.divide(squared, traded, out=squared)
        line = np.add(firsts, mean, out=firsts)
        spread -= np.multiply(mean, mean, out=mean)
        deviation = np.sqrt(np.maximum(spread, 0.0, out=spread), out=spread)
        if not parts[0][3]:
            line[: parts[0][1]] = deviation[: parts[0][1]] = NAN
        return state, (line, deviation)


def values(tape: Any, bar: Any, session_ms: int, shift_ms: int, deviation: float) -> Any:
    typical = tape("TYPPRICE", (bar["high"], bar["low"], bar["close"]))
    line, spread = tape(_Sums, (typical, bar["volume"], bar["time"]), session_ms, shift_ms)
    room = spread * deviation
    return line, line + room, line - room
