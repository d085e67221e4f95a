"""The grid executor: buys at each level on the way down, sells each lot one level higher.

Decided here:
* Every order is a limit order: it fills when the bar trades through its level by a tick, at the level, with the
maker's fee.
* A level that was bought in a bar sells in a later one at the earliest; under the optimistic policy in the same bar.
* A level that was sold may be bought again from the next bar on.
* A level above the market does not buy: its order is placed once an open or a close lies on or above it.
* Below the stop everything is sold like a stop order, and the grid ends.
* What is still held at the end is a trade that is open, valued at the last close.
"""

from __future__ import annotations

from polotui.backtest.kernel.booking import log_fill
from polotui.backtest.kernel.shapes import (
    AT_END,
    BY_STOP,
    BY_TARGET,
    CANCEL,
    CLOSE,
    DONE,
    ENTRY,
    EQUITY,
    FULL,
    HIGH,
    LOT,
    LOW,
    NO_CASH,
    NOTIONAL,
    OPEN,
    REFUSED,
    TICK,
    TOO_SMALL,
    TRADES,
    Floats,
    Ints,
    Records,
    Rules,
)
from polotui.execution.exits import OPTIMISTIC
from polotui.execution.fees import affordable, buy_costs, buy_receives, fee_value, sell_receives
from polotui.execution.fills import limit_reached, stop_price, stop_reached
from polotui.execution.grid import quantise

STRIDE = 4_096
#: What a level does. Its order is not placed yet (zero, as the rows begin), it waits to be filled, or was filled.
ABSENT, HELD, WAITING = 0.0, 1.0, 2.0


def log_round(
    trades: Records,
    counts: Ints,
    entry_bar: int,
    exit_bar: int,
    reason: int,
    bought_at: float,
    sold_at: float,
    quantity: float,
    profit: float,
    fees: float,
) -> None:
    """One buy and its sale as a trade."""
    place = counts[TRADES]
    counts[TRADES] = place + 1
    if place >= trades.shape[0]:
        counts[FULL] = 1
        return
    row = trades[place]
    row.symbol, row.direction, row.reason, row.fills = 0, 1, reason, 1 if reason == AT_END else 2
    row.entry_bar, row.exit_bar = entry_bar, exit_bar
    row.entry_price, row.exit_price, row.quantity = bought_at, sold_at, quantity
    row.profit, row.invested, row.fees = profit, quantity * bought_at, fees
    row.risk = row.stop = row.target = float("nan")
    row.worst = min(0.0, sold_at / bought_at - 1.0)
    row.best = max(0.0, sold_at / bought_at - 1.0)


def sell_level(
    lots: Floats, level: int, fills: Records, trades: Records, counts: Ints, moment: int, price: float, fee: float,
    reason: int, maker: int, lot: float,
) -> float:  # fmt: skip
    """Sells what a level holds and writes the trade. Returns the cash that arrives. `lots`: quantity, paid, bar,
    bought."""
    held = lots[level, 0]
    sold = quantise(held, lot)
    if sold <= 0.0:
        return 0.0
    received = sell_receives(sold, price, fee)
    cost = fee_value(sold, price, fee)
    log_fill(fills, counts, moment, 0, -1, reason, maker, price, sold, cost)
    # What the fee left beside the grid stays with the level and is sold with its next lot.
    kept = held - sold
    paid = lots[level, 1] * sold / held
    log_round(
        trades,
        counts,
        int(lots[level, 2]),
        moment,
        reason,
        lots[level, 4],
        price,
        sold,
        received - paid,
        cost + lots[level, 3],
    )
    lots[level, 0] = kept
    lots[level, 1] -= paid
    lots[level, 3] = 0.0
    return received


def simulate_grid(
    lots: Floats,
    prices: Floats,
    fills: Records,
    trades: Records,
    counts: Ints,
    curve: Floats,
    rules: Rules,
    grids: Floats,
    market: Floats,
    per_level: float,
    stop: float,
) -> float:
    """Runs one symbol. `prices` rise; level i buys at prices[i] and sells at prices[i + 1]. `lots` is zeroed: for each
    level quantity, what was paid for it, bar, fee and price of the buy, and what it does."""
    cash = rules.capital
    tick, lot, fee = grids[TICK, 0], grids[LOT, 0], rules.maker_fee
    in_received = rules.fee_in_received != 0
    levels = prices.shape[0] - 1
    ended = False
    for moment in range(rules.first, rules.last):
        if moment % STRIDE == 0:
            counts[DONE] = moment
            if counts[CANCEL] != 0:
                break
        open_, high, low, close = market[OPEN, moment], market[HIGH, moment], market[LOW, moment], market[CLOSE, moment]
        for level in range(levels):
            if ended:
                break
            if lots[level, 5] == ABSENT and open_ >= prices[level]:
                lots[level, 5] = WAITING
            held = lots[level, 5] == HELD
            may_sell = held and (lots[level, 2] < moment or rules.policy == OPTIMISTIC)
            if may_sell and limit_reached(prices[level + 1], high, low, -1, tick):
                price = prices[level + 1]
                cash += sell_level(lots, level, fills, trades, counts, moment, price, fee, BY_TARGET, 1, lot)
                lots[level, 5] = WAITING
                lots[level, 2] = moment
            elif lots[level, 5] == WAITING and limit_reached(prices[level], high, low, 1, tick):
                wanted = quantise(affordable(min(per_level, cash), prices[level], fee, in_received), lot)
                if wanted <= 0.0 or wanted * prices[level] < rules.least_amount:
                    counts[REFUSED + (NO_CASH if cash < per_level else TOO_SMALL)] += 1
                    continue
                paid = buy_costs(wanted, prices[level], fee, in_received)
                cost = fee_value(wanted, prices[level], fee)
                cash -= paid
                lots[level, 0] += buy_receives(wanted, fee, in_received)
                lots[level, 1] += paid
                lots[level, 2] = moment
                lots[level, 3] = cost
                lots[level, 4] = prices[level]
                lots[level, 5] = HELD
                log_fill(fills, counts, moment, 0, 1, ENTRY, 1, prices[level], wanted, cost)
        if not ended and stop > 0.0 and stop_reached(stop, high, low, -1):
            price = stop_price(stop, open_, -1, rules.half_spread, rules.slippage, tick)
            for level in range(levels):
                if lots[level, 5] == HELD:
                    cash += sell_level(
                        lots, level, fills, trades, counts, moment, price, rules.taker_fee, BY_STOP, 0, lot
                    )
                    lots[level, 5] = ABSENT
            ended = True
        held_now = 0.0
        for level in range(levels):
            if lots[level, 5] == ABSENT and close >= prices[level]:
                lots[level, 5] = WAITING
            held_now += lots[level, 0]
        curve[EQUITY, moment] = cash + held_now * close
        curve[NOTIONAL, moment] = held_now * close
    last = market[CLOSE, rules.last - 1]
    for level in range(levels):
        if lots[level, 5] == HELD:
            held, paid = lots[level, 0], lots[level, 1]
            entered, fees, bought_at = int(lots[level, 2]), lots[level, 3], lots[level, 4]
            profit = held * last - paid
            log_round(trades, counts, entered, rules.last - 1, AT_END, bought_at, last, held, profit, fees)
    counts[DONE] = rules.last
    return cash
