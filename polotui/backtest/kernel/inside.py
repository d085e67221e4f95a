"""Inside the bar: stops, trailing stops, targets and liquidation, by the intrabar policy."""

from __future__ import annotations

import math

from polotui.backtest.kernel.booking import book_exit, close_trade, direction_of, least_exit
from polotui.backtest.kernel.opening import exit_quantity, unsellable
from polotui.backtest.kernel.shapes import (
    AMBIGUOUS,
    BY_DETAIL,
    BY_LIQUIDATION,
    BY_STOP,
    BY_TARGET,
    BY_TRAIL,
    FROM,
    HIGH,
    LOT,
    LOW,
    OPEN,
    TICK,
    TO,
    VOLUME,
    Floats,
    Ints,
    Position,
    Records,
    Rules,
)
from polotui.execution.exits import (
    DETAIL,
    NOTHING,
    PESSIMISTIC,
    STOP,
    beyond_stop,
    beyond_target,
    first_exit,
    liquidation_level,
)
from polotui.execution.fills import stop_price


def nearest_stop(position: Position, rules: Rules, direction: int) -> tuple[float, int]:
    """The stop that an adverse move meets first, and its reason: the fixed one, the trailing one, or liquidation."""
    level, reason = position.stop, BY_STOP
    trail = position.trail
    if not math.isnan(trail) and (math.isnan(level) or direction * (trail - level) > 0.0):
        level, reason = trail, BY_TRAIL
    if rules.spot == 0:
        last = liquidation_level(position.entry_price, direction, rules.leverage, rules.maintenance)
        if math.isnan(level) or direction * (last - level) > 0.0:
            level, reason = last, BY_LIQUIDATION
    return level, reason


def leaves_at_open(position: Position, rules: Rules, open_: float, tick: float) -> bool:
    """Whether the open itself has passed the stop or the target: then nothing is added before that."""
    direction = direction_of(position)
    stop, _ = nearest_stop(position, rules, direction)
    return beyond_stop(open_, stop, direction) or beyond_target(open_, position.target, direction, tick)


def by_lower_bars(
    detail: Floats, first: int, last: int, direction: int, stop: float, target: float, tick: float, entered_now: bool
) -> tuple[int, float]:
    """Which exit the lower bars [first, last) reach first, each by the pessimistic rule, and the open of that bar."""
    for j in range(first, last):
        found = first_exit(
            PESSIMISTIC,
            direction,
            detail[OPEN, j],
            detail[HIGH, j],
            detail[LOW, j],
            stop,
            target,
            tick,
            entered_now and j == first,
            True,
        )
        if found != NOTHING:
            return found, detail[OPEN, j]
    return NOTHING, detail[OPEN, first]


def which_exit(
    position: Position,
    counts: Ints,
    rules: Rules,
    market: Floats,
    detail: Floats,
    detail_of: Ints,
    k: int,
    stop: float,
    target: float,
    tick: float,
    entered_now: bool,
) -> tuple[int, float]:
    """STOP, TARGET or NOTHING for this bar, and the open that a stop is compared with."""
    direction = direction_of(position)
    open_, high, low = market[OPEN, k], market[HIGH, k], market[LOW, k]
    at_open = position.at_open != 0
    worst, best = (low, high) if direction > 0 else (high, low)
    if beyond_target(best, target, direction, tick) and (entered_now or beyond_stop(worst, stop, direction)):
        counts[AMBIGUOUS] += 1
        lower = rules.policy == DETAIL and detail_of.shape[1] > 0 and (at_open or not entered_now)
        if lower and detail_of[TO, k] > detail_of[FROM, k]:
            counts[BY_DETAIL] += 1
            asked, lower_open = by_lower_bars(
                detail, detail_of[FROM, k], detail_of[TO, k], direction, stop, target, tick, entered_now
            )
            # Where some of the lower bars are missing they may not know of a stop that the bar did reach.
            if asked != NOTHING:
                return asked, lower_open
    found = first_exit(rules.policy, direction, open_, high, low, stop, target, tick, entered_now, at_open)
    if entered_now and not at_open:
        # Entered inside the bar: the open was before that and is no price to be stopped at.
        return found, stop
    return found, open_


def inside_bar(
    position: Position,
    fills: Records,
    trades: Records,
    counts: Ints,
    rules: Rules,
    market: Floats,
    detail: Floats,
    detail_of: Ints,
    grids: Floats,
    moment: int,
    symbol: int,
) -> float:
    """What leaves within the bar. Returns the change of cash."""
    k = moment * rules.symbols + symbol
    if math.isnan(market[OPEN, k]):
        return 0.0
    direction = direction_of(position)
    tick, lot = grids[TICK, symbol], grids[LOT, symbol]
    stop, reason = nearest_stop(position, rules, direction)
    # An add is an entry too: what it bought inside the bar cannot have left at a high from before.
    entered_now = position.filled == moment
    found, reference = which_exit(
        position, counts, rules, market, detail, detail_of, k, stop, position.target, tick, entered_now
    )
    # An exit under way had its share of this bar's volume at the open. A liquidation does not wait for volume.
    under_way = position.exit_reason != 0 and not (found == STOP and reason == BY_LIQUIDATION)
    if found == NOTHING or under_way:
        position.highest = max(position.highest, market[HIGH, k])
        position.lowest = min(position.lowest, market[LOW, k])
        return 0.0
    position.order = 0
    if found == STOP:
        price = stop_price(stop, reference, -direction, rules.half_spread, rules.slippage, tick)
        touched = min(stop, reference) if direction > 0 else max(stop, reference)
    else:
        price = touched = position.target
        reason = BY_TARGET
    position.highest = max(position.highest, touched)
    position.lowest = min(position.lowest, touched)
    if unsellable(position, rules, price, lot):
        close_trade(position, trades, counts, rules, moment, symbol, direction, price, reason)
        return 0.0
    quantity = exit_quantity(position, rules, market[VOLUME, k], lot, reason == BY_LIQUIDATION)
    change = 0.0
    if quantity > 0.0 and quantity * price >= least_exit(rules):
        maker = found != STOP
        change = book_exit(position, fills, trades, counts, rules, moment, symbol, price, quantity, lot, maker, reason)
    if position.quantity != 0.0:
        # What is left sees the whole bar.
        position.highest = max(position.highest, market[HIGH, k])
        position.lowest = min(position.lowest, market[LOW, k])
    if position.quantity != 0.0 and found == STOP:
        # The rest of a stopped position leaves at the next opens.
        position.exit_reason = reason
    return change
