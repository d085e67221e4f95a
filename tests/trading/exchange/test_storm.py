"""Trading through trouble: nothing is wrong afterwards, and each planted mistake is found and named."""

from __future__ import annotations

import pytest

from tests.trading.exchange.defects import DEFECTS
from tests.trading.exchange.storm import storm

#: Seeds in which a mistake shows within five minutes of trading; one of them must tell.
SEEDS = {"not_found_is_final": (0, 2, 6), "no_sweep": (10, 11, 16), "newest_trade_is_the_mark": (2, 4)}


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_wrong_after_a_storm(seed: int) -> None:
    assert storm(seed, minutes=5) == []


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_mistake_is_found(defect: str) -> None:
    assert any(storm(seed, DEFECTS[defect](), minutes=5) for seed in SEEDS.get(defect, (0, 1)))
