"""The guard of the drawdown: warns once, pauses when confirmed, resumes only by a person."""

from __future__ import annotations

from decimal import Decimal

from polotui.risk.drawdown import DrawdownAction, DrawdownState, moved, read, resume
from polotui.risk.limits import Limits

LIMITS = Limits()
W, P = DrawdownAction.WARN, DrawdownAction.PAUSE


class Desk:
    def __init__(self) -> None:
        self.state = DrawdownState()

    def see(self, *equities: float, confirmed: bool = True) -> list[DrawdownAction]:
        done: list[DrawdownAction] = []
        for equity in equities:
            self.state, actions = read(self.state, 1_000, Decimal(str(equity)), confirmed, LIMITS)
            done += actions
        return done


def test_it_warns_once_and_pauses_when_confirmed() -> None:
    desk = Desk()
    assert desk.see(1_000, 1_000, 1_000) == []
    assert desk.see(851) == []
    assert desk.see(850, 849) == [W]
    assert desk.see(750, 749) == []
    assert not desk.state.paused
    assert desk.see(748) == [P]
    assert desk.see(700, 1_000) == []
    assert desk.state.paused


def test_a_good_reading_in_between_begins_the_count_anew() -> None:
    desk = Desk()
    desk.see(1_000)
    assert desk.see(700, 700, 900, 700, 700) == [W, W]
    assert not desk.state.paused


def test_it_warns_again_only_after_a_recovery() -> None:
    desk = Desk()
    desk.see(1_000)
    assert desk.see(850, 860, 850) == [W]
    assert desk.see(870, 850) == [W]


def test_one_wrong_price_sets_no_peak() -> None:
    desk = Desk()
    desk.see(1_000, 1_000, 5_000, 1_000, 1_000)
    assert desk.state.peak == 1_000
    desk.see(1_100, 1_200, 1_300)
    assert desk.state.peak == 1_100


def test_what_is_not_confirmed_changes_nothing() -> None:
    desk = Desk()
    desk.see(1_000)
    before = desk.state
    assert desk.see(100, 100, 100, confirmed=False) == []
    assert read(before, 0, None, True, LIMITS) == (before, ())
    assert read(before, 0, Decimal("NaN"), True, LIMITS) == (before, ())
    assert desk.state == before


def test_a_person_resumes_and_the_peak_begins_anew() -> None:
    desk = Desk()
    desk.see(1_000, 700, 700, 700)
    assert desk.state.paused
    desk.state, actions = resume(desk.state)
    assert actions == (DrawdownAction.RESUME,)
    assert desk.see(700, 690) == []
    assert desk.state.peak == 700
    assert resume(desk.state) == (desk.state, ())


def test_money_paid_out_is_no_drawdown() -> None:
    desk = Desk()
    desk.see(1_000, 1_000, 1_000)
    desk.state = moved(desk.state, Decimal(-600))
    assert desk.see(400, 400, 400) == []
    assert desk.state.fall == 0


def test_an_account_of_nothing_is_paused() -> None:
    desk = Desk()
    assert desk.see(0, 0, 0) == [W, P]
