"""Truth and numbers: three truths, unknown numbers, and the operators on both, over columns and for a single bar.

Decided here:
* A truth is FALSE=0, UNKNOWN=1 or TRUE=2 in a uint8 column, so «and» is the minimum, «or» the maximum, «not» 2 - x:
  what is false whatever the unknown part may be, is false (Kleene).
* A number is float64; unknown is NaN, and so is what is divided by zero or grows beyond float64.
* Every operator exists twice, for columns and for one bar, and each element is made by the same IEEE operations in the
  same order, so both give the same bits. No sum over many elements is left to numpy, which adds in pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FALSE, UNKNOWN, TRUE = 0, 1, 2

Floats = NDArray[np.float64]
Truths = NDArray[np.uint8]
#: A number over bars: a column, or one float for what never changes.
Numbers = Floats | float

NAN = float("nan")
INFINITE = float("inf")

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
ARITHMETIC = ("+", "-", "*", "/")


def known(value: float) -> float:
    """The value, or NaN for an infinite one."""
    return NAN if value in (INFINITE, -INFINITE) else value


def known_column(values: Floats) -> Floats:
    """NaN in place of what is infinite; the same array when nothing is."""
    infinite = np.isinf(values)
    if infinite.any():
        values = np.where(infinite, np.nan, values)
    return values


# -- one bar ---------------------------------------------------------------------------------------------------------


def add(x: float, y: float) -> float:
    return known(x + y)


def subtract(x: float, y: float) -> float:
    return known(x - y)


def multiply(x: float, y: float) -> float:
    return known(x * y)


def divide(x: float, y: float) -> float:
    return NAN if y == 0.0 else known(x / y)


def smaller(x: float, y: float) -> float:
    if x != x or y != y:
        return NAN
    return (x if x < y else y) + 0.0


def larger(x: float, y: float) -> float:
    if x != x or y != y:
        return NAN
    return (x if x > y else y) + 0.0


def greater(x: float, y: float) -> int:
    return 1 + (x > y) - (x <= y)


def at_least(x: float, y: float) -> int:
    return 1 + (x >= y) - (x < y)


def equal(x: float, y: float) -> int:
    return 1 + (x == y) - (x < y or x > y)


def between(x: float, low: float, high: float) -> int:
    return min(at_least(x, low), at_least(high, x))


SCALAR: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    ">": greater,
    ">=": at_least,
    "<": lambda x, y: greater(y, x),
    "<=": lambda x, y: at_least(y, x),
    "==": equal,
    "!=": lambda x, y: 2 - equal(x, y),
    "and": min,
    "or": max,
}


# -- columns ---------------------------------------------------------------------------------------------------------


def compare(op: str, x: Numbers, y: Numbers) -> Truths:
    """One of COMPARISONS; at least one side is a column."""
    if op == "<":
        return compare(">", y, x)
    if op == "<=":
        return compare(">=", y, x)
    if op == "!=":
        return not_(compare("==", x, y))
    if op == "==":
        yes = np.asarray(x == y)
        no = np.less(x, y)
        np.logical_or(no, np.greater(x, y), out=no)
    elif op == ">":
        yes, no = np.greater(x, y), np.less_equal(x, y)
    else:
        yes, no = np.greater_equal(x, y), np.less(x, y)
    truth = yes.view(np.uint8)
    truth -= no.view(np.uint8)
    truth += np.uint8(1)
    return truth


def not_(truth: Truths) -> Truths:
    return np.subtract(np.uint8(2), truth)


def and_(x: Truths, y: Truths) -> Truths:
    return np.minimum(x, y)


def or_(x: Truths, y: Truths) -> Truths:
    return np.maximum(x, y)


def arithmetic(op: str, x: Numbers, y: Numbers) -> Floats:
    """One of ARITHMETIC; at least one side is a column."""
    with np.errstate(all="ignore"):
        if op == "+":
            return known_column(np.add(x, y))
        if op == "-":
            return known_column(np.subtract(x, y))
        if op == "*":
            return known_column(np.multiply(x, y))
        return known_column(np.divide(x, y))


def extreme(ufunc: np.ufunc, x: Numbers, y: Numbers) -> Floats:
    """`np.minimum` or `np.maximum`: NaN when either is; never a negative zero, whose order numpy leaves open."""
    result: Floats = ufunc(x, y)
    result += 0.0
    return result
