"""Which symbols move together: Pearson's correlation of log returns of one-hour closes over 30 days.

Decided here:
* Returns are aligned by time. A return counts only between two bars that follow each other without a gap, and only
  where both symbols have it; fewer than 100 common returns give None, which counts as correlated at the gate.
* A price that never moves, or always by the same factor, has no correlation: None.
* Only closed bars count; a bar is named by its opening time.

numpy is loaded when a figure is asked for, not with the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, numpy.dtype[numpy.float64]]

HOUR_MS = 3_600_000
WINDOW_MS = 30 * 24 * HOUR_MS
LEAST_BARS = 100
#: A spread of returns below this is rounding, not movement.
_STILL = 1e-12

#: Opening times in ms and closes of one-hour bars, as they are stored.
Series = tuple[Sequence[int], Sequence[float]]
Matrix = dict[tuple[str, str], float | None]


def log_returns(series: Series, until_ms: int) -> Array:
    """One place for each hour of the window before `until_ms`: the return of the bar that opened then, or NaN."""
    import numpy

    count = WINDOW_MS // HOUR_MS
    # The last bar that is closed by now.
    last = until_ms // HOUR_MS * HOUR_MS - HOUR_MS
    first = last - count * HOUR_MS
    times = numpy.asarray(series[0], dtype=numpy.int64)
    closes = numpy.asarray(series[1], dtype=numpy.float64)
    if times.shape != closes.shape:
        raise ValueError(f"{times.size} times and {closes.size} closes")
    levels = numpy.full(count + 1, numpy.nan)
    valid = (times >= first) & (times <= last) & (times % HOUR_MS == 0) & numpy.isfinite(closes) & (closes > 0)
    levels[(times[valid] - first) // HOUR_MS] = numpy.log(closes[valid])
    return numpy.diff(levels)


def _pearson(one: Array, other: Array) -> float | None:
    import numpy

    both = numpy.isfinite(one) & numpy.isfinite(other)
    if int(both.sum()) < LEAST_BARS:
        return None
    a, b = one[both], other[both]
    a, b = a - a.mean(), b - b.mean()
    spread_a, spread_b = float(numpy.sqrt((a * a).mean())), float(numpy.sqrt((b * b).mean()))
    if not (spread_a > _STILL and spread_b > _STILL):
        return None
    value = float((a * b).mean()) / (spread_a * spread_b)
    return max(-1.0, min(1.0, value))


def correlation(one: Series, other: Series, until_ms: int) -> float | None:
    """Of two symbols, or None when they have too little in common."""
    return _pearson(log_returns(one, until_ms), log_returns(other, until_ms))


def matrix(series: Mapping[str, Series], until_ms: int) -> Matrix:
    """Every pair of symbols, names sorted; what `AccountView.correlations` holds."""
    returns = {symbol: log_returns(values, until_ms) for symbol, values in series.items()}
    return {(a, b): _pearson(returns[a], returns[b]) for a, b in combinations(sorted(returns), 2)}


def correlated(known: Mapping[tuple[str, str], float | None], one: str, other: str, above: float) -> bool:
    """Whether two symbols count as moving together; unknown counts."""
    value = known.get((one, other) if one < other else (other, one))
    return value is None or not value <= above


def pairs(known: Mapping[tuple[str, str], float | None], symbols: Sequence[str], above: float) -> list[tuple[str, str]]:
    """The pairs among `symbols` that move together."""
    return [pair for pair in combinations(sorted(set(symbols)), 2) if correlated(known, *pair, above)]


def groups(
    known: Mapping[tuple[str, str], float | None], symbols: Sequence[str], above: float
) -> list[tuple[str, ...]]:
    """Symbols that hang together through correlated pairs, largest group first; only groups of two and more."""
    left, found = sorted(set(symbols)), []
    while left:
        group = [left.pop(0)]
        for member in group:
            near = [symbol for symbol in left if correlated(known, member, symbol, above)]
            left = [symbol for symbol in left if symbol not in near]
            group += near
        if len(group) > 1:
            found.append(tuple(sorted(group)))
    return sorted(found, key=lambda group: (-len(group), group))
