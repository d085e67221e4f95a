"""The guard of the day: how a loss becomes a block, and a confirmed one the end of the trading day.

    reading bad                    BLOCK at once: no entries
    confirmed bad, 3 in a row      LATCH and FLATTEN: everything is closed, the day is over
    confirmed good in between      UNBLOCK: it was a wrong price, not a loss
    15 s after the first bad one   decided: LATCH; FLATTEN too once a confirmed reading says the same

Decided here:
* A state is a value; `read` gives the next one and what is to be done. Nothing here knows a clock: each reading brings
  the UTC time (the exchange's, when it is known) and the engine's own tick, which never steps back.
* The day only moves forward. A clock that is put back neither begins an earlier day anew nor clears a latch.
* A day begins with the last confirmed equity before it when that is at most an hour old, else with the first confirmed
  one of the day; until then entries wait.
* A latch is cleared by the next UTC day together with an acknowledgement, or by a typed override, which begins the
  count anew from the equity of that moment.
* Money that is paid in or out moves the start of the day with it (`moved`); it is neither loss nor gain.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from polotui.core.errors import Refused
from polotui.risk.limits import Limits

DAY_MS = 86_400_000
#: So many confirmed readings in a row, at least so far apart, and decided after so long.
READINGS, APART_MS, DECIDED_MS = 3, 2_000, 15_000
#: An equity from before midnight may begin the day when it is no older.
CARRIED_MS = 3_600_000
OVERRIDE = "OVERRIDE DAILY LOSS"


class DailyAction(StrEnum):
    BLOCK = "block"
    UNBLOCK = "unblock"
    LATCH = "latch"
    FLATTEN = "flatten"
    CLEAR = "clear"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The account at one moment. `confirmed`: prices are fresh and the books are reconciled. `tick_ms` is monotonic."""

    at_ms: int
    tick_ms: int
    equity: Decimal | None
    confirmed: bool


class DailyState(msgspec.Struct, frozen=True, kw_only=True):
    """What must survive a restart. `day` is days since 1970 in UTC; -1 before the first reading."""

    day: int = -1
    start: Decimal | None = None
    blocked: bool = False
    latched: bool = False
    latched_day: int = -1
    acknowledged: bool = False
    flattened: bool = False
    bad_readings: int = 0
    first_bad_tick: int | None = None
    first_counted_tick: int | None = None
    last_equity: Decimal | None = None
    last_at_ms: int = 0
    reason: str = ""


def read(state: DailyState, reading: Reading, limits: Limits) -> tuple[DailyState, tuple[DailyAction, ...]]:
    """The next state and what is to be done now, each action once."""
    before = state
    state = _turn(state, reading)
    equity = reading.equity if reading.equity is not None and reading.equity.is_finite() else None
    loss = loss_of(state, equity)
    bad = loss is not None and loss >= limits.daily_loss
    if reading.confirmed and equity is not None:
        state = msgspec.structs.replace(state, last_equity=equity, last_at_ms=max(state.last_at_ms, reading.at_ms))
    if state.latched:
        state = _while_latched(state, bad and reading.confirmed)
    elif bad:
        state = _worse(state, reading, loss or 0.0, limits)
    elif loss is not None and reading.confirmed:
        # A confirmed good reading: whatever was seen before was not a loss.
        state = msgspec.structs.replace(
            state, blocked=False, bad_readings=0, first_bad_tick=None, first_counted_tick=None, reason=""
        )
    else:
        state = _unknown(state, reading)
    return state, _actions(before, state)


def loss_of(state: DailyState, equity: Decimal | None) -> float | None:
    """The loss of the day as a fraction of at least 0; None when it cannot be known."""
    if equity is None or state.start is None or state.start <= 0:
        return None
    return max(0.0, float((state.start - equity) / state.start))


def _turn(state: DailyState, reading: Reading) -> DailyState:
    """Into the reading's day, if that is a later one; and the equity that the day begins with."""
    day = reading.at_ms // DAY_MS
    if day > state.day:
        clears = state.latched and state.acknowledged
        carried = state.last_equity if 0 <= day * DAY_MS - state.last_at_ms <= CARRIED_MS else None
        # A new start is a new count; a latch stays unless it may be cleared.
        state = msgspec.structs.replace(
            state,
            day=day,
            start=carried,
            blocked=state.latched and not clears,
            latched=state.latched and not clears,
            flattened=state.flattened and not clears,
            acknowledged=state.acknowledged and not clears,
            bad_readings=0,
            first_bad_tick=None,
            first_counted_tick=None,
            reason=state.reason if state.latched and not clears else "",
        )
    if state.start is None and reading.confirmed and reading.equity is not None and reading.equity.is_finite():
        state = msgspec.structs.replace(state, start=reading.equity if reading.equity > 0 else None)
    return state


def _worse(state: DailyState, reading: Reading, loss: float, limits: Limits) -> DailyState:
    first = reading.tick_ms if state.first_bad_tick is None else min(state.first_bad_tick, reading.tick_ms)
    count, counted = state.bad_readings, state.first_counted_tick
    if reading.confirmed:
        count += 1
        counted = reading.tick_ms if counted is None else min(counted, reading.tick_ms)
    confirmed = count >= READINGS and counted is not None and reading.tick_ms - counted >= APART_MS
    latch = confirmed or reading.tick_ms - first >= DECIDED_MS
    return msgspec.structs.replace(
        state,
        blocked=True,
        latched=latch,
        latched_day=state.day if latch else state.latched_day,
        # At the end of the time one confirmed reading is enough; without one nothing is sold on a doubtful price.
        flattened=confirmed or (latch and reading.confirmed),
        bad_readings=count,
        first_bad_tick=first,
        first_counted_tick=counted,
        reason=f"The loss of the day is {loss:.2%}; the limit is {limits.daily_loss:.2%}.",
    )


def _unknown(state: DailyState, reading: Reading) -> DailyState:
    """Nothing is known, or something good that is not confirmed: it changes no count. What began stays in time."""
    known = state.start is not None and reading.equity is not None and reading.equity.is_finite()
    if state.first_bad_tick is not None and reading.tick_ms - state.first_bad_tick >= DECIDED_MS:
        return msgspec.structs.replace(state, blocked=True, latched=True, latched_day=state.day)
    if known:
        return state
    reason = state.reason or "The equity is not known."
    return msgspec.structs.replace(state, blocked=True, reason=reason)


def _while_latched(state: DailyState, confirmed_bad: bool) -> DailyState:
    return msgspec.structs.replace(state, blocked=True, flattened=state.flattened or confirmed_bad)


def _actions(before: DailyState, after: DailyState) -> tuple[DailyAction, ...]:
    found = []
    if before.latched and not after.latched:
        found.append(DailyAction.CLEAR)
    if after.blocked != before.blocked:
        found.append(DailyAction.BLOCK if after.blocked else DailyAction.UNBLOCK)
    if after.latched and not before.latched:
        found.append(DailyAction.LATCH)
    if after.flattened and not before.flattened:
        found.append(DailyAction.FLATTEN)
    return tuple(found)


def acknowledge(state: DailyState, at_ms: int) -> tuple[DailyState, tuple[DailyAction, ...]]:
    """A person has seen the loss. Clears the latch once it is the next UTC day; before, it is kept for then."""
    if not state.latched:
        return state, ()
    day = max(state.day, at_ms // DAY_MS)
    if day <= state.latched_day:
        return msgspec.structs.replace(state, acknowledged=True), ()
    return _cleared(state), (DailyAction.CLEAR, DailyAction.UNBLOCK)


def override(state: DailyState, typed: str, reason: str, equity: Decimal) -> tuple[DailyState, tuple[DailyAction, ...]]:
    """Clears the latch on the same day. Raises Refused unless the words are typed as asked and a reason is given."""
    if typed != OVERRIDE or not reason.strip():
        raise Refused(
            "The daily loss latch was not lifted.",
            safe="It stays set; nothing may be entered.",
            next_step=f"Type {OVERRIDE} and give a reason; both are recorded.",
            code="latch-override",
        )
    if not (equity.is_finite() and equity > 0):
        raise Refused("The equity is not known.", safe="The latch stays set.", next_step="Wait for fresh prices.")
    if not state.latched:
        return state, ()
    return msgspec.structs.replace(_cleared(state), start=equity), (DailyAction.CLEAR, DailyAction.UNBLOCK)


def moved(state: DailyState, amount: Decimal) -> DailyState:
    """Money was paid in (or out, below 0) that is no result of trading."""
    last = state.last_equity
    return msgspec.structs.replace(
        state,
        start=state.start + amount if state.start is not None else None,
        last_equity=last + amount if last is not None else None,
    )


def worse_of(one: DailyState, other: DailyState) -> DailyState:
    """Of two records of the same guard the one that protects more: set wins over clear, later day over earlier."""
    first, second = sorted((one, other), key=lambda state: (state.day, state.latched_day))
    if second.latched or not first.latched:
        return second
    return msgspec.structs.replace(
        second,
        latched=True,
        blocked=True,
        latched_day=first.latched_day,
        reason=first.reason,
        flattened=first.flattened,
    )


def _cleared(state: DailyState) -> DailyState:
    return msgspec.structs.replace(
        state,
        blocked=False,
        latched=False,
        acknowledged=False,
        flattened=False,
        bad_readings=0,
        first_bad_tick=None,
        first_counted_tick=None,
        reason="",
    )
