"""Trades of a bot beside those of a backtest of the same bars, and the difference taken apart. Pure arithmetic.

Decided here:
* Two trades are the same when they are of one symbol and were entered in the same bar, else when their entries lie at
  most `TOLERANCE_BARS` apart, the nearest first. What finds no partner was missed or is extra, with its fees.
* Of a pair, the move is the result before fees for each coin that was bought. What differs in it, for the backtest's
  quantity, is `price` when both were entered and left in the same bars, else `timing`. What other quantities make of
  the bot's own move is in `other`, as is what belongs to no trade: dust, the rest of the last cent.
* A trade that is open at the end is valued at the last close on both sides. What is bought and cannot be sold, being
  too little, is valued at the exit in both, as the backtest does it.
* Parts are in cents, and their sum is the difference to the cent: `other` is what the others leave.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from polotui.backtest.kernel import shapes as k
from polotui.model.candles import Timeframe
from polotui.model.money import ZERO
from polotui.model.orders import Side
from polotui.model.symbols import base_and_quote
from polotui.trading.stored import FillRow
from polotui.trading.trades import Trade

TOLERANCE_BARS = 3
CENT = Decimal("0.01")
Close = Callable[[str], Decimal]


@dataclass(frozen=True)
class Deal:
    """One trade of either side. Times are opens of bars; `exit_ms` 0: open at the end. `profit` is after fees."""

    symbol: str
    entry_ms: int
    exit_ms: int
    entry_price: Decimal
    exit_price: Decimal
    quantity: Decimal
    profit: Decimal
    fees: Decimal

    @property
    def is_open(self) -> bool:
        return not self.exit_ms

    @property
    def move(self) -> Decimal:
        """The result before fees for each coin bought."""
        return (self.profit + self.fees) / self.quantity if self.quantity else ZERO


@dataclass
class Matched:
    """Pairs are (paper, backtest)."""

    same_bars: list[tuple[Deal, Deal]] = field(default_factory=list)
    other_bars: list[tuple[Deal, Deal]] = field(default_factory=list)
    missed: list[Deal] = field(default_factory=list)
    extra: list[Deal] = field(default_factory=list)

    @property
    def pairs(self) -> list[tuple[Deal, Deal]]:
        return self.same_bars + self.other_bars


@dataclass(frozen=True)
class Parts:
    """The difference, paper less backtest, and what it is made of."""

    difference: Decimal
    price: Decimal
    timing: Decimal
    missed: Decimal
    extra: Decimal
    fees: Decimal
    other: Decimal


def match(paper: Sequence[Deal], backtest: Sequence[Deal], frame: Timeframe) -> Matched:
    """Each trade with at most one of the other side."""
    entries: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for place, deal in enumerate(backtest):
        entries[deal.symbol].append((deal.entry_ms, place))
    for those in entries.values():
        those.sort()
    near, reach = [], TOLERANCE_BARS * frame.ms
    for mine, one in enumerate(paper):
        those = entries[one.symbol]
        first, last = bisect_left(those, (one.entry_ms - reach, 0)), bisect_right(those, (one.entry_ms + reach, 2**62))
        near += [(abs(one.entry_ms - at_ms), one.entry_ms, at_ms, mine, theirs) for at_ms, theirs in those[first:last]]
    found = Matched()
    taken: tuple[set[int], set[int]] = set(), set()
    for _, _, _, mine, theirs in sorted(near):
        if mine in taken[0] or theirs in taken[1]:
            continue
        taken[0].add(mine)
        taken[1].add(theirs)
        one, other = paper[mine], backtest[theirs]
        same = (one.entry_ms, one.exit_ms) == (other.entry_ms, other.exit_ms)
        (found.same_bars if same else found.other_bars).append((one, other))
    found.extra = [deal for place, deal in enumerate(paper) if place not in taken[0]]
    found.missed = [deal for place, deal in enumerate(backtest) if place not in taken[1]]
    return found


def split(matched: Matched, paper: Decimal, backtest: Decimal) -> Parts:
    """The two results' difference, to the cent."""
    difference = cents(paper) - cents(backtest)
    found = {
        "price": _moved(matched.same_bars),
        "timing": _moved(matched.other_bars),
        "missed": cents(-sum((deal.profit for deal in matched.missed), ZERO)),
        "extra": cents(sum((deal.profit for deal in matched.extra), ZERO)),
        "fees": cents(sum((other.fees - one.fees for one, other in matched.pairs), ZERO)),
    }
    return Parts(difference=difference, other=difference - sum(found.values(), ZERO), **found)


def _moved(pairs: Iterable[tuple[Deal, Deal]]) -> Decimal:
    return cents(sum(((one.move - other.move) * other.quantity for one, other in pairs), ZERO))


def cents(value: Decimal) -> Decimal:
    # Adding nought takes the sign from a negative nought.
    return value.quantize(CENT, rounding=ROUND_HALF_EVEN) + ZERO


# -- a bot's trades -----------------------------------------------------------------------------------------------


def paper_deals(fills: Sequence[FillRow], trades: Sequence[Trade], frame: Timeframe, close: Close) -> list[Deal]:
    """The trades that these fills make, oldest first. `trades` say where one ends; what comes after the last one of a
    symbol is open. Fills between two trades sold dust and belong to none."""
    ends: dict[str, list[Trade]] = defaultdict(list)
    for trade in sorted(trades, key=lambda one: one.last_fill):
        ends[trade.symbol].append(trade)
    by_symbol: dict[str, list[FillRow]] = defaultdict(list)
    for fill in sorted(fills, key=lambda one: one.number):
        by_symbol[fill.symbol].append(fill)
    deals = []
    for symbol, rows in by_symbol.items():
        numbers = {fill.number for fill in rows}
        last = 0
        for trade in ends[symbol]:
            if trade.last_fill in numbers:
                mine = [fill for fill in rows if trade.first_fill <= fill.number <= trade.last_fill]
                deals += _deal(mine, frame, None)
                last = trade.last_fill
        deals += _deal([fill for fill in rows if fill.number > last], frame, close(symbol))
    return sorted(deals, key=lambda deal: (deal.entry_ms, deal.symbol))


def _deal(fills: Sequence[FillRow], frame: Timeframe, mark: Decimal | None) -> list[Deal]:
    """The trade of these fills, valued at `mark` while it is open; none when nothing was bought."""
    first = next((place for place, fill in enumerate(fills) if fill.side is Side.BUY), None)
    if first is None:
        return []
    fills = fills[first:]
    bought = [fill for fill in fills if fill.side is Side.BUY]
    sold = [fill for fill in fills if fill.side is Side.SELL]
    entered, spent = _sum(bought), sum((fill.amount for fill in bought), ZERO)
    left, got = _sum(sold), sum((fill.amount for fill in sold), ZERO)
    coins, money = fees_of(fills)
    exit_price = mark if mark is not None else got / left if left else bought[-1].price
    return [
        Deal(
            symbol=fills[0].symbol,
            entry_ms=frame.floor(bought[0].at_ms),
            exit_ms=0 if mark is not None else frame.floor(fills[-1].at_ms),
            entry_price=spent / entered,
            exit_price=exit_price,
            quantity=entered,
            profit=got - spent - money + (entered - coins - left) * exit_price,
            fees=money + sum((fill.fee * fill.price for fill in fills if _in_base(fill)), ZERO),
        )
    ]


def paper_result(fills: Iterable[FillRow], close: Close) -> Decimal:
    """What fills made: the money that came less what went, and what is held at the close."""
    result, held = ZERO, dict[str, Decimal]()
    for fill in fills:
        coins, money = fees_of([fill])
        result -= fill.side.sign * fill.amount + money
        held[fill.symbol] = held.get(fill.symbol, ZERO) + fill.side.sign * fill.quantity - coins
    return result + sum((quantity * close(symbol) for symbol, quantity in held.items() if quantity), ZERO)


def fees_of(fills: Iterable[FillRow]) -> tuple[Decimal, Decimal]:
    """Fees taken in the coin, and in the quote currency."""
    coins = money = ZERO
    for fill in fills:
        if _in_base(fill):
            coins += fill.fee
        elif fill.fee_currency == base_and_quote(fill.symbol)[1]:
            money += fill.fee
    return coins, money


def _in_base(fill: FillRow) -> bool:
    return fill.fee_currency == base_and_quote(fill.symbol)[0]


def _sum(fills: Sequence[FillRow]) -> Decimal:
    return sum((fill.quantity for fill in fills), ZERO)


# -- a backtest's trades ------------------------------------------------------------------------------------------


def backtest_deals(rows: Any, symbols: Sequence[str]) -> list[Deal]:
    """The stored trades of a run (`tasks.trades_of`)."""
    deals = []
    for row in rows:
        entry = float(row["entry_price"])
        deals.append(
            Deal(
                symbol=symbols[int(row["symbol"])],
                entry_ms=int(row["entry_bar"]),
                exit_ms=0 if int(row["reason"]) == k.AT_END else int(row["exit_bar"]),
                entry_price=exact(entry),
                exit_price=exact(row["exit_price"]),
                # What was bought before the fee was taken of it, like a bot's.
                quantity=exact(float(row["invested"]) / entry) if entry else ZERO,
                profit=exact(row["profit"]),
                fees=exact(row["fees"]),
            )
        )
    return deals


def exact(value: float) -> Decimal:
    return Decimal(repr(float(value)))
