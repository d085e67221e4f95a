"""One wrong timestamp of the market must not begin another trading day."""

from __future__ import annotations

import pytest

from polotui.core.clock import FrozenClock
from polotui.engine.trading.clock import MOST_AHEAD_MS, TradingClock

NOW = 1_780_000_000_000
DAY = 86_400_000


@pytest.mark.parametrize("exchange_ms", [None, NOW])
def test_a_market_that_says_tomorrow_does_not_make_it_tomorrow(exchange_ms: int | None) -> None:
    clock = TradingClock(FrozenClock(NOW), lambda: exchange_ms, lambda: NOW + DAY, most_ahead_ms=MOST_AHEAD_MS)
    assert clock.wall_ms() == NOW + MOST_AHEAD_MS


def test_what_bars_are_over_is_told_by_no_stamp_of_the_market() -> None:
    """It would keep a bot from entering until the next start."""
    for exchange_ms in (None, NOW):
        clock = TradingClock(
            FrozenClock(NOW), lambda told=exchange_ms: told, lambda: NOW + DAY, most_ahead_ms=MOST_AHEAD_MS
        )
        assert clock.sure_ms() == NOW
    assert TradingClock(FrozenClock(NOW), lambda: NOW, lambda: NOW + DAY).sure_ms() == NOW + DAY


def test_bars_of_a_demo_that_begins_anew_behind_its_ledger_are_not_over() -> None:
    """No bot would enter until the new market had come to where the old one ended."""
    clock = TradingClock(FrozenClock(NOW), lambda: NOW, lambda: NOW)
    clock.not_before(NOW + DAY)
    assert clock.wall_ms() == NOW + DAY
    assert clock.sure_ms() == NOW


def test_a_demo_runs_as_far_ahead_as_its_market() -> None:
    assert TradingClock(FrozenClock(NOW), lambda: NOW, lambda: NOW + DAY).wall_ms() == NOW + DAY


def test_it_never_goes_back() -> None:
    ahead = [NOW + 5_000]
    clock = TradingClock(FrozenClock(NOW), lambda: None, lambda: ahead[0], most_ahead_ms=MOST_AHEAD_MS)
    assert clock.wall_ms() == NOW + 5_000
    ahead[0] = 0
    assert clock.wall_ms() == NOW + 5_000


def test_where_it_is_ahead_it_goes_at_half_speed_until_the_truth_has_caught_up() -> None:
    """The machine's clock was minutes ahead until the exchange's time was known. Standing still for minutes would put
    every order of them into one second."""
    machine, exchange = FrozenClock(NOW + 10_000), list[int | None]([None])
    clock = TradingClock(machine, lambda: exchange[0], lambda: 0)
    assert clock.wall_ms() == NOW + 10_000
    told = []
    for second in range(30):
        exchange[0] = NOW + second * 1_000
        told.append(clock.wall_ms() - exchange[0])
        machine.advance(1)
    assert told[:4] == [10_000, 9_500, 9_000, 8_500]
    assert told[20:] == [0] * 10
