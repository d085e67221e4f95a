"""The functions a rule may call: one row each, with argument and result types. Nothing else can be called.

An argument is «number», «bool» or «window»: a whole number of bars (literal or declared parameter), 1 to 500, `least`
at the smallest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from polotui.strategy.document.tree import Type

Argument = Literal["number", "bool", "window"]

LONGEST_WINDOW = 500


@dataclass(frozen=True)
class Function:
    """`back` says how many bars before the current one it reads: 0, or 1, or «window»-1, or «window»."""

    name: str
    arguments: tuple[Argument, ...]
    result: Type
    says: str
    back: Literal["none", "one", "window", "window-1", "since"] = "none"
    least: int = 1


FUNCTIONS: dict[str, Function] = {
    row.name: row
    for row in (
        Function("crosses_above", ("number", "number"), "bool", "x was at or below y, and is above it now", "one"),
        Function("crosses_below", ("number", "number"), "bool", "x was at or above y, and is below it now", "one"),
        Function("crosses", ("number", "number"), "bool", "x crosses y in either direction", "one"),
        Function("rising", ("number", "window"), "bool", "each of the last n values is above the one before", "window"),
        Function("falling", ("number", "window"), "bool", "each of the last n is below the one before", "window"),
        Function("highest", ("number", "window"), "number", "highest of the last n values, this one too", "window-1"),
        Function("lowest", ("number", "window"), "number", "lowest of the last n values, this one too", "window-1"),
        Function("change", ("number", "window"), "number", "x minus x n bars ago", "window"),
        Function("pct_change", ("number", "window"), "number", "change as a fraction of x n bars ago", "window"),
        Function("abs", ("number",), "number", "without its sign"),
        Function("min", ("number", "number"), "number", "the smaller of two"),
        Function("max", ("number", "number"), "number", "the larger of two"),
        Function("between", ("number", "number", "number"), "bool", "low <= x and x <= high"),
        Function("held", ("bool", "window"), "bool", "true on each of the last n bars, this one too", "window-1"),
        Function("within", ("bool", "window"), "bool", "true on at least one of the last n bars", "window-1"),
        Function("count", ("bool", "window"), "number", "on how many of the last n bars it was true", "window-1"),
        Function("bars_since", ("bool",), "number", "bars since it was last true, 0 on such a bar", "since"),
        Function("first", ("bool",), "bool", "true now and false on the bar before", "one"),
        Function("zscore", ("number", "window"), "number", "(x - mean of n) / standard deviation of n (ddof 0)",
                 "window-1", 2),
        Function("percentile_rank", ("number", "window"), "number",
                 "share (0 to 1) of the n values before this one that are at or below it", "window", 2),
    )
}  # fmt: skip
