"""The guard of the day: blocks at once, latches when confirmed, and forgets nothing too early."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.core.errors import Refused
from polotui.risk.daily import (
    DAY_MS,
    OVERRIDE,
    DailyAction,
    DailyState,
    Reading,
    acknowledge,
    loss_of,
    moved,
    override,
    read,
    worse_of,
)
from polotui.risk.limits import Limits

LIMITS = Limits()
DAY = 20_000
MORNING = DAY * DAY_MS + 8 * 3_600_000
B, U, L, F, C = DailyAction.BLOCK, DailyAction.UNBLOCK, DailyAction.LATCH, DailyAction.FLATTEN, DailyAction.CLEAR


class Desk:
    """A state that is fed; time passes with each reading."""

    def __init__(self, state: DailyState | None = None, at_ms: int = MORNING) -> None:
        self.state = state or DailyState()
        self.at_ms, self.tick_ms = at_ms, 5_000
        self.done: list[DailyAction] = []

    def see(self, equity: float | None, confirmed: bool = True, after: int = 1_000) -> tuple[DailyAction, ...]:
        self.at_ms += after
        self.tick_ms += after
        value = None if equity is None else Decimal(str(equity))
        reading = Reading(at_ms=self.at_ms, tick_ms=self.tick_ms, equity=value, confirmed=confirmed)
        self.state, actions = read(self.state, reading, LIMITS)
        self.done += actions
        return actions


def begun() -> Desk:
    desk = Desk()
    assert desk.see(1_000) == ()
    assert desk.state.start == 1_000
    return desk


def latched() -> Desk:
    desk = begun()
    for _ in range(3):
        desk.see(940)
    assert desk.state.latched
    return desk


def test_the_first_bad_reading_blocks_and_the_third_closes_everything() -> None:
    desk = begun()
    assert desk.see(951) == ()
    assert desk.see(950) == (B,)
    assert desk.see(949) == ()
    assert desk.see(940) == (L, F)
    assert desk.see(940) == ()
    assert "6.00%" in desk.state.reason


def test_three_readings_at_once_are_not_enough() -> None:
    desk = begun()
    assert desk.see(900) == (B,)
    assert desk.see(900, after=10) == ()
    assert desk.see(900, after=10) == ()
    assert desk.see(900, after=2_000) == (L, F)


def test_a_good_reading_in_between_begins_the_count_anew() -> None:
    desk = begun()
    desk.see(900)
    desk.see(900)
    assert desk.see(999) == (U,)
    assert desk.see(900) == (B,)
    assert desk.see(900) == ()
    assert desk.see(900) == (L, F)


def test_a_stale_reading_blocks_but_counts_neither_way() -> None:
    desk = begun()
    assert desk.see(900, confirmed=False) == (B,)
    assert desk.see(999, confirmed=False) == ()
    assert desk.state.blocked
    assert desk.see(900) == ()
    assert desk.see(900) == ()
    assert desk.see(900) == (L, F)


def test_it_is_decided_fifteen_seconds_after_the_first() -> None:
    desk = begun()
    assert desk.see(900) == (B,)
    assert desk.see(900, after=15_000) == (L, F)
    desk = begun()
    desk.see(900)
    assert desk.see(900, after=14_999) == ()


def test_without_a_confirmed_price_the_day_ends_but_nothing_is_sold_yet() -> None:
    desk = begun()
    desk.see(900, confirmed=False)
    assert desk.see(None, confirmed=False, after=15_000) == (L,)
    assert desk.see(900, confirmed=False) == ()
    assert desk.see(900) == (F,)
    assert desk.see(900) == ()


def test_an_unknown_equity_blocks_until_it_is_known() -> None:
    desk = begun()
    assert desk.see(None, confirmed=False) == (B,)
    assert desk.see(None, confirmed=False, after=60_000) == ()
    assert not desk.state.latched
    assert desk.see(1_000) == (U,)


def test_before_the_first_confirmed_reading_nothing_may_be_entered() -> None:
    desk = Desk()
    assert desk.see(1_000, confirmed=False) == (B,)
    assert desk.state.start is None
    assert desk.see(1_000) == (U,)


def test_the_next_day_alone_does_not_clear_the_latch() -> None:
    desk = latched()
    assert desk.see(940, after=DAY_MS) == ()
    assert desk.state.latched
    state, actions = acknowledge(desk.state, desk.at_ms)
    assert actions == (C, U)
    assert not state.latched
    assert not state.blocked


def test_an_acknowledgement_alone_does_not_clear_it_either() -> None:
    desk = latched()
    desk.state, actions = acknowledge(desk.state, desk.at_ms)
    assert actions == ()
    assert desk.state.latched
    assert desk.see(1_000) == ()
    assert desk.see(940, after=DAY_MS) == (C, U)
    assert desk.state.start == 940


def test_a_clock_that_is_put_back_changes_nothing() -> None:
    desk = latched()
    desk.state, _ = acknowledge(desk.state, desk.at_ms)
    desk.at_ms -= 3 * DAY_MS
    assert desk.see(1_000) == ()
    assert desk.state.day == DAY
    assert desk.state.latched
    assert acknowledge(desk.state, desk.at_ms)[1] == ()


def test_a_clock_that_is_put_back_does_not_begin_a_new_day() -> None:
    desk = begun()
    desk.at_ms -= DAY_MS
    assert desk.see(960) == ()
    assert desk.state.start == 1_000


def test_a_clock_that_is_put_back_does_not_hold_up_the_decision() -> None:
    desk = begun()
    desk.see(900)
    desk.at_ms -= 3_600_000
    desk.see(900)
    assert desk.see(900) == (L, F)


def test_the_day_begins_with_the_equity_before_midnight_if_that_is_recent() -> None:
    desk = Desk(at_ms=(DAY + 1) * DAY_MS - 10_000)
    desk.see(1_000)
    assert desk.see(940, after=20_000) == (B,)
    assert desk.state.start == 1_000
    late = Desk(at_ms=DAY * DAY_MS + 3_600_000)
    late.see(1_000)
    late.see(900, after=DAY_MS)
    assert late.state.start == 900


def test_a_new_day_begins_the_count_anew() -> None:
    desk = Desk(at_ms=(DAY + 1) * DAY_MS - 2_500)
    desk.see(1_000)
    assert desk.see(900) == (B,)
    assert desk.see(900) == (U,)
    assert desk.state.day == DAY + 1


def test_an_override_is_typed_has_a_reason_and_counts_from_now() -> None:
    desk = latched()
    for typed, reason in ((OVERRIDE.lower(), "x"), (OVERRIDE, "  "), ("", "x")):
        with pytest.raises(Refused):
            override(desk.state, typed, reason, Decimal(940))
    with pytest.raises(Refused):
        override(desk.state, OVERRIDE, "I know", Decimal("NaN"))
    desk.state, actions = override(desk.state, OVERRIDE, "A wrong price, checked.", Decimal(940))
    assert actions == (C, U)
    assert desk.see(940) == ()
    assert desk.see(892) == (B,)


def test_money_paid_in_or_out_is_no_result() -> None:
    desk = begun()
    desk.state = moved(desk.state, Decimal(-500))
    assert desk.see(500) == ()
    assert loss_of(desk.state, Decimal(475)) == pytest.approx(0.05)


def test_a_state_survives_being_stored() -> None:
    state = latched().state
    stored = msgspec.json.decode(msgspec.json.encode(state), type=DailyState)
    assert stored == state
    assert Desk(stored).see(1_000) == ()


def test_of_two_records_the_one_that_protects_more_wins() -> None:
    set_state, clear = latched().state, begun().state
    assert worse_of(set_state, clear).latched
    assert worse_of(clear, set_state).latched
    later = msgspec.structs.replace(clear, day=DAY + 2)
    both = worse_of(set_state, later)
    assert both.latched
    assert both.day == DAY + 2
    assert not worse_of(clear, clear).latched


STEPS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(800, 1_100)),
        st.booleans(),
        st.integers(0, 20_000),
        st.sampled_from(["read", "read", "read", "ack", "back", "next day"]),
    ),
    max_size=60,
)


@given(STEPS)
def test_only_the_next_day_with_an_acknowledgement_ever_clears(steps: list[tuple[int | None, bool, int, str]]) -> None:
    desk = begun()
    acknowledged = False
    for equity, confirmed, after, what in steps:
        before = desk.state
        if what == "ack":
            desk.state, _ = acknowledge(desk.state, desk.at_ms)
            acknowledged = before.latched
        else:
            if what == "back":
                desk.at_ms -= 2 * DAY_MS
            elif what == "next day":
                desk.at_ms += DAY_MS
            desk.see(equity, confirmed, after)
        assert desk.state.day >= before.day
        if before.latched and not desk.state.latched:
            assert acknowledged
            assert max(desk.state.day, desk.at_ms // DAY_MS) > before.latched_day
            acknowledged = False
        assert desk.state.blocked or not desk.state.latched


@given(st.lists(st.tuples(st.integers(800, 949), st.integers(1, 4_000)), min_size=12, max_size=30))
def test_a_confirmed_loss_is_always_decided_within_fifteen_seconds_of_readings(rows: list[tuple[int, int]]) -> None:
    desk = begun()
    first = None
    for equity, after in rows:
        actions = desk.see(equity, after=after)
        first = first if first is not None else desk.tick_ms
        if L in actions:
            assert F in actions
            # Readings are at most 4 s apart here.
            assert desk.tick_ms - first < 15_000 + 4_000
            return
    assert desk.tick_ms - (first or 0) < 15_000
