"""The real gateway on a real ledger in place of the recording desk: everything it says is read from what is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.model.account import Order
from polotui.model.orders import OrderState, OrderTerms
from polotui.risk.limits import Limits
from polotui.risk.values import AccountView, Asked, MarketView, RiskDecision
from polotui.storage.database import Database
from polotui.trading import rows
from polotui.trading.blotter import Blotter, LiveOrder
from polotui.trading.exchange.evidence import Standing
from polotui.trading.exchange.own import LedgerBooks, LedgerOrders
from polotui.trading.exchange.token import Gate
from polotui.trading.gateway import Gateway
from polotui.trading.portfolio import Portfolio
from polotui.trading.trades import Trade
from tests.trading.exchange.bench import Desk

APPROVED = RiskDecision(approved=True, code="", findings=(), warnings=(), checks=(), recommendation="")


class OpenGate(Gateway):
    """Lets everything pass: the limits have tests of their own."""

    def assess(self, asked: Asked) -> RiskDecision:
        return APPROVED


class View:
    def account(self, account: str) -> AccountView:
        raise AssertionError("nobody assesses here")

    def market(self, symbol: str) -> MarketView:
        return MarketView(bid=Decimal(1), ask=Decimal(1), last=Decimal(1), age_ms=0, fresh=True)

    def sent(self, terms: OrderTerms) -> None:
        return None


class LedgerDesk:
    """As `Desk`, through the gateway. `open` it first; `restart` is a crash and a new start."""

    def __init__(self, clock: Clock, chance: Chance, folder: Path) -> None:
        self._clock = clock
        self._chance = chance
        self._folder = folder
        self._maker = Desk(clock, chance)
        self._starts = 0
        self.terms: dict[str, OrderTerms] = {}
        self.fills: dict[str, Any] = {}
        self.ended: dict[str, OrderState] = {}
        self.foreign: list[str] = []
        self.risen: list[str] = []
        self.stops: list[tuple[str, str]] = []
        self.news = asyncio.Event()
        self.database: Database
        self.gateway: OpenGate
        self.orders: LedgerOrders
        self.books: LedgerBooks
        self.gate: Gate

    async def open(self) -> None:
        self._starts += 1
        chance = self._chance.child(f"start-{self._starts}")
        self.database = Database(self._folder / "ledger.db", clock=self._clock, chance=chance, schema="ledger")
        await self.database.open()
        self.gate = Gate(self._clock, chance)
        portfolio, blotter = await self.database.read(Portfolio.load), Blotter()
        self.gateway = OpenGate(
            database=self.database,
            clock=self._clock,
            view=View(),
            limits=Limits,
            gate=self.gate,
            flag=self._folder / "HALT",
            portfolio=portfolio,
            blotter=blotter,
        )
        self.gateway.watch(self)
        self.orders = LedgerOrders(blotter, self.database)
        self.books = LedgerBooks(self.database, portfolio, clock=self._clock, chance=chance)
        await self.gateway.load()
        await self.refresh()

    async def restart(self) -> None:
        """What was in memory is gone."""
        for task in list(self.gateway._sending):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.database.close()
        await self.open()

    async def refresh(self) -> list[str]:
        """Takes everything from the ledger; says in what the live state differs from it."""
        kept = await self.database.read(Portfolio.load)
        differences = kept.differences(self.gateway.portfolio)
        stored = await self.database.read(lambda c: rows.orders(c, limit=10**6))
        self.terms = {order.terms.id: order.terms for order in stored}
        self.ended = {order.terms.id: order.state for order in stored}
        booked = await self.database.read(lambda c: rows.fills_after(c, 0))
        self.fills = {fill.id.partition(":")[2]: fill for fill in booked}
        self.foreign = [text for text in self.gateway.trouble.values() if "not ours" in text]
        self.stops += [("TROUBLE", text) for text in self.gateway.trouble.values()]
        for order in stored:
            live = self.gateway.blotter.get(order.terms.id)
            if live is not None and (live.state, live.filled) != (order.state, order.filled):
                differences.append(f"live {live.state} {live.filled}, in the ledger {order.state} {order.filled}")
        return differences

    async def close(self) -> None:
        await self.gateway.close()
        await self.database.close()

    # What a trader does

    def new(self, side: str, symbol: str = "BTC_USDT", **given: Any) -> OrderTerms:
        return self._maker.new(side, symbol, **given)

    async def submit(self, bench: Any, terms: OrderTerms) -> None:
        await self.gateway.submit(Asked(terms=terms))

    async def cancel(self, bench: Any, terms: OrderTerms) -> None:
        await self.gateway.cancel(terms.id)

    def stop(self, code: str, text: str) -> None:
        self.stops.append((code, text))

    # What is known

    def state(self, order_id: str) -> OrderState:
        order = self.gateway.blotter.get(order_id)
        return order.state if order is not None else self.ended[order_id]

    def not_final(self, root: str) -> list[Standing]:
        return list(self.orders.not_final(root))

    def expected(self) -> Mapping[str, Decimal]:
        return self.gateway.portfolio.total("spot")

    # Watcher

    async def on_order(self, order: LiveOrder) -> None:
        before = self.ended.get(order.terms.id)
        if before is OrderState.REJECTED and order.state is not OrderState.REJECTED:
            self.risen.append(order.terms.id)
        self.ended[order.terms.id] = order.state
        self.news.set()

    async def on_booked(self, fill: rows.FillRow, order: LiveOrder) -> None:
        self.fills[fill.id.partition(":")[2]] = fill
        self.news.set()

    async def on_trade_closed(self, trade: Trade) -> None:
        return None

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None:
        raise AssertionError("nothing is refused here")

    async def on_foreign(self, order: Order) -> None:
        await self.gateway.on_foreign(order)
