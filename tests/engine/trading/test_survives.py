"""What the trading campaign found: each was a fault of the running desk, and is kept as the smallest run that shows it."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.campaign.trading.desk import Desk, on_desk


def rows(desk: Desk, query: str, *values: Any) -> list[Any]:
    return desk.tail.connection().execute(query, values).fetchall()


def test_an_account_without_books_has_lost_nothing() -> None:
    """Before the first contact the exchange's account has no rows: that is no equity of zero, and no fall to it."""

    async def work(desk: Desk) -> None:
        await asyncio.sleep(10)
        assert desk.trading.latches.active() == []
        assert desk.trading.halting.state() == "ACTIVE"
        assert desk.trading.view.account("spot").drawdown is not None

    on_desk(work)


def test_facts_keep_one_time_on_a_machine_whose_clock_is_wrong() -> None:
    """What the engine tells and what trading tells stand in one feed, and carry the exchange's time."""

    async def work(desk: Desk) -> None:
        for _ in range(3):
            await desk.trading.note("risk", "told by trading", "test")
            desk.engine.facts.submit("market", "info", "told by the engine")
            await asyncio.sleep(2)
        told = rows(desk, "SELECT at_ms, text FROM facts WHERE text LIKE 'told by%' ORDER BY number")
        times = [at_ms for at_ms, _ in told]
        assert len(times) == 6
        assert times == sorted(times)
        assert max(times) - desk.world.clock.wall_ms() < 1_000
        everything = [at_ms for (at_ms,) in rows(desk, "SELECT at_ms FROM facts ORDER BY number")]
        assert everything == sorted(everything)

    on_desk(work, skew_ms=-120_000)
    on_desk(work, skew_ms=200)
