"""A bar curve by the day: midnight, gaps, the first day, ruin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.metrics.daily import DAY_MS, daily_equity, daily_returns
from tests.metrics.samples import START, UNTIMED, hours

MINUTE = 60_000
FIRST_DAY = START // DAY_MS


def test_the_bar_that_closes_at_midnight_belongs_to_the_day_in_which_it_opened() -> None:
    opens = np.array([START + 23 * 60 * MINUTE + 59 * MINUTE, START + DAY_MS], dtype=np.int64)
    days, values = daily_equity(opens, np.array([101.0, 99.0]), 100.0)
    assert days.tolist() == [FIRST_DAY, FIRST_DAY + 1]
    assert values.tolist() == [101.0, 99.0]


def test_days_without_a_bar_carry_the_value_before_them() -> None:
    opens = np.array([START, START + 3 * DAY_MS + MINUTE], dtype=np.int64)
    days, values = daily_equity(opens, np.array([110.0, 121.0]), 100.0)
    assert (days - FIRST_DAY).tolist() == [0, 1, 2, 3]
    assert values.tolist() == [110.0, 110.0, 110.0, 121.0]
    # 110 / 100 − 1, twice nothing, 121 / 110 − 1.
    assert daily_returns(values, 100.0) == pytest.approx([0.1, 0.0, 0.0, 0.1])


def test_the_first_day_is_measured_against_the_starting_capital() -> None:
    _, values = daily_equity(hours(24), np.linspace(90.0, 95.0, 24), 100.0)
    assert daily_returns(values, 100.0) == pytest.approx([-0.05])


@UNTIMED
@given(
    st.lists(st.integers(0, 60 * 24 * 20), min_size=1, max_size=60, unique=True).map(sorted),
    st.integers(0, DAY_MS - 1),
)
def test_it_is_the_same_as_walking_through_the_bars(minutes: list[int], shift: int) -> None:
    opens = np.array([START + shift + minute * MINUTE for minute in minutes], dtype=np.int64)
    equity = np.arange(1.0, len(minutes) + 1.0)
    expected: dict[int, float] = {}
    for day in range(int(opens[0]) // DAY_MS, int(opens[-1]) // DAY_MS + 1):
        past = [value for time, value in zip(opens.tolist(), equity.tolist(), strict=True) if time // DAY_MS <= day]
        expected[day] = past[-1]
    days, values = daily_equity(opens, equity, 1.0)
    assert dict(zip(days.tolist(), values.tolist(), strict=True)) == expected


def test_after_the_ruin_there_are_no_returns() -> None:
    returns = daily_returns(np.array([50.0, -1.0, 5.0, 6.0]), 100.0)
    # 50/100 − 1; −1/50 − 1; then there is nothing to have a return on.
    assert returns[:2] == pytest.approx([-0.5, -1.02])
    assert np.isnan(returns[2:]).all()


@pytest.mark.parametrize(
    ("opens", "equity", "start", "says"),
    [
        ([], [], 1.0, "at least one"),
        ([1, 2], [1.0], 1.0, "as many"),
        ([1], [1.0], 0.0, "above zero"),
        ([1], [np.nan], 1.0, "finite"),
        ([2, 1], [1.0, 1.0], 1.0, "must rise"),
        ([1, 1], [1.0, 1.0], 1.0, "must rise"),
    ],
)
def test_what_is_no_curve_is_refused(opens: list[int], equity: list[float], start: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        daily_equity(np.array(opens, dtype=np.int64), np.array(equity), start)
