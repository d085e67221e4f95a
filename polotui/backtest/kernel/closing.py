"""At the close: exit rules, time stops, trailing stops and entry rules decide for the next open."""

from __future__ import annotations

import math

from polotui.backtest.kernel.booking import direction_of
from polotui.backtest.kernel.shapes import (
    ADD,
    ADD_UNIT,
    BY_AMOUNT,
    BY_EQUITY,
    BY_REVERSAL,
    BY_RISK,
    BY_RULE,
    BY_TIME,
    BY_VOLATILITY,
    CONFLICT,
    COOLING,
    DISTANCE,
    ENTRY,
    EXIT_TOO,
    FRACTION,
    LONG_IN,
    LONG_OUT,
    LOSS,
    MARKET,
    NO_LEVEL,
    NO_SIZE,
    PRICE,
    REFUSED,
    SHORT_IN,
    SHORT_OUT,
    SIZE,
    STOP_ENTRY,
    TARGET_PRICE,
    TRADES,
    TRAIL,
    TRUE,
    WRONG_STOP,
    Floats,
    Ints,
    Position,
    Records,
    Rules,
    Truths,
)
from polotui.execution.exits import ratchet, stop_level, trail_active
from polotui.execution.grid import quantise_price
from polotui.risk.sizing import capped, fixed_fractional, kelly, percent_equity, vol_target
from polotui.strategy.runtime.program import run_program


def write_facts(position: Position, direction: int, moment: int, close: float, facts: Floats) -> None:
    """What exit rules may know of a position; all unknown without one on that side."""
    if direction_of(position) != direction:
        facts[:] = math.nan
        return
    facts[0] = position.entry_price
    facts[1] = moment - position.entered + 1.0
    facts[2] = direction * (close / position.entry_price - 1.0)
    facts[3] = position.highest
    facts[4] = position.lowest


def wants_out(
    position: Position,
    rules: Rules,
    signals: Truths,
    code: Ints,
    constants: Floats,
    values: Floats,
    facts: Floats,
    stack: Floats,
    k: int,
    direction: int,
    moment: int,
    close: float,
) -> bool:
    """Whether the exit rule of this side is true. A rule that looks at position facts is a program, others a column."""
    length = rules.program_long if direction > 0 else rules.program_short
    if length > 0:
        side = 0 if direction > 0 else 1
        write_facts(position, direction, moment, close, facts)
        ops, operand = code[2 * side, :length], code[2 * side + 1, :length]
        return run_program(ops, operand, constants[side], values[side, k], facts, stack) == TRUE
    return signals[LONG_OUT if direction > 0 else SHORT_OUT, k] == TRUE


def size_of(
    trades: Records, counts: Ints, rules: Rules, levels: Floats, equity: float, k: int, distance: float
) -> float:
    """The amount in quote currency that an entry asks for; 0, and counted, when there is none."""
    kind = rules.size_kind
    if kind == BY_RISK:
        amount = fixed_fractional(equity, rules.size_value, distance)
    elif kind == BY_EQUITY:
        amount = percent_equity(equity, rules.size_value)
    elif kind == BY_AMOUNT:
        amount = rules.size_value
    elif kind == BY_VOLATILITY:
        amount = vol_target(equity, rules.size_value, levels[SIZE, k])
    else:
        amount = by_kelly(trades, counts, rules, equity, distance)
    amount = capped(amount, equity, rules.size_cap)
    if not amount > 0.0:
        counts[REFUSED + NO_SIZE] += 1
        return 0.0
    return amount


def by_kelly(trades: Records, counts: Ints, rules: Rules, equity: float, distance: float) -> float:
    """Kelly from the trades of this run once there are enough; before that from the stated figures, else by risk."""
    count = counts[TRADES]
    if count < rules.kelly_trades or count > trades.shape[0]:
        if rules.kelly_win_rate > 0.0:
            return kelly(equity, rules.kelly_win_rate, rules.kelly_payoff, rules.kelly_fraction)
        return fixed_fractional(equity, rules.size_value, distance)
    wins, losses, won, lost = 0, 0, 0.0, 0.0
    for place in range(count):
        result = trades[place].profit / trades[place].invested
        if result > 0.0:
            wins += 1
            won += result
        elif result < 0.0:
            losses += 1
            lost -= result
    if wins == 0:
        return 0.0
    if losses == 0:
        return fixed_fractional(equity, rules.size_value, distance)
    return kelly(equity, wins / count, (won / wins) / (lost / losses), rules.kelly_fraction)


def order_entry(
    position: Position,
    trades: Records,
    counts: Ints,
    rules: Rules,
    levels: Floats,
    k: int,
    close: float,
    direction: int,
    equity: float,
    reason: int,
    tick: float,
) -> None:
    """Orders what the entry rule asks for, or counts why not. Stop, target and size are measured from the price that
    the entry waits for."""
    offset = rules.entry_offset if rules.entry_kind == STOP_ENTRY else -rules.entry_offset
    # On the grid on the side that is reached later: a limit further away, a stop further beyond.
    side = direction if rules.entry_kind == STOP_ENTRY else -direction
    price = quantise_price(close * (1.0 + direction * offset), tick, side)
    entry = close if rules.entry_kind == MARKET else price
    distance = 0.0
    if rules.loss_kind == FRACTION:
        distance = rules.loss_value
    elif rules.loss_kind == DISTANCE:
        position.order_loss = levels[LOSS, k]
        distance = levels[LOSS, k] / entry
    elif rules.loss_kind == PRICE:
        position.order_loss = levels[LOSS, k]
        distance = direction * (entry - levels[LOSS, k]) / entry
    wrong = rules.loss_kind != NO_LEVEL and not distance > 0.0
    if rules.target_kind == PRICE:
        position.order_target = levels[TARGET_PRICE, k]
        wrong = wrong or not direction * (levels[TARGET_PRICE, k] - entry) > 0.0
    if wrong:
        counts[REFUSED + WRONG_STOP] += 1
        return
    amount = size_of(trades, counts, rules, levels, equity, k, distance)
    if amount <= 0.0:
        return
    position.order = direction
    position.order_kind = rules.entry_kind
    position.order_amount = amount
    position.order_left = rules.expire_bars
    position.order_reason = reason
    position.order_price = price


def asked_side(counts: Ints, rules: Rules, signals: Truths, k: int) -> int:
    """+1, -1 or 0 by the entry rules."""
    long_in = signals[LONG_IN, k] == TRUE
    short_in = rules.shorts != 0 and signals[SHORT_IN, k] == TRUE
    if long_in and short_in:
        counts[REFUSED + CONFLICT] += 1
        return 0
    if long_in:
        return 1
    return -1 if short_in else 0


def decide(
    position: Position,
    trades: Records,
    counts: Ints,
    rules: Rules,
    signals: Truths,
    levels: Floats,
    code: Ints,
    constants: Floats,
    values: Floats,
    facts: Floats,
    stack: Floats,
    k: int,
    moment: int,
    close: float,
    equity: float,
    tick: float,
) -> None:
    """What the close decides for the next open."""
    side = asked_side(counts, rules, signals, k)
    direction = direction_of(position)
    if direction == 0:
        if side == 0 or position.order != 0:
            return
        if moment < position.cool_until:
            counts[REFUSED + COOLING] += 1
        elif wants_out(position, rules, signals, code, constants, values, facts, stack, k, side, moment, close):
            counts[REFUSED + EXIT_TOO] += 1
        else:
            order_entry(position, trades, counts, rules, levels, k, close, side, equity, ENTRY, tick)
        return
    if position.exit_reason != 0:
        return
    if wants_out(position, rules, signals, code, constants, values, facts, stack, k, direction, moment, close):
        position.exit_reason = BY_RULE
    elif side == -direction:
        position.exit_reason = BY_REVERSAL
        # What is left of an order of the old side must not go on when the new side's is refused.
        position.order = 0
        order_entry(position, trades, counts, rules, levels, k, close, side, equity, ENTRY, tick)
        return
    elif rules.time_bars > 0 and moment - position.entered + 1 >= rules.time_bars:
        position.exit_reason = BY_TIME
    if position.exit_reason != 0:
        position.order = 0
        return
    ratchet_trail(position, rules, levels, k, direction, close)
    if side == direction and position.adds < rules.max_adds and position.order == 0:
        # Without a step, each signal may add, below the last fill too: that is what a DCA lives on.
        far = rules.add_step == 0.0
        if not far:
            far = direction * (close - position.last_fill) >= rules.add_step * levels[ADD_UNIT, k]
        if far:
            order_entry(position, trades, counts, rules, levels, k, close, side, equity, ADD, tick)
            if position.order != 0:
                position.adds += 1


def ratchet_trail(position: Position, rules: Rules, levels: Floats, k: int, direction: int, close: float) -> None:
    """The trailing stop ratchets on the close; it is tested from the next bar on."""
    best = ratchet(position.best_close, close, direction)
    position.best_close = best
    if rules.trail_kind == NO_LEVEL or not trail_active(position.entry_price, best, direction, rules.trail_from):
        return
    distance = rules.trail_value * best if rules.trail_kind == FRACTION else levels[TRAIL, k]
    position.trail = ratchet(position.trail, stop_level(best, direction, distance), direction)
