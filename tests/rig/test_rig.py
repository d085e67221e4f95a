"""The rig itself: real libraries run on it, its faults are the faults they claim to be, and one seed is one run."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from polotui.core import threads
from polotui.simulator.config import Config
from polotui.simulator.serve import Simulator
from tests.rig import World, rig
from tests.rig.loop import Deadlock, Livelock
from tests.rig.world import LeftBehind

ROOT = Path(__file__).resolve().parents[2]


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def test_hours_take_no_time() -> None:
    async def main(world: World) -> float:
        started = time.process_time()
        await asyncio.sleep(86_400)
        assert world.loop.now == 86_400
        return time.process_time() - started

    assert rig(main) < 86_400 / 1000


def test_websockets_run_unmodified_and_in_order() -> None:
    async def main(world: World) -> None:
        async with serve(echo, "exchange", 9000), connect("ws://exchange:9000", proxy=None) as client:
            for number in range(1000):
                await client.send(str(number))
            assert [await client.recv() for _ in range(1000)] == [str(number) for number in range(1000)]
            assert world.loop.now > 0

    rig(main)


def test_httpx_talks_to_the_built_in_exchange() -> None:
    async def main(world: World) -> None:
        exchange = Simulator(Config(), world.clock, world.chance.child("exchange"), 2)
        port = await exchange.start("exchange")
        async with httpx.AsyncClient(base_url=f"http://exchange:{port}", trust_env=False) as client:
            answer = await client.get("/timestamp")
            assert abs(answer.json()["serverTime"] - world.clock.wall_ms()) < 1_000
            assert (await client.post("/orders", content="{}")).status_code == 401
        await exchange.stop()

    rig(main)


def test_a_half_open_link_is_silent_and_a_reset_is_not() -> None:
    async def main(world: World) -> None:
        async with serve(echo, "exchange", 9000, ping_interval=None):
            client = await connect("ws://exchange:9000", proxy=None, ping_interval=None)
            world.network.links[-1].half_open()
            await client.send("x")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3600):
                    await client.recv()
            client.transport.abort()
            other = await connect("ws://exchange:9000", proxy=None, ping_interval=None)
            world.network.links[-1].reset()
            with pytest.raises(websockets.ConnectionClosed):
                await other.recv()

    rig(main)


def test_refused_connections_and_broken_names_raise_as_usual() -> None:
    async def main(world: World) -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("exchange", 9)
        world.network.dns_down = True
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("http://exchange:9/")

    rig(main)


def test_a_reader_that_does_not_read_makes_the_writer_wait() -> None:
    async def main(world: World) -> None:
        waiting = asyncio.Event()

        async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await waiting.wait()
            writer.close()

        server = await asyncio.start_server(stuck, "exchange", 9000)
        _, writer = await asyncio.open_connection("exchange", 9000)

        async def pour() -> None:
            for _ in range(200):
                writer.write(b"x" * 10_000)
                await writer.drain()
                await asyncio.sleep(0.1)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pour(), 60)
        waiting.set()
        writer.close()
        server.close()
        await asyncio.sleep(1)

    rig(main)


def test_detectors_name_what_can_never_end() -> None:
    async def deadlock(world: World) -> None:
        await asyncio.Event().wait()

    async def livelock(world: World) -> None:
        while True:
            await asyncio.sleep(0)

    async def leaves(world: World) -> None:
        world.task = asyncio.create_task(asyncio.sleep(5), name="orphan")  # type: ignore[attr-defined]

    with pytest.raises(Deadlock):
        rig(deadlock)
    with pytest.raises(Livelock):
        rig(livelock)
    with pytest.raises(LeftBehind, match="orphan"):
        rig(leaves)


async def busy(world: World) -> str:
    """Everything at once: sockets, chance, timers."""
    async with serve(echo, "exchange", 9000), connect("ws://exchange:9000", proxy=None) as client:

        async def talk(name: str) -> None:
            for number in range(50):
                await asyncio.sleep(world.chance.random())
                await client.send(f"{name} {number}")

        talkers = [asyncio.create_task(talk(name)) for name in "abc"]
        for _ in range(150):
            world.note(await client.recv())
        await asyncio.gather(*talkers)
    return world.trace


def test_one_seed_is_one_run_whatever_the_hash_seed() -> None:
    program = "from tests.rig import rig; from tests.rig.test_rig import busy; print(rig(busy, seed=7))"
    traces = set()
    for hash_seed in ("0", "1", "42"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        traces.add(done.stdout.strip())
    assert len(traces) == 1
    assert traces == {rig(busy, seed=7)}
    assert rig(busy, seed=8) not in traces


def test_work_beside_the_loop_takes_virtual_time_and_no_thread() -> None:
    async def main(world: World) -> tuple[float, int]:
        names = [await threads.beside(lambda: threading.current_thread().name) for _ in range(10)]
        return world.loop.now, names.count(threading.main_thread().name)

    first, second = rig(main, 4), rig(main, 4)
    assert first == second
    assert first[0] > 0
    assert first[1] == 10
