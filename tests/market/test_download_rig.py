"""A download from the built-in exchange under virtual time: stopped and taken up again, within the limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from polotui.market.history import History
from polotui.model.candles import DAY_MS, Timeframe
from polotui.poloniex.limits import PER_SECOND, Limits, Pool
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.transport import HttpReply, HttpxTransport
from polotui.simulator import config as exchange_config
from polotui.simulator.config import Config
from polotui.simulator.serve import Simulator
from polotui.storage.candles import CandleStore
from polotui.storage.columns import windows
from polotui.storage.database import Database
from tests.rig import World, rig

M1, H1 = Timeframe.M1, Timeframe.H1
SYMBOL = "BTC_USDT"
Window = tuple[int, int]


class Recording(HttpxTransport):
    """The real transport, with when each candle request left and which window [start, end) it asked for."""

    def __init__(self, base_url: str, world: World) -> None:
        super().__init__(base_url)
        self._world = world
        self.left: list[float] = []
        self.asked: list[Window] = []

    async def send(self, method: str, target: str, headers: dict[str, str], body: str, deadline_s: float) -> HttpReply:
        if "/candles" in target:
            query = parse_qs(urlsplit(target).query)
            self.left.append(self._world.loop.now)
            self.asked.append((int(query["startTime"][0]), int(query["endTime"][0]) + 1))
        return await super().send(method, target, headers, body, deadline_s)


class Past:
    def __init__(self, history: History, store: CandleStore, sent: Recording) -> None:
        self.history = history
        self.store = store
        self.sent = sent


@asynccontextmanager
async def engine(world: World, path: Path, port: int, limits: Limits | None = None) -> AsyncIterator[Past]:
    """What an engine downloads with; leaving it is the engine's end."""
    sent = Recording(f"http://127.0.0.1:{port}", world)
    rest = SpotRest(clock=world.clock, chance=world.chance.child("rest"), http=sent, limits=limits)
    try:
        async with Database(path, clock=world.clock, chance=world.chance.child("db"), schema="market") as database:
            store = CandleStore(database, world.clock)
            yield Past(History(rest, store, world.clock), store, sent)
    finally:
        await rest.close()


@asynccontextmanager
async def exchange(world: World, config: Config | None = None) -> AsyncIterator[tuple[Simulator, int]]:
    simulator = Simulator(config or Config(), world.clock, world.chance.child("exchange"), 4)
    port = await simulator.start()
    try:
        yield simulator, port
    finally:
        await simulator.stop()


def overlap(asked: list[Window], stored: list[Window]) -> list[tuple[Window, Window]]:
    return [(a, s) for a in asked for s in stored if a[0] < s[1] and s[0] < a[1]]


@pytest.mark.parametrize("frame", [M1, H1])
def test_a_stopped_download_goes_on_and_asks_for_nothing_twice(tmp_path: Path, frame: Timeframe) -> None:
    async def main(world: World) -> None:
        async with exchange(world) as (_, port):
            end = world.clock.wall_ms() // DAY_MS * DAY_MS - DAY_MS
            start = end - (12 if frame is M1 else 250) * DAY_MS
            stop = asyncio.Event()
            async with engine(world, tmp_path / "market.db", port) as first:
                task = asyncio.create_task(
                    first.history.fill(SYMBOL, frame, start, end, lambda done, _: stop.set() if done > 0.4 else None)
                )
                await stop.wait()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                before = await first.store.load_arrays(SYMBOL, frame)
                assert 500 <= len(before) < (end - start) // frame.ms
                pages = len(first.sent.asked)
            async with engine(world, tmp_path / "market.db", port) as second:
                done = await second.history.fill(SYMBOL, frame, start, end)
                after = await second.store.load_arrays(SYMBOL, frame)
                assert overlap(second.sent.asked, windows(before.open_ms, frame)) == []
                assert done.new == len(after) - len(before) > 0
                # The page that was under way may be asked for once more; no other.
                assert len(second.sent.asked) + pages <= -(-(end - start) // frame.ms // 500) + 2
                expected = np.arange(start, end, frame.ms)
                assert np.array_equal(after.window(start, end).open_ms, expected)
                assert await second.store.missing(SYMBOL, frame, start, end) == []
                again = await second.history.fill(SYMBOL, frame, start, end)
                assert (again.pages, again.new) == (0, 0)

    rig(main, f"resume {frame.value}")


def test_a_download_stays_within_the_exchanges_limit(tmp_path: Path) -> None:
    # The rig's network is slower than the real limit, so the exchange has a smaller one here.
    allowed = 10

    async def refused(world: World, per_second: int) -> tuple[int, int]:
        """Requests the exchange refused, and the most that left within one second."""
        async with exchange(world, Config(limits=exchange_config.Limits(public_light=allowed))) as (simulator, port):
            end = world.clock.wall_ms() // DAY_MS * DAY_MS - DAY_MS
            limits = Limits(world.clock, {**PER_SECOND, Pool.PUBLIC_LIGHT: per_second})
            async with engine(world, tmp_path / f"{per_second}.db", port, limits) as one:
                names = [market.spec.symbol for market in simulator.exchange.markets.values()]
                await asyncio.gather(*(one.history.fill(name, M1, end - 4 * DAY_MS, end) for name in names))
                left = np.array(one.sent.left)
                most = max(int(np.count_nonzero((left >= at) & (left < at + 1.0))) for at in left)
                return simulator.limits.refused, most

    careful = rig(lambda world: refused(world, allowed), "limits")
    assert careful[0] == 0
    assert allowed // 2 < careful[1] <= allowed
    careless = rig(lambda world: refused(world, 1_000), "limits")
    assert careless[0] > 0
    assert careless[1] > allowed
