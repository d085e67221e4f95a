"""The combinations of a search: which values each axis takes, and which combination has which number.

Decided here:
* A combination's number (its place) follows from the search as asked alone, so a search that was broken off goes on
  where it was, and results can be compared by place.
* A grid with fewer trials than combinations takes every n-th; a random search draws without repeating.
* Pure Python without numpy: the engine counts combinations before any worker runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from polotui.backtest.work import Axis, SweepWork
from polotui.core.errors import UsageError
from polotui.core.ids import Chance

MOST_COMBINATIONS = 1_000_000
DEFAULT_TRIALS = 200
OBJECTIVES = ("sharpe", "sortino", "calmar", "total_return", "profit_factor", "max_drawdown")
#: Values of one axis that are gone through together, so that their columns are still there for the next.
_TILE = 32


class AxisLike(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def least(self) -> float: ...
    @property
    def most(self) -> float: ...
    @property
    def step(self) -> float: ...


def _refused(cause: str, next_step: str = "") -> UsageError:
    return UsageError(cause, safe="Nothing was run.", next_step=next_step)


def length(axis: AxisLike) -> int:
    """How many values an axis has. Raises UsageError for one that leads nowhere."""
    numbers = (axis.least, axis.most, axis.step)
    if not all(math.isfinite(number) for number in numbers) or axis.least > axis.most:
        raise _refused(f"The axis {axis.name} has to go from a smaller value to a larger one.")
    if axis.least == axis.most:
        return 1
    if axis.step <= 0.0:
        raise _refused(f"The step of the axis {axis.name} must be above 0.")
    # The last step may be short by rounding.
    count = math.floor((axis.most - axis.least) / axis.step + 1e-9) + 1
    if count > MOST_COMBINATIONS:
        raise _refused(f"The axis {axis.name} has {count:,} values.", "Take a larger step.")
    return count


def values(axis: AxisLike) -> list[float]:
    return [round(axis.least + place * axis.step, 10) for place in range(length(axis))]


def combinations(axes: Sequence[AxisLike]) -> int:
    """How many the whole grid has. Raises UsageError."""
    if not axes:
        raise _refused("A search needs at least one axis.", "--axis name=from:to:step gives one.")
    names = [axis.name for axis in axes]
    for name in names:
        if names.count(name) > 1:
            raise _refused(f"The axis {name} is given twice.")
    return math.prod(length(axis) for axis in axes)


def trials(axes: Sequence[AxisLike], method: str, asked: int) -> int:
    """How many combinations a search looks at. Raises UsageError when there are too many."""
    whole = combinations(axes)
    if asked < 0:
        raise _refused("The number of trials cannot be below 0.")
    wanted = asked or (whole if method == "grid" else DEFAULT_TRIALS)
    found = min(wanted, whole)
    if found > MOST_COMBINATIONS:
        raise _refused(
            f"The search has {found:,} combinations; at most {MOST_COMBINATIONS:,} are possible.",
            "Take larger steps, or search at random.",
        )
    return found


def indices(work: SweepWork) -> list[int]:
    """For each place of a grid or a random search the number of its combination in the whole grid."""
    whole, count = combinations(work.axes), trials(work.axes, work.method, work.trials)
    if work.method == "random" and count < whole:
        return Chance(f"sweep/{work.seed}").generator().sample(range(whole), count)
    return [place * whole // count for place in range(count)]


def digits(axes: Sequence[Axis], index: int) -> tuple[int, ...]:
    """The place on each axis; the last axis changes fastest."""
    found = []
    for axis in reversed(axes):
        index, rest = divmod(index, length(axis))
        found.append(rest)
    return tuple(reversed(found))


def tile(found: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A key by which combinations of neighbouring values come together."""
    return tuple(place // _TILE for place in found), tuple(found)
