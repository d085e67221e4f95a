"""What the gateway is given and whom it tells: the picture behind the gate, and those who watch orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from polotui.model.orders import OrderState, OrderTerms
from polotui.risk.values import AccountView, Asked, MarketView, RiskDecision
from polotui.trading import rows
from polotui.trading.blotter import LiveOrder
from polotui.trading.trades import Trade


class View(Protocol):
    """Where the gate's picture of the account and the market comes from."""

    def account(self, account: str) -> AccountView:
        """The root that an account belongs to, with the cash of exactly this account beside."""
        ...

    def market(self, symbol: str) -> MarketView: ...

    def sent(self, terms: OrderTerms) -> None:
        """An order passed the gate."""
        ...


class Watcher(Protocol):
    """Who is told what became of orders, after it is durable and in the blotter and the portfolio."""

    async def on_order(self, order: LiveOrder) -> None: ...

    async def on_booked(self, fill: rows.FillRow, order: LiveOrder) -> None: ...

    async def on_trade_closed(self, trade: Trade) -> None:
        """A trade is over: with a fill, or with the end of an order that left only dust."""
        ...

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None: ...


@dataclass(frozen=True)
class Submitted:
    """What became of a wish. `state` is RISK_DENIED, or where the order stood when its venue had answered."""

    order_id: str
    decision: RiskDecision
    state: OrderState
