"""A worker's lane: cancelled twice, disturbed by its listener, and asked again. The worker is a plain process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from polotui.backtest.work import CheckWork, Done, WarmWork
from polotui.core.clock import SystemClock
from polotui.core.paths import Home
from polotui.engine import compute
from polotui.engine.compute import Lane

#: Says a part for each check and its end only when the flag to stop is set; answers everything else at once.
SLOW = """
import sys, time, struct, msgspec
from pathlib import Path
from polotui.backtest.gauge import Gauge
from polotui.backtest.work import Work, CheckWork, Done, Part, Failed
gauge = Gauge.open(Path(sys.argv[1]))
out, decode = sys.stdout.buffer, msgspec.msgpack.Decoder(Work).decode
def say(answer):
    body = msgspec.msgpack.encode(answer)
    out.write(struct.pack("<I", len(body)) + body)
    out.flush()
while head := sys.stdin.buffer.read(4):
    work = decode(sys.stdin.buffer.read(struct.unpack("<I", head)[0]))
    if isinstance(work, CheckWork):
        say(Part(value={"text": work.text}))
        while not gauge.cancelled:
            time.sleep(0.01)
        time.sleep(0.3)
        say(Failed(code="cancelled", cause="stopped"))
    else:
        say(Done(value={"fresh": True}))
"""


@pytest.fixture
async def lane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lane]:
    import sys

    async def start(module: str, arguments: Any, *, log: Path) -> asyncio.subprocess.Process:
        path = arguments[arguments.index("--gauge") + 1]
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", SLOW, path, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )

    monkeypatch.setattr(compute, "start_worker", start)
    home = Home(tmp_path, tmp_path, tmp_path, tmp_path)
    lane = Lane("test", home, SystemClock())
    yield lane
    await lane.close()
    lane.remove()


async def begun(lane: Lane) -> asyncio.Task[Done]:
    """A check that the worker is at."""
    heard = asyncio.Event()
    task = asyncio.create_task(lane.run(CheckWork(text="slow"), hear=lambda value: heard.set()))
    async with asyncio.timeout(30):
        await heard.wait()
    return task


async def test_a_work_that_is_cancelled_twice_does_not_disturb_the_next(lane: Lane) -> None:
    task = await begun(lane)
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(30):
        done = await lane.run(WarmWork())
        assert done.value == {"fresh": True}
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_listener_that_fails_does_not_leave_its_work_to_the_next(lane: Lane) -> None:
    def hear(value: dict[str, Any]) -> None:
        raise ValueError("a fault of the listener")

    async with asyncio.timeout(30):
        with pytest.raises(ValueError, match="listener"):
            await lane.run(CheckWork(text="slow"), hear=hear)
        assert (await lane.run(WarmWork())).value == {"fresh": True}


async def test_a_watch_that_fails_does_not_leave_its_work_to_the_next(lane: Lane) -> None:
    def watch(done: int, total: int) -> None:
        raise ValueError("a fault of the watch")

    async with asyncio.timeout(30):
        with pytest.raises(ValueError, match="watch"):
            await lane.run(CheckWork(text="slow"), watch)
        assert (await lane.run(WarmWork())).value == {"fresh": True}
