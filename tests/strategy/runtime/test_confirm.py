"""Votes, scores and classes of the frames, as columns and bar by bar."""

from __future__ import annotations

import numpy as np
import pytest

from polotui.strategy.runtime.confirm import Confirm, Confirmed, Level, LiveConfirm, confirm
from polotui.strategy.runtime.frames import Series
from polotui.strategy.runtime.stream import Live
from tests.strategy.runtime.data import bars, same
from tests.strategy.runtime.trees import DOCUMENT, Stub

ASKED = Confirm(("5m", "15m", "1h"), rsi=5, macd=(3, 6, 4), ema=(4, 9))
ONE = Confirm(("1m", "5m", "1h"), ("rsi",))


def said(*votes: float, asked: Confirm = ONE) -> Confirmed:
    """What follows when the frames' RSIs are these."""
    rows = {frame: [[value]] for frame, value in zip(asked.frames, votes, strict=True)}
    return voting(asked).at(rows, "long")


def voting(asked: Confirm) -> LiveConfirm:
    """Rows in the order of the checks' own series."""
    sources = [side for check in asked.checks for side in asked.sides(check) if not isinstance(side, float)]
    places = {source: place for place, source in enumerate(sources)}
    return LiveConfirm(asked, dict.fromkeys(asked.frames, places))


def test_all_frames_are_high_two_of_three_medium_and_one_is_low() -> None:
    assert (said(60, 70, 80).level, said(60, 70, 80).score) == (Level.HIGH, 100.0)
    assert (said(60, 40, 80).level, said(60, 40, 80).score) == (Level.MEDIUM, 200.0 / 3.0)
    assert (said(60, 40, 30).level, said(60, 40, 30).score) == (Level.LOW, 100.0 / 3.0)
    assert said(10, 20, 30).score == 0.0
    assert [said(60, other, 80).allowed for other in (70, 40)] == [2, 2]
    assert said(60, 40, 30).allowed == 0


def test_an_unknown_frame_makes_the_score_unknown_and_confirms_nothing() -> None:
    found = said(60, float("nan"), 80)
    assert found.level is Level.UNKNOWN
    assert found.score != found.score
    assert found.allowed == 1


def test_a_tie_of_an_indicator_speaks_for_no_direction() -> None:
    rows = {frame: [[50.0]] for frame in ONE.frames}
    assert [voting(ONE).at(rows, direction).score for direction in ("long", "short")] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("rsi", "hist", "fast", "vote"),
    [
        (60.0, 1.0, 0.0, 2),
        (60.0, -1.0, 0.0, 0),
        (60.0, 1.0, float("nan"), 2),
        (40.0, -1.0, float("nan"), 0),
        (40.0, 1.0, float("nan"), 1),
    ],
)
def test_a_frame_votes_with_the_majority_of_its_checks(rsi: float, hist: float, fast: float, vote: int) -> None:
    asked = Confirm(("1h",))
    found = voting(asked).at({"1h": [[rsi, hist, fast, 9.0]]}, "long")
    assert found.votes == {"1h": vote}
    assert ("1h" in found.conflicts()) == (vote != 2)


def test_conflicts_name_the_frame_and_the_checks_against() -> None:
    assert said(60, 40, 80).conflicts() == {"5m": ["rsi"]}
    assert said(60, float("nan"), 80).conflicts() == {"5m": []}


@pytest.mark.parametrize("direction", ["long", "short"])
@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_bar_by_bar_gives_what_the_columns_say(direction, holes: float) -> None:
    history = bars(2_400, 4, holes=holes)
    whole = confirm(Series(history, Stub()), ASKED, direction)
    assert set(np.unique(whole.allowed)) == {0, 1, 2}
    for start in (0, 333, 1_200):
        live = Live(DOCUMENT, history.slice(0, start), {}, Stub(), ASKED)
        for index in range(start, min(start + 700, len(history))):
            peeked = live.peek(history.bar(index)).confirmed(direction)
            found = live.close(history.bar(index)).confirmed(direction)
            assert found is not None
            same([peeked.score, found.score], [whole.score[index]] * 2)
            there = whole.at(index)
            assert (found.votes, found.checks, found.level, found.allowed) == (
                {frame: votes[index] for frame, votes in whole.votes.items()},
                there.checks,
                there.level,
                whole.allowed[index],
            )


def test_it_does_not_look_ahead() -> None:
    history = bars(1_500, 8, holes=0.1)
    whole = confirm(Series(history, Stub()), ASKED, "long")
    for size in range(1, len(history), 97):
        part = confirm(Series(history.slice(0, size), Stub()), ASKED, "long")
        same(part.score, whole.score[:size])
        same(part.allowed, whole.allowed[:size])


def test_two_checks_must_both_agree() -> None:
    asked = Confirm(("1h",), ("rsi", "macd"))
    votes = [
        voting(asked).at({"1h": [[rsi, hist]]}, "long").votes["1h"]
        for rsi, hist in ((60.0, 1.0), (60.0, -1.0), (40.0, -1.0), (60.0, float("nan")), (40.0, float("nan")))
    ]
    assert votes == [2, 0, 0, 1, 0]
