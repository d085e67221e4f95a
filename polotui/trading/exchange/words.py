"""What the exchange's words mean for an order of ours. Pure functions.

Decided here: a word that nobody knows changes nothing; the order is looked up again. News may come late, twice and in
any order, so each is judged against where the order stands: an order that is being cancelled does not go back because
an old event says it rests, and an ended order only takes news of more fills.

A trade's id counts up per symbol and both sides of a trade carry it, so ours is made of symbol, trade and order.
"""

from __future__ import annotations

from polotui.model.account import Fill, Order
from polotui.model.orders import FINAL, LEGAL, OWN, Execution, OrderState, OrderTerms, OrderType, Side
from polotui.poloniex.stream_wire import OrderEvent

_S = OrderState

_STATES = {
    "PENDING_NEW": _S.ACCEPTED,
    "NEW": _S.ACCEPTED,
    "PARTIALLY_FILLED": _S.PARTIAL,
    "FILLED": _S.FILLED,
    "PENDING_CANCEL": _S.CANCELLING,
    "CANCELED": _S.CANCELLED,
    "PARTIALLY_CANCELED": _S.CANCELLED,
    "FAILED": _S.REJECTED,
    "REJECTED": _S.REJECTED,
    "EXPIRED": _S.EXPIRED,
}
_UNSURE = frozenset({_S.DRAFT, _S.SUBMITTING, _S.UNKNOWN, _S.REJECTED})
#: From which of our states the exchange's word moves an order on.
_MOVES: dict[OrderState, frozenset[OrderState]] = {
    _S.ACCEPTED: _UNSURE,
    _S.PARTIAL: _UNSURE | {_S.ACCEPTED},
    _S.CANCELLING: _UNSURE | {_S.ACCEPTED, _S.PARTIAL},
    _S.CANCELLED: frozenset(OrderState) - FINAL | {_S.REJECTED},
    _S.EXPIRED: frozenset(OrderState) - FINAL | {_S.REJECTED},
    _S.REJECTED: frozenset(OrderState) - FINAL,
    _S.FILLED: frozenset(OrderState) - {_S.FILLED, _S.RISK_DENIED},
}


def state_of(word: str) -> OrderState | None:
    """Our state for the exchange's; None when the word is not known."""
    return _STATES.get(word.upper())


def next_state(stands: OrderState, word: str) -> OrderState | None:
    """Where the exchange's word moves an order that stands here; None when it does not."""
    told = state_of(word)
    if told is None or stands not in _MOVES[told]:
        return None
    return as_refused(stands) if told is _S.REJECTED else told


def as_refused(stands: OrderState) -> OrderState:
    """The end of an order that the exchange never took. One that was believed to rest, or is being cancelled, can
    only be gone."""
    return _S.REJECTED if _S.REJECTED in LEGAL[stands] else _S.CANCELLED


def ours(client_id: str) -> bool:
    """Told from the id alone."""
    return client_id.startswith(OWN)


def never_rests(terms: OrderTerms) -> bool:
    """Filled or gone at once: when no last word comes, it was missed or never said."""
    return terms.type is OrderType.MARKET or terms.time_in_force in ("IOC", "FOK")


def same_terms(terms: OrderTerms, order: Order) -> str:
    """Empty when `order` is what was asked, else the first difference in words."""
    pairs: list[tuple[str, object, object]] = [
        ("symbol", terms.symbol, order.symbol),
        ("side", terms.side.value, order.side),
        ("type", terms.type.value, order.type.upper()),
    ]
    if terms.type is not OrderType.MARKET:
        pairs.append(("price", terms.price, order.price))
    if terms.quantity is not None:
        pairs.append(("quantity", terms.quantity, order.quantity))
    if terms.amount is not None:
        pairs.append(("amount", terms.amount, order.amount))
    for name, asked, found in pairs:
        if asked != found:
            return f"{name} {found} instead of {asked}"
    return ""


def execution_of_fill(fill: Fill) -> Execution:
    """A row of the trade history."""
    return Execution(
        id=f"{fill.symbol}:{fill.id}:{fill.order_id}",
        order_id=fill.client_id,
        symbol=fill.symbol,
        side=Side(fill.side),
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        maker=fill.role.upper() == "MAKER",
        at_ms=fill.ts_ms,
    )


def execution_of_event(event: OrderEvent) -> Execution:
    """The trade inside an event of the stream."""
    return Execution(
        id=f"{event.symbol}:{event.trade_id}:{event.order_id}",
        order_id=event.client_order_id or "",
        symbol=event.symbol,
        side=Side(event.side.upper()),
        price=event.trade_price,
        quantity=event.trade_qty,
        fee=event.trade_fee,
        fee_currency=event.fee_currency,
        maker=event.match_role.upper() == "MAKER",
        at_ms=event.trade_time,
    )


def order_of_event(event: OrderEvent) -> Order:
    """The order as an event states it."""
    filled = event.filled_quantity
    return Order(
        id=str(event.order_id),
        client_id=event.client_order_id or "",
        symbol=event.symbol,
        side=event.side.upper(),
        type=event.type,
        state=event.state,
        time_in_force="",
        price=event.price,
        quantity=event.quantity,
        amount=event.order_amount,
        filled_quantity=filled,
        filled_amount=event.filled_amount,
        average_price=event.filled_amount / filled if filled else event.filled_amount,
        created_ms=event.create_time,
        updated_ms=event.ts,
        source=event.source,
    )


def order_of_fill(fill: Fill) -> Order:
    """As much of an order as one of its trades tells."""
    return Order(
        id=fill.order_id,
        client_id=fill.client_id,
        symbol=fill.symbol,
        side=fill.side,
        type="",
        state="",
        time_in_force="",
        price=fill.price,
        quantity=fill.quantity,
        amount=fill.amount,
        filled_quantity=fill.quantity,
        filled_amount=fill.amount,
        average_price=fill.price,
        created_ms=fill.ts_ms,
        updated_ms=fill.ts_ms,
    )
