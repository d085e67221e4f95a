"""Walking over bars in which nothing can happen (one symbol): what makes a run fast.

Both loops only prove that a bar has no event, and mark it. They must agree with `inside`, `closing` and `run` to the
last bit; a test compares them on random runs with their twin that steps through every bar.
"""

from __future__ import annotations

from polotui.backtest.kernel.booking import direction_of
from polotui.backtest.kernel.inside import nearest_stop
from polotui.backtest.kernel.shapes import (
    BY_RULE,
    CLOSE,
    EQUITY,
    FRACTION,
    HIGH,
    LONG_IN,
    LONG_OUT,
    LOW,
    NOTIONAL,
    OPEN,
    SHORT_IN,
    SHORT_OUT,
    TRUE,
    Floats,
    Position,
    Rules,
    Truths,
)
from polotui.execution.exits import ratchet, stop_level, trail_active


def rest(
    curve: Floats, market: Floats, signals: Truths, rules: Rules, moment: int, end: int, cash: float, dust: float
) -> int:
    """Flat and nothing ordered: marks bars until one whose close asks for an entry. Returns that bar or `end`."""
    long_in, short_in = signals[LONG_IN], signals[SHORT_IN]
    j = moment
    if rules.shorts != 0:
        while j < end and long_in[j] != TRUE and short_in[j] != TRUE:
            j += 1
    else:
        while j < end and long_in[j] != TRUE:
            j += 1
    if dust == 0.0:
        curve[EQUITY, moment:j] = cash
    else:
        for i in range(moment, j):
            curve[EQUITY, i] = cash + dust * market[CLOSE, i]
    curve[NOTIONAL, moment:j] = 0.0
    return j


def coast(
    position: Position,
    curve: Floats,
    market: Floats,
    signals: Truths,
    rules: Rules,
    moment: int,
    end: int,
    cash: float,
    tick: float,
) -> int:
    """In a position with nothing ordered: marks bars until one in which something may happen. Returns it, or `end`.

    A bar in which only the exit rule is true is marked as well, with the exit ordered.
    """
    direction = direction_of(position)
    stop, _ = nearest_stop(position, rules, direction)
    target = position.target + direction * 0.5 * tick
    best, highest, lowest, trail = position.best_close, position.highest, position.lowest, position.trail
    trails, active = rules.trail_kind == FRACTION, False
    held, quantity = position.quantity + position.dust, abs(position.quantity)
    out = signals[LONG_OUT if direction > 0 else SHORT_OUT]
    opposite = signals[SHORT_IN if direction > 0 else LONG_IN]
    turns = rules.shorts != 0
    opens, high, low, close = market[OPEN], market[HIGH], market[LOW], market[CLOSE]
    equity, notional = curve[EQUITY], curve[NOTIONAL]
    if rules.time_bars > 0:
        end = min(end, position.entered + rules.time_bars - 1)
    j = moment
    while j < end:
        top, bottom, last = high[j], low[j], close[j]
        # An open outside its bar is for the step. Reading it here also has it at hand for the fill that ends this walk,
        # which would wait for memory otherwise: a third of the run.
        if not bottom <= opens[j] <= top or (turns and opposite[j] == TRUE):
            break
        # «At» the target counts as reached here; the step then decides by the tick.
        if direction > 0:
            if bottom <= stop or top >= target:
                break
            best = last if last > best else best
        else:
            if top >= stop or bottom <= target:
                break
            best = last if last < best else best
        if out[j] == TRUE:
            position.exit_reason = BY_RULE
            trails = False
            end = j
        if trails:
            # The best close never falls back, so what was armed stays armed; without a branch on each new best.
            active = active or trail_active(position.entry_price, best, direction, rules.trail_from)
            if active:
                level = stop_level(best, direction, rules.trail_value * best)
                trail = ratchet(trail, level, direction)
                stop = ratchet(stop, level, direction)
        highest = max(highest, top)
        lowest = min(lowest, bottom)
        equity[j] = cash + held * last
        notional[j] = quantity * last
        j += 1
    if j > moment:
        position.best_close, position.highest, position.lowest, position.trail = best, highest, lowest, trail
        position.last_close = close[j - 1]
    return j
