"""The run: moment after moment, with progress to read and a flag to stop it by."""

from __future__ import annotations

import math

from polotui.backtest.kernel.booking import direction_of, log_trade
from polotui.backtest.kernel.closing import asked_side, decide, decide_entry
from polotui.backtest.kernel.inside import inside_bar, leaves_at_open
from polotui.backtest.kernel.opening import enter, exit_at_open
from polotui.backtest.kernel.shapes import (
    AT_END,
    CANCEL,
    CLOSE,
    DISTANCE,
    DONE,
    EQUITY,
    NOTIONAL,
    OPEN,
    TICK,
    Book,
    Floats,
    Ints,
    Position,
    Records,
    Rules,
    Truths,
)
from polotui.backtest.kernel.walking import coast, rest

#: Progress is written and the flag is read at least every so many moments.
STRIDE = 8_192


def trade_moment(
    book: Book,
    fills: Records,
    trades: Records,
    counts: Ints,
    rules: Rules,
    market: Floats,
    detail: Floats,
    detail_of: Ints,
    grids: Floats,
    moment: int,
    cash: float,
    left: bool,
) -> float:
    """Exits and entries at the open, then what happens inside the bar, for all symbols. Returns the cash after it.
    `left`: the exits have been made."""
    places = 0
    for symbol in range(rules.symbols):
        if book[symbol].quantity != 0.0:
            if book[symbol].exit_reason != 0 and not left:
                cash += exit_at_open(book[symbol], fills, trades, counts, rules, market, grids, moment, symbol)
            if book[symbol].quantity != 0.0:
                places += 1
    for symbol in range(rules.symbols):
        held = direction_of(book[symbol])
        if book[symbol].order != 0 and (held == 0 or held == book[symbol].order):
            open_ = market[OPEN, moment * rules.symbols + symbol]
            if held != 0 and leaves_at_open(book[symbol], rules, open_, grids[TICK, symbol]):
                continue
            cash += enter(book, fills, counts, rules, market, grids, moment, symbol, cash, places)
            if held == 0 and book[symbol].quantity != 0.0:
                places += 1
    for symbol in range(rules.symbols):
        if book[symbol].quantity != 0.0:
            cash += inside_bar(
                book[symbol], fills, trades, counts, rules, market, detail, detail_of, grids, moment, symbol
            )
    return cash


def interest(position: Position, rules: Rules) -> float:
    """What borrowing costs a position over one bar: a short borrows the coin, leverage borrows quote currency."""
    borrowed = 1.0 if position.quantity < 0.0 else 1.0 - 1.0 / rules.leverage
    return abs(position.quantity) * position.last_close * borrowed * rules.borrow_per_bar


def mark(book: Book, rules: Rules, curve: Floats, market: Floats, moment: int, cash: float) -> float:
    """Writes equity and notional at the close. Returns the cash, less interest."""
    notional = worth = 0.0
    for symbol in range(rules.symbols):
        position = book[symbol]
        close = market[CLOSE, moment * rules.symbols + symbol]
        if not math.isnan(close):
            position.last_close = close
        if position.quantity != 0.0 and rules.borrow_per_bar > 0.0:
            cost = interest(position, rules)
            cash -= cost
            position.cash_flow -= cost
        if position.quantity != 0.0 or position.dust != 0.0:
            worth += (position.quantity + position.dust) * position.last_close
            notional += abs(position.quantity) * position.last_close
    curve[EQUITY, moment] = cash + worth
    curve[NOTIONAL, moment] = notional
    return cash


def quiet(position: Position) -> bool:
    """Whether nothing is ordered for the next open."""
    return position.order == 0 and position.exit_reason == 0


def simulate(
    book: Book,
    fills: Records,
    trades: Records,
    counts: Ints,
    curve: Floats,
    rules: Rules,
    grids: Floats,
    market: Floats,
    signals: Truths,
    levels: Floats,
    detail: Floats,
    detail_of: Ints,
    code: Ints,
    constants: Floats,
    values: Floats,
    facts: Floats,
    stack: Floats,
    walk: bool,
) -> float:
    """Runs the moments [first, last) and returns the cash at the end. `walk` False steps through every bar, for the
    test of `walking`."""
    moments = rules.last
    cash = rules.capital
    walk = walk and rules.symbols == 1
    plain = rules.program_long == 0 and rules.program_short == 0 and rules.max_adds == 0
    may_coast = plain and rules.borrow_per_bar == 0.0 and rules.trail_kind != DISTANCE
    moment = report = rules.first
    while moment < moments:
        if moment >= report:
            counts[DONE] = moment
            if counts[CANCEL] != 0:
                break
            report = moment + STRIDE
        # What a run meets most often has places of its own in the machine's code: there its branches go the same way
        # every time, which in one place for everything they would not.
        idle = left = False
        if walk and book[0].exit_reason != 0 and book[0].order == 0:
            cash += exit_at_open(book[0], fills, trades, counts, rules, market, grids, moment, 0)
            left = True
            idle = book[0].quantity == 0.0
        elif walk and quiet(book[0]):
            end = min(moments, report)
            idle = book[0].quantity == 0.0
            if idle:
                moment = rest(curve, market, signals, rules, moment, end, cash, book[0].dust)
            elif may_coast and moment > book[0].entered:
                moment = coast(book[0], curve, market, signals, rules, moment, end, cash, grids[TICK, 0])
            if moment >= end or book[0].exit_reason != 0:
                continue
        if idle and market[CLOSE, moment] == market[CLOSE, moment]:
            close = market[CLOSE, moment]
            book[0].last_close = close
            curve[EQUITY, moment], curve[NOTIONAL, moment] = cash + book[0].dust * close, 0.0
            side = asked_side(counts, rules, signals, moment)
            if side != 0:
                decide_entry(
                    book[0],
                    trades,
                    counts,
                    rules,
                    signals,
                    levels,
                    code,
                    constants,
                    values,
                    facts,
                    stack,
                    moment,
                    moment,
                    close,
                    curve[EQUITY, moment],
                    grids[TICK, 0],
                    side,
                )
            moment += 1
            continue
        cash = trade_moment(book, fills, trades, counts, rules, market, detail, detail_of, grids, moment, cash, left)
        cash = mark(book, rules, curve, market, moment, cash)
        equity = curve[EQUITY, moment]
        for symbol in range(rules.symbols):
            k = moment * rules.symbols + symbol
            close = market[CLOSE, k]
            if not math.isnan(close):
                decide(
                    book[symbol],
                    trades,
                    counts,
                    rules,
                    signals,
                    levels,
                    code,
                    constants,
                    values,
                    facts,
                    stack,
                    k,
                    moment,
                    close,
                    equity,
                    grids[TICK, symbol],
                )
        moment += 1
    counts[DONE] = moment
    for symbol in range(rules.symbols):
        position = book[symbol]
        if position.quantity != 0.0:
            direction = direction_of(position)
            log_trade(position, trades, counts, moment - 1, symbol, direction, position.last_close, AT_END)
    return cash
