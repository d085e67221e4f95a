"""What a fill changes: the position, the cash, the log, and at the end the trade."""

from __future__ import annotations

import math

from polotui.backtest.kernel.shapes import (
    AT_END,
    DISTANCE,
    FILLS,
    FRACTION,
    FULL,
    MULTIPLE_OF_RISK,
    PRICE,
    TRADES,
    Ints,
    Position,
    Records,
    Rules,
)
from polotui.execution.exits import ratchet, stop_level, target_level
from polotui.execution.fees import buy_costs, buy_receives, fee_value, sell_receives
from polotui.execution.grid import quantise_price

NAN = math.nan


def direction_of(position: Position) -> int:
    """+1, -1, or 0 without a position."""
    if position.quantity > 0.0:
        return 1
    return -1 if position.quantity < 0.0 else 0


def log_fill(
    fills: Records,
    counts: Ints,
    moment: int,
    symbol: int,
    side: int,
    reason: int,
    maker: int,
    price: float,
    quantity: float,
    fee: float,
) -> None:
    """One row of the fill log; a log that is too short is marked, and the run is done again with a longer one."""
    place = counts[FILLS]
    counts[FILLS] = place + 1
    if place >= fills.shape[0]:
        counts[FULL] = 1
        return
    row = fills[place]
    row.bar, row.symbol, row.side, row.reason, row.maker = moment, symbol, side, reason, maker
    row.price, row.quantity, row.fee = price, quantity, fee


def start_position(position: Position, moment: int, price: float) -> None:
    """Forgets the last trade."""
    position.entered = moment
    position.entry_price = price
    position.invested = position.fees = position.cash_flow = 0.0
    position.sold = position.sold_value = position.peak_quantity = 0.0
    position.fills = position.adds = position.exit_reason = 0
    position.best_close = position.highest = position.lowest = price
    position.stop = position.target = position.trail = NAN
    position.first_stop = position.first_target = position.risk = NAN
    position.dust_before = position.dust


def book_entry(
    position: Position,
    fills: Records,
    counts: Ints,
    rules: Rules,
    moment: int,
    symbol: int,
    direction: int,
    price: float,
    quantity: float,
    maker: bool,
    tick: float,
) -> float:
    """Books an entry fill and returns the change of cash."""
    fee = rules.maker_fee if maker else rules.taker_fee
    in_received = rules.fee_in_received != 0 and rules.spot != 0
    if direction > 0:
        change = -buy_costs(quantity, price, fee, in_received)
        received = buy_receives(quantity, fee, in_received)
    else:
        change = sell_receives(quantity, price, fee)
        received = -quantity
    held = abs(position.quantity)
    if held == 0.0:
        start_position(position, moment, price)
    else:
        position.entry_price = (position.entry_price * held + price * quantity) / (held + quantity)
    cost = fee_value(quantity, price, fee)
    position.quantity += received
    position.peak_quantity = max(position.peak_quantity, abs(position.quantity))
    position.invested += quantity * price
    position.fees += cost
    position.cash_flow += change
    position.last_fill = price
    position.filled = moment
    position.fills += 1
    log_fill(fills, counts, moment, symbol, direction, position.order_reason, maker, price, quantity, cost)
    place_levels(position, rules, direction, tick)
    return change


def place_levels(position: Position, rules: Rules, direction: int, tick: float) -> None:
    """Stop and target from the average entry price. After an add the stop is never loosened, unless `stop_follows`."""
    entry = position.entry_price
    stop = NAN
    if rules.loss_kind == FRACTION:
        stop = stop_level(entry, direction, rules.loss_value * entry)
    elif rules.loss_kind == DISTANCE:
        stop = stop_level(entry, direction, position.order_loss)
    elif rules.loss_kind == PRICE:
        stop = position.order_loss
    position.stop = stop if rules.stop_follows != 0 else ratchet(position.stop, stop, direction)
    if math.isnan(position.first_stop):
        position.first_stop = position.stop
        position.risk = abs(entry - position.stop)
    if rules.target_kind == FRACTION:
        position.target = target_level(entry, direction, rules.target_value * entry)
    elif rules.target_kind == MULTIPLE_OF_RISK:
        position.target = target_level(entry, direction, rules.target_value * abs(entry - position.stop))
    elif rules.target_kind == PRICE:
        position.target = position.order_target
    # A target is a limit order and lies on the grid, on the side that is reached later.
    position.target = quantise_price(position.target, tick, direction)
    if math.isnan(position.first_target):
        position.first_target = position.target


def book_exit(
    position: Position,
    fills: Records,
    trades: Records,
    counts: Ints,
    rules: Rules,
    moment: int,
    symbol: int,
    price: float,
    quantity: float,
    lot: float,
    maker: bool,
    reason: int,
) -> float:
    """Books an exit fill and returns the change of cash. Closes the trade when nothing sellable is left."""
    direction = direction_of(position)
    fee = rules.maker_fee if maker else rules.taker_fee
    if direction > 0:
        change = sell_receives(quantity, price, fee)
        position.quantity += position.dust - quantity
        position.dust = 0.0
    else:
        change = -buy_costs(quantity, price, fee, False)
        position.quantity += quantity
    cost = fee_value(quantity, price, fee)
    position.fees += cost
    position.cash_flow += change
    position.sold += quantity
    position.sold_value += quantity * price
    position.fills += 1
    log_fill(fills, counts, moment, symbol, -direction, reason, maker, price, quantity, cost)
    left = abs(position.quantity)
    least = lot * (1.0 - 1e-6) if lot > 0.0 else 1e-12 * position.peak_quantity
    if left < least or left * price < least_exit(rules):
        close_trade(position, trades, counts, rules, moment, symbol, direction, price, reason)
    return change


def least_exit(rules: Rules) -> float:
    """The smallest amount that an exit may have: on the spot market that of every order; a leveraged position and a
    short can always be closed."""
    return rules.least_amount if rules.spot != 0 else 0.0


def close_trade(
    position: Position,
    trades: Records,
    counts: Ints,
    rules: Rules,
    moment: int,
    symbol: int,
    direction: int,
    price: float,
    reason: int,
) -> None:
    """Writes the trade and forgets the position; what cannot be sold stays as dust."""
    if direction > 0:
        position.dust += position.quantity
    position.quantity = 0.0
    log_trade(position, trades, counts, moment, symbol, direction, price, reason)
    position.exit_reason = 0
    position.cool_until = moment + rules.cooldown


def log_trade(
    position: Position,
    trades: Records,
    counts: Ints,
    moment: int,
    symbol: int,
    direction: int,
    price: float,
    reason: int,
) -> None:
    """One row of the trade log. A position that is still open at the end is one too, valued at `price`."""
    place = counts[TRADES]
    counts[TRADES] = place + 1
    if place >= trades.shape[0]:
        counts[FULL] = 1
        return
    row = trades[place]
    row.symbol, row.direction, row.reason, row.fills = symbol, direction, reason, position.fills
    row.entry_bar, row.exit_bar = position.entered, moment
    entry = position.entry_price
    row.entry_price = entry
    row.exit_price = position.sold_value / position.sold if position.sold > 0.0 and reason != AT_END else price
    row.quantity = position.peak_quantity
    row.profit = position.cash_flow + (position.quantity + position.dust - position.dust_before) * price
    row.invested = position.invested
    row.fees = position.fees
    row.risk = position.risk * position.peak_quantity
    worst, best = position.lowest, position.highest
    if direction < 0:
        worst, best = best, worst
    row.worst = min(0.0, direction * (worst / entry - 1.0))
    row.best = max(0.0, direction * (best / entry - 1.0))
    row.stop = position.first_stop
    row.target = position.first_target
