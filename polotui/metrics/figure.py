"""A figure that may not exist: a number, or none with the reason in words.

Decided here: a figure that cannot be known is None, never 0, NaN, infinity or a number that means «none». The
constructor refuses those, so that no caller has to remember it. A figure that is infinite by its formula (a profit
factor without a loss) is None, too, and the reason says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is finite, or None with a `reason` such as «needs 60 days, has 12»."""

    value: float | None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.value is None:
            if not self.reason:
                raise ValueError("a figure without a value needs a reason")
        elif not math.isfinite(self.value):
            raise ValueError(f"{self.value} is not a figure")
        elif self.reason:
            raise ValueError("a figure with a value has no reason to be missing")

    @property
    def known(self) -> bool:
        return self.value is not None


def unknown(reason: str) -> Figure:
    return Figure(None, reason)


def counted(value: float) -> Figure:
    """`value` as a plain float. A result beyond what a float holds is unknown."""
    number = float(value)
    return Figure(number) if math.isfinite(number) else Figure(None, "too large to say")


def needs(least: int, has: int, what: str) -> Figure:
    """The figure that waits for more: `needs(60, 12, "days")`."""
    return Figure(None, f"needs {least} {what}, has {has}")
