"""Compares every tick with the levels of the guards of its symbol: two or three numbers a tick, nothing without guards.

Decided here:
* A price counts when the stream of its symbol is fresh; one that is not is no reason to sell. It is never judged by how
  far away it is: a real gap looks like a bad print.
* A stop is reached by a print at or below it, and by a best bid at or below it, which is what a sale would get. Stops
  come before targets. What was reached stays reached.
* A print from before a guard was armed says nothing about it; nor does the last price of a ticker that has not changed
  since.
* The first fresh price after nobody watched is always looked at; a stop beyond it is late.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from polotui.core.clock import Clock
from polotui.model.market import Ticker, Trade
from polotui.trading.guard import Guard, Reached
from polotui.trading.protection import Quotes

_NEVER = -math.inf


class _Watch:
    """The guards of one symbol, and the prices at which one of them must be looked at."""

    __slots__ = ("guards", "last", "low_best", "low_target", "price", "swept_at", "ticked_at", "top_stop")

    def __init__(self) -> None:
        self.guards: list[Guard] = []
        self.price = math.nan
        self.ticked_at = _NEVER
        self.swept_at = _NEVER
        self.last: float | None = None
        self.edges()

    def edges(self) -> None:
        inf = math.inf
        armed = [guard for guard in self.guards if guard.armed]
        first = any(guard.unwatched or guard.late_ms for guard in armed)
        self.top_stop = inf if first else max((g.stop for g in armed if g.stop == g.stop), default=-inf)
        self.low_target = min((g.target for g in armed if g.target == g.target and not g.target_order), default=inf)
        trailing = [guard.best for guard in armed if guard.protection.trail is not None]
        self.low_best = min((-inf if best != best else best for best in trailing), default=inf)

    def matters(self, price: float) -> bool:
        return price <= self.top_stop or price >= self.low_target or price > self.low_best


class Watching:
    """The watched symbols. `due` is called when a guard has something to do; `reached` when its stop was reached."""

    def __init__(
        self, quotes: Quotes, clock: Clock, due: Callable[[Guard], None], reached: Callable[[Guard], None]
    ) -> None:
        self.active = True
        self.last_check_ms = 0
        self._quotes = quotes
        self._clock = clock
        self._due = due
        self._reached = reached
        self._watches: dict[str, _Watch] = {}

    def symbols(self) -> list[str]:
        return sorted(self._watches)

    def add(self, guard: Guard) -> None:
        watch = self._watches.setdefault(guard.protection.symbol, _Watch())
        watch.guards.append(guard)
        watch.last = None
        watch.edges()

    def remove(self, guard: Guard) -> None:
        symbol = guard.protection.symbol
        watch = self._watches[symbol]
        watch.guards.remove(guard)
        if watch.guards:
            watch.edges()
        else:
            del self._watches[symbol]

    def refresh(self, symbol: str) -> None:
        """A guard of this symbol changed."""
        watch = self._watches.get(symbol)
        if watch is not None:
            watch.edges()

    def price(self, symbol: str) -> float | None:
        watch = self._watches.get(symbol)
        return None if watch is None or math.isnan(watch.price) else watch.price

    def age_s(self, symbol: str) -> float:
        """How old the newest price is that may be decided on; infinite without one."""
        watch = self._watches.get(symbol)
        if watch is None:
            return math.inf
        newest = max(watch.ticked_at, watch.swept_at) if self._quotes.fresh(symbol) else watch.swept_at
        return self._clock.monotonic() - newest

    # What the feed tells

    def on_trades(self, symbol: str, trades: Iterable[Trade]) -> None:
        watch = self._watches.get(symbol)
        if watch is None:
            return
        for trade in trades:
            self._tick(symbol, watch, trade.price, "a trade", trade.ts_ms)

    def on_book(self, symbol: str) -> None:
        watch = self._watches.get(symbol)
        if watch is None:
            return
        bid = self._quotes.best_bid(symbol)
        if bid is not None:
            self._tick(symbol, watch, bid, "the best bid", None)

    def on_ticker(self, ticker: Ticker) -> None:
        watch = self._watches.get(ticker.symbol)
        if watch is None:
            return
        if ticker.bid is not None and ticker.bid > 0:
            self._tick(ticker.symbol, watch, ticker.bid, "the ticker's bid", None)
        before, watch.last = watch.last, ticker.last
        if before is not None and ticker.last != before:
            self._tick(ticker.symbol, watch, ticker.last, "the ticker", ticker.ts_ms)

    def swept(self, prices: Mapping[str, float]) -> None:
        """Prices that did not come by the stream, and are fresh."""
        for symbol, price in prices.items():
            watch = self._watches.get(symbol)
            # Written so that NaN does not count.
            if watch is not None and price > 0:
                watch.price, watch.swept_at = price, self._clock.monotonic()
                if watch.matters(price):
                    self._judge(watch, price, "the sweep", None)

    def _tick(self, symbol: str, watch: _Watch, price: float, source: str, ts_ms: int | None) -> None:
        watch.price, watch.ticked_at = price, self._clock.monotonic()
        if watch.matters(price) and self._quotes.fresh(symbol):
            self._judge(watch, price, source, ts_ms)

    def _judge(self, watch: _Watch, price: float, source: str, ts_ms: int | None) -> None:
        """A fresh price that may reach something."""
        self.last_check_ms = self._clock.wall_ms()
        if not self.active:
            return
        due: list[Guard] = []
        for guard in watch.guards:
            if not guard.armed or (ts_ms is not None and ts_ms <= guard.armed_ms):
                continue
            first, guard.unwatched = guard.unwatched, False
            if guard.late_ms or guard.stops_at(price):
                late_ms = guard.late_ms or (self.last_check_ms if first else 0)
                guard.reach(Reached(price, self._clock.monotonic(), self.last_check_ms, late_ms, source))
                self._reached(guard)
                due.append(guard)
                continue
            guard.follow(price)
            if not guard.target_order and guard.targets_at(price):
                guard.target_wanted = True
                due.append(guard)
        watch.edges()
        for guard in due:
            self._due(guard)
