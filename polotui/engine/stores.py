"""The databases of a home, opened together and closed in reverse."""

from __future__ import annotations

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.core.paths import Home
from polotui.storage.candles import CandleStore
from polotui.storage.database import Database
from polotui.trading.facts import FactLog
from polotui.trading.ledger import Ledger
from polotui.trading.paper_account import PaperAccount
from polotui.trading.records import Records


class Stores:
    """`ledger.db` is FULL: what was acknowledged survives a power loss. `market.db` is NORMAL: candles can be had
    again."""

    def __init__(self, ledger_db: Database, market_db: Database, clock: Clock, chance: Chance) -> None:
        self.ledger_db = ledger_db
        self.market_db = market_db
        self.ledger = Ledger(ledger_db, clock, chance)
        self.facts = FactLog(ledger_db, clock)
        self.records = Records(ledger_db, clock)
        self.paper = PaperAccount(ledger_db, self.ledger, clock)
        self.candles = CandleStore(market_db, clock)

    @classmethod
    async def open(cls, home: Home, clock: Clock, chance: Chance) -> Stores:
        """Opens both files. Raises StorageError; what was opened by then is closed again."""
        ledger_db = Database(home.ledger, clock=clock, chance=chance.child("ledger"), schema="ledger")
        market_db = Database(
            home.market, clock=clock, chance=chance.child("market"), schema="market", synchronous="NORMAL"
        )
        await ledger_db.open()
        try:
            await market_db.open()
        except BaseException:
            await ledger_db.close()
            raise
        return cls(ledger_db, market_db, clock, chance)

    async def close(self) -> None:
        await self.market_db.close()
        await self.ledger_db.close()
