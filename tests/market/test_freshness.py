"""How old may a channel be: learned paces, quiet channels, late data."""

from __future__ import annotations

import pytest

from polotui.core.clock import FrozenClock
from polotui.market.freshness import Freshness


def paced(channel: str, every_s: float, times: int = 60) -> tuple[FrozenClock, Freshness]:
    clock = FrozenClock()
    freshness = Freshness(clock)
    freshness.watch(channel, "A_B")
    freshness.watch("ticker", "A_B")
    for _ in range(times):
        clock.advance(every_s)
        freshness.touch(channel, "A_B")
        freshness.touch("ticker", "A_B")
    return clock, freshness


@pytest.mark.parametrize(
    ("every_s", "bound_s"), [(0.1, 5.0), (1.0, 5.0), (2.0, 5.0), (4.0, 8.0), (10.0, 20.0), (14.9, 29.8)]
)
def test_the_bound_is_twice_the_usual_interval_within_5_and_30_seconds(every_s: float, bound_s: float) -> None:
    clock, freshness = paced("trades", every_s)
    assert freshness.bound_s("trades", "A_B") == pytest.approx(bound_s)
    clock.advance(bound_s - 0.01)
    assert freshness.state("trades", "A_B").fresh
    clock.advance(0.02)
    state = freshness.state("trades", "A_B")
    assert (state.fresh, state.why) == (False, f"silent for {bound_s:.0f} s")


def test_a_quiet_channel_is_judged_by_the_ticker() -> None:
    clock, freshness = paced("candles_minute_1", 20.0)
    assert freshness.bound_s("candles_minute_1", "A_B") is None
    for _ in range(100):
        clock.advance(1)
        freshness.touch("ticker", "A_B")
    assert freshness.state("candles_minute_1", "A_B").fresh
    clock.advance(31)
    assert not freshness.state("ticker", "A_B").fresh
    assert freshness.state("candles_minute_1", "A_B").why == "the ticker is silent too"


def test_a_quiet_book_is_asked_for_again_and_stale_when_it_does_not_answer() -> None:
    """A ticker that goes on says nothing of a book that died: this once showed a dead book as live for good."""
    clock, freshness = paced("book_lv2", 20.0)
    freshness.watch("ticker", "A_B")
    asked = []
    for second in range(1, 40):
        clock.advance(1)
        freshness.touch("ticker", "A_B")
        asked.append(freshness.unconfirmed("book_lv2", "A_B"))
        assert freshness.state("book_lv2", "A_B").fresh == (second <= 30)
    assert asked.index(True) == 20
    freshness.touch("book_lv2", "A_B")
    assert freshness.state("book_lv2", "A_B").fresh
    assert not freshness.unconfirmed("book_lv2", "A_B")


def test_a_ticker_that_never_came_is_stale_after_thirty_seconds() -> None:
    clock = FrozenClock()
    freshness = Freshness(clock)
    freshness.watch("ticker", "A_B")
    clock.advance(29)
    assert freshness.stale() == []
    clock.advance(2)
    assert [(channel, symbol) for channel, symbol, _ in freshness.stale()] == [("ticker", "A_B")]


def test_the_pace_is_kept_and_the_break_not_learned_across_a_reconnection() -> None:
    clock, freshness = paced("trades", 1.0)
    clock.advance(500)
    freshness.watch("trades", "A_B")
    assert freshness.state("trades", "A_B").fresh
    freshness.touch("trades", "A_B")
    for _ in range(16):
        clock.advance(1)
        freshness.touch("trades", "A_B")
    assert freshness.bound_s("trades", "A_B") == 5.0


def test_the_exchanges_time_tells_late_data_only_while_it_is_known() -> None:
    clock = FrozenClock()
    known: list[int | None] = [None]
    freshness = Freshness(clock, lambda: known[0])
    freshness.watch("ticker", "A_B")
    freshness.touch("ticker", "A_B", exchange_ts_ms=1_000)
    assert freshness.state("ticker", "A_B").fresh
    known[0] = 6_000
    clock.advance(1.1)
    freshness.touch("ticker", "A_B", exchange_ts_ms=1_000)
    assert freshness.state("ticker", "A_B").fresh
    known[0] = 6_002
    clock.advance(1.1)
    freshness.touch("ticker", "A_B", exchange_ts_ms=1_000)
    assert "late" in freshness.state("ticker", "A_B").why


def test_doubt_lasts_until_the_next_message_or_confirmation() -> None:
    _, freshness = paced("trades", 1.0)
    freshness.doubt("trades", "A_B", "the ticker counts more")
    assert freshness.state("trades", "A_B").why == "the ticker counts more"
    freshness.confirm("trades", "A_B")
    assert freshness.state("trades", "A_B").fresh
    freshness.doubt("trades", "A_B", "again")
    freshness.touch("trades", "A_B")
    assert freshness.state("trades", "A_B").fresh


def test_a_rest_value_is_fresh_for_twice_its_time_to_live() -> None:
    clock = FrozenClock()
    freshness = Freshness(clock)
    assert freshness.kept("fees").why == "never asked for"
    freshness.keep("fees", 60)
    clock.advance(119)
    assert freshness.kept("fees").fresh
    clock.advance(2)
    assert not freshness.kept("fees").fresh


def test_what_is_not_watched_is_not_fresh_and_costs_nothing() -> None:
    freshness = Freshness(FrozenClock())
    freshness.touch("trades", "A_B")
    assert freshness.state("trades", "A_B").why == "not watched"
    assert freshness.stale() == []
