"""The gateway's blotter and the ledger, as what the exchange venue may know of our orders and our money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.storage.database import Connection, Database
from polotui.trading import rows
from polotui.trading.blotter import Blotter, LiveOrder
from polotui.trading.exchange.evidence import Standing
from polotui.trading.ledger import Entry, NewEntry, add_entries
from polotui.trading.portfolio import Portfolio


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


class LedgerBooks:
    """Implements `polotui.trading.exchange.reconcile.Books`."""

    def __init__(self, database: Database, portfolio: Portfolio, *, clock: Clock, chance: Chance) -> None:
        self._database = database
        self._portfolio = portfolio
        self._clock = clock
        self._chance = chance

    async def has_books(self, root: str) -> bool:
        return bool(self._portfolio.accounts(root))

    async def open_books(self, root: str, balances: Mapping[str, Decimal]) -> None:
        """All currencies in one transaction: half an opening would be a difference for ever."""
        now = self._clock.wall_ms()
        opening = [
            NewEntry(self._chance.new_id("entry"), root, "deposit", currency, amount, now, "opening balance")
            for currency, amount in sorted(balances.items())
        ]

        def write(connection: Connection) -> list[Entry]:
            return add_entries(connection, opening)

        for entry in await self._database.transact(write, "opening balances"):
            self._portfolio.apply_entry(entry)

    async def expected_balances(self, root: str) -> dict[str, Decimal]:
        return self._portfolio.total(root)
