"""At which price, and how much, an order fills within one bar.

The rules (docs/backtest.md has them in words, with the reasons):
* A market order decided on the close of bar N fills at the open of N+1, moved against us by half the spread and
slippage.
* A stop order fills at its trigger, or at the open when the bar opens beyond it, moved against us likewise.
* A limit order fills only when the price trades through it by one tick; touching it is not enough. One that the open
  has passed already fills like a market order, but never beyond its limit.
* At most a share of the bar's volume fills.
"""

from __future__ import annotations

from polotui.execution.grid import quantise_price


def market_price(reference: float, side: int, half_spread: float, slippage: float, tick: float) -> float:
    """Price of a market order of `side` when the market stands at `reference`."""
    return quantise_price(reference * (1.0 + side * (half_spread + slippage)), tick, side)


def stop_reached(trigger: float, high: float, low: float, side: int) -> bool:
    """Whether the bar touches the trigger of a stop order. NaN: no stop."""
    if side < 0:
        return low <= trigger
    return high >= trigger


def stop_price(trigger: float, open_: float, side: int, half_spread: float, slippage: float, tick: float) -> float:
    """Price of a stop order that the bar reached: the trigger, or the open when that is worse, and its costs."""
    reference = min(trigger, open_) if side < 0 else max(trigger, open_)
    return market_price(reference, side, half_spread, slippage, tick)


def limit_reached(limit: float, high: float, low: float, side: int, tick: float) -> bool:
    """Whether the bar trades through a limit order by one tick; without a tick, beyond it by anything."""
    if tick > 0.0:
        # Half a tick of room, so that float noise does not decide.
        return high >= limit + 0.5 * tick if side < 0 else low <= limit - 0.5 * tick
    return high > limit if side < 0 else low < limit


def limit_marketable(limit: float, open_: float, side: int) -> bool:
    """Whether the open has passed the limit already, so that the order takes instead of makes."""
    return open_ >= limit if side < 0 else open_ <= limit


def limit_price(limit: float, open_: float, side: int, half_spread: float, slippage: float, tick: float) -> float:
    """Price of a limit order that fills: its limit; when marketable, the market's price but never beyond the limit."""
    if limit_marketable(limit, open_, side):
        price = market_price(open_, side, half_spread, slippage, tick)
        return max(price, limit) if side < 0 else min(price, limit)
    return limit


def fillable(quantity: float, volume: float, share: float) -> float:
    """How much of an order a bar of this volume fills. `share` 0 means without limit."""
    if share <= 0.0:
        return quantity
    return min(quantity, share * volume)
