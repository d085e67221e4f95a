"""Every function of the table: over columns and bar by bar, bit for bit, and never with a look ahead."""

from __future__ import annotations

import numpy as np
import pytest

from polotui.strategy.document.functions import FUNCTIONS
from polotui.strategy.runtime.functions import COLUMNS
from polotui.strategy.runtime.steps import STEPS
from polotui.strategy.runtime.truth import COMPARISONS, SCALAR, arithmetic, between, compare, larger, smaller
from tests.strategy.runtime.data import numbers, same, truths

SIMPLE = {"abs": abs, "min": smaller, "max": larger, "between": between}
WINDOWS = (1, 2, 3, 14, 97, 500)
CASES = [
    (name, window)
    for name, function in FUNCTIONS.items()
    for window in (WINDOWS if "window" in function.arguments else (0,))
    if not window or window >= function.least
]


def inputs(name: str, size: int, seed: int) -> list[np.ndarray]:
    kinds = [kind for kind in FUNCTIONS[name].arguments if kind != "window"]
    return [
        numbers(size, seed + place) if kind == "number" else truths(size, seed + place)
        for place, kind in enumerate(kinds)
    ]


def batch(name: str, window: int, columns: list[np.ndarray]) -> np.ndarray:
    return COLUMNS[name](*columns, *([window] if window else []))


def stream(name: str, window: int, columns: list[np.ndarray]) -> np.ndarray:
    rows = zip(*(column.tolist() for column in columns), strict=True)
    if name in SIMPLE:
        values = [SIMPLE[name](*row) for row in rows]
    else:
        step = STEPS[name](window)
        values = []
        for row in rows:
            values.append(step.value(*row))
            step.commit(*row)
    return np.array(values, np.uint8 if FUNCTIONS[name].result == "bool" else np.float64)


def test_every_function_of_the_table_is_here() -> None:
    assert set(COLUMNS) == set(FUNCTIONS)
    assert set(STEPS) | set(SIMPLE) == set(FUNCTIONS)


@pytest.mark.parametrize(("name", "window"), CASES)
def test_bar_by_bar_gives_the_bits_of_the_column(name: str, window: int) -> None:
    columns = inputs(name, 100_000, 7)
    result = batch(name, window, columns)
    assert result.dtype == (np.uint8 if FUNCTIONS[name].result == "bool" else np.float64)
    same(result, stream(name, window, columns))


@pytest.mark.parametrize(("name", "window"), CASES)
def test_a_value_does_not_change_when_the_data_ends_there(name: str, window: int) -> None:
    columns = inputs(name, 1_700, 11)
    whole = batch(name, window, columns)
    for size in (0, 1, 2, 3, 13, 14, 15, 96, 97, 98, 193, 194, 195, 499, 500, 501, 502, 999, 1_000, 1_001, 1_699):
        same(batch(name, window, [column[:size] for column in columns]), whole[:size])


@pytest.mark.parametrize(("name", "window"), [case for case in CASES if case[0] in STEPS])
def test_a_step_resumes_where_a_history_ends(name: str, window: int) -> None:
    columns = inputs(name, 2_300, 13)
    whole = batch(name, window, columns)
    for size in (0, 1, 14, 97, 333, 500, 1_000, 1_200, 2_000):
        step = STEPS[name](window)
        step.resume(*(column[:size] for column in columns))
        rest = []
        for row in zip(*(column[size:].tolist() for column in columns), strict=True):
            rest.append(step.value(*row))
            step.commit(*row)
        same(np.array(rest, whole.dtype), whole[size:])


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/"])
def test_operators_give_the_same_bits_for_columns_and_single_bars(op: str) -> None:
    x, y = numbers(20_000, 3, wild=True), numbers(20_000, 4, wild=True)
    column = compare(op, x, y) if op in COMPARISONS else arithmetic(op, x, y)
    single = [SCALAR[op](a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    same(column, np.array(single, column.dtype))
    if column.dtype == np.float64:
        assert np.isnan(column).any()
        assert not np.isinf(column).any()
