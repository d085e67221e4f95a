"""One symbol on the exchange: its book, its published window, its trades and its candles.

Decided here: what subscribers may see of the book is a window of exactly twenty levels a side. `publish` compares
it with what was published last and hands out the difference, with a zero for every level that left, and moves the
id by the number of levels that changed (1 to 15), as the real stream does. A bounded ring remembers recent
windows by id, so that a test can ask what the truth was at an id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from polotui.simulator.candles import HOUR, INTERVALS, MINUTE, Candle, LiveCandles, bucket_end, bucket_start, merge
from polotui.simulator.config import SymbolSpec
from polotui.simulator.history import History
from polotui.simulator.matching import BUY, SELL, Book, Match, Resting
from polotui.simulator.units import exact

WINDOW = 20
Levels = list[tuple[int, int]]


class Trade(NamedTuple):
    """A public trade; `taker_side` is BUY or SELL."""

    id: int
    price: int
    quantity: int
    taker_side: int
    created_ms: int


class BookChange(NamedTuple):
    """What changed in the window between two ids."""

    last_id: int
    id: int
    asks: Levels
    bids: Levels
    created_ms: int


class Window(NamedTuple):
    """The published window at an id, in exact decimals, best level first."""

    id: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class Market:
    """A symbol that trades."""

    def __init__(
        self, spec: SymbolSpec, start_ms: int, first_trade_id: int, first_book_id: int, history: History, memory: int
    ) -> None:
        self.spec = spec
        self.state = "NORMAL"
        self.book = Book()
        self.history = history
        self.window: list[Levels] = [[], []]
        self.book_id = first_book_id
        self.book_ms = start_ms
        self.last_price = spec.opening_ticks
        self.last_trade_ms = start_ms
        self.mark_price = spec.opening_ticks
        self.trades: deque[Trade] = deque(maxlen=1000)
        self.next_trade_id = first_trade_id
        self.live = LiveCandles(start_ms, spec.opening_ticks)
        self.day = _RollingDay(self)
        self._memory: deque[tuple[int, Levels, Levels]] = deque(maxlen=max(1, memory))

    @property
    def symbol(self) -> str:
        return self.spec.symbol

    # How a taker, a resting order and its withdrawal meet the book; a recorded market does it differently.

    def take(self, side: int, quantity: int, limit: int | None, *, owner: object | None, budget: bool) -> Match:
        return self.book.match(side, quantity, limit, owner=owner, budget=budget)

    def rest(self, order: Resting) -> None:
        self.book.add(order)

    def withdraw(self, order_id: int) -> Resting | None:
        return self.book.remove(order_id)

    def crosses(self, side: int, limit: int) -> bool:
        return self.book.crosses(side, limit)

    def print_trade(self, price: int, quantity: int, taker_side: int, now_ms: int) -> Trade:
        """Adds a public trade: ids rise by exactly one."""
        trade = Trade(self.next_trade_id, price, quantity, taker_side, now_ms)
        self.next_trade_id += 1
        self.trades.append(trade)
        self.last_price = price
        self.last_trade_ms = now_ms
        self.live.trade(price, quantity, taker_side == BUY, now_ms)
        return trade

    def publish(self, now_ms: int) -> BookChange | None:
        """The change of the window since the last call, or None when nobody could see one."""
        book = self.book
        parts: list[Levels] = [[], []]
        for side in (BUY, SELL):
            if book.dirty[side]:
                book.dirty[side] = False
                new = book.top(side, WINDOW)
                parts[side] = _difference(self.window[side], new, side)
                self.window[side] = new
        if not parts[BUY] and not parts[SELL]:
            return None
        last_id = self.book_id
        self.book_id += min(15, len(parts[BUY]) + len(parts[SELL]))
        self.book_ms = now_ms
        self._memory.append((self.book_id, self.window[BUY], self.window[SELL]))
        return BookChange(last_id, self.book_id, parts[SELL], parts[BUY], now_ms)

    def published(self, book_id: int | None = None) -> Window | None:
        """The window at an id that was published lately; without an id the newest. None when forgotten."""
        if book_id is None or book_id == self.book_id:
            return self._window(self.book_id, self.window[BUY], self.window[SELL])
        for known, bids, asks in reversed(self._memory):
            if known == book_id:
                return self._window(known, bids, asks)
        return None

    def _window(self, book_id: int, bids: Levels, asks: Levels) -> Window:
        price, quantity = self.spec.price_scale, self.spec.quantity_scale
        return Window(
            book_id,
            [(exact(level, price), exact(total, quantity)) for level, total in bids],
            [(exact(level, price), exact(total, quantity)) for level, total in asks],
        )

    def minutes(self, start: int, end: int) -> Iterator[Candle]:
        """1-minute candles that start in [start, end), history first."""
        yield from self.history.minutes(start, min(end, self.history.end_ms))
        yield from self.live.between(start, end)

    def candles(self, interval: str, start: int, end: int, limit: int, now_ms: int) -> list[Candle]:
        """At most `limit` candles that start in [start, end], the newest of them, oldest first."""
        self.live.roll(now_ms)
        end = min(end, now_ms)
        last = bucket_start(interval, end)
        floor = max(start, self.history.start_ms)
        first = bucket_start(interval, floor)
        if first < start:
            first = bucket_end(interval, first)
        span = INTERVALS[interval] or 31 * 24 * HOUR
        first = max(first, bucket_start(interval, last - span * (limit - 1)))
        coarse = INTERVALS[interval] == 0 or INTERVALS[interval] >= HOUR
        stop = bucket_end(interval, last)
        past = self.history.hours if coarse else self.history.minutes

        def pieces() -> Iterator[Candle]:
            yield from past(first, min(stop, self.history.end_ms))
            yield from self.live.between(first, stop)

        return list(merge(interval, pieces()))[-limit:]

    def running(self, interval: str, now_ms: int) -> Candle | None:
        """The candle of an interval that is still open."""
        found = self.candles(interval, bucket_start(interval, now_ms), now_ms, 1, now_ms)
        return found[-1] if found else None


def _difference(old: Levels, new: Levels, side: int) -> Levels:
    if old == new:
        return []
    before, after = dict(old), dict(new)
    changed = [level for level in new if before.get(level[0]) != level[1]]
    changed += [(price, 0) for price in before if price not in after]
    changed.sort(reverse=side == BUY)
    return changed


class _RollingDay:
    """The last 24 hours of one market: what is left of the history, and the session's closed minutes."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._floor = -1
        self._merged: Candle | None = None
        self._session: deque[Candle] = deque()

    def candle(self, now_ms: int) -> Candle:
        """One candle over the last 24 hours, starting on a whole minute."""
        live = self._market.live
        live.roll(now_ms)
        floor = now_ms - now_ms % MINUTE - 24 * HOUR
        if floor != self._floor:
            self._remerge(floor)
        result = Candle(*(self._merged or live.current).fields())
        if self._merged is not None:
            result.absorb(live.current)
        result.start = floor
        return result

    def _remerge(self, floor: int) -> None:
        market = self._market
        self._floor = floor
        self._session.extend(market.live.drain_closed())
        while self._session and self._session[0].start < floor:
            self._session.popleft()
        total = market.history.total(floor, market.history.end_ms)
        for minute in self._session:
            if total is None:
                total = Candle(*minute.fields())
            else:
                total.absorb(minute)
        self._merged = total
