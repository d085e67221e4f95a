"""An exchange without a network and without a loop: time moves when a test says so."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from polotui.core.ids import Chance
from polotui.simulator.accounts import Account
from polotui.simulator.config import AccountSpec, Config, SymbolSpec, default_symbols
from polotui.simulator.exchange import Exchange, Watcher
from polotui.simulator.market import BookChange, Market, Trade
from polotui.simulator.markettime import MarketTime
from polotui.simulator.matching import BUY, SELL, Resting
from polotui.simulator.orders import Order

COIN = replace(
    default_symbols(1, 0)[0],
    base="COIN",
    price_scale=1,
    quantity_scale=2,
    amount_scale=2,
    min_quantity="0.01",
    min_amount="0.1",
    opening="100.0",
    max_quantity="100000",
)


class StageClock:
    """Wall and monotonic time in step, however small the steps."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def wall_ms(self) -> int:
        return 1_780_000_000_000 + round(self._seconds * 1000)

    def monotonic(self) -> float:
        return 1000.0 + self._seconds

    def advance(self, seconds: float) -> None:
        self._seconds += seconds


class _Entry:
    def __init__(self) -> None:
        self.alive = True

    def cancel(self) -> None:
        self.alive = False


class Stage(Watcher):
    """An exchange, its clock, its timers, and everything it told its watcher."""

    def __init__(self, *accounts: AccountSpec, specs: tuple[SymbolSpec, ...] = (COIN,), **config: Any) -> None:
        self.clock = StageClock()
        self._timers: list[tuple[float, int, _Entry, Callable[[], None]]] = []
        self._count = 0
        self.config = Config(accounts=accounts or (rich("a"), rich("b")), seed=7, **config)
        time = MarketTime(self.clock, self.config.speed)
        self.exchange = Exchange(self.config, time, Chance(7), self.later, specs)
        self.exchange.watcher = self
        self.trades: list[Trade] = []
        self.changes: list[BookChange] = []
        self.events: list[dict[str, Any]] = []
        self.balances: list[tuple[str, str, str, int]] = []

    def later(self, seconds: float, work: Callable[[], None]) -> _Entry:
        entry = _Entry()
        self._count += 1
        heapq.heappush(self._timers, (self.clock.monotonic() + seconds, self._count, entry, work))
        return entry

    def advance(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, entry, work = heapq.heappop(self._timers)
            self.clock.advance(max(0.0, due - self.clock.monotonic()))
            if entry.alive:
                work()
        self.clock.advance(max(0.0, end - self.clock.monotonic()))

    def account(self, key: str = "a") -> Account:
        return self.exchange.ledger.accounts[key]

    @property
    def market(self) -> Market:
        return next(iter(self.exchange.markets.values()))

    def quote(self, side: int, price: int, quantity: int) -> Resting:
        """A background order, in ticks and steps."""
        self._count += 1
        resting = Resting(-self._count, side, price, quantity)
        self.market.book.add(resting)
        return resting

    def order(self, key: str = "a", **given: Any) -> Order:
        return self.exchange.place(self.account(key), {"symbol": "COIN_USDT", **given})

    def limit(self, side: str, price: str, quantity: str, key: str = "a", **more: Any) -> Order:
        return self.order(key, side=side, type="LIMIT", price=price, quantity=quantity, **more)

    def free(self, currency: str, key: str = "a") -> Decimal:
        return self.account(key).balance(currency).available

    def held(self, currency: str, key: str = "a") -> Decimal:
        return self.account(key).balance(currency).hold

    def kinds(self) -> list[tuple[str, str]]:
        return [(str(event["eventType"]), str(event["state"])) for event in self.events]

    def traded(self, market: Market, trade: Trade) -> None:
        self.trades.append(trade)

    def book_changed(self, market: Market, change: BookChange) -> None:
        self.changes.append(change)

    def order_event(self, order: Order, event: dict[str, object]) -> None:
        self.events.append(event)

    def balance_changed(self, account: Account, currency: str, event: str) -> None:
        self.balances.append((account.key, currency, event, account.balance(currency).version))


def rich(key: str, usdt: str = "10000", coin: str = "1000") -> AccountSpec:
    return AccountSpec(key, f"{key}-secret", {"USDT": Decimal(usdt), "COIN": Decimal(coin)})


__all__ = ["BUY", "COIN", "SELL", "Stage", "rich"]
