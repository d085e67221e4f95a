"""The guard of the drawdown: warns first, then pauses until a person resumes. For the account and for each strategy.

Decided here:
* The peak rises to the lowest of the last three confirmed readings, so that one wrong price never sets a peak that the
  account could not have kept.
* A pause needs three confirmed readings in a row; entries are blocked from the first one, as the gate itself refuses.
* A warning is given once and again only after the fall was below nine tenths of its limit.
* To resume is to begin anew: the peak is then the equity of that moment, else the next reading would pause again.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from polotui.risk.limits import Limits

READINGS = 3
WARN_AGAIN = 0.9


class DrawdownAction(StrEnum):
    WARN = "warn"
    PAUSE = "pause"
    RESUME = "resume"


class DrawdownState(msgspec.Struct, frozen=True, kw_only=True):
    """`recent` holds the last confirmed readings, newest last; `peak` None: none was seen yet."""

    peak: Decimal | None = None
    recent: tuple[Decimal, ...] = ()
    warned: bool = False
    paused: bool = False
    bad_readings: int = 0
    fall: float | None = None
    paused_ms: int = 0


def read(
    state: DrawdownState, at_ms: int, equity: Decimal | None, confirmed: bool, limits: Limits
) -> tuple[DrawdownState, tuple[DrawdownAction, ...]]:
    """The next state and what is to be done, each action once. An unconfirmed reading changes nothing."""
    if not confirmed or equity is None or not equity.is_finite():
        return state, ()
    recent = (*state.recent, equity)[-READINGS:]
    peak = state.peak
    if peak is None:
        peak = equity
    elif len(recent) == READINGS:
        peak = max(peak, min(recent))
    fall = max(0.0, float((peak - equity) / peak)) if peak > 0 else 1.0
    bad = state.bad_readings + 1 if fall >= limits.drawdown_pause else 0
    paused = state.paused or bad >= READINGS
    warned = fall >= limits.drawdown_warn or (state.warned and fall >= limits.drawdown_warn * WARN_AGAIN)
    actions = []
    if warned and not state.warned:
        actions.append(DrawdownAction.WARN)
    if paused and not state.paused:
        actions.append(DrawdownAction.PAUSE)
    after = DrawdownState(
        peak=peak,
        recent=recent,
        warned=warned,
        paused=paused,
        bad_readings=bad,
        fall=fall,
        paused_ms=at_ms if paused and not state.paused else state.paused_ms,
    )
    return after, tuple(actions)


def resume(state: DrawdownState) -> tuple[DrawdownState, tuple[DrawdownAction, ...]]:
    """A person lets entries begin again."""
    if not state.paused:
        return state, ()
    return DrawdownState(peak=state.recent[-1] if state.recent else state.peak), (DrawdownAction.RESUME,)


def moved(state: DrawdownState, amount: Decimal) -> DrawdownState:
    """Money was paid in or out: the peak moves with it."""
    return msgspec.structs.replace(
        state,
        peak=state.peak + amount if state.peak is not None else None,
        recent=tuple(value + amount for value in state.recent),
    )
