"""The functions of a rule bar by bar: what `functions.py` computes over columns, with the same bits.

Decided here:
* A step answers twice: `value` for a bar as it stands, changing nothing, and `commit` when the bar is closed. So the
  forming bar can be asked for as often as it changes.
* `resume` puts a step where it would stand after a history, from the inputs' columns. It replays the few bars the step
  remembers, not the history.
* Truths are the ints 0, 1 and 2; numbers are floats, unknown is NaN.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from polotui.strategy.runtime.truth import (
    FALSE,
    NAN,
    TRUE,
    UNKNOWN,
    divide,
    greater,
    subtract,
)

#: Longer ago than any window reaches.
_NEVER = 1 << 40


class Step:
    """One function at one place of a rule."""

    #: How many bars back its state reaches.
    reach = 0

    def value(self, *inputs: Any) -> Any:
        raise NotImplementedError

    def commit(self, *inputs: Any) -> None:
        raise NotImplementedError

    def resume(self, *columns: Any) -> None:
        self.replay(max(0, len(columns[0]) - self.reach), *columns)

    def replay(self, start: int, *columns: Any) -> None:
        for inputs in zip(*(column[start:].tolist() for column in columns), strict=True):
            self.commit(*inputs)


class Lagged(Step):
    """The value some bars ago: NaN, or UNKNOWN, before the first bar."""

    def __init__(self, bars: int, unknown: Any) -> None:
        self.reach = bars
        self._past: deque[Any] = deque([unknown] * bars, bars)

    def value(self, x: Any) -> Any:
        return self._past[0] if self.reach else x

    def commit(self, x: Any) -> None:
        self._past.append(x)


class First(Step):
    reach = 1

    def __init__(self) -> None:
        self._before = UNKNOWN

    def value(self, truth: int) -> int:
        return min(truth, 2 - self._before)

    def commit(self, truth: int) -> None:
        self._before = truth


class CrossesAbove(Step):
    reach = 1

    def __init__(self) -> None:
        self._above = UNKNOWN

    def value(self, x: float, y: float) -> int:
        return min(greater(x, y), 2 - self._above)

    def commit(self, x: float, y: float) -> None:
        self._above = greater(x, y)


class CrossesBelow(CrossesAbove):
    def value(self, x: float, y: float) -> int:
        return super().value(y, x)

    def commit(self, x: float, y: float) -> None:
        super().commit(y, x)


class Crosses(Step):
    reach = 1

    def __init__(self) -> None:
        self._ways = (CrossesAbove(), CrossesBelow())

    def value(self, x: float, y: float) -> int:
        return max(way.value(x, y) for way in self._ways)

    def commit(self, x: float, y: float) -> None:
        for way in self._ways:
            way.commit(x, y)


class Held(Step):
    """`decides` is the truth that one bar is enough for: FALSE for `held`, TRUE for `within`."""

    def __init__(self, window: int, decides: int = FALSE) -> None:
        self.reach = window - 1
        self._decides = decides
        self._since_decided = _NEVER
        self._since_unknown = 0

    def value(self, truth: int) -> int:
        if truth == self._decides or self._since_decided < self.reach:
            return self._decides
        if truth == UNKNOWN or self._since_unknown < self.reach:
            return UNKNOWN
        return 2 - self._decides

    def commit(self, truth: int) -> None:
        self._since_decided = 0 if truth == self._decides else self._since_decided + 1
        self._since_unknown = 0 if truth == UNKNOWN else self._since_unknown + 1


class Rising(Step):
    def __init__(self, window: int, sign: float = 1.0) -> None:
        self.reach = window
        self._sign = sign
        self._held = Held(window)
        self._before = NAN

    def value(self, x: float) -> int:
        return self._held.value(greater(self._sign * x, self._before))

    def commit(self, x: float) -> None:
        self._held.commit(greater(self._sign * x, self._before))
        self._before = self._sign * x


class Count(Step):
    def __init__(self, window: int) -> None:
        self.reach = window - 1
        self._past: deque[int] = deque([UNKNOWN] * self.reach, self.reach)

    def value(self, truth: int) -> float:
        if truth == UNKNOWN or UNKNOWN in self._past:
            return NAN
        return float(self._past.count(TRUE) + (truth == TRUE))

    def commit(self, truth: int) -> None:
        self._past.append(truth)


class BarsSince(Step):
    def __init__(self) -> None:
        self._since: int | None = None

    def value(self, truth: int) -> float:
        after = self._after(truth)
        return NAN if after is None else float(after)

    def commit(self, truth: int) -> None:
        self._since = self._after(truth)

    def _after(self, truth: int) -> int | None:
        if truth == TRUE:
            return 0
        return None if truth == UNKNOWN or self._since is None else self._since + 1

    def resume(self, *columns: Any) -> None:
        marked = np.flatnonzero(columns[0])
        self.replay(int(marked[-1]) if len(marked) else len(columns[0]), *columns)


class Extreme(Step):
    """The highest of a window, or the lowest."""

    def __init__(self, window: int, choose: Callable[..., float]) -> None:
        self.reach = window - 1
        self._choose = choose
        self._past: deque[float] = deque(maxlen=self.reach)
        self._known = 0

    def value(self, x: float) -> float:
        if x != x or self._known < self.reach:
            return NAN
        return self._choose((x, *self._past)) + 0.0

    def commit(self, x: float) -> None:
        self._past.append(x)
        self._known = 0 if x != x else self._known + 1


class Change(Step):
    def __init__(self, window: int, relative: bool = False) -> None:
        self.reach = window
        self._relative = relative
        self._past = Lagged(window, NAN)

    def value(self, x: float) -> float:
        before = self._past.value(x)
        difference = subtract(x, before)
        return divide(difference, before) if self._relative else difference

    def commit(self, x: float) -> None:
        self._past.commit(x)


class ZScore(Step):
    """See `functions.zscore`: the block that is being filled, merged with the end of the one before."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._block: list[float] = []
        self._mean = self._squares = 0.0
        self._tails: list[tuple[float, float]] = []

    def value(self, x: float) -> float:
        mean, squares = self._grown(x)
        here = len(self._block) + 1
        before = self._window - here
        if before:
            if not self._tails:
                return NAN
            tail_mean, tail_squares = self._tails[here]
            apart = mean - tail_mean
            mean = tail_mean + apart * (here / self._window)
            squares = tail_squares + squares + apart * apart * (before * here / self._window)
        if not squares > 0.0:
            return NAN
        return divide(x - mean, sqrt(squares / self._window))

    def commit(self, x: float) -> None:
        self._mean, self._squares = self._grown(x)
        self._block.append(x)
        if len(self._block) == self._window:
            tail = ZScore(self._window + 1)
            tails: list[tuple[float, float]] = []
            for value in reversed(self._block):
                tail.commit(value)
                tails.append((tail._mean, tail._squares))
            self._tails = tails[::-1]
            self._block = []

    def _grown(self, x: float) -> tuple[float, float]:
        if not self._block:
            return x, x - x
        distance = x - self._mean
        mean = self._mean + distance / (len(self._block) + 1)
        return mean, self._squares + distance * (x - mean)

    def resume(self, *columns: Any) -> None:
        size = len(columns[0])
        self.replay(max(0, size - size % self._window - self._window), *columns)


class PercentileRank(Step):
    def __init__(self, window: int) -> None:
        self.reach = window
        self._past: deque[float] = deque([NAN] * window, window)
        self._sorted: list[float] = []

    def value(self, x: float) -> float:
        if x != x or len(self._sorted) < self.reach:
            return NAN
        return bisect_right(self._sorted, x) / self.reach

    def commit(self, x: float) -> None:
        oldest = self._past[0]
        if oldest == oldest:
            del self._sorted[bisect_left(self._sorted, oldest)]
        self._past.append(x)
        if x == x:
            insort(self._sorted, x)


#: Each function that remembers bars; the argument is its window, 0 for those that have none.
STEPS: dict[str, Callable[[int], Step]] = {
    "crosses_above": lambda _: CrossesAbove(),
    "crosses_below": lambda _: CrossesBelow(),
    "crosses": lambda _: Crosses(),
    "rising": lambda window: Rising(window),
    "falling": lambda window: Rising(window, -1.0),
    "highest": lambda window: Extreme(window, max),
    "lowest": lambda window: Extreme(window, min),
    "change": lambda window: Change(window),
    "pct_change": lambda window: Change(window, relative=True),
    "held": lambda window: Held(window),
    "within": lambda window: Held(window, TRUE),
    "count": lambda window: Count(window),
    "bars_since": lambda _: BarsSince(),
    "first": lambda _: First(),
    "zscore": lambda window: ZScore(window),
    "percentile_rank": lambda window: PercentileRank(window),
}
