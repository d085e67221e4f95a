"""Orders and cancels travel; what they meet is decided where they arrive. Under virtual time."""

from __future__ import annotations

import asyncio

from polotui.model.orders import OrderState, OrderType, Side
from polotui.trading.paper import models
from polotui.trading.paper.models import PaperSettings
from tests.rig.world import World, rig
from tests.trading.paper.world import D, Desk

S = OrderState
SLOW = PaperSettings(latency_ms=100, jitter_ms=0)


async def start(world: World) -> tuple[Desk, asyncio.Task[None]]:
    desk = Desk(clock=world.clock, chance=world.chance.child("paper"), settings=SLOW)
    desk.markets.show([(99.0, 1.0)], [(100.0, 1.0)])
    return desk, asyncio.create_task(desk.venue.run())


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_an_order_meets_the_book_of_its_arrival() -> None:
    async def main(world: World) -> None:
        desk, task = await start(world)
        placing = asyncio.create_task(desk.venue.place(desk.terms(Side.BUY, amount="52"), None))
        await asyncio.sleep(0.05)
        desk.show([(103.0, 1.0)], [(104.0, 1.0)])
        await placing
        await desk.venue.settled()
        assert [fill.price for fill in desk.books.of("pt-1")] == [D(104)]
        await stop(task)

    rig(main)


def test_a_cancel_may_come_too_late_and_in_time() -> None:
    async def main(world: World) -> None:
        desk, task = await start(world)
        orders = [desk.terms(Side.BUY, OrderType.LIMIT, quantity="1", price="99.5") for _ in range(2)]
        for terms in orders:
            await desk.venue.place(terms, None)
        cancelling = asyncio.create_task(desk.venue.cancel(orders[0]))
        await asyncio.sleep(0.05)
        desk.trade(99.4, 1.0, buy=False)
        assert (await cancelling).state is S.FILLED
        cancelling = asyncio.create_task(desk.venue.cancel(orders[1]))
        await asyncio.sleep(0.05)
        desk.trade(99.4, 0.25, buy=False)
        assert (await cancelling).state is S.CANCELLED
        await desk.venue.settled()
        assert desk.books.states(orders[0].id) == [S.FILLED]
        assert desk.books.states(orders[1].id) == [S.PARTIAL, S.CANCELLED]
        await stop(task)

    rig(main)


def test_an_order_on_its_way_is_neither_absent_nor_open_and_is_placed_once() -> None:
    async def main(world: World) -> None:
        desk, task = await start(world)
        terms = desk.terms(Side.SELL, quantity="1")
        placing = asyncio.create_task(desk.venue.place(terms, None))
        await asyncio.sleep(0.05)
        found = await desk.venue.lookup(terms)
        assert (found.state, found.absent, found.code) == (S.UNKNOWN, False, models.ON_ITS_WAY)
        again = await desk.venue.place(terms, None)
        assert (again.state, again.code) == (S.UNKNOWN, models.ON_ITS_WAY)
        await placing
        await desk.venue.settled()
        assert len(desk.books.of(terms.id)) == 1
        await stop(task)

    rig(main)


def test_an_order_whose_sending_was_cancelled_never_arrives() -> None:
    async def main(world: World) -> None:
        desk, task = await start(world)
        terms = desk.terms(Side.SELL, quantity="1")
        placing = asyncio.create_task(desk.venue.place(terms, None))
        await asyncio.sleep(0.05)
        placing.cancel()
        await asyncio.gather(placing, return_exceptions=True)
        await asyncio.sleep(1)
        assert (await desk.venue.lookup(terms)).absent
        assert not desk.books.told
        await stop(task)

    rig(main)


def test_time_ends_an_order_without_any_market_event() -> None:
    async def main(world: World) -> None:
        desk, task = await start(world)
        terms = desk.terms(
            Side.BUY, OrderType.LIMIT, quantity="1", price="99", expire_ms=world.clock.wall_ms() + 90_000
        )
        await desk.venue.place(terms, None)
        await asyncio.sleep(89)
        assert len(await desk.venue.open_orders()) == 1
        await asyncio.sleep(1)
        await desk.venue.settled()
        assert desk.books.states(terms.id) == [S.EXPIRED]
        await stop(task)

    rig(main)


def test_news_of_one_order_that_fails_does_not_hold_up_the_others() -> None:
    async def main(world: World) -> None:
        desk, task = await start(world)
        desk.books.fail_for = "pt-1"
        first, second = desk.terms(Side.SELL, quantity="0.5"), desk.terms(Side.SELL, quantity="0.25")
        await desk.venue.place(first, None)
        await desk.venue.place(second, None)
        await asyncio.sleep(2)
        assert (desk.books.states(first.id), desk.books.states(second.id)) == ([], [S.FILLED])
        # What can't be booked must not be added to; what reduces may go.
        refused = await desk.venue.place(desk.terms(Side.BUY, amount="10"), None)
        assert refused.code == models.NOT_READY
        desk.books.fail_for = ""
        await desk.venue.settled()
        assert [fill.quantity for fill in desk.books.of(first.id)] == [D("0.5")]
        assert desk.books.states(first.id) == [S.FILLED]
        await stop(task)

    rig(main)
