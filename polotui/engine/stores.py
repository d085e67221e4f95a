"""The databases of a home, opened together and closed in reverse."""

from __future__ import annotations

from polotui.backtest.archive import Archive
from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.core.paths import Home
from polotui.storage.candles import CandleStore
from polotui.storage.database import Database
from polotui.trading.facts import FactLog
from polotui.trading.ledger import Ledger
from polotui.trading.paper_account import PaperAccount
from polotui.trading.records import Records
from polotui.trading.strategies import StrategyLog


class Stores:
    """`ledger.db` is FULL: what was acknowledged survives a power loss. `market.db` and `results.db` are NORMAL:
    candles can be had again, and results computed again."""

    def __init__(
        self, ledger_db: Database, market_db: Database, results_db: Database, clock: Clock, chance: Chance
    ) -> None:
        self.ledger_db = ledger_db
        self.market_db = market_db
        self.results_db = results_db
        self.ledger = Ledger(ledger_db, clock, chance)
        self.facts = FactLog(ledger_db, clock)
        self.records = Records(ledger_db, clock)
        self.paper = PaperAccount(ledger_db, self.ledger, clock)
        self.candles = CandleStore(market_db, clock)
        self.strategies = StrategyLog(ledger_db, clock)
        self.archive = Archive(results_db, clock)

    @classmethod
    async def open(cls, home: Home, clock: Clock, chance: Chance) -> Stores:
        """Opens the files. Raises StorageError; what was opened by then is closed again."""
        files = (
            ("ledger", home.ledger, "FULL"),
            ("market", home.market, "NORMAL"),
            ("results", home.results, "NORMAL"),
        )
        opened: list[Database] = []
        try:
            for name, path, synchronous in files:
                database = Database(
                    path,
                    clock=clock,
                    chance=chance.child(name),
                    schema=name,
                    synchronous=synchronous,  # type: ignore[arg-type]
                )
                opened.append(await database.open())
        except BaseException:
            for database in reversed(opened):
                await database.close()
            raise
        ledger, market, results = opened
        return cls(ledger, market, results, clock, chance)

    async def close(self) -> None:
        for database in (self.results_db, self.market_db, self.ledger_db):
            await database.close()
