"""The same trades drawn again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.metrics.drawdown import max_drawdown
from polotui.metrics.monte_carlo import PERCENTILES, Chances, Draw, resample, shares_of_equity
from tests.metrics.samples import UNTIMED

EDGE = np.tile([0.03, -0.02], 40)


def run(shares: np.ndarray = EDGE, *, draw: Draw = Draw.BOOTSTRAP, paths: int = 4000, seed: int = 7) -> Chances:
    return resample(shares, draw=draw, paths=paths, seed=seed)


def test_shares_compound_back_to_the_money() -> None:
    shares = shares_of_equity(np.array([10.0, -11.0, 24.75]), 100.0)
    # 10/100, −11/110, 24.75/99.
    assert shares == pytest.approx([0.1, -0.1, 0.25])
    assert 100 * np.prod(1 + shares) == pytest.approx(100 + 10 - 11 + 24.75)


def test_a_seed_repeats_itself_and_another_does_not() -> None:
    assert run(seed=1) == run(seed=1)
    assert run(seed=1) != run(seed=2)


def test_the_bootstrap_is_what_the_normal_law_says() -> None:
    """Sums of logarithms: the share of losing paths and the median against the central limit."""
    found = run(paths=20_000)
    logs = np.log1p(EDGE)
    mean, spread = logs.sum(), logs.std() * math.sqrt(len(EDGE))
    assert found.total_return[50].value == pytest.approx(math.expm1(mean), abs=0.03)
    losing = 0.5 * math.erfc(mean / spread / math.sqrt(2))
    assert found.probability_of_loss.value == pytest.approx(losing, abs=0.04)


def test_a_permutation_keeps_the_end_and_moves_the_drawdown() -> None:
    found = run(draw=Draw.PERMUTATION)
    end = np.prod(1 + EDGE) - 1
    assert [figure.value for figure in found.total_return.values()] == pytest.approx([end] * len(PERCENTILES))
    assert len(set(found.total_return.values())) == 1
    assert found.probability_of_loss.value == 0.0
    depths = [figure.value for figure in found.max_drawdown.values()]
    assert depths == sorted(depths)
    assert depths[0] < depths[-1] < 0


@pytest.mark.parametrize("gain", [0.03, 0.07, 0.11])
@pytest.mark.parametrize("draw", Draw)
def test_ending_where_it_began_is_no_loss_by_rounding(gain: float, draw: Draw) -> None:
    # Fifty gains, then what undoes them: a product of 1 but for rounding. Drawn with replacement some paths lose.
    shares = np.repeat([gain, 1 / (1 + gain) - 1], 50)
    chance = run(shares, draw=draw, paths=2000).probability_of_loss.value
    if draw is Draw.PERMUTATION:
        assert chance == 0.0
    else:
        # Evenly many of both (8 % of the paths) is no loss either: (1 − C(100, 50) / 2¹⁰⁰) / 2.
        assert chance == pytest.approx((1 - math.comb(100, 50) / 2**100) / 2, abs=0.03)


def test_trades_that_are_all_alike_leave_nothing_to_chance() -> None:
    found = run(np.full(30, -0.01), paths=50)
    depth = max_drawdown(np.cumprod(np.full(30, 0.99)), 1.0).value
    assert [figure.value for figure in found.max_drawdown.values()] == pytest.approx([depth] * len(PERCENTILES))
    assert found.probability_of_loss.value == 1.0


def test_a_path_that_reaches_zero_stays_there() -> None:
    found = run(np.append(np.full(40, 0.05), -1.5), draw=Draw.PERMUTATION, paths=200)
    assert {figure.value for figure in found.total_return.values()} == {-1.0}
    assert {figure.value for figure in found.max_drawdown.values()} == {-1.0}


def test_more_paths_than_a_block_holds_are_all_drawn() -> None:
    found = run(np.tile([0.03, -0.02], 3000), paths=150)
    assert found.paths == 150
    assert found.probability_of_loss.value is not None
    assert all(figure.known for figure in found.total_return.values())


def test_few_trades_or_spent_capital_give_reasons() -> None:
    few = run(np.full(29, 0.01))
    assert few.probability_of_loss.reason == few.max_drawdown[5].reason == "needs 30 trades, has 29"
    assert (few.paths, few.trades) == (0, 29)
    spent = shares_of_equity(np.append(np.full(30, -10.0), 5.0), 300.0)
    assert np.isnan(spent[-1])
    assert "spent" in run(spent).total_return[50].reason


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="path"):
        run(paths=0)
    with pytest.raises(ValueError, match="above zero"):
        shares_of_equity(np.array([1.0]), 0.0)


@settings(UNTIMED, max_examples=30)
@given(st.integers(0, 1_000), st.sampled_from(Draw))
def test_bounds(seed: int, draw: Draw) -> None:
    shares = np.random.default_rng(seed).normal(0, 0.1, 60)
    found = run(shares, draw=draw, paths=200, seed=seed)
    chance = found.probability_of_loss.value
    assert chance is not None
    assert 0.0 <= chance <= 1.0
    for bands in (found.total_return, found.max_drawdown):
        cuts = [bands[percentile].value for percentile in PERCENTILES]
        assert cuts == sorted(cuts)
        assert cuts[0] >= -1.0
    assert found.max_drawdown[95].value <= 0.0
