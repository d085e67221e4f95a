"""Confirmation by several frames: each has one vote, and the score is the share of them that agree.

Decided here:
* A frame's vote is the majority of its checks, on its last closed bar: RSI above 50, MACD histogram above 0, fast EMA
  above slow EMA; for a short, below. More than half of the checks must agree, so two checks must both.
* An unknown check may still be outvoted. A frame whose vote is open makes the score unknown, and unknown confirms
  nothing.
* HIGH is all frames, MEDIUM at least two of three, LOW the rest, which is skipped. `min_score` may ask for more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

import numpy as np

from polotui.strategy.runtime.columns import spread
from polotui.strategy.runtime.frames import Row, Series, Source, Spec
from polotui.strategy.runtime.truth import FALSE, NAN, TRUE, UNKNOWN, Floats, Truths, compare, greater

Direction = Literal["long", "short"]
CHECKS = ("rsi", "macd", "ema")


class Level(IntEnum):
    UNKNOWN = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(frozen=True)
class Confirm:
    """What is asked: the frames, the checks of each, and the lengths of their indicators."""

    frames: tuple[str, ...]
    checks: tuple[str, ...] = CHECKS
    min_score: float = 66.0
    rsi: int = 14
    macd: tuple[int, int, int] = (12, 26, 9)
    ema: tuple[int, int] = (21, 55)

    def sides(self, check: str) -> tuple[Source, Source | float]:
        """Left above right speaks for a long."""
        if check == "rsi":
            return (_average("rsi", self.rsi), "value"), 50.0
        if check == "macd":
            fast, slow, signal = self.macd
            settings = (("fast", fast), ("signal", signal), ("slow", slow))
            return (Spec("macd", ("line", "signal", "hist"), settings, "close"), "hist"), 0.0
        return (_average("ema", self.ema[0]), "value"), (_average("ema", self.ema[1]), "value")

    def wanted(self) -> set[Source]:
        """The series that every frame must have."""
        return {side for check in self.checks for side in self.sides(check) if not isinstance(side, float)}


def _average(kind: str, length: int) -> Spec:
    return Spec(kind, ("value",), (("length", length),), "close")


@dataclass(frozen=True)
class Confirmed:
    """One bar's confirmation: each frame's checks and votes, and what follows. Truths are for the direction asked."""

    direction: Direction
    checks: Mapping[str, Mapping[str, int]]
    votes: Mapping[str, int]
    score: float
    level: Level
    allowed: int

    def conflicts(self) -> dict[str, list[str]]:
        """The frames that do not agree, each with the checks that speak against."""
        return {
            frame: [check for check, truth in self.checks[frame].items() if truth == FALSE]
            for frame, vote in self.votes.items()
            if vote != TRUE
        }


@dataclass(frozen=True, eq=False)
class Confirmation:
    """The same as columns over a whole history."""

    direction: Direction
    checks: Mapping[str, Mapping[str, Truths]]
    votes: Mapping[str, Truths]
    score: Floats
    allowed: Truths
    min_score: float

    def at(self, bar: int) -> Confirmed:
        checks = {
            frame: {check: int(truth[bar]) for check, truth in columns.items()}
            for frame, columns in self.checks.items()
        }
        return _confirmed(self.direction, checks, self.min_score)


def confirm(series: Series, asked: Confirm, direction: Direction) -> Confirmation:
    """The confirmation of a direction at each base bar's close."""
    checks: dict[str, dict[str, Truths]] = {}
    votes: dict[str, Truths] = {}
    base = series.bars
    for frame in asked.frames:
        bars = series.frame(frame)
        own = {check: _check(series, asked, check, frame, direction) for check in asked.checks}
        vote = _vote(list(own.values())).astype(np.uint8)
        votes[frame] = spread(vote, base, bars, unknown=UNKNOWN)
        checks[frame] = {check: spread(truth, base, bars, unknown=UNKNOWN) for check, truth in own.items()}
    agree = np.zeros(len(base), np.uint8)
    for vote in votes.values():
        agree += vote == TRUE
    open_ = np.zeros(len(base), np.bool_)
    for vote in votes.values():
        open_ |= vote == UNKNOWN
    score = np.array([_score(some, len(votes)) for some in range(len(votes) + 1)])[agree]
    score[open_] = np.nan
    return Confirmation(direction, checks, votes, score, compare(">=", score, asked.min_score), asked.min_score)


class LiveConfirm:
    """The same bar by bar. `places` says where each frame's series stand in its rows."""

    def __init__(self, asked: Confirm, places: Mapping[str, Mapping[Source, int]]) -> None:
        self._asked = asked
        self._sides = {
            frame: {
                check: tuple(side if isinstance(side, float) else own[side] for side in asked.sides(check))
                for check in asked.checks
            }
            for frame, own in places.items()
        }

    def at(self, rows: Mapping[str, list[Row]], direction: Direction) -> Confirmed:
        """`rows` are each frame's rows, the newest last."""
        checks: dict[str, dict[str, int]] = {}
        for frame, sides in self._sides.items():
            row = rows[frame][-1] if rows[frame] else None
            checks[frame] = {check: _truth(row, side, direction) for check, side in sides.items()}
        return _confirmed(direction, checks, self._asked.min_score)


def _truth(row: Row | None, sides: tuple[int | float, ...], direction: Direction) -> int:
    """A side is a place in the row, or a number that never changes."""
    if row is None:
        return UNKNOWN
    x, y = (side if isinstance(side, float) else row[side] for side in sides)
    return greater(x, y) if direction == "long" else greater(y, x)


def _confirmed(direction: Direction, checks: Mapping[str, Mapping[str, int]], min_score: float) -> Confirmed:
    votes = {frame: int(_vote(list(own.values()))) for frame, own in checks.items()}
    agree, frames = sum(vote == TRUE for vote in votes.values()), len(votes)
    if UNKNOWN in votes.values():
        return Confirmed(direction, checks, votes, NAN, Level.UNKNOWN, UNKNOWN)
    score = _score(agree, frames)
    level = Level.HIGH if agree == frames else Level.MEDIUM if 3 * agree >= 2 * frames else Level.LOW
    return Confirmed(direction, checks, votes, score, level, TRUE if score >= min_score else FALSE)


def _check(series: Series, asked: Confirm, check: str, frame: str, direction: Direction) -> Truths:
    left, right = (side if isinstance(side, float) else series.column(side, frame) for side in asked.sides(check))
    return compare(">", left, right) if direction == "long" else compare(">", right, left)


def _vote(truths: list[Any]) -> Any:
    """The majority of truths, of one bar or of columns."""
    yes: Any = sum((truth == TRUE) * 1 for truth in truths)
    no: Any = sum((truth == FALSE) * 1 for truth in truths)
    return UNKNOWN + (2 * yes > len(truths)) * 1 - (2 * no >= len(truths)) * 1


def _score(agree: int, frames: int) -> float:
    return 100.0 * agree / frames
