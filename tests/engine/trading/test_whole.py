"""What a face asked for is done to its end, also when the face leaves half-way; and the portfolio misses no row."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D

from polotui.api import commands as c
from polotui.trading.portfolio import Portfolio
from tests.engine.conftest import Stage, eventually


async def test_a_face_that_leaves_half_way_costs_the_portfolio_no_row(stage: Stage) -> None:
    engine = await stage.start()
    await engine.ready()
    trading = engine.trading
    assert trading is not None
    calls = [asyncio.create_task(engine.handle(c.PaperDeposit(currency="USDT", amount="5"))) for _ in range(5)]
    for turn, call in enumerate(calls):
        for _ in range(turn + 1):
            await asyncio.sleep(0)
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)

    async def same() -> bool:
        if trading.supervisor.owes:
            return False
        stored = await trading.database.read(Portfolio.load)
        return stored.last_entry == trading.portfolio.last_entry and not trading.portfolio.waiting

    await eventually(same)
    assert trading.portfolio.same_as(await trading.database.read(Portfolio.load))
    before = trading.portfolio.cash("paper")["USDT"]
    await engine.handle(c.PaperDeposit(currency="USDT", amount="7"))
    assert trading.portfolio.cash("paper")["USDT"] == before + D(7)
