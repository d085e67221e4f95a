"""Where stops, targets and trailing stops lie, and which of them a bar reaches first.

A bar says how far the price went but not in which order. Four policies answer that:
* pessimistic: the stop before the target; the bar of the entry may stop but not reach its target;
* adaptive: the extreme nearer to the open came first; so too on the bar of an entry at its open;
* optimistic: the target before the stop, on the bar of the entry too;
* detail: bars of a lower timeframe are asked in their order, each by the pessimistic rule.
What the open itself has passed is certain under every policy: the open comes first.
"""

from __future__ import annotations

PESSIMISTIC = 0
ADAPTIVE = 1
OPTIMISTIC = 2
DETAIL = 3

#: Which exit a bar reached.
NOTHING = 0
STOP = 1
TARGET = 2


def stop_level(entry: float, direction: int, distance: float) -> float:
    """A stop `distance` (in price) away from the entry on the losing side."""
    return entry - direction * distance


def target_level(entry: float, direction: int, distance: float) -> float:
    """A target `distance` (in price) away from the entry on the winning side."""
    return entry + direction * distance


def trail_active(entry: float, best_close: float, direction: int, activate_at: float) -> bool:
    """Whether the best close since the entry has earned the fraction that arms the trailing stop."""
    return direction * (best_close - entry) >= activate_at * entry


def ratchet(old: float, new: float, direction: int) -> float:
    """The tighter of two stop levels. NaN stands for no stop."""
    if old != old:
        return new
    if new != new:
        return old
    return max(old, new) if direction > 0 else min(old, new)


def liquidation_level(entry: float, direction: int, leverage: float, maintenance: float) -> float:
    """Price at which the margin of a position (its notional / leverage) is down to `maintenance` of its notional."""
    return entry * (1.0 - direction * (1.0 / leverage - maintenance))


def beyond_stop(price: float, stop: float, direction: int) -> bool:
    """Whether a price is at or beyond the stop. False without a stop (NaN)."""
    return price <= stop if direction > 0 else price >= stop


def beyond_target(price: float, target: float, direction: int, tick: float) -> bool:
    """Whether a price trades through the target, which is a limit order: by one tick, or by anything without a grid."""
    if tick > 0.0:
        return price >= target + 0.5 * tick if direction > 0 else price <= target - 0.5 * tick
    return price > target if direction > 0 else price < target


def first_exit(
    policy: int,
    direction: int,
    open_: float,
    high: float,
    low: float,
    stop: float,
    target: float,
    tick: float,
    entered_now: bool,
    entered_at_open: bool,
) -> int:
    """Which exit the bar reaches first: NOTHING, STOP or TARGET. `entered_now`: the position was opened in this bar.

    DETAIL is asked bar by bar with PESSIMISTIC by whoever holds the lower bars; here it decides like PESSIMISTIC.
    """
    if not entered_now:
        if beyond_stop(open_, stop, direction):
            return STOP
        if beyond_target(open_, target, direction, tick):
            return TARGET
    worst, best = (low, high) if direction > 0 else (high, low)
    stopped = beyond_stop(worst, stop, direction)
    reached = beyond_target(best, target, direction, tick)
    if policy == OPTIMISTIC:
        return TARGET if reached else (STOP if stopped else NOTHING)
    if policy == ADAPTIVE and (not entered_now or entered_at_open):
        if stopped and reached:
            return TARGET if abs(best - open_) < abs(open_ - worst) else STOP
        return TARGET if reached else (STOP if stopped else NOTHING)
    if stopped:
        return STOP
    if reached and not entered_now:
        return TARGET
    return NOTHING
