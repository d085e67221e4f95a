"""A market, an account and a listener for the tests of the paper venue."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from polotui.core.clock import Clock, FrozenClock
from polotui.core.ids import Chance
from polotui.market.book import OrderBook
from polotui.model.account import Order
from polotui.model.market import Trade
from polotui.model.money import ZERO
from polotui.model.orders import Execution, OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.model.symbols import Market
from polotui.trading.paper.book import BookVenue
from polotui.trading.paper.models import PaperSettings

BTC = Market(
    symbol="BTC_USDT",
    base="BTC",
    quote="USDT",
    price_scale=2,
    quantity_scale=4,
    amount_scale=2,
    min_quantity=Decimal("0.001"),
    min_amount=Decimal("1"),
)
D = Decimal
Level = tuple[float, float]


class FakeMarkets:
    """Books that a test sets, with real `OrderBook`s behind."""

    def __init__(self, *markets: Market) -> None:
        self.markets = {market.symbol: market for market in markets or (BTC,)}
        self.books: dict[str, OrderBook] = {}
        self.stale: set[str] = set()
        self.ids = 0

    def market(self, symbol: str) -> Market | None:
        return self.markets.get(symbol)

    def book(self, symbol: str) -> OrderBook | None:
        return self.books.get(symbol)

    def fresh(self, symbol: str) -> bool:
        return symbol not in self.stale and symbol in self.books and self.books[symbol].ready

    def show(self, bids: list[Level], asks: list[Level], ts_ms: int = 1, symbol: str = "BTC_USDT") -> None:
        self.ids += 1
        self.books.setdefault(symbol, OrderBook(symbol)).snapshot(self.ids, ts_ms, bids, asks)


class Books:
    """Listener and funds in one: an account that is a fold over the executions it was told, each once."""

    def __init__(self, **balances: str) -> None:
        self.start = {("paper", currency): D(amount) for currency, amount in balances.items()}
        self.fills: dict[str, Execution] = {}
        self.told: list[tuple[str, Any]] = []
        self.accounts: dict[str, str] = {}
        self.fail_next = 0
        self.fail_for = ""

    def give(self, account: str, currency: str, amount: str) -> None:
        self.start[(account, currency)] = self.start.get((account, currency), ZERO) + D(amount)

    def booked(self, account: str, currency: str) -> Decimal:
        total = self.start.get((account, currency), ZERO)
        for fill in self.fills.values():
            if self.accounts.get(fill.order_id, "paper") != account:
                continue
            base, quote = fill.symbol.split("_")
            sign = fill.side.sign
            if currency == base:
                total += sign * fill.quantity
            if currency == quote:
                total -= sign * fill.price * fill.quantity
            if currency == fill.fee_currency:
                total -= fill.fee
        return total

    def total(self) -> Mapping[str, Decimal]:
        names = {currency for _, currency in self.start} | {"BTC", "USDT"}
        accounts = {account for account, _ in self.start} | set(self.accounts.values())
        return {name: sum((self.booked(account, name) for account in accounts), ZERO) for name in names}

    async def on_state(
        self, order_id: str, state: OrderState, *, venue_id: str = "", code: str = "", words: str = "", at_ms: int = 0
    ) -> None:
        self._maybe_fail(order_id)
        self.told.append((order_id, state))

    async def on_fill(self, execution: Execution) -> None:
        self._maybe_fail(execution.order_id)
        self.told.append((execution.order_id, execution))
        assert execution.id not in self.fills
        self.fills[execution.id] = execution

    async def on_foreign(self, order: Order) -> None:
        raise AssertionError("paper knows no foreign orders")

    def _maybe_fail(self, order_id: str) -> None:
        if order_id == self.fail_for:
            raise RuntimeError("the ledger refuses this one")
        if self.fail_next:
            self.fail_next -= 1
            raise RuntimeError("the ledger is locked")

    def states(self, order_id: str) -> list[OrderState]:
        return [what for id, what in self.told if id == order_id and isinstance(what, OrderState)]

    def of(self, order_id: str) -> list[Execution]:
        return [what for id, what in self.told if id == order_id and isinstance(what, Execution)]


class Desk:
    """A venue with its market and its books, at rest: `settle` tells what waits."""

    def __init__(
        self,
        *markets: Market,
        clock: Clock | None = None,
        chance: Chance | None = None,
        settings: PaperSettings | None = None,
        **balances: str,
    ) -> None:
        self.clock = clock or FrozenClock()
        self.markets = FakeMarkets(*markets)
        self.books = Books(**(balances or {"USDT": "10000", "BTC": "10"}))
        self.venue = BookVenue(
            self.markets,
            self.books,
            self.books,
            clock=self.clock,
            chance=chance or Chance("paper"),
            settings=settings or PaperSettings(latency_ms=0, jitter_ms=0),
        )
        self.venue.restore()
        self._count = 0
        self._trade = 0

    def terms(self, side: Side, type: OrderType = OrderType.MARKET, **changes: Any) -> OrderTerms:
        self._count += 1
        for name in ("quantity", "amount", "price", "stop", "target"):
            if isinstance(changes.get(name), str):
                changes[name] = D(changes[name])
        values: dict[str, Any] = {
            "id": f"pt-{self._count}",
            "account": "paper",
            "symbol": "BTC_USDT",
            "side": side,
            "type": type,
            "purpose": Purpose.MANUAL,
            "created_ms": 1,
        } | changes
        self.books.accounts[values["id"]] = values["account"]
        return OrderTerms(**values)

    def waiting(self, order_id: str) -> list[Execution]:
        """Executions that nobody was told yet."""
        lane = self.venue._news._lanes.get(order_id)
        return [item for item in lane.waiting if isinstance(item, Execution)] if lane else []

    def show(self, bids: list[Level], asks: list[Level], ts_ms: int = 1, symbol: str = "BTC_USDT") -> None:
        self.markets.show(bids, asks, ts_ms, symbol)
        self.venue.on_book(symbol)

    def trade(self, price: float, quantity: float, *, buy: bool, ts_ms: int = 2, symbol: str = "BTC_USDT") -> None:
        self._trade += 1
        self.venue.on_trades(symbol, [Trade(self._trade, ts_ms, price, quantity, buy)])
