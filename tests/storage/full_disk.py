"""Run in a process of its own: writes until files may not grow, then lets them grow again. Prints what it saw."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from decimal import Decimal

from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError
from polotui.core.ids import Chance
from polotui.storage.database import Database
from polotui.trading.ledger import Ledger


async def main(path: str) -> None:
    clock = FrozenClock()
    seen: dict[str, object] = {}
    async with Database(path, clock=clock, chance=Chance(1), schema="ledger") as database:
        ledger = Ledger(database, clock, Chance(1))
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, most))
        acknowledged, codes = 0, []
        while len(codes) < 5:
            try:
                await ledger.deposit("paper", "USDT", Decimal(1), "x" * 150)
                acknowledged += 1
            except StorageError as error:
                codes.append(error.instance_code)
        seen["codes"] = codes
        seen["breaker while full"] = database.health().breaker
        seen["state while full"] = database.health().state
        seen["readable while full"] = str((await ledger.balances("paper"))["USDT"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        clock.advance(6)
        await ledger.deposit("paper", "USDT", Decimal(1))
        acknowledged += 1
        seen["acknowledged"] = acknowledged
        seen["balance"] = str((await ledger.balances("paper"))["USDT"])
        seen["verified"] = (await ledger.verify()).ok
        seen["state after"] = database.health().state
        seen["integrity"] = await database.check_integrity()
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
