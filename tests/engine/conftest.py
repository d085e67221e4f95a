"""A whole engine on the built-in exchange, in one process, over real sockets and real files."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.core.paths import Home
from polotui.core.settings.schema import Settings
from polotui.engine.engine import Engine
from polotui.engine.exchange import Venue
from polotui.engine.trading.correlations import Correlations
from polotui.simulator.config import Config
from polotui.simulator.serve import Simulator


class Stage:
    """The exchange, the engine on it, and what tests do with both."""

    def __init__(self, home: Home, simulator: Simulator, port: int) -> None:
        self.home = home
        self.simulator = simulator
        self.port = port
        self.engine: Engine = None  # type: ignore[assignment]
        self._running: asyncio.Task[None] | None = None

    def venue(self, *, keys: bool = True) -> Venue:
        base = f"127.0.0.1:{self.port}"
        key, secret = ("demo-key", "demo-secret") if keys else ("", "")
        return Venue(
            "test exchange",
            f"http://{base}",
            f"ws://{base}/ws/public",
            f"ws://{base}/ws/private",
            key,
            secret,
            demo=keys,
        )

    async def start(self, *, keys: bool = True, linger: float | None = None) -> Engine:
        self.engine = Engine(
            home=self.home,
            settings=Settings(),
            clock=SystemClock(),
            chance=Chance(),
            linger=linger,
            demo=keys,
            venue=self.venue(keys=keys),
        )
        self._running = asyncio.create_task(self.engine.run())
        await self.engine.ready()
        return self.engine

    async def stop(self) -> None:
        if self._running is not None:
            self.engine.stop()
            await self._running
            self._running = None

    async def ended(self) -> None:
        assert self._running is not None
        async with asyncio.timeout(20):
            await self._running


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Waits for what other tasks bring about; fails when it does not come."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def eventually(ask: Callable[[], Awaitable[object]], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await ask():
            await asyncio.sleep(0.02)


@pytest.fixture
def no_correlations(monkeypatch: pytest.MonkeyPatch) -> None:
    """No service loads hours of watched symbols, which would stand among a test's own candles."""

    async def idle(self: Correlations) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Correlations, "run", idle)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="pt") as folder:
        home = Home.at(Path(folder)).make()
        simulator = Simulator(Config(), SystemClock(), Chance("engine"), 4)
        port = await simulator.start()
        made = Stage(home, simulator, port)
        try:
            yield made
        finally:
            with contextlib.suppress(Exception):
                await made.stop()
            await simulator.stop()
            home.socket.unlink(missing_ok=True)
