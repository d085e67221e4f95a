"""What open orders bind of an account, and what executions spent that the ledger does not have yet.

Decided here: an execution's spending counts from the moment it happens until its news was taken by the listener; what
it brings counts only when it is booked. While the booking runs it is counted twice for a moment, on the safe side.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from polotui.model.money import ZERO
from polotui.trading.paper.grid import EXACT


class Holds:
    """Bound money by account and currency."""

    def __init__(self) -> None:
        self._by_account: dict[str, dict[str, Decimal]] = {}
        self._orders: dict[str, tuple[str, str, Decimal]] = {}

    def of(self, account: str) -> Mapping[str, Decimal]:
        """Everything bound of an account, by currency; nothing that is zero."""
        return dict(self._by_account.get(account, {}))

    def total(self) -> Mapping[str, Decimal]:
        """Everything bound of all accounts together."""
        total: dict[str, Decimal] = {}
        for bound in self._by_account.values():
            for currency, amount in bound.items():
                total[currency] = EXACT.add(total.get(currency, ZERO), amount)
        return total

    def bound(self, account: str, currency: str) -> Decimal:
        return self._by_account.get(account, {}).get(currency, ZERO)

    def order(self, order_id: str, account: str, currency: str, amount: Decimal) -> None:
        """An order binds this amount from now on, instead of what it bound before."""
        known = self._orders.pop(order_id, None)
        if known is not None:
            self.spend(known[0], known[1], -known[2])
        if amount:
            self._orders[order_id] = (account, currency, amount)
            self.spend(account, currency, amount)

    def spend(self, account: str, currency: str, amount: Decimal) -> None:
        """Binds an amount more; a negative one frees it."""
        bound = self._by_account.setdefault(account, {})
        total = EXACT.add(bound.get(currency, ZERO), amount)
        if total:
            bound[currency] = total
        else:
            bound.pop(currency, None)
            if not bound:
                del self._by_account[account]
