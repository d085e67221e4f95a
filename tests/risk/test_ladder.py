"""The ladder: block first, reduce when it lasts, flatten when it is far beyond."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.risk.checks import all_checks
from polotui.risk.ladder import LADDERS, LadderState, Rung, climb, reductions
from polotui.risk.limits import Limits
from polotui.risk.meter import distances
from tests.risk.plain import position, view


def walk(code: str, *steps: tuple[float | None, bool, int]) -> list[Rung | None]:
    state, found = LadderState(), []
    for use, confirmed, tick in steps:
        state, rung = climb(code, state, use, confirmed, tick)
        found.append(rung)
    return found


def test_exposure_blocks_then_reduces_after_a_minute_then_flattens() -> None:
    found = walk(
        "RISK-EXPOSURE",
        (1.0, True, 0),
        (1.01, True, 1_000),
        (1.2, True, 2_000),
        (1.2, True, 61_999),
        (1.2, True, 62_000),
        (1.6, True, 63_000),
        (1.6, True, 123_000),
        (1.6, True, 200_000),
    )
    assert found == [None, Rung.BLOCK, None, None, Rung.REDUCE, None, Rung.FLATTEN, None]


def test_a_value_that_falls_back_begins_the_time_anew() -> None:
    found = walk("RISK-EXPOSURE", (1.2, True, 0), (1.05, True, 50_000), (1.2, True, 60_000), (1.2, True, 119_000))
    assert found == [Rung.BLOCK, None, None, None]


def test_below_the_limit_the_ladder_begins_anew() -> None:
    assert walk("RISK-CORR", (2.0, True, 0), (0.5, True, 1), (2.0, True, 2)) == [Rung.BLOCK, None, Rung.BLOCK]


def test_a_loss_at_its_limit_is_over_it() -> None:
    assert walk("RISK-DAILY-LOSS", (1.0, True, 0)) == [Rung.BLOCK]
    assert walk("RISK-POSITION", (1.0, True, 0)) == [None]


def test_doubtful_prices_sell_nothing() -> None:
    assert walk("RISK-EXPOSURE", (9.0, False, 0), (9.0, False, 900_000)) == [Rung.BLOCK, None]


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_the_unknown_only_blocks(unknown: float | None) -> None:
    assert walk("RISK-EXPOSURE", (unknown, True, 0), (unknown, True, 900_000)) == [Rung.BLOCK, None]


def test_every_limit_that_a_state_can_pass_has_its_ladder() -> None:
    assert set(LADDERS) == {line.code for line in distances(view(), Limits())}
    assert set(LADDERS) <= {check.code for check in all_checks()}
    assert all(steps[0].rung is Rung.BLOCK and steps[0].use == 1.0 for steps in LADDERS.values())


def test_a_position_goes_to_nine_tenths_of_its_limit_in_every_account() -> None:
    held = (
        position("BTC_USDT", 2_000),
        position("BTC_USDT", 1_000, account="paper/bot-2", bot=2),
        position("ETH_USDT", 500),
    )
    found = {row.account: row.quantity for row in reductions(view(positions=held), Limits())}
    assert found == {"paper/bot-1": Decimal("8"), "paper/bot-2": Decimal("4")}


def test_exposure_goes_down_from_the_largest_on() -> None:
    held = (position("A_USDT", 1_500), position("B_USDT", 1_000), position("C_USDT", 500))
    limits = Limits(gross_exposure=0.2)
    found = {row.symbol: row.quantity for row in reductions(view(positions=held), limits)}
    assert found == {"A_USDT": Decimal("12")}


def test_without_a_price_nothing_is_proposed() -> None:
    held = (position("BTC_USDT", 5_000), position("ETH_USDT", 500, mark=None))
    assert reductions(view(positions=held), Limits()) == []
    assert reductions(view(positions=held[:1], equity=None), Limits()) == []
    assert reductions(view(positions=(position("BTC_USDT", 1_000),)), Limits()) == []


@given(
    st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(1, 9_000)), max_size=8), st.sampled_from([0.3, 0.6, 1.0])
)
def test_after_reducing_no_limit_is_over_and_nothing_is_sold_twice(rows: list[tuple[str, int]], gross: float) -> None:
    held = tuple(
        position(f"{name}_USDT", worth, account=f"paper/bot-{n}", bot=n) for n, (name, worth) in enumerate(rows)
    )
    limits = Limits(gross_exposure=gross)
    plan = {(row.account, row.symbol): row.quantity for row in reductions(view(positions=held), limits)}
    left: dict[str, Decimal] = {}
    for row in held:
        closed = plan.get((row.account, row.symbol), Decimal(0))
        assert 0 <= closed <= row.quantity
        left[row.symbol] = left.get(row.symbol, Decimal(0)) + (row.quantity - closed) * 100
    assert all(value <= 2_000 for value in left.values())
    assert sum(left.values()) <= Decimal(str(gross)) * 10_000
