"""Pairs that only cost money: locked by the rules, allowed by a person, given their grace."""

from __future__ import annotations

from decimal import Decimal

import pytest

from polotui.risk.pairs import (
    BY_HAND,
    DAY_MS,
    LOSSES,
    RETURN,
    PairState,
    PairTrade,
    enable,
    figures,
    in_grace,
    lock_by_hand,
    locked,
    locked_share,
    propose,
    review,
    review_due,
)

NOW = 20_000 * DAY_MS
FRESH = PairState(symbol="BTC_USDT")


def trades(*profits: float, symbol: str = "BTC_USDT", until: int = NOW, invested: int = 1_000) -> list[PairTrade]:
    """One trade a day, the last one a day before `until`."""
    return [
        PairTrade(
            symbol=symbol,
            closed_ms=until - (len(profits) - n) * DAY_MS,
            profit=Decimal(str(profit)),
            invested=Decimal(invested),
        )
        for n, profit in enumerate(profits)
    ]


def test_five_losses_in_a_row_lock_the_pair() -> None:
    lock = propose(trades(9, -1, -1, -1, -1, -1), FRESH, NOW)
    assert lock is not None
    assert lock.code == LOSSES
    assert "5 losses" in lock.reason
    assert lock.until_ms == NOW + 30 * DAY_MS
    assert propose(trades(9, -1, -1, -1, -1), FRESH, NOW) is None
    assert propose(trades(-1, -1, -1, -1, -1, 1), FRESH, NOW) is None
    assert propose(trades(-1, -1, -1, 0, -1, -1), FRESH, NOW) is None


def test_a_return_below_minus_ten_percent_over_three_trades_locks_it() -> None:
    lock = propose(trades(-200, -200, 99), FRESH, NOW)
    assert lock is not None
    assert lock.code == RETURN
    assert "-10.0%" in lock.reason
    assert propose(trades(-200, -200, 100), FRESH, NOW) is None
    assert propose(trades(-500, -500), FRESH, NOW) is None


def test_a_locked_pair_is_not_locked_again_and_others_do_not_count() -> None:
    lock = propose(trades(*[-1] * 5), FRESH, NOW)
    assert propose(trades(*[-1] * 6), PairState(symbol="BTC_USDT", lock=lock), NOW) is None
    assert propose(trades(*[-1] * 5, symbol="ETH_USDT"), FRESH, NOW) is None


def test_after_enabling_old_losses_do_not_count_and_new_ones_do() -> None:
    old = trades(*[-50] * 6)
    state = enable(PairState(symbol="BTC_USDT", lock=propose(old, FRESH, NOW)), NOW)
    assert not locked(state, NOW)
    later = NOW + 10 * DAY_MS
    assert in_grace(state, later)
    assert propose(old, state, later) is None
    assert propose(old + trades(*[-1] * 4, until=later), state, later) is None
    again = propose(old + trades(*[-1] * 5, until=later), state, later)
    assert again is not None
    assert again.code == LOSSES
    bad = propose(old + trades(-300, 1, -100, until=later), state, later)
    assert bad is not None
    assert bad.code == RETURN


def test_after_the_grace_the_whole_record_counts_again() -> None:
    old = trades(*[-200] * 4)
    state = enable(FRESH, NOW)
    assert propose(old, state, NOW + 30 * DAY_MS - 1) is None
    assert propose(old, state, NOW + 30 * DAY_MS) is not None


def test_a_lock_that_ended_begins_a_grace_too() -> None:
    old = trades(*[-50] * 6)
    state = PairState(symbol="BTC_USDT", lock=propose(old, FRESH, NOW))
    end = NOW + 30 * DAY_MS
    assert locked(state, end - 1)
    assert not locked(state, end)
    assert propose(old, state, end) is None
    assert propose(old, state, end + 30 * DAY_MS) is not None


def test_a_person_stands_above_the_rules() -> None:
    assert propose(trades(*[-100] * 9), PairState(symbol="BTC_USDT", always_allowed=True), NOW) is None
    lock = lock_by_hand("BTC_USDT", "News.", NOW + 5)
    assert (lock.code, lock.reason) == (BY_HAND, "News.")
    assert locked(PairState(symbol="BTC_USDT", lock=lock), NOW)


def test_the_weekly_review_looks_at_every_pair() -> None:
    rows = trades(*[-1] * 5) + trades(1, 1, symbol="ETH_USDT") + trades(*[-1] * 7, symbol="SOL_USDT")
    states = {"SOL_USDT": PairState(symbol="SOL_USDT", always_allowed=True)}
    assert [lock.symbol for lock in review(rows, states, NOW)] == ["BTC_USDT"]
    assert review_due(None, NOW)
    assert review_due(NOW - 7 * DAY_MS, NOW)
    assert not review_due(NOW - 7 * DAY_MS + 1, NOW)


def test_figures_are_of_the_whole_record() -> None:
    found = figures(trades(30, -10, -20), enable(FRESH, NOW - 36 * 3_600_000), NOW)
    assert (found.trades, found.wins, found.losses, found.losses_in_a_row) == (3, 1, 2, 2)
    assert found.win_rate == pytest.approx(1 / 3)
    assert found.total_return == 0
    assert (found.best, found.worst) == (30, -20)
    assert found.in_grace
    assert found.counted == 1
    empty = figures([], FRESH, NOW)
    assert empty.win_rate is empty.total_return is empty.best is None


def test_the_share_of_locked_pairs() -> None:
    lock = lock_by_hand("A", "", NOW + 1)
    assert locked_share([PairState(symbol="A", lock=lock), FRESH], 40, NOW) == pytest.approx(0.025)
    assert locked_share([], 0, NOW) is None
