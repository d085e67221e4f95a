"""The start of trading, which is its recovery: open orders go back to their venue.

Decided here: what the paper venue had not told before the process ended did not happen. Orders at the exchange are
asked after by their resolver. Those of an exchange that is there no more are over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polotui.engine.trading.view import QUOTE
from polotui.model.orders import OrderState, OrderType
from polotui.storage.database import Connection
from polotui.trading.blotter import root_of
from polotui.trading.paper.models import OpenOrder

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

PAPER = "paper"
_REST = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP})


async def take_up_orders(trading: Trading) -> None:
    """Open orders go back to their venue; what had not reached it is ended. Then what protects positions."""
    gateway, resting = trading.gateway, []
    for order in await gateway.load():
        root = root_of(order.terms.account)
        if root not in trading.roots():
            words = "its exchange is there no more"
            await gateway.on_state(order.terms.id, OrderState.CANCELLED, code="EXCHANGE-GONE", words=words)
        if root != PAPER:
            continue
        reached = order.state not in (OrderState.SUBMITTING, OrderState.UNKNOWN) or bool(order.filled)
        if order.terms.type in _REST and reached and order.state is not OrderState.CANCELLING:
            resting.append(order)
            continue
        # One that was accepted can be refused no more: without an end it would be waited for, by its own stop too.
        ended = OrderState.CANCELLED if reached else OrderState.REJECTED
        await gateway.on_state(order.terms.id, ended, code="ENGINE-ENDED", words="the engine ended first")
    trading.paper.restore([OpenOrder(terms=order.terms, left=order.left, venue_id=order.venue_id) for order in resting])
    await trading.guards.load([order.terms for order in gateway.blotter.open()])
    await trading.hand.load()


def want_what_is_held(trading: Trading) -> None:
    """Streams for everything that is held, protected or resting: without a fresh price no loss is confirmed and no stop
    sees a tick. Only what the exchange lists, once that is known."""
    wanted = {held.symbol for held in trading.portfolio.positions() if held.quantity > 0}
    wanted |= {stored.protection.symbol for stored in trading.guards.protector.stored()}
    wanted |= {order.terms.symbol for order in trading.gateway.blotter.open()}
    if trading.markets.known:
        for root in trading.roots():
            wanted |= {f"{currency}_{QUOTE}" for currency, amount in trading.portfolio.total(root).items() if amount}
        wanted = {symbol for symbol in wanted if trading.markets.market(symbol) is not None}
    trading.want(sorted(wanted))


def newest_ms(connection: Connection) -> int:
    """The latest time of any row of trading."""
    found = [
        connection.execute(f"SELECT {column} FROM {table} ORDER BY number DESC LIMIT 1").fetchone()  # noqa: S608
        for table, column in (("fills", "booked_ms"), ("order_events", "at_ms"), ("audit", "at_ms"))
    ]
    return max((int(row[0]) for row in found if row is not None), default=0)
