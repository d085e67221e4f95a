"""The gateway's blotter, and the ledger behind it, as what the exchange venue may know of our orders."""

from __future__ import annotations

from collections.abc import Sequence

from polotui.storage.database import Database
from polotui.trading import rows
from polotui.trading.blotter import Blotter, LiveOrder
from polotui.trading.exchange.evidence import Standing


class LedgerOrders:
    """Implements `OwnOrders`."""

    def __init__(self, blotter: Blotter, database: Database) -> None:
        self._blotter = blotter
        self._database = database

    async def standing(self, order_id: str) -> Standing | None:
        """From the blotter while it is at hand, else from the ledger."""
        order = self._blotter.get(order_id)
        if order is not None:
            return _standing(order)
        stored = await self._database.read(lambda c: rows.order_of(c, order_id), "order")
        if stored is None:
            return None
        return Standing(
            terms=stored.terms,
            state=stored.state,
            since_ms=stored.changed_ms,
            filled=stored.filled,
            venue_id=stored.venue_id,
        )

    def not_final(self, root: str) -> Sequence[Standing]:
        return [_standing(order) for order in self._blotter.open(root)]


def _standing(order: LiveOrder) -> Standing:
    return Standing(
        terms=order.terms,
        state=order.state,
        since_ms=order.updated_ms,
        filled=order.filled,
        venue_id=order.venue_id,
    )
