"""Run in a process of its own as somebody who may read the database but not write it. Prints what it saw."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from decimal import Decimal

from polotui.core.clock import SystemClock
from polotui.core.errors import StorageError
from polotui.core.ids import Chance
from polotui.storage import migrations
from polotui.storage.database import Database
from polotui.trading.ledger import Ledger

NOBODY = 65_534


async def main(path: str) -> None:
    seen: dict[str, object] = {}
    async with Database(path, clock=SystemClock(), chance=Chance(1), schema="ledger") as database:
        ledger = Ledger(database, SystemClock(), Chance(1))
        seen["state"] = database.health().state
        seen["reason"] = database.health().reason
        seen["balance"] = str((await ledger.balances("paper"))["USDT"])
        try:
            await ledger.deposit("paper", "USDT", Decimal(1))
        except StorageError as error:
            seen["refused"] = error.cause
            seen["code"] = error.instance_code
    print(json.dumps(seen))


if __name__ == "__main__":
    # The other user may not be allowed to look into this checkout.
    ledger_steps = migrations.steps_of("ledger")
    migrations.steps_of = lambda schema: ledger_steps
    if os.getuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    asyncio.run(main(sys.argv[1]))
