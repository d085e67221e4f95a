from __future__ import annotations

import asyncio

import pytest

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.core.tasks import Supervisor


async def test_whole_work_ends_though_nobody_waits_any_more() -> None:
    supervisor = Supervisor(SystemClock(), Chance(1), lambda name, error: None)
    begun, go, done = asyncio.Event(), asyncio.Event(), []

    async def work() -> int:
        begun.set()
        await go.wait()
        done.append(1)
        return 7

    waiting = asyncio.create_task(supervisor.whole(work()))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert supervisor.owes == 1
    go.set()
    await supervisor.finish(5)
    assert (done, supervisor.owes) == ([1], 0)


async def test_what_never_ends_is_cancelled_at_the_end() -> None:
    supervisor = Supervisor(SystemClock(), Chance(1), lambda name, error: None)
    waiting = asyncio.create_task(supervisor.whole(asyncio.sleep(3600)))
    await asyncio.sleep(0)
    await supervisor.finish(0)
    assert supervisor.owes == 0
    with pytest.raises(asyncio.CancelledError):
        await waiting
