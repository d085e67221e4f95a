"""Numbers that a person typed: exact, or refused; never another number."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.model.money import typed_decimal


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("10,000", "10000"),
        (" 0.2 ", "0.2"),
        ("1,234,567.89", "1234567.89"),
        ("−3", "-3"),
        ("1e3", "1000"),
        (".5", "0.5"),
    ],
)
def test_what_was_typed_is_what_it_says(typed: str, value: str) -> None:
    assert typed_decimal(typed) == Decimal(value)


@pytest.mark.parametrize("typed", ["0,5", "1,5", "0,500", "1,50,000", "1.000,50", ",500", "1,,000", "1,000,"])
def test_a_comma_for_a_point_is_refused_and_not_taken_out(typed: str) -> None:
    """«0,5» without its comma is an order of ten times the size."""
    with pytest.raises(ValueError, match="decimals need a point"):
        typed_decimal(typed)


@pytest.mark.parametrize("typed", ["", "x", "nan", "inf", "1 000", "--1"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="number"):
        typed_decimal(typed)


@pytest.mark.parametrize("typed", ["1e31", "-1e400000", "1e999999", "1e-31", "0e400000", "0e-400000", "9" * 31])
def test_a_number_of_a_size_that_nothing_has_is_refused(typed: str) -> None:
    """As an int, «1e400000» takes seconds, and as text it fills a book."""
    with pytest.raises(ValueError, match="beyond anything that is counted"):
        typed_decimal(typed)


@given(st.decimals(-(10**18), 10**18, allow_nan=False, allow_infinity=False, places=8))
def test_digits_in_groups_are_the_same_number(value: Decimal) -> None:
    assert typed_decimal(f"{value:,f}") == typed_decimal(f"{value:f}") == value
