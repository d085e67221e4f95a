"""The paper account opens once."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from polotui.core.clock import FrozenClock
from polotui.storage.database import Database
from polotui.trading.ledger import Ledger
from polotui.trading.paper_account import PaperAccount


async def test_the_first_start_deposits_and_later_ones_do_not(
    database: Database, ledger: Ledger, clock: FrozenClock
) -> None:
    paper = PaperAccount(database, ledger, clock)
    assert sorted(await asyncio.gather(*(paper.open() for _ in range(4)))) == [False, False, False, True]
    assert await paper.open() is False
    account = await paper.account()
    assert [(b.currency, b.available, b.hold) for b in account.balances] == [("USDT", Decimal(10_000), Decimal(0))]
    await paper.deposit("BTC", Decimal("0.5"))
    await ledger.withdraw_virtual("paper", "USDT", Decimal(10_000))
    assert [b.currency for b in (await paper.account()).balances] == ["BTC"]
    assert (await ledger.verify()).entries == 3
