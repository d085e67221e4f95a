"""At the open: exits that the last close decided, and entries as far as place, cash and volume allow."""

from __future__ import annotations

import math

from polotui.backtest.kernel.booking import book_entry, book_exit, close_trade, direction_of, least_exit
from polotui.backtest.kernel.shapes import (
    EXPIRED,
    HIGH,
    LIMIT,
    LOT,
    LOW,
    MARKET,
    NO_CASH,
    NO_PLACE,
    OPEN,
    REFUSED,
    TICK,
    TOO_SMALL,
    VOLUME,
    Book,
    Floats,
    Ints,
    Position,
    Records,
    Rules,
)
from polotui.execution.fees import affordable
from polotui.execution.fills import (
    fillable,
    limit_marketable,
    limit_price,
    limit_reached,
    market_price,
    stop_price,
    stop_reached,
)
from polotui.execution.grid import quantise


def sellable(position: Position) -> float:
    """The coins of a position, with what earlier ones left of a long."""
    return position.quantity + position.dust if position.quantity > 0.0 else -position.quantity


def exit_quantity(position: Position, rules: Rules, volume: float, lot: float, whole: bool) -> float:
    """How much of a position one bar lets go. `whole` asks nobody: a liquidation does not wait for volume."""
    held = sellable(position)
    if whole:
        return quantise(held, lot)
    return quantise(fillable(held, volume, rules.volume_share), lot)


def unsellable(position: Position, rules: Rules, price: float, lot: float) -> bool:
    """Whether the whole position is below what the exchange takes."""
    held = sellable(position)
    return held * price < least_exit(rules) or quantise(held, lot) <= 0.0


def exit_at_open(
    position: Position,
    fills: Records,
    trades: Records,
    counts: Ints,
    rules: Rules,
    market: Floats,
    grids: Floats,
    moment: int,
    symbol: int,
) -> float:
    """Carries out the exit that a close decided, as far as the bar's volume lets it. Returns the change of cash."""
    k = moment * rules.symbols + symbol
    open_ = market[OPEN, k]
    if math.isnan(open_):
        return 0.0
    direction = direction_of(position)
    lot, reason = grids[LOT, symbol], position.exit_reason
    price = market_price(open_, -direction, rules.half_spread, rules.slippage, grids[TICK, symbol])
    position.highest = max(position.highest, open_)
    position.lowest = min(position.lowest, open_)
    if unsellable(position, rules, price, lot):
        close_trade(position, trades, counts, rules, moment, symbol, direction, price, reason)
        return 0.0
    volume = market[VOLUME, k] if rules.volume_share > 0.0 else 0.0
    quantity = exit_quantity(position, rules, volume, lot, False)
    if quantity <= 0.0 or quantity * price < least_exit(rules):
        return 0.0
    return book_exit(position, fills, trades, counts, rules, moment, symbol, price, quantity, lot, False, reason)


def room(book: Book, rules: Rules, cash: float, market: Floats, moment: int) -> float:
    """The quote amount that may still be put into positions: cash on the spot market; with leverage what the margins of
    the open positions leave, times the leverage."""
    if rules.spot != 0:
        return cash
    equity = cash
    margins = 0.0
    for symbol in range(rules.symbols):
        quantity = book[symbol].quantity
        if quantity != 0.0:
            open_ = market[OPEN, moment * rules.symbols + symbol]
            equity += quantity * (book[symbol].last_close if math.isnan(open_) else open_)
            margins += abs(quantity) * book[symbol].entry_price / rules.leverage
    return max(0.0, (equity - margins) * rules.leverage)


def entry_price(
    position: Position, rules: Rules, open_: float, high: float, low: float, tick: float
) -> tuple[float, bool, bool]:
    """Price, whether as a maker, and whether at the open, of the pending entry in this bar. Price NaN: not filled."""
    direction = position.order
    if position.order_kind == MARKET:
        return market_price(open_, direction, rules.half_spread, rules.slippage, tick), False, True
    level = position.order_price
    if position.order_kind == LIMIT:
        at_open = limit_marketable(level, open_, direction)
        if at_open or limit_reached(level, high, low, direction, tick):
            return limit_price(level, open_, direction, rules.half_spread, rules.slippage, tick), not at_open, at_open
        return math.nan, False, False
    if stop_reached(level, high, low, direction):
        at_open = open_ >= level if direction > 0 else open_ <= level
        return stop_price(level, open_, direction, rules.half_spread, rules.slippage, tick), False, at_open
    return math.nan, False, False


def enter(
    book: Book,
    fills: Records,
    counts: Ints,
    rules: Rules,
    market: Floats,
    grids: Floats,
    moment: int,
    symbol: int,
    cash: float,
    places: int,
) -> float:
    """Fills the pending entry as far as this bar lets it. Returns the change of cash."""
    position = book[symbol]
    k = moment * rules.symbols + symbol
    open_ = market[OPEN, k]
    if math.isnan(open_):
        return 0.0
    if position.quantity == 0.0 and places >= rules.max_positions:
        position.order = 0
        counts[REFUSED + NO_PLACE] += 1
        return 0.0
    tick, lot = grids[TICK, symbol], grids[LOT, symbol]
    price, maker, at_open = entry_price(position, rules, open_, market[HIGH, k], market[LOW, k], tick)
    position.order_left -= 1
    change = 0.0
    if not math.isnan(price):
        may = room(book, rules, cash, market, moment)
        volume = market[VOLUME, k] if rules.volume_share > 0.0 else 0.0
        change = fill_entry(
            position, fills, counts, rules, volume, tick, lot, moment, symbol, price, maker, at_open, may
        )
    if position.order != 0 and position.order_left <= 0:
        position.order = 0
        if position.quantity == 0.0:
            counts[REFUSED + EXPIRED] += 1
    return change


def fill_entry(
    position: Position,
    fills: Records,
    counts: Ints,
    rules: Rules,
    volume: float,
    tick: float,
    lot: float,
    moment: int,
    symbol: int,
    price: float,
    maker: bool,
    at_open: bool,
    may: float,
) -> float:
    """Fills at `price` what cash (`may`), volume and grid allow, or counts why not. Returns the change of cash."""
    direction = position.order
    fee = rules.maker_fee if maker else rules.taker_fee
    in_received = rules.fee_in_received != 0 and rules.spot != 0 and direction > 0
    wanted = quantise(affordable(min(position.order_amount, may), price, fee, in_received), lot)
    quantity = quantise(fillable(wanted, volume, rules.volume_share), lot)
    if quantity > 0.0 and quantity * price >= rules.least_amount:
        position.at_open = 1 if at_open else 0
        change = book_entry(position, fills, counts, rules, moment, symbol, direction, price, quantity, maker, tick)
        position.order_amount -= quantity * price
        if quantity >= wanted or position.order_amount < max(rules.least_amount, lot * price):
            position.order = 0
        return change
    if wanted <= 0.0 or wanted * price < rules.least_amount:
        short_of_cash = may < position.order_amount
        counts[REFUSED + (NO_CASH if short_of_cash else TOO_SMALL)] += 1
        position.order = 0
    return 0.0
