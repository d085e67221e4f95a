"""A figure is a number or none with a reason; nothing in between."""

from __future__ import annotations

import math

import pytest

from polotui.metrics.figure import Figure, counted, needs, unknown


def test_a_figure_without_a_value_says_why() -> None:
    assert needs(60, 12, "days") == Figure(None, "needs 60 days, has 12")
    assert not unknown("no trades").known
    assert Figure(0.0).known


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_figure_holds_what_is_no_number(value: float) -> None:
    with pytest.raises(ValueError, match="not a figure"):
        Figure(value)
    assert counted(value) == unknown("too large to say")


def test_a_reason_and_a_value_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        Figure(None)
    with pytest.raises(ValueError, match="no reason"):
        Figure(1.0, "none")
