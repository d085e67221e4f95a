"""What the exchange states of one order, told to the desk: first its fills, then its state.

Decided here: an ended state is told only when every fill of it is booked, by comparing the exchange's filled quantity
with the ledger's. So an order that is final in the ledger is complete, and after a crash only orders that are not final
can miss anything. What is missing is fetched by order; when the exchange's own list lags, the state waits for the next
look. An order under our id with other terms, or with fewer fills than we booked, stops trading: somebody else uses our
ids or the books are wrong, and more orders would make it worse.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from polotui.model.account import Fill, Order
from polotui.model.orders import FINAL, Execution, OrderState, OrderTerms
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.stream_wire import OrderEvent
from polotui.trading.exchange import words
from polotui.trading.venue import VenueListener

log = logging.getLogger("polotui.trading.exchange")

#: Trading must stop: a code and a sentence. It blocks entries until a person looked.
StopTrading = Callable[[str, str], None]
MOST_FOREIGN = 10_000


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order of ours stands in the ledger. `since_ms`: when it got there; `filled`: the sum of its fills."""

    terms: OrderTerms
    state: OrderState
    since_ms: int
    filled: Decimal = Decimal(0)
    venue_id: str = ""


class OwnOrders(Protocol):
    """What the desk knows of its own orders at this moment."""

    async def standing(self, order_id: str) -> Standing | None:
        """None: no such order was ever ours, however long ago."""
        ...

    def not_final(self, root: str) -> Sequence[Standing]:
        """Orders of this root (`spot`) and the accounts below it whose fate is open."""
        ...


class Evidence:
    """Tells `listener` what `rest` and the stream say. The same news may be told any number of times."""

    def __init__(self, rest: SpotRest, orders: OwnOrders, listener: VenueListener, stop: StopTrading) -> None:
        self._rest = rest
        self._orders = orders
        self._listener = listener
        self._stop = stop
        self._foreign: dict[str, None] = {}
        self._stopped: set[tuple[str, str]] = set()

    async def order(self, order: Order) -> OrderState | None:
        """An order as REST states it. The state it is in for us now; None when it is not ours."""
        standing = await self._whose(order)
        if standing is None:
            return None
        if self.differs(standing.terms, order):
            return OrderState.UNKNOWN
        return await self._move(standing, order)

    def differs(self, terms: OrderTerms, order: Order) -> str:
        """Empty when `order` is what these terms asked for. Else the difference, and trading stops."""
        difference = words.same_terms(terms, order)
        if difference:
            self.stop("ORDER-TERMS", terms.id, f"Another order stands under the id {terms.id}: {difference}.")
        return difference

    def stop(self, code: str, order_id: str, text: str) -> None:
        """Stops trading because of an order, once for each reason."""
        if (code, order_id) not in self._stopped:
            self._stopped.add((code, order_id))
            log.error("trading stops", extra={"code": code, "order": order_id})
            self._stop(code, text)

    async def event(self, event: OrderEvent) -> None:
        """An event of the private stream."""
        order = words.order_of_event(event)
        standing = await self._whose(order)
        if standing is None or self.differs(standing.terms, order):
            return
        if event.event_type.lower() == "trade" and event.trade_qty > 0:
            await self._listener.on_fill(words.execution_of_event(event))
        await self.order(order)

    async def fills(self, fills: Iterable[Fill]) -> None:
        """Rows of the trade history, in any order; told oldest first."""
        for fill in sorted(fills, key=lambda fill: (fill.ts_ms, len(fill.page_id), fill.page_id)):
            if words.ours(fill.client_id) and await self._orders.standing(fill.client_id) is not None:
                await self._listener.on_fill(words.execution_of_fill(fill))
            else:
                await self._whose(words.order_of_fill(fill))

    async def _whose(self, order: Order) -> Standing | None:
        standing = await self._orders.standing(order.client_id) if words.ours(order.client_id) else None
        if standing is None and order.id not in self._foreign:
            self._foreign[order.id] = None
            if len(self._foreign) > MOST_FOREIGN:
                del self._foreign[next(iter(self._foreign))]
            await self._listener.on_foreign(order)
        return standing

    async def _move(self, standing: Standing, order: Order) -> OrderState:
        order_id = standing.terms.id
        if standing.filled < order.filled_quantity:
            executions = [words.execution_of_fill(fill) for fill in await self._rest.order_fills(order.id)]
            for execution in sorted(executions, key=lambda execution: execution.at_ms):
                await self._listener.on_fill(_named(execution, order_id))
            standing = await self._orders.standing(order_id) or standing
        state = words.next_state(standing.state, order.state)
        if state is None:
            return standing.state
        if state in FINAL and not self._complete(standing, order):
            return standing.state
        await self._listener.on_state(order_id, state, venue_id=order.id, words=order.state)
        return state

    def _complete(self, standing: Standing, order: Order) -> bool:
        if standing.filled == order.filled_quantity:
            return True
        if standing.filled > order.filled_quantity:
            self.stop(
                "ORDER-OVERFILLED",
                order.client_id,
                f"Order {order.client_id} has {standing.filled} booked, the exchange says {order.filled_quantity}.",
            )
        else:
            log.warning("fills are missing in the list", extra={"order": order.client_id, "venue_id": order.id})
        return False


def _named(execution: Execution, order_id: str) -> Execution:
    """With our order's id, which a row asked for by order may leave out."""
    return execution if execution.order_id else msgspec.structs.replace(execution, order_id=order_id)
