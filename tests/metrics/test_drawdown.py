"""How deep, since when, until when."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.metrics import drawdown
from polotui.metrics.daily import daily_equity
from polotui.metrics.drawdown import deepest, max_drawdown
from polotui.metrics.figure import Figure, unknown
from tests.metrics.samples import HOUR, START, UNTIMED, hours, random_equity


def found(equity: list[float], start: float = 100.0) -> drawdown.Drawdown | None:
    return deepest(hours(len(equity)), HOUR, np.array(equity), start)


def test_peak_trough_and_recovery_are_the_closes_of_their_bars() -> None:
    deep = found([110.0, 120.0, 90.0, 100.0, 120.0, 119.0])
    assert deep is not None
    # From 120 to 90; the second bar closes at its open + 1 h.
    assert deep.depth == pytest.approx(-0.25)
    assert (deep.peak_ms, deep.trough_ms, deep.recovery_ms) == (START + 2 * HOUR, START + 3 * HOUR, START + 5 * HOUR)
    assert not deep.open
    assert deep.days == pytest.approx(3 / 24)


def test_the_starting_capital_is_the_first_peak() -> None:
    deep = found([90.0, 80.0, 95.0])
    assert deep is not None
    assert deep.depth == pytest.approx(-0.2)
    assert (deep.peak_ms, deep.trough_ms) == (START, START + 2 * HOUR)
    assert deep.open
    assert deep.recovery_ms is None
    # Open: from the first bar's open to the last one's close.
    assert deep.days == pytest.approx(3 / 24)


def test_a_peak_of_exactly_the_start_counts_from_the_start() -> None:
    deep = found([100.0, 90.0, 100.0])
    assert deep is not None
    assert (deep.peak_ms, deep.recovery_ms) == (START, START + 3 * HOUR)


def test_a_curve_that_never_falls_has_none() -> None:
    assert found([100.0, 101.0, 101.0]) is None
    assert max_drawdown(np.array([100.0, 101.0]), 100.0).value == 0.0
    assert drawdown.calmar(Figure(0.5), Figure(0.0)) == unknown("no drawdown")


def test_the_curve_below_its_peaks_by_hand() -> None:
    curve = drawdown.drawdown_curve(np.array([90.0, 110.0, 99.0]), 100.0)
    assert curve == pytest.approx([-0.1, 0.0, -0.1])
    # √((0.1² + 0² + 0.1²) / 3).
    assert drawdown.ulcer_index(np.array([90.0, 110.0, 99.0]), 100.0).value == pytest.approx(math.sqrt(0.02 / 3))


def test_calmar_by_hand_and_unknown_with_its_parts() -> None:
    assert drawdown.calmar(Figure(0.3), Figure(-0.2)).value == pytest.approx(1.5)
    assert drawdown.calmar(unknown("needs 90 days, has 5"), Figure(-0.2)).reason == "needs 90 days, has 5"
    assert drawdown.calmar(Figure(0.3), unknown("ruin")).reason == "ruin"


def test_more_than_everything_can_be_lost_on_credit() -> None:
    assert max_drawdown(np.array([50.0, -20.0]), 100.0).value == pytest.approx(-1.2)


@UNTIMED
@given(st.integers(0, 10_000))
def test_bounds_and_the_daily_one_is_never_deeper(seed: int) -> None:
    equity = random_equity(seed, bars=24 * 40)
    on_bars = max_drawdown(equity, 10_000.0).value
    _, daily = daily_equity(hours(len(equity)), equity, 10_000.0)
    on_days = max_drawdown(daily, 10_000.0).value
    assert on_bars is not None
    assert on_days is not None
    assert -1.0 <= on_bars <= on_days <= 0.0


@UNTIMED
@given(st.lists(st.floats(0.5, 200.0), min_size=1, max_size=40))
def test_it_is_the_worst_of_all_pairs(equity: list[float]) -> None:
    path = [100.0, *equity]
    worst = min(low / high - 1 for i, high in enumerate(path) for low in path[i:])
    deep = found(equity)
    assert (deep.depth if deep else 0.0) == pytest.approx(worst, abs=1e-12)
    if deep:
        assert START <= deep.peak_ms < deep.trough_ms <= deep.end_ms
        assert deep.recovery_ms is None or deep.trough_ms < deep.recovery_ms <= deep.end_ms
