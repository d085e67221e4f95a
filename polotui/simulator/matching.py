"""The order book: price first, then time.

Decided here: one book per symbol holds the background's orders and the users' orders side by side, as whole
numbers (ticks and steps). Both sides keep their prices in one sorted list of keys, best first: a bid's key is its
negative price. Self-trade prevention is asked per fill: meeting an order of one's own ends the taker.

Limit: no iceberg and no hidden orders, and no auction phase.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import NamedTuple

BUY, SELL = 0, 1
SIDES = ("BUY", "SELL")
_SIGN = (-1, 1)


class Resting:
    """An order waiting in the book. `owner` is None for the background's, `order` the user's own record."""

    __slots__ = ("id", "left", "order", "owner", "price", "side")

    def __init__(
        self, id: int, side: int, price: int, left: int, owner: object | None = None, order: object | None = None
    ) -> None:
        self.id = id
        self.side = side
        self.price = price
        self.left = left
        self.owner = owner
        self.order = order


class Level:
    """All orders at one price, oldest first."""

    __slots__ = ("price", "queue", "total")

    def __init__(self, price: int) -> None:
        self.price = price
        self.total = 0
        self.queue: dict[int, Resting] = {}


class Fill(NamedTuple):
    """A piece of a taker met a maker, at the maker's price."""

    maker: Resting
    price: int
    quantity: int


class Match(NamedTuple):
    """What a taker got. `left` is in steps or, for a budget, in ticks times steps."""

    fills: list[Fill]
    left: int
    self_met: bool


class Book:
    """One symbol's resting orders."""

    def __init__(self) -> None:
        self.levels: tuple[dict[int, Level], dict[int, Level]] = ({}, {})
        self.keys: tuple[list[int], list[int]] = ([], [])
        self.orders: dict[int, Resting] = {}
        self.dirty = [True, True]

    def add(self, order: Resting) -> None:
        """Puts an order at the end of its price's queue."""
        levels = self.levels[order.side]
        level = levels.get(order.price)
        if level is None:
            level = levels[order.price] = Level(order.price)
            insort(self.keys[order.side], order.price * _SIGN[order.side])
        level.queue[order.id] = order
        level.total += order.left
        self.orders[order.id] = order
        self._touch(order.side)

    def remove(self, order_id: int) -> Resting | None:
        """Takes an order out; None when it is not there (filled or never was)."""
        order = self.orders.pop(order_id, None)
        if order is None:
            return None
        level = self.levels[order.side][order.price]
        del level.queue[order_id]
        level.total -= order.left
        if not level.queue:
            self._drop_level(order.side, order.price)
        self._touch(order.side)
        return order

    def resize(self, order: Resting, left: int) -> None:
        """Changes what is left of an order in place; it keeps its turn."""
        self.levels[order.side][order.price].total += left - order.left
        order.left = left
        self._touch(order.side)

    def best(self, side: int) -> int | None:
        keys = self.keys[side]
        return keys[0] * _SIGN[side] if keys else None

    def depth(self, side: int) -> int:
        return len(self.keys[side])

    def top(self, side: int, count: int) -> list[tuple[int, int]]:
        """The best `count` levels as (price, total), best first."""
        levels, sign = self.levels[side], _SIGN[side]
        return [(price, levels[price].total) for price in [key * sign for key in self.keys[side][:count]]]

    def crosses(self, side: int, limit: int | None) -> bool:
        """Whether a taker on `side` with this limit would meet anything."""
        keys = self.keys[1 - side]
        return bool(keys) and _within(side, keys[0] * _SIGN[1 - side], limit)

    def match(
        self, side: int, quantity: int, limit: int | None, *, owner: object | None = None, budget: bool = False
    ) -> Match:
        """Fills a taker as far as price, quantity and self-trade prevention allow.

        `owner` is given when meeting its own orders must end the taker. With `budget`, `quantity` is money to
        spend, in ticks times steps.
        """
        fills: list[Fill] = []
        opposite = 1 - side
        keys, levels, sign = self.keys[opposite], self.levels[opposite], _SIGN[opposite]
        left = quantity
        while left > 0 and keys:
            price = keys[0] * sign
            if not _within(side, price, limit):
                break
            level = levels[price]
            maker = next(iter(level.queue.values()))
            if owner is not None and maker.owner is owner:
                return Match(fills, left, True)
            wanted = left // price if budget else left
            if wanted == 0:
                break
            taken = min(wanted, maker.left)
            left -= taken * price if budget else taken
            self._consume(maker, level, taken)
            fills.append(Fill(maker, price, taken))
        return Match(fills, left, False)

    def fillable(self, side: int, limit: int | None, *, owner: object | None = None) -> Iterator[tuple[int, int]]:
        """(price, quantity) pieces a taker would meet, up to its limit or its own first order."""
        opposite = 1 - side
        for key in self.keys[opposite]:
            price = key * _SIGN[opposite]
            if not _within(side, price, limit):
                return
            for maker in self.levels[opposite][price].queue.values():
                if owner is not None and maker.owner is owner:
                    return
                yield price, maker.left

    def _consume(self, maker: Resting, level: Level, taken: int) -> None:
        maker.left -= taken
        level.total -= taken
        if maker.left == 0:
            del level.queue[maker.id]
            del self.orders[maker.id]
            if not level.queue:
                self._drop_level(maker.side, maker.price)
        self._touch(maker.side)

    def _drop_level(self, side: int, price: int) -> None:
        del self.levels[side][price]
        keys = self.keys[side]
        del keys[bisect_left(keys, price * _SIGN[side])]

    def _touch(self, side: int) -> None:
        self.dirty[side] = True


def _within(side: int, price: int, limit: int | None) -> bool:
    return limit is None or (price <= limit if side == BUY else price >= limit)
