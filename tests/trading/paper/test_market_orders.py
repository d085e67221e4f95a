from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from polotui.model.orders import OrderState, Side
from tests.trading.paper.world import D, Desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    desk.markets.show([(99.0, 1.0), (98.0, 2.0)], [(100.0, 1.0), (101.0, 2.0)])
    task = asyncio.create_task(desk.venue.run())
    yield desk
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_buy_walks_the_asks_and_pays_the_fee_in_coins(desk: Desk) -> None:
    placed = await desk.venue.place(desk.terms(Side.BUY, amount="201"), None)
    assert placed.state is OrderState.ACCEPTED
    await desk.venue.settled()
    fills = desk.books.of("pt-1")
    assert [(fill.price, fill.quantity) for fill in fills] == [(D(100), D(1)), (D(101), D(1))]
    assert [(fill.fee, fill.fee_currency) for fill in fills] == [(D("0.002"), "BTC"), (D("0.002"), "BTC")]
    assert desk.books.states("pt-1") == [OrderState.FILLED]
    assert desk.books.booked("paper", "USDT") == D(10000) - 201
    assert desk.books.booked("paper", "BTC") == D("11.996")
