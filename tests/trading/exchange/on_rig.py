"""A live bench under the rig, from start to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from polotui.model.orders import OrderState, OrderTerms
from polotui.simulator.faults import Rule
from tests.rig import World, rig
from tests.trading.exchange.bench import Bench, build

#: Nothing comes over the stream: only asking can tell.
SILENT = Rule(kind="silence", channel="orders")


def on_rig(run: Callable[[Bench, World], Awaitable[Any]], seed: int | str = 1, **config: Any) -> Any:
    async def main(world: World) -> Any:
        bench = await build(world.clock, world.chance.child("bench"), **config)
        bench.desk.opening = bench.their_balances()
        await bench.start()
        try:
            return await run(bench, world)
        finally:
            await bench.stop()
            await asyncio.sleep(5)

    return rig(main, seed)


def order_rule(kind: str, effect: str = "before", **more: Any) -> Rule:
    return Rule(kind=kind, method="POST", path="/orders", effect=effect, **more)  # type: ignore[arg-type]


async def settled(bench: Bench, terms: OrderTerms, *states: OrderState, seconds: float = 60.0) -> float:
    """Waits for one of `states`; how long it took."""
    begun = bench.clock.monotonic()
    await bench.until(lambda: bench.desk.state(terms.id) in states, seconds)
    return bench.clock.monotonic() - begun


def server_orders(bench: Bench, terms: OrderTerms) -> int:
    return sum(1 for order in bench.user.orders.values() if order.terms.client_id == terms.id)
