"""The meter: the promised formula, its biggest part, and how far it is to each limit; exposure beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.risk.exposure import BY_HAND, by_asset, by_strategy, total
from polotui.risk.limits import Limits
from polotui.risk.meter import Meter, as_text, meter, tied, worst_case_equity
from polotui.risk.values import Latch
from tests.risk.plain import position, view, waiting

LIMITS = Limits()
APART = {("BTC_USDT", "ETH_USDT"): 0.0}


def measure(**account: Any) -> Meter:
    return meter(view(**account), LIMITS)


def points(found: Meter) -> dict[str, float]:
    return {part.name: round(part.points, 6) for part in found.parts}


def test_nothing_at_stake_is_zero() -> None:
    found = measure()
    assert found.score == 0
    assert found.biggest == "nothing is at stake"
    assert [part.of for part in found.parts] == [30, 25, 20, 15, 10]


def test_the_formula_part_by_part() -> None:
    held = (position("BTC_USDT", 1_000), position("ETH_USDT", 500, protection="none"))
    found = measure(
        positions=held, correlations=APART, day_start_equity=Decimal(10_256), peak_equity=Decimal("11428.5714285714286")
    )
    daily = 256 / 10_256 / 0.05
    assert points(found) == {
        "daily_loss": pytest.approx(30 * daily, abs=1e-5),
        "drawdown": pytest.approx(25 * 0.125 / 0.25, abs=1e-5),
        "exposure": pytest.approx(20 * 0.15),
        "concentration": pytest.approx(15 * 0.5),
        "unprotected": pytest.approx(10 * 0.5),
    }
    assert found.score == round(sum(points(found).values()))
    assert found.biggest == f"daily loss 15 of {sum(points(found).values()):.0f}"
    assert not found.breached


def test_two_small_parts_are_told_apart() -> None:
    """It said «0 of 0»."""
    found = measure(day_start_equity=Decimal(10_010), peak_equity=Decimal(10_010))
    assert found.biggest == "daily loss 0.6 of 0.7"


def test_a_correlated_group_counts_as_one_large_position() -> None:
    held = (position("BTC_USDT", 1_500), position("ETH_USDT", 1_500))
    apart = measure(positions=held, correlations=APART)
    together = measure(positions=held, correlations={("BTC_USDT", "ETH_USDT"): 0.9})
    assert points(apart)["concentration"] == pytest.approx(15 * 0.75)
    assert points(together)["concentration"] == pytest.approx(15 * 0.75)
    four = tuple(position(f"{name}_USDT", 1_400) for name in "ABCD")
    assert points(measure(positions=four, correlations={}))["concentration"] == pytest.approx(15 * 5_600 / 6_000)


@pytest.mark.parametrize(("allowed", "symbols"), [(0, 1), (1, 2), (2, 2), (3, 3), (5, 3), (6, 4)])
def test_so_many_pairs_tie_so_many_symbols(allowed: int, symbols: int) -> None:
    assert tied(allowed) == symbols


def test_a_breach_lifts_it_to_eighty() -> None:
    found = measure(day_start_equity=Decimal(10_527))
    assert found.breached == ("daily_loss",)
    assert found.score == 80
    latched = measure(latches=(Latch(name="daily-loss", reason="x", since_ms=0),))
    assert latched.score == 80
    at_limit = Limits(drawdown_warn=0.1, drawdown_pause=0.2)
    assert meter(view(peak_equity=Decimal(12_500)), at_limit).breached == ("drawdown_pause",)
    assert measure(positions=(position("BTC_USDT", 2_001),)).score >= 80
    assert measure(positions=(position("BTC_USDT", 2_000),)).breached == ()


def test_the_unknown_counts_as_used_up_and_is_marked() -> None:
    found = measure(equity=None, positions=(position(),))
    assert points(found) == {"daily_loss": 30, "drawdown": 25, "exposure": 20, "concentration": 15, "unprotected": 0}
    assert "not known" in found.biggest
    assert found.breached == ()
    assert all("not known" in line.text for line in found.distances if line.value is None)


def test_distances_name_each_limit() -> None:
    found = measure(positions=(position("BTC_USDT", 1_000), position("ETH_USDT", 500)))
    texts = {line.code: line.text for line in found.distances}
    assert texts["RISK-POSITION"] == "10 % of 20 %"
    assert texts["RISK-POSITIONS"] == "2 of 50"
    assert texts["RISK-CORR"] == "1 of 3"
    assert texts["RISK-EXPOSURE"] == "15 % of 100 %"


def test_a_waiting_buy_is_a_position_as_at_the_gate() -> None:
    found = measure(positions=(position("BTC_USDT", 100),), resting=(waiting("ETH_USDT"), waiting("BTC_USDT")))
    texts = {line.code: line.text for line in found.distances}
    assert (texts["RISK-POSITIONS"], texts["RISK-POSITIONS-STRATEGY"], texts["RISK-CORR"]) == (
        "2 of 50",
        "2 of 20",
        "1 of 3",
    )


def test_the_text_prints_formula_parts_and_limits() -> None:
    text = as_text(measure(positions=(position("BTC_USDT", 2_500),)))
    assert "30 x daily loss" in text
    assert "biggest part: concentration BTC_USDT" in text
    assert "25 % of 20 %  over" in text


@given(st.integers(0, 20_000), st.integers(1, 30_000), st.integers(1, 30_000), st.booleans())
def test_it_is_always_within_its_scale(worth: int, start: int, peak: int, protected: bool) -> None:
    held = (position("BTC_USDT", worth, protection="local" if protected else "none"),) if worth else ()
    found = measure(positions=held, day_start_equity=Decimal(start), peak_equity=Decimal(peak))
    assert 0 <= found.score <= 100
    assert all(0 <= part.points <= part.of for part in found.parts)
    assert not found.breached or found.score >= 80


def test_exposure_by_asset_and_by_strategy() -> None:
    account = view(
        positions=(position("BTC_USDT", 1_000), position("BTC_USDT", 500, account="paper", bot=0, strategy="")),
        resting=(waiting("ETH_USDT", 300, strategy="swing"),),
    )
    assets = by_asset(account)
    assert [(line.name, line.held, line.waiting, line.positions) for line in assets] == [
        ("BTC_USDT", 1_500, 0, 2),
        ("ETH_USDT", 0, 300, 0),
    ]
    assert assets[0].share == pytest.approx(0.15)
    assert {line.name: line.amount for line in by_strategy(account)} == {"trend": 1_000, BY_HAND: 500, "swing": 300}
    assert total(account).share == pytest.approx(0.18)
    assert total(view()).share == 0


@pytest.mark.parametrize("mark", [None, Decimal("NaN"), Decimal(0)])
def test_what_has_no_price_is_unknown_and_listed_first(mark: Decimal | None) -> None:
    account = view(positions=(position("BTC_USDT", 1_000), position("ETH_USDT", 10, mark=mark)))
    assert by_asset(account)[0].name == "ETH_USDT"
    assert by_asset(account)[0].share is None
    assert total(account).share is None


def test_the_worst_case_is_every_stop_hit() -> None:
    held = (position("BTC_USDT", 1_000), position("ETH_USDT", 500, stop=None))
    assert worst_case_equity(view(positions=held)) == Decimal(10_000) - 30 - 500
    assert worst_case_equity(view(positions=(position(mark=None),))) is None
