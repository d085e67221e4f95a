"""A desk in memory for the tests of bots: orders go to the venue, fills are kept, money is their sum."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from polotui.model.account import Order
from polotui.model.orders import FINAL, Execution, OrderState, OrderTerms
from polotui.model.symbols import base_and_quote
from polotui.risk.values import Asked, RiskDecision
from polotui.trading.bots.bot import Bot
from polotui.trading.bots.keeper import OcoKeeper

APPROVED = RiskDecision(approved=True, code="OK", findings=(), warnings=(), checks=(), recommendation="")


@dataclass(frozen=True)
class Went:
    order_id: str
    decision: RiskDecision
    state: OrderState


@dataclass
class MemoryDesk:
    """`Orders`, `Purse` and the venue's listener in one, for a single account."""

    capital: Decimal
    venue: object = None
    bot: Bot | None = None
    keeper: OcoKeeper | None = None
    orders: dict[str, OrderTerms] = field(default_factory=dict)
    states: dict[str, OrderState] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    fills: list[tuple[OrderTerms, Execution]] = field(default_factory=list)
    balances: dict[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.balances["USDT"] = self.capital

    async def submit(self, asked: Asked, caller: str = "") -> Went:
        terms = asked.terms
        assert terms.id not in self.orders
        self.orders[terms.id], self.states[terms.id] = terms, OrderState.SUBMITTING
        answer = await self.venue.place(terms, None)
        if self.states[terms.id] is OrderState.SUBMITTING:
            await self.on_state(terms.id, answer.state, code=answer.code, words=answer.words)
        return Went(terms.id, APPROVED, self.states[terms.id])

    async def cancel(self, order_id: str, reason: str = "") -> None:
        if self.states[order_id] in FINAL:
            return
        answer = await self.venue.cancel(self.orders[order_id])
        await self.on_state(order_id, OrderState.CANCELLED, code=answer.code, words=reason)

    async def on_state(
        self, order_id: str, state: OrderState, *, venue_id: str = "", code: str = "", words: str = "", at_ms: int = 0
    ) -> None:
        if self.states[order_id] in FINAL:
            return
        self.states[order_id], self.codes[order_id] = state, code
        if self.bot is not None:
            self.bot.on_order(self.orders[order_id], state, code, words)
        if self.keeper is not None:
            self.keeper.on_order(self.orders[order_id], state)

    async def on_fill(self, execution: Execution) -> None:
        terms = self.orders[execution.order_id]
        self.fills.append((terms, execution))
        base, quote = base_and_quote(execution.symbol)
        sign = execution.side.sign
        self._move(base, sign * execution.quantity)
        self._move(quote, -sign * execution.amount)
        self._move(execution.fee_currency, -execution.fee)
        filled = sum(e.quantity for t, e in self.fills if t.id == terms.id)
        self.states[terms.id] = OrderState.FILLED if filled == terms.quantity else OrderState.PARTIAL
        if self.bot is not None:
            self.bot.on_fill(execution, terms, execution.at_ms, len(self.fills))
        if self.keeper is not None:
            self.keeper.on_fill(terms, execution.quantity)
            self.keeper.on_order(terms, self.states[terms.id])

    async def on_foreign(self, order: Order) -> None:
        raise AssertionError(order)

    def _move(self, currency: str, amount: Decimal) -> None:
        self.balances[currency] = self.balances.get(currency, Decimal(0)) + amount
        assert self.balances[currency] >= 0 or amount > 0, (currency, self.balances)

    def cash(self) -> Decimal:
        return self.balances["USDT"]

    def held(self, symbol: str) -> Decimal:
        return self.balances.get(base_and_quote(symbol)[0], Decimal(0))
