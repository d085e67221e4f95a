"""Run in a process of its own: deposits one after the other and says each that was acknowledged, until it is killed."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.storage.database import Database
from polotui.trading.ledger import Ledger


async def main(path: str) -> None:
    clock = SystemClock()
    async with Database(path, clock=clock, chance=Chance(), schema="ledger") as database:
        ledger = Ledger(database, clock, Chance())
        while True:
            entry = await ledger.deposit("paper", "USDT", Decimal("0.01"))
            print(entry.number, entry.id, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
