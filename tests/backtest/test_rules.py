"""The order of events within a run, on bars made by hand. The arithmetic stands in the test."""

from __future__ import annotations

import numpy as np
import pytest

from polotui.backtest.kernel import run
from polotui.backtest.kernel import shapes as k
from polotui.backtest.machine import execute
from tests.backtest.conftest import prepared

#        open   high   low    close  volume
FLAT = (100.0, 100.0, 100.0, 100.0, 1_000.0)


def market(*bars: tuple[float, float, float, float, float]):
    return np.array(bars, float).T


def outcome_of(bars, signals, policy=0, **changes):
    return execute(prepared(market(*bars), signals, **changes), policy, simulate=run.simulate)


def test_a_signal_on_a_close_fills_at_the_next_open_with_its_costs() -> None:
    bars = [FLAT, (101.0, 102.0, 100.0, 101.5, 1_000.0), FLAT]
    outcome = outcome_of(
        bars, {k.LONG_IN: [0]}, half_spread=0.0001, slippage=0.0005, taker_fee=0.002, fee_in_received=1
    )
    fill = outcome.fills[0]
    price = 101.0 * 1.0006
    assert (fill["bar"], fill["price"]) == (1, pytest.approx(price))
    assert fill["quantity"] == pytest.approx(10_000.0 / price)
    # The fee is taken from the coins that arrive.
    assert outcome.equity[1] == pytest.approx(10_000.0 / price * 0.998 * 101.5)


def test_the_fee_in_quote_currency_leaves_room_for_itself() -> None:
    outcome = outcome_of([FLAT, FLAT, FLAT], {k.LONG_IN: [0]}, taker_fee=0.002)
    assert outcome.fills[0]["quantity"] == pytest.approx(10_000.0 / (100.0 * 1.002))
    assert outcome.cash == pytest.approx(0.0, abs=1e-9)


def test_a_stop_fills_at_its_trigger_and_after_a_gap_at_the_open() -> None:
    touched = [FLAT, FLAT, (100.0, 100.5, 97.0, 99.0, 1e3), FLAT]
    gapped = [FLAT, FLAT, (95.0, 96.0, 94.0, 95.5, 1e3), FLAT]
    stop = {"loss_kind": k.FRACTION, "loss_value": 0.02}
    assert outcome_of(touched, {k.LONG_IN: [0]}, **stop).fills[1]["price"] == pytest.approx(98.0)
    assert outcome_of(gapped, {k.LONG_IN: [0]}, **stop).fills[1]["price"] == pytest.approx(95.0)


BOTH = [FLAT, FLAT, (100.0, 105.0, 97.0, 101.0, 1e3), FLAT]
NEAR_HIGH = [FLAT, FLAT, (100.0, 103.5, 95.0, 101.0, 1e3), FLAT]
LEVELS = {"loss_kind": k.FRACTION, "loss_value": 0.02, "target_kind": k.FRACTION, "target_value": 0.03}


@pytest.mark.parametrize(
    ("policy", "bars", "reason"),
    [
        (0, BOTH, k.BY_STOP),
        (2, BOTH, k.BY_TARGET),
        (1, BOTH, k.BY_STOP),  # the low is 3 away from the open, the high 5
        (1, NEAR_HIGH, k.BY_TARGET),  # the high is 3.5 away, the low 5
        (3, BOTH, k.BY_STOP),  # no lower bars: like pessimistic
    ],
)
def test_the_policies_decide_what_came_first(policy: int, bars: list, reason: int) -> None:
    outcome = outcome_of(bars, {k.LONG_IN: [0]}, policy, **LEVELS)
    assert outcome.trades[0]["reason"] == reason
    assert outcome.counts[k.AMBIGUOUS] == 1


def test_lower_bars_decide_under_the_detail_policy() -> None:
    up_first = np.array([[100.0, 104.0], [104.0, 104.5], [99.5, 97.0]])
    lower_of = np.array([[0, 0, 0, 2], [0, 0, 2, 2]])
    outcome = outcome_of(BOTH, {k.LONG_IN: [0]}, 3, detail=up_first, detail_of=lower_of, **LEVELS)
    assert outcome.trades[0]["reason"] == k.BY_TARGET
    assert outcome.counts[k.BY_DETAIL] == 1


def test_the_entry_bar_may_stop_but_not_reach_its_target() -> None:
    up = [FLAT, (100.0, 110.0, 99.5, 109.0, 1e3), (109.0, 109.0, 109.0, 109.0, 1e3)]
    down = [FLAT, (100.0, 100.5, 97.0, 98.5, 1e3), FLAT]
    assert outcome_of(up, {k.LONG_IN: [0]}, 0, **LEVELS).trades[0]["exit_bar"] == 2
    assert outcome_of(up, {k.LONG_IN: [0]}, 2, **LEVELS).trades[0]["exit_bar"] == 1
    assert outcome_of(down, {k.LONG_IN: [0]}, 0, **LEVELS).trades[0]["exit_bar"] == 1


def test_a_target_that_the_open_has_passed_is_certain_and_fills_at_its_price() -> None:
    bars = [FLAT, FLAT, (106.0, 107.0, 97.0, 101.0, 1e3)]
    trade = outcome_of(bars, {k.LONG_IN: [0]}, 0, **LEVELS).trades[0]
    assert (trade["reason"], trade["exit_price"]) == (k.BY_TARGET, pytest.approx(103.0))


def test_touching_a_target_is_not_enough() -> None:
    touched = [FLAT, FLAT, (100.0, 103.0, 99.0, 101.0, 1e3), FLAT]
    through = [FLAT, FLAT, (100.0, 103.01, 99.0, 101.0, 1e3), FLAT]
    assert outcome_of(touched, {k.LONG_IN: [0]}, 0, tick=0.01, **LEVELS).trades[0]["reason"] == k.AT_END
    assert outcome_of(through, {k.LONG_IN: [0]}, 0, tick=0.01, **LEVELS).trades[0]["reason"] == k.BY_TARGET


def test_a_limit_entry_needs_a_trade_through_it_and_pays_the_makers_fee() -> None:
    limit = {"entry_kind": k.LIMIT, "entry_offset": 0.01, "maker_fee": 0.001, "taker_fee": 0.002}
    through = outcome_of([FLAT, (100.0, 100.0, 98.9, 99.5, 1e3), FLAT], {k.LONG_IN: [0]}, **limit)
    assert (through.fills[0]["price"], through.fills[0]["maker"]) == (pytest.approx(99.0), 1)
    touched = outcome_of([FLAT, (100.0, 100.0, 99.0, 99.5, 1e3), FLAT], {k.LONG_IN: [0]}, **limit)
    assert touched.refusals() == {"not filled before it expired": 1}
    gapped = outcome_of([FLAT, (97.0, 98.0, 96.0, 97.5, 1e3), FLAT], {k.LONG_IN: [0]}, slippage=0.001, **limit)
    assert (gapped.fills[0]["price"], gapped.fills[0]["maker"]) == (pytest.approx(97.0 * 1.001), 0)


def test_a_trailing_stop_ratchets_on_the_close_and_is_tested_from_the_next_bar() -> None:
    bars = [FLAT, FLAT, (100.0, 110.0, 99.0, 108.0, 1e3), (108.0, 109.0, 105.5, 106.0, 1e3), FLAT]
    trail = {"trail_kind": k.FRACTION, "trail_value": 0.02}
    trade = outcome_of(bars, {k.LONG_IN: [0]}, **trail).trades[0]
    # 98 after the entry bar; the bar that falls to 99 and closes at 108 does not meet 105.84 itself.
    assert (trade["exit_bar"], trade["exit_price"]) == (3, pytest.approx(108.0 * 0.98))
    late = outcome_of(bars, {k.LONG_IN: [0]}, trail_from=0.10, **trail).trades[0]
    assert late["reason"] == k.AT_END


def test_a_time_stop_leaves_at_the_open_after_so_many_bars() -> None:
    trade = outcome_of([FLAT] * 8, {k.LONG_IN: [0]}, time_bars=3).trades[0]
    assert (trade["entry_bar"], trade["exit_bar"], trade["reason"]) == (1, 4, k.BY_TIME)


def test_a_large_order_fills_over_the_bars_that_it_may_wait() -> None:
    thin = [(100.0, 100.0, 100.0, 100.0, 200.0)] * 5
    once = outcome_of(thin, {k.LONG_IN: [0]}, volume_share=0.1)
    assert once.fills["quantity"].tolist() == [20.0]
    twice = outcome_of(thin, {k.LONG_IN: [0], k.LONG_OUT: [2]}, volume_share=0.1, expire_bars=2)
    assert twice.fills["quantity"].tolist() == [20.0, 20.0, 20.0, 20.0]
    assert twice.fills["bar"].tolist() == [1, 2, 3, 4]
    assert len(twice.trades) == 1


def test_what_the_exchange_would_not_take_is_not_ordered() -> None:
    assert outcome_of([FLAT] * 3, {k.LONG_IN: [0]}, size_value=0.00005, least_amount=1.0).refusals() == {
        "below the smallest order": 1
    }


def test_what_the_fee_leaves_beside_the_grid_stays_as_dust() -> None:
    outcome = outcome_of(
        [FLAT] * 5, {k.LONG_IN: [0], k.LONG_OUT: [2]}, lot=0.1, taker_fee=0.002, fee_in_received=1, size_value=0.5
    )
    assert outcome.fills["quantity"].tolist() == [pytest.approx(50.0), pytest.approx(49.9)]
    assert outcome.trades[0]["profit"] == pytest.approx(-50.0 * 100.0 + 49.9 * 100.0 * 0.998)


def test_exits_come_first_and_the_first_symbol_gets_the_free_place() -> None:
    """Three symbols, one place: the exit of the third makes room, and of the two that want in the first does."""
    size, symbols = 6, 3
    bars = np.full((5, size * symbols), 100.0)
    signals = {k.LONG_IN: [2, 2 * 3 + 0, 2 * 3 + 1], k.LONG_OUT: [2 * 3 + 2]}
    outcome = execute(prepared(bars, signals, symbols=symbols), 0, simulate=run.simulate)
    assert [(fill["bar"], fill["symbol"], fill["side"]) for fill in outcome.fills] == [(1, 2, 1), (3, 2, -1), (3, 0, 1)]
    assert outcome.refusals() == {"no free place": 1}


def test_a_short_earns_when_the_price_falls_and_is_liquidated_when_it_doubles() -> None:
    margin = {"spot": 0, "shorts": 1, "leverage": 1.0, "maintenance": 0.005}
    falls = [FLAT, FLAT, (90.0, 90.0, 90.0, 90.0, 1e3), (90.0, 90.0, 90.0, 90.0, 1e3)]
    outcome = outcome_of(falls, {k.SHORT_IN: [0], k.SHORT_OUT: [2]}, **margin)
    assert outcome.equity[-1] == pytest.approx(11_000.0)
    rises = [FLAT, FLAT, (150.0, 210.0, 150.0, 205.0, 1e3), FLAT]
    trade = outcome_of(rises, {k.SHORT_IN: [0]}, **margin).trades[0]
    assert (trade["reason"], trade["exit_price"]) == (k.BY_LIQUIDATION, pytest.approx(199.5))


def test_the_other_sides_entry_turns_the_position_round() -> None:
    outcome = outcome_of([FLAT] * 6, {k.LONG_IN: [0], k.SHORT_IN: [2]}, spot=0, shorts=1)
    assert outcome.fills["side"].tolist() == [1, -1, -1]
    assert outcome.trades[0]["reason"] == k.BY_REVERSAL


def test_long_and_short_at_once_is_neither() -> None:
    outcome = outcome_of([FLAT] * 4, {k.LONG_IN: [0], k.SHORT_IN: [0]}, spot=0, shorts=1)
    assert len(outcome.fills) == 0
    assert outcome.refusals() == {"long and short at once": 1}


def test_adds_move_the_average_and_never_loosen_the_stop() -> None:
    up = [
        FLAT,
        FLAT,
        (110.0, 110.0, 110.0, 110.0, 1e3),
        (110.0, 110.0, 110.0, 110.0, 1e3),
        (110.0, 110.0, 90.0, 95.0, 1e3),
    ]
    outcome = outcome_of(up, {k.LONG_IN: [0, 2]}, size_kind=k.BY_AMOUNT, size_value=1_000.0, max_adds=1,
                         loss_kind=k.FRACTION, loss_value=0.1)  # fmt: skip
    first, second = 1_000.0 / 100.0, 1_000.0 / 110.0
    average = 2_000.0 / (first + second)
    assert outcome.fills["reason"].tolist() == [k.ENTRY, k.ADD, k.BY_STOP]
    assert outcome.trades[0]["entry_price"] == pytest.approx(average)
    assert outcome.trades[0]["exit_price"] == pytest.approx(average * 0.9)


def test_a_cool_down_refuses_entries_after_an_exit() -> None:
    outcome = outcome_of([FLAT] * 9, {k.LONG_IN: [0, 3, 6], k.LONG_OUT: [1]}, cooldown=3)
    assert outcome.fills["bar"].tolist() == [1, 2, 7]
    assert outcome.refusals() == {"cooling down after an exit": 1}


def test_size_by_risk_loses_the_risk_when_stopped() -> None:
    bars = [FLAT, FLAT, (100.0, 100.0, 90.0, 92.0, 1e4), FLAT]
    outcome = outcome_of(
        bars, {k.LONG_IN: [0]}, size_kind=k.BY_RISK, size_value=0.01, loss_kind=k.FRACTION, loss_value=0.05
    )
    assert outcome.equity[-1] == pytest.approx(9_900.0)
    assert outcome.trades[0]["risk"] == pytest.approx(100.0)
