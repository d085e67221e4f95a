"""Halting at the exchange: everything goes, it is looked at until it is gone, and nothing else is needed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polotui.core.clock import SystemClock
from polotui.core.errors import RealTradeBlocked
from polotui.core.ids import Chance
from polotui.poloniex.signing import SecretSigner
from polotui.simulator.config import Config
from polotui.simulator.faults import Rule
from polotui.simulator.serve import Simulator
from polotui.trading.exchange.halt import HaltClient
from polotui.trading.exchange.venue import NotAllCancelled
from tests.rig import World, rig
from tests.trading.exchange.bench import BTC, KEY, SECRET, running

ORDER = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "quantity": "0.001"}


def halting(run: Any, *, seed: int = 1, **config: Any) -> Any:
    """Thirty orders rest at an exchange 100 ms away; nothing of the desk runs."""

    async def main(world: World) -> Any:
        world.network.latency = (0.05, 0.05)
        simulator = Simulator(Config(seed=1, quiet_market=True, **config), world.clock, world.chance.child("ex"), 3)
        port = await simulator.start("127.0.0.1")
        user = simulator.exchange.ledger.accounts[KEY]
        for number in range(30):
            source = "WEB" if number % 3 else "API"
            simulator.exchange.place(user, ORDER | {"price": str(50_000 - number)}, source=source)
        client = halt_client(f"http://127.0.0.1:{port}", world.clock, world.chance)
        try:
            return await run(client, simulator, user)
        finally:
            await client.close()
            await simulator.stop()
            await asyncio.sleep(5)

    return rig(main, seed)


def halt_client(url: str, clock: Any, chance: Any) -> HaltClient:
    return HaltClient(url, SecretSigner(KEY, SECRET.encode()), clock=clock, chance=chance)


def test_everything_is_cancelled_and_confirmed_within_five_seconds() -> None:
    async def run(client: HaltClient, simulator: Simulator, user: Any) -> None:
        warm = asyncio.create_task(client.keep_warm())
        await asyncio.sleep(10)
        done = await client.cancel_everything()
        warm.cancel()
        assert user.open == {}
        assert (done.cancelled, done.left, done.errors, done.confirmed) == (30, 0, (), True)
        assert done.first_cancel_ms is not None
        assert done.first_cancel_ms <= 100
        assert done.confirmed_ms is not None
        assert done.confirmed_ms <= 5_000

    halting(run)


def test_it_needs_no_warning() -> None:
    async def run(client: HaltClient, simulator: Simulator, user: Any) -> None:
        done = await client.cancel_everything()
        assert (user.open, done.confirmed) == ({}, True)
        assert done.confirmed_ms is not None
        assert done.confirmed_ms <= 5_000

    halting(run)


@pytest.mark.parametrize(
    "rules",
    [
        [Rule(kind="lost", method="DELETE", path="/orders", times=3)],
        [Rule(kind="lost", method="DELETE", path="/orders", effect="after", times=3)],
        [Rule(kind="error", path="/orders", rate=0.5)],
        [Rule(kind="throttle", method="DELETE", path="/orders", times=2, retry_after=2)],
        [Rule(kind="slow", path="/orders", seconds=(6.0, 7.0), times=2)],
    ],
)
def test_it_goes_on_until_everything_is_gone(rules: list[Rule]) -> None:
    async def run(client: HaltClient, simulator: Simulator, user: Any) -> None:
        simulator.faults.load(rules)
        done = await client.cancel_everything()
        assert (user.open, done.left, done.confirmed) == ({}, 0, True)
        assert done.errors or rules[0].kind == "slow"

    halting(run)


def test_an_order_that_arrives_after_the_first_look_goes_too() -> None:
    async def run(client: HaltClient, simulator: Simulator, user: Any) -> None:
        late = asyncio.get_running_loop().call_later(0.75, simulator.exchange.place, user, ORDER | {"price": "45000"})
        done = await client.cancel_everything()
        assert late.when() < asyncio.get_running_loop().time()
        assert (user.open, done.confirmed) == ({}, True)

    halting(run)


def test_an_exchange_that_does_not_answer_is_said_so() -> None:
    async def run(client: HaltClient, simulator: Simulator, user: Any) -> None:
        simulator.hard_maintenance = True
        done = await client.cancel_everything(patience_s=10)
        assert (done.left, done.confirmed, len(user.open)) == (None, False, 30)
        assert done.errors

    halting(run)


async def test_it_halts_on_this_machine_only() -> None:
    client = halt_client("https://api.poloniex.com", SystemClock(), Chance(1))
    with pytest.raises(RealTradeBlocked):
        await client.cancel_everything()
    await client.close()


async def test_the_venue_cancels_all_and_looks() -> None:
    async with running() as bench:
        orders = [bench.desk.new("BUY", price=str(50_000 - n), quantity="0.001") for n in range(5)]
        other = bench.desk.new("BUY", symbol="ETH_USDT", price="1000", quantity="0.01")
        for terms in [*orders, other]:
            await bench.submit(terms)
        await bench.venue.cancel_all([BTC])
        assert [order.client_id for order in await bench.venue.open_orders()] == [other.id]
        await bench.venue.cancel_all()
        assert await bench.venue.open_orders() == []
        assert bench.money_agrees()


async def test_orders_that_will_not_go_are_said_so() -> None:
    async with running(cancel_delay=(3600.0, 3600.0)) as bench:
        await bench.submit(bench.desk.new("BUY", price="50000", quantity="0.001"))
        with pytest.raises(NotAllCancelled):
            await bench.venue.cancel_all()
