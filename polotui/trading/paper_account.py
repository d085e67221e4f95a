"""The paper account: virtual money, real rules. Its balance is the ledger's fold and nothing else.

Decided here: the first start deposits 10 000 USDT as a ledger row. The row's id is fixed, and looking for it and
writing it is one transaction, so a second start, or two at once, add nothing. Nothing here can sign an order.
"""

from __future__ import annotations

from decimal import Decimal

from polotui.core.clock import Clock
from polotui.model.account import Account, Balance
from polotui.model.money import ZERO
from polotui.storage.database import Connection, Database
from polotui.trading.ledger import Entry, Ledger, add_entry

PAPER = "paper"
FIRST_DEPOSIT = Decimal(10_000)
FIRST_CURRENCY = "USDT"
_FIRST_ID = "entry-paper-opening"


class PaperAccount:
    """The one paper account of this home."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    async def open(self) -> bool:
        """Makes the account on the first start. True when it was made now."""
        now = self._clock.wall_ms()

        def open_once(connection: Connection) -> bool:
            if connection.execute("SELECT 1 FROM entries WHERE id = ?", (_FIRST_ID,)).fetchone():
                return False
            add_entry(
                connection,
                id=_FIRST_ID,
                account=PAPER,
                kind="deposit",
                currency=FIRST_CURRENCY,
                amount=FIRST_DEPOSIT,
                ts_ms=now,
                note="opening balance of the paper account",
            )
            return True

        return await self._database.transact(open_once, "open paper account")

    async def deposit(self, currency: str, amount: Decimal, note: str = "paper deposit") -> Entry:
        """Adds virtual money."""
        return await self._ledger.deposit(PAPER, currency, amount, note)

    async def account(self) -> Account:
        """The account with all that it holds, by name. Nothing is on hold without orders."""
        balances = await self._ledger.balances(PAPER)
        held = tuple(
            Balance(currency=currency, available=amount, hold=ZERO)
            for currency, amount in sorted(balances.items())
            if amount
        )
        return Account(id=PAPER, kind="PAPER", balances=held)
