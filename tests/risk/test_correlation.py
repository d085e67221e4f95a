"""Correlation: the textbook's figure on aligned returns, and None wherever it would be a guess."""

from __future__ import annotations

import math
import random

import numpy
import pytest

from polotui.risk.correlation import (
    HOUR_MS,
    WINDOW_MS,
    Series,
    correlated,
    correlation,
    groups,
    log_returns,
    matrix,
    pairs,
)

UNTIL = 500_000 * HOUR_MS + 12_345


def walk(seed: int, count: int = 400, common: float = 0.0, base: int = 1) -> Series:
    """A random walk that shares `common` of its returns with all others of the same `base`."""
    own, shared = random.Random(seed), random.Random(-base)
    close, times, closes = 100.0, [], []
    for n in range(count):
        close *= math.exp(0.01 * (common * shared.gauss(0, 1) + (1 - common) * own.gauss(0, 1)))
        times.append((500_000 - count + n) * HOUR_MS)
        closes.append(close)
    return times, closes


def test_it_is_pearson_of_log_returns() -> None:
    one, other = walk(1, common=0.6), walk(2, common=0.6)
    expected = numpy.corrcoef(numpy.diff(numpy.log(one[1])), numpy.diff(numpy.log(other[1])))[0, 1]
    assert correlation(one, other, UNTIL) == pytest.approx(expected, abs=1e-12)
    assert correlation(one, one, UNTIL) == pytest.approx(1.0)


def test_the_order_of_the_two_does_not_matter() -> None:
    one, other = walk(1, common=0.5), walk(2, common=0.5)
    assert correlation(one, other, UNTIL) == correlation(other, one, UNTIL)


def test_returns_are_aligned_by_time_not_by_place() -> None:
    one, other = walk(3, common=1.0), walk(3, common=1.0)
    late = (other[0][50:], other[1][50:])
    assert correlation(one, late, UNTIL) == pytest.approx(1.0)


def test_a_return_over_a_gap_does_not_count() -> None:
    times, closes = walk(4)
    kept = [n for n in range(len(times)) if n % 50]
    holes: Series = ([times[n] for n in kept], [closes[n] for n in kept])
    found = int(numpy.isfinite(log_returns(holes, UNTIL)).sum())
    assert found == sum(1 for n in range(1, len(times)) if n % 50 and (n - 1) % 50)


def test_exactly_a_hundred_common_returns_are_needed() -> None:
    assert correlation(walk(5, 101), walk(6, 101), UNTIL) is not None
    assert correlation(walk(5, 100), walk(6, 100), UNTIL) is None


def test_only_the_window_counts() -> None:
    times, closes = walk(7, 400)
    old: Series = ([time - WINDOW_MS for time in times], closes)
    assert correlation(old, (times, closes), UNTIL) is None


def test_the_bar_that_still_forms_does_not_count() -> None:
    times, closes = walk(8, 102)
    forming: Series = ([time + HOUR_MS for time in times], closes)
    assert int(numpy.isfinite(log_returns((times, closes), UNTIL)).sum()) == 101
    assert int(numpy.isfinite(log_returns(forming, UNTIL)).sum()) == 100


def test_a_still_or_even_price_has_no_correlation() -> None:
    times, _ = walk(9)
    still: Series = (times, [5.0] * len(times))
    even: Series = (times, [100.0 * 1.001**n for n in range(len(times))])
    for series in (still, even):
        assert correlation(series, walk(10), UNTIL) is None


@pytest.mark.parametrize("bad", [0.0, -5.0, float("nan"), float("inf")])
def test_a_senseless_close_leaves_a_gap(bad: float) -> None:
    times, closes = walk(11)
    closes = [*closes[:200], bad, *closes[201:]]
    assert int(numpy.isfinite(log_returns((times, closes), UNTIL)).sum()) == len(times) - 3


def test_times_and_closes_must_belong_together() -> None:
    with pytest.raises(ValueError, match="times"):
        log_returns(([HOUR_MS], [1.0, 2.0]), UNTIL)


def test_matrix_names_every_pair_sorted() -> None:
    found = matrix({"C_USDT": walk(1), "A_USDT": walk(2), "B_USDT": ([], [])}, UNTIL)
    assert set(found) == {("A_USDT", "B_USDT"), ("A_USDT", "C_USDT"), ("B_USDT", "C_USDT")}
    assert found[("A_USDT", "B_USDT")] is None
    assert found[("A_USDT", "C_USDT")] is not None


KNOWN = {("A", "B"): 0.9, ("B", "C"): 0.8, ("A", "C"): 0.1, ("A", "D"): 0.0, ("B", "D"): 0.0, ("C", "D"): 0.0}


def test_groups_hang_together_through_pairs() -> None:
    assert groups(KNOWN, ["D", "C", "B", "A"], 0.7) == [("A", "B", "C")]
    assert pairs(KNOWN, ["A", "B", "C", "D"], 0.7) == [("A", "B"), ("B", "C")]


def test_unknown_counts_as_correlated() -> None:
    assert correlated(KNOWN, "E", "A", 0.7)
    assert correlated({("A", "B"): float("nan")}, "B", "A", 0.7)
    assert correlated({("A", "B"): None}, "A", "B", 0.7)
    assert not correlated(KNOWN, "C", "A", 0.7)
    assert not correlated({("A", "B"): 0.7}, "A", "B", 0.7)
    assert groups({}, ["X", "Y"], 0.7) == [("X", "Y")]
