"""A whole desk under the rig for one purpose: an exchange, a home, an engine, and words to work it with."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from polotui.core.paths import Home
from polotui.engine.engine import Engine
from polotui.engine.exchange import Venue
from polotui.engine.trading.service import Trading
from polotui.simulator.config import AccountSpec, Config, default_symbols
from polotui.simulator.serve import Simulator
from tests.campaign.trading.life import Life, Lives, mortal
from tests.campaign.trading.tail import Tail
from tests.rig import World, rig
from tests.rig.clock import RigClock

KEY, SECRET = "demo-key", "demo-secret"
FUNDS = {"USDT": Decimal(10_000), "BTC": Decimal("0.02"), "ETH": Decimal("0.4"), "SOL": Decimal(7)}
#: Three symbols give about ten messages a second.
ACTIVITY = 0.55
#: A market that moves several times as much as a real one, so that an hour has many trades.
VOLATILITY = 2.5


class Desk:
    """Made by `on_desk`, or by a run."""

    def __init__(self, world: World, folder: Path, clock: RigClock, **config: Any) -> None:
        self.world = world
        self.clock = clock
        self.home = Home.at(folder).make()
        symbols = tuple(replace(spec, yearly_volatility=VOLATILITY) for spec in default_symbols(3, world.seed))
        config = {"activity": ACTIVITY, "accounts": (AccountSpec(KEY, SECRET, FUNDS),)} | config
        self.simulator = Simulator(
            Config(seed=str(world.seed), symbols=symbols, **config), world.clock, world.chance.child("exchange"), 3
        )
        self.tail = Tail(self.home.ledger)
        self.lives: Lives

    async def prepare(self) -> None:
        port = await self.simulator.start("127.0.0.1")
        base = f"127.0.0.1:{port}"
        venue = Venue(
            "rig", f"http://{base}", f"ws://{base}/ws/public", f"ws://{base}/ws/private", KEY, SECRET, demo=True
        )
        self.lives = Lives(self.world, self.home, venue, self.clock)

    @property
    def life(self) -> Life:
        assert self.lives.life is not None
        return self.lives.life

    @property
    def engine(self) -> Engine:
        return self.life.engine

    @property
    def trading(self) -> Trading:
        assert self.engine.trading is not None
        return self.engine.trading

    async def ask(self, command: Any) -> Any:
        """A use case, asked within the engine's life. Raises what it raises; CancelledError when the engine dies."""
        return await self.life.spawn(self.engine.handle(command), "person")

    async def until(self, holds: Callable[[], object], seconds: float = 60.0, *, what: str = "") -> None:
        """Waits for what others bring about, in virtual time."""
        deadline = self.world.loop.now + seconds
        while not holds():
            if self.world.loop.now >= deadline:
                raise AssertionError(f"it did not come about in {seconds:.0f} s: {what or holds}")
            await asyncio.sleep(0.05)

    async def open(self) -> None:
        """The first engine, with prices, with its safety known, and its books with the exchange open."""
        await self.lives.start()
        await self.until(self.works, 60.0, what="the desk works")

    def works(self) -> bool:
        """Whether orders can be sent on both accounts."""
        trading = self.engine.trading
        if trading is None or not trading.started:
            return False
        safety = self.engine.safety.current()
        fresh = all(trading.markets.fresh(symbol) for symbol in self.simulator.exchange.markets)
        priced = all(trading.markets.mark(symbol) is not None for symbol in self.simulator.exchange.markets)
        known = trading.rehearsal is None or not trading.rehearsal.why_not()
        begun = all(root in trading.view.day_start for root in trading.roots())
        return fresh and priced and known and begun and safety is not None and safety.score > 90 and not safety.vetoes

    async def dies(self, work: Coroutine[Any, Any, Any], on: str) -> None:
        """Does `work` until the engine dies at the step `on`; then another engine is started."""
        life = self.life
        life.die_on = on
        task = life.spawn(work, "person")
        async with asyncio.timeout(600):
            await life.died.wait()
        await self.lives.bury(life)
        await asyncio.gather(task, return_exceptions=True)
        await self.lives.start()
        await self.until(self.works, 120.0, what="the desk works again")

    async def close(self) -> None:
        await self.lives.stop()
        await self.simulator.stop()
        await asyncio.sleep(5)

    async def give_up(self) -> None:
        """Leaves nothing behind, however far it came."""
        self.tail.close()
        life = self.lives.life
        if life is not None and life.running is not None and not life.running.done():
            await self.lives.bury(life)
            await self.simulator.stop()


def on_desk(
    work: Callable[[Desk], Awaitable[Any]],
    seed: int | str = 1,
    *,
    skew_ms: int = 0,
    around: Callable[[Desk], AbstractContextManager[Any]] = lambda desk: nullcontext(),
    opened: bool = True,
    **config: Any,
) -> Any:
    """The result of `work` on a desk that is open, under the rig."""
    folder = Path(tempfile.mkdtemp(prefix="pt-desk-"))

    async def main(world: World) -> Any:
        desk = Desk(world, folder, RigClock(world.loop, skew_ms=skew_ms), **config)
        with ExitStack() as stack:
            stack.enter_context(mortal(world))
            stack.enter_context(around(desk))
            await desk.prepare()
            try:
                if opened:
                    await desk.open()
                result = await work(desk)
                await desk.close()
                return result
            finally:
                await desk.give_up()

    try:
        return rig(main, seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
