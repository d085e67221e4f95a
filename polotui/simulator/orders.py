"""An order as the exchange remembers it, and its spellings on REST and on the WebSocket.

Decided here: terms are whole numbers (ticks, steps, ticks times steps); the wire gets text. A fill's id is the
public trade's id, the same on REST and WebSocket, and its `pageId` is a 64-bit number that only grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from polotui.simulator.matching import BUY, SIDES
from polotui.simulator.units import plain, text

if TYPE_CHECKING:
    from polotui.simulator.accounts import Account
    from polotui.simulator.config import SymbolSpec

OPEN_STATES = frozenset({"NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked for, checked against the symbol's rules. Absent numbers are 0."""

    side: int
    type: str
    time_in_force: str
    price: int = 0
    quantity: int = 0
    budget: int = 0
    client_id: str = ""
    prevent_self_trade: bool = True
    slippage: Decimal | None = None


@dataclass(slots=True, eq=False)
class Order:
    """One accepted order."""

    id: int
    account: Account
    spec: SymbolSpec
    terms: Terms
    created_ms: int
    source: str = "API"
    state: str = "NEW"
    filled: int = 0
    filled_amount: int = 0
    updated_ms: int = 0
    cancel_reason: int = 0

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def left(self) -> int:
        """Steps still to fill; for a market buy the money still to spend."""
        terms = self.terms
        return terms.budget - self.filled_amount if terms.budget else terms.quantity - self.filled

    def average(self) -> str:
        if not self.filled:
            return "0"
        price = Decimal(self.filled_amount) / Decimal(self.filled)
        return plain(round(price.scaleb(-self.spec.price_scale), self.spec.price_scale + 2))

    def _terms_text(self) -> dict[str, object]:
        spec, terms = self.spec, self.terms
        return {
            "symbol": spec.symbol,
            "side": SIDES[terms.side],
            "type": terms.type,
            "quantity": text(terms.quantity, spec.quantity_scale),
            "price": text(terms.price, spec.price_scale),
            "accountType": "SPOT",
            "state": self.state,
            "clientOrderId": terms.client_id,
            "filledQuantity": text(self.filled, spec.quantity_scale),
            "filledAmount": text(self.filled_amount, spec.amount_places),
            "createTime": self.created_ms,
        }

    def rest(self, *, listing: bool = False) -> dict[str, object]:
        """The REST form; a listing of open orders leaves out the reason of a cancel."""
        row = self._terms_text() | {
            "id": str(self.id),
            "timeInForce": self.terms.time_in_force,
            "avgPrice": self.average(),
            "amount": text(self.terms.budget, self.spec.amount_places),
            "updateTime": self.updated_ms or self.created_ms,
            "orderSource": self.source,
            "loan": False,
        }
        return row if listing else row | {"cancelReason": self.cancel_reason}

    def event(self, kind: str, now_ms: int, fill: UserFill | None = None) -> dict[str, object]:
        """The `orders` channel's form of a place, trade or canceled event."""
        role = "TAKER" if self.terms.type == "MARKET" else "MAKER"
        row = self._terms_text() | {
            "orderId": str(self.id),
            "eventType": kind,
            "source": self.source,
            "orderAmount": text(self.terms.budget, self.spec.amount_places),
            "matchRole": role if kind == "place" else "",
            "tradeFee": "0",
            "feeCurrency": "",
            "tradeTime": 0,
            "tradeAmount": "0",
            "tradeQty": "0",
            "tradePrice": "0",
            "tradeId": "0",
            "ts": now_ms,
        }
        return row if fill is None else row | fill.event_part()


@dataclass(frozen=True, slots=True)
class UserFill:
    """A user's part of one trade."""

    trade_id: int
    page_id: int
    order: Order
    price: int
    quantity: int
    role: str
    fee: Decimal
    fee_currency: str
    created_ms: int

    @property
    def amount(self) -> str:
        return text(self.price * self.quantity, self.order.spec.amount_places)

    def event_part(self) -> dict[str, object]:
        spec = self.order.spec
        return {
            "matchRole": self.role,
            "tradeFee": plain(self.fee),
            "feeCurrency": self.fee_currency,
            "tradeTime": self.created_ms,
            "tradeAmount": self.amount,
            "tradeQty": text(self.quantity, spec.quantity_scale),
            "tradePrice": text(self.price, spec.price_scale),
            "tradeId": str(self.trade_id),
        }

    def rest(self) -> dict[str, object]:
        order, spec = self.order, self.order.spec
        return {
            "id": str(self.trade_id),
            "symbol": spec.symbol,
            "accountType": "SPOT",
            "orderId": str(order.id),
            "side": SIDES[order.terms.side],
            "type": order.terms.type,
            "matchRole": self.role,
            "createTime": self.created_ms,
            "price": text(self.price, spec.price_scale),
            "quantity": text(self.quantity, spec.quantity_scale),
            "amount": self.amount,
            "feeCurrency": self.fee_currency,
            "feeAmount": plain(self.fee),
            "pageId": str(self.page_id),
            "clientOrderId": order.terms.client_id,
        }


def held_currency(spec: SymbolSpec, side: int) -> str:
    return spec.quote if side == BUY else spec.base
