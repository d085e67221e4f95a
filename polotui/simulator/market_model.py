"""The background: participants without names who keep twenty markets alive.

Decided here: each symbol has a fair price, a random walk with regimes (trend, range, wild), rare jumps and a share
in a common factor, so symbols move together. At random moments (busier with trades and with the time of day, in
waves) its participants act on the one real book: some take, some place around the fair price, some cancel. Quotes
that the fair price has run over are taken, users' among them: that is how a resting order is filled. The book is
kept at no fewer than 24 levels a side, so the published window is always full.

With a speed above 4 a symbol does not act more often per real second; each act then stands for more market time
and trades proportionally more, which keeps the machine's load bounded and the volume per market minute right.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from random import Random

from polotui.core.ids import Chance
from polotui.simulator.exchange import GRACE, Exchange, Later, Timer
from polotui.simulator.history import daily_factor
from polotui.simulator.market import Market
from polotui.simulator.matching import BUY, SELL, Resting

_YEAR = 365 * 86_400.0
_LEAST_LEVELS = 24
_MOST_LEVELS = 45
_SPEED_CEILING = 4.0
# The share of stale quotes whose owners are quick enough.
_PULLED = 0.75
# (drift in bp per hour, volatility factor, mean seconds)
_REGIMES = {"range": (0.0, 0.7, 2400.0), "trend": (25.0, 1.0, 1500.0), "wild": (0.0, 2.0, 500.0)}


class Factor:
    """The tide that lifts all boats: one random walk, in standard units of root seconds."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._at = 0.0
        self.level = 0.0

    def advance(self, at: float) -> float:
        if at > self._at:
            self.level += self._rng.gauss(0, math.sqrt(at - self._at))
            self._at = at
        return self.level


class Symbol:
    """One symbol's background participants."""

    def __init__(self, exchange: Exchange, market: Market, factor: Factor, rng: Random) -> None:
        self._exchange = exchange
        self.market = market
        self._factor = factor
        self._rng = rng
        spec = market.spec
        self.fair = float(spec.opening_ticks)
        self._at = exchange.time.elapsed()
        self._factor_seen = factor.level
        self._sigma = spec.yearly_volatility / math.sqrt(_YEAR)
        self._regime, self._direction, self._regime_until = "range", 1.0, 0.0
        self._swell = 0.0
        self._ids = 0
        self._mine: list[int] = []
        price = spec.opening_ticks / 10**spec.price_scale
        self._mean_steps = spec.mean_notional / price * 10**spec.quantity_scale
        self._reach = max(4.0, spec.spread_bp * 3) / 1e4
        self.volume_factor = 1.0
        self._replenish()
        exchange.publish(market)

    def rate(self) -> float:
        """Acts per market second right now."""
        busy = daily_factor(self._exchange.time.now_ms()) * math.exp(0.6 * self._swell - 0.18)
        return max(0.02, self.market.spec.trades_per_second * 4 * busy)

    def act(self) -> None:
        """One moment of the market."""
        if self.market.state != "NORMAL":
            return
        self._move_fair()
        self._sweep()
        draw = self._rng.random()
        if draw < 0.14:
            self._take()
        elif draw < 0.62:
            self._place(BUY if self._rng.random() < 0.5 else SELL)
        else:
            self._cancel_some()
        if self._rng.random() < 0.5:
            self._place(BUY if self._rng.random() < 0.5 else SELL)
        self._prune()
        self._replenish()
        self._exchange.publish(self.market)

    def _move_fair(self) -> None:
        rng, now = self._rng, self._exchange.time.elapsed()
        elapsed = max(1e-6, now - self._at)
        self._at = now
        if now >= self._regime_until:
            self._regime = rng.choices(("range", "trend", "wild"), (0.55, 0.3, 0.15))[0]
            self._direction = rng.choice((-1.0, 1.0))
            self._regime_until = now + rng.expovariate(1 / _REGIMES[self._regime][2])
        drift, factor, _ = _REGIMES[self._regime]
        spec = self.market.spec
        tide = self._factor.advance(now)
        shared = 0.75 if spec.beta > 0.6 else 0.4
        moved = shared * (tide - self._factor_seen)
        self._factor_seen = tide
        own = math.sqrt(1 - shared * shared) * rng.gauss(0, math.sqrt(elapsed))
        step = self._sigma * factor * (moved + own) + self._direction * drift / 1e4 * elapsed / 3600
        if rng.random() < 1 - math.exp(-elapsed / 10_800):
            step += rng.choice((-1, 1)) * rng.uniform(0.002, 0.008)
        # Ten times the opening price either way is as far as a session goes.
        limit = math.log(10)
        offset = math.log(self.fair / spec.opening_ticks) + step
        self.fair = max(2.0, spec.opening_ticks * math.exp(max(-limit, min(limit, offset))))
        decay = math.exp(-elapsed / 900)
        self._swell = self._swell * decay + rng.gauss(0, 1) * math.sqrt(1 - decay * decay)
        self.market.mark_price = max(1, round(self.fair))

    def _sweep(self) -> None:
        """Quotes that the fair price has run over: most are pulled in time, the others are taken."""
        fair = round(self.fair)
        for side in (BUY, SELL):
            if not self._overrun(side, fair):
                continue
            self._pull(side, fair)
            if self._overrun(side, fair):
                standing = sum(quantity for _, quantity in self.market.book.fillable(1 - side, fair))
                self._exchange.background_take(self.market, 1 - side, standing, fair)

    def _overrun(self, side: int, fair: int) -> bool:
        best = self.market.book.best(side)
        return best is not None and (best < fair if side == SELL else best > fair)

    def _pull(self, side: int, fair: int) -> None:
        book = self.market.book
        stale = []
        for key in book.keys[side]:
            price = abs(key)
            if price >= fair if side == SELL else price <= fair:
                break
            stale += [order.id for order in book.levels[side][price].queue.values() if order.order is None]
        for order_id in stale:
            if self._rng.random() < _PULLED:
                book.remove(order_id)

    def _size(self, mean: float) -> int:
        steps = round(mean * math.exp(self._rng.gauss(0, 1.1) - 0.6))
        least = math.ceil(float(self.market.spec.min_quantity) * 10**self.market.spec.quantity_scale)
        return int(max(least, steps))

    def _take(self) -> None:
        book = self.market.book
        bid, ask = book.best(BUY), book.best(SELL)
        if bid is None or ask is None:
            return
        lean = max(-0.3, min(0.3, (self.fair - (bid + ask) / 2) / max(1.0, float(ask - bid))))
        side = BUY if self._rng.random() < 0.5 + lean else SELL
        best = ask if side == BUY else bid
        slip = round(best * self._reach * 0.5)
        limit = best + slip if side == BUY else max(1, best - slip)
        self._exchange.background_take(self.market, side, self._size(self._mean_steps * self.volume_factor), limit)

    def _place(self, side: int, distance: float | None = None) -> None:
        book, spec = self.market.book, self.market.spec
        half = self.fair * spec.spread_bp / 4e4
        if distance is None:
            # Some quote for the next trade, the others for a better price.
            tight = self._rng.random() < 0.4
            distance = self._rng.expovariate(1 / (self._reach * (0.05 if tight else 1.0)))
        away = half + self.fair * distance
        price = math.floor(self.fair - away) if side == BUY else math.ceil(self.fair + away)
        opposite = book.best(1 - side)
        if opposite is not None:
            price = min(price, opposite - 1) if side == BUY else max(price, opposite + 1)
        if price < 1:
            return
        self._ids -= 1
        book.add(Resting(self._ids, side, price, self._size(self._mean_steps * 1.5 * self.volume_factor)))
        self._mine.append(self._ids)

    def _cancel_some(self) -> None:
        for _ in range(self._rng.randint(1, 2)):
            if not self._mine:
                return
            at = self._rng.randrange(len(self._mine))
            self._mine[at], self._mine[-1] = self._mine[-1], self._mine[at]
            self.market.book.remove(self._mine.pop())

    def _prune(self) -> None:
        """Far quotes go when a side grows too deep; ids of filled orders are forgotten."""
        book = self.market.book
        for side in (BUY, SELL):
            while book.depth(side) > _MOST_LEVELS:
                price = book.keys[side][-1] * (-1 if side == BUY else 1)
                strangers = [order.id for order in book.levels[side][price].queue.values() if order.order is None]
                if not strangers:
                    break
                for order_id in strangers:
                    book.remove(order_id)
                if price in book.levels[side]:
                    break
        if len(self._mine) > 400:
            self._mine = [order_id for order_id in self._mine if order_id in book.orders]

    def _replenish(self) -> None:
        book = self.market.book
        for side in (BUY, SELL):
            tries = 0
            while book.depth(side) < _LEAST_LEVELS and tries < 200:
                tries += 1
                self._place(side, self._rng.random() * self._reach * (1 + tries / 20))


class MarketModel:
    """All symbols' background, on one timer."""

    def __init__(self, exchange: Exchange, chance: Chance, later: Later) -> None:
        self._exchange = exchange
        self._later = later
        model = chance.child("market")
        self._rng = model.child("moments").generator()
        factor = Factor(model.child("factor").generator())
        self.symbols = {
            symbol: Symbol(exchange, market, factor, model.child(symbol).generator())
            for symbol, market in exchange.markets.items()
        }
        speed = exchange.time.speed
        self._pace = min(speed, _SPEED_CEILING) * exchange.config.activity
        for model_of in self.symbols.values():
            model_of.volume_factor = max(1.0, speed / _SPEED_CEILING)
        self._due: list[tuple[float, str]] = []
        self._timer: Timer | None = None
        self.on_moment: Callable[[], None] | None = None

    def start(self) -> None:
        now = self._exchange.time.monotonic()
        self._due = [(now + self._gap(name), name) for name in self.symbols]
        heapq.heapify(self._due)
        self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _gap(self, symbol: str) -> float:
        return self._rng.expovariate(self.symbols[symbol].rate() * self._pace)

    def _arm(self) -> None:
        if self._due:
            wait = max(0.0, self._due[0][0] - self._exchange.time.monotonic())
            self._timer = self._later(wait, self._moment)

    def _moment(self) -> None:
        now = self._exchange.time.monotonic()
        # After a stall the past is not made up for: every symbol acts at most once per waking.
        done = 0
        while self._due and self._due[0][0] <= now + GRACE and done < len(self.symbols):
            done += 1
            _, symbol = heapq.heappop(self._due)
            self.symbols[symbol].act()
            heapq.heappush(self._due, (now + self._gap(symbol), symbol))
        self._arm()
