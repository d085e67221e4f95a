"""The functions of a rule over whole columns. `steps.py` has the same functions bar by bar, and the tests hold the two
to the same bits.

Decided here:
* numpy alone: no compiler is loaded for a rule. What numpy can't do exactly in one call is done by doubling (sliding
  extremes), by counting in integers, or by block (`zscore`), all of it O(n) or O(n log window).
* A window needs all its bars: what lies before the first bar is unknown, and an unknown value makes a number unknown
  for as long as it is inside the window. Truths follow Kleene: `held` is false as soon as one bar is.
* `bars_since` is unknown until the first true bar, and again after an unknown bar until the next true one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polotui.strategy.runtime.truth import (
    TRUE,
    UNKNOWN,
    Floats,
    Numbers,
    Truths,
    and_,
    arithmetic,
    compare,
    extreme,
    known_column,
    or_,
)


def lagged(values: Floats, bars: int) -> Floats:
    """The column `bars` bars ago."""
    result = np.empty_like(values)
    result[:bars] = np.nan
    result[bars:] = values[: max(0, len(values) - bars)]
    return result


def lagged_truth(truth: Truths, bars: int) -> Truths:
    result = np.empty_like(truth)
    result[:bars] = UNKNOWN
    result[bars:] = truth[: max(0, len(truth) - bars)]
    return result


# -- two bars --------------------------------------------------------------------------------------------------------


def first(truth: Truths) -> Truths:
    result = np.empty_like(truth)
    result[:1] = UNKNOWN
    np.subtract(np.uint8(2), truth[:-1], out=result[1:])
    return np.minimum(result, truth, out=result)


def crosses_above(x: Numbers, y: Numbers) -> Truths:
    return first(compare(">", x, y))


def crosses_below(x: Numbers, y: Numbers) -> Truths:
    return first(compare(">", y, x))


def crosses(x: Numbers, y: Numbers) -> Truths:
    return or_(crosses_above(x, y), crosses_below(x, y))


# -- windows of truths -----------------------------------------------------------------------------------------------


def sliding(ufunc: np.ufunc, values: Any, window: int) -> Any:
    """`ufunc` over each `window` values: one for each start. Spans double, so it takes log2(window) passes."""
    span = 1
    while span * 2 <= window:
        values = ufunc(values[span:], values[:-span])
        span *= 2
    rest = window - span
    return ufunc(values[rest:], values[:-rest]) if rest else values


def _padded(truth: Truths, window: int) -> Truths:
    return np.concatenate((np.full(window - 1, UNKNOWN, np.uint8), truth))


def held(truth: Truths, window: int) -> Truths:
    return np.array(sliding(np.minimum, _padded(truth, window), window))


def within(truth: Truths, window: int) -> Truths:
    return np.array(sliding(np.maximum, _padded(truth, window), window))


#: One summand for both counts: unknown bars count in the upper half, true ones in the lower.
_MANY = 1 << 16
_COUNTS = np.array([0, _MANY, 1], np.uint32)


def count(truth: Truths, window: int) -> Floats:
    sums = np.zeros(len(truth) + 1, np.uint32)
    # The running sum may wrap; the difference over a window is right all the same.
    np.cumsum(_COUNTS[truth], dtype=np.uint32, out=sums[1:])
    result = np.full(len(truth), np.nan)
    if window <= len(truth):
        inside = sums[window:] - sums[:-window]
        result[window - 1 :] = np.where(inside < _MANY, inside, np.nan)
    return result


def bars_since(truth: Truths) -> Floats:
    marked = np.flatnonzero(truth)
    edges = np.concatenate((marked, [len(truth)]))
    result = np.arange(len(truth), dtype=np.float64)
    result[: edges[0]] = np.nan
    start = np.where(truth[marked] == TRUE, marked, np.nan)
    result[edges[0] :] -= np.repeat(start, np.diff(edges))
    return result


# -- windows of numbers ----------------------------------------------------------------------------------------------


def _rises(x: Floats) -> Truths:
    truth = np.empty(len(x), np.uint8)
    truth[:1] = UNKNOWN
    truth[1:] = compare(">", x[1:], x[:-1])
    return truth


def rising(x: Floats, window: int) -> Truths:
    return held(_rises(x), window)


def falling(x: Floats, window: int) -> Truths:
    return held(_rises(-x), window)


def _extreme(ufunc: np.ufunc, x: Floats, window: int) -> Floats:
    result = np.full(len(x), np.nan)
    if window <= len(x):
        np.add(sliding(ufunc, x, window), 0.0, out=result[window - 1 :])
    return result


def highest(x: Floats, window: int) -> Floats:
    return _extreme(np.maximum, x, window)


def lowest(x: Floats, window: int) -> Floats:
    return _extreme(np.minimum, x, window)


def change(x: Floats, window: int) -> Floats:
    return arithmetic("-", x, lagged(x, window))


def pct_change(x: Floats, window: int) -> Floats:
    return arithmetic("/", change(x, window), lagged(x, window))


def zscore(x: Floats, window: int) -> Floats:
    """Mean and variance of a window are those of the end of one block and the beginning of the next, merged.

    Blocks of `window` bars are counted from the first bar. Within a block they grow by Welford's update, forwards and
    backwards, and Chan's formula merges the two parts. So nothing is ever subtracted again: a spike leaves no trace
    once it is out of the window, and a flat window has a variance of exactly zero.
    """
    size = len(x)
    blocks = -(-size // window)
    table = np.full(blocks * window, np.nan)
    table[:size] = x
    rows = np.ascontiguousarray(table.reshape(blocks, window).T)
    with np.errstate(all="ignore"):
        mean, squares = _grow(rows)
        tail_mean, tail_squares = (part[::-1] for part in _grow(rows[::-1]))
        for place in range(window - 1):
            before, here = window - 1 - place, place + 1
            apart = mean[place, 1:] - tail_mean[here, :-1]
            np.multiply(apart, here / window, out=mean[place, 1:])
            mean[place, 1:] += tail_mean[here, :-1]
            squares[place, 1:] += tail_squares[here, :-1]
            apart *= apart
            apart *= before * here / window
            squares[place, 1:] += apart
            mean[place, :1] = np.nan
        rows -= mean
        squares /= window
        rows /= np.sqrt(squares, out=squares)
    score = known_column(rows)
    return np.ascontiguousarray(score.T).reshape(-1)[:size]


def _grow(rows: Floats) -> tuple[Floats, Floats]:
    """Mean and sum of squared distances of the first 1, 2, … rows."""
    mean, squares = np.empty_like(rows), np.empty_like(rows)
    mean[0] = rows[0]
    np.subtract(rows[0], rows[0], out=squares[0])
    distance, part = np.empty_like(rows[0]), np.empty_like(rows[0])
    for place in range(1, len(rows)):
        np.subtract(rows[place], mean[place - 1], out=distance)
        np.divide(distance, place + 1, out=part)
        np.add(mean[place - 1], part, out=mean[place])
        np.subtract(rows[place], mean[place], out=part)
        part *= distance
        np.add(squares[place - 1], part, out=squares[place])
    return mean, squares


_CHUNK = 1 << 15


def percentile_rank(x: Floats, window: int) -> Floats:
    result = np.full(len(x), np.nan)
    if len(x) <= window:
        return result
    for begin in range(window, len(x), _CHUNK):
        end = min(begin + _CHUNK, len(x))
        result[begin:end] = _not_above(x, begin, end, window)
    result /= window
    whole = sliding(np.minimum, (x == x).view(np.uint8), window + 1)
    result[window:][whole == 0] = np.nan
    return result


def _not_above(x: Floats, begin: int, end: int, window: int) -> Any:
    """How many of the `window` values before each are at or below it. A part that stays in the processor's cache, and
    sums of one byte for as long as they fit."""
    here = x[begin:end]
    total = np.zeros(end - begin, np.uint16)
    part = np.zeros(end - begin, np.uint8)
    flag = np.empty(end - begin, np.bool_)
    for back in range(1, window + 1):
        np.less_equal(x[begin - back : end - back], here, out=flag)
        part += flag.view(np.uint8)
        if back % 255 == 0 or back == window:
            total += part
            part[:] = 0
    return total


def between(x: Numbers, low: Numbers, high: Numbers) -> Truths:
    return and_(compare(">=", x, low), compare(">=", high, x))


COLUMNS: dict[str, Callable[..., Any]] = {
    "crosses_above": crosses_above,
    "crosses_below": crosses_below,
    "crosses": crosses,
    "rising": rising,
    "falling": falling,
    "highest": highest,
    "lowest": lowest,
    "change": change,
    "pct_change": pct_change,
    "abs": np.abs,
    "min": lambda x, y: extreme(np.minimum, x, y),
    "max": lambda x, y: extreme(np.maximum, x, y),
    "between": between,
    "held": held,
    "within": within,
    "count": count,
    "bars_since": bars_since,
    "first": first,
    "zscore": zscore,
    "percentile_rank": percentile_rank,
}
