"""Work beside the loop: its result, its failure, and nobody who waits for it when the caller is gone."""

from __future__ import annotations

import asyncio
import threading

import pytest

from polotui.core.threads import beside


async def test_the_result_comes_while_the_loop_goes_on() -> None:
    gate = threading.Event()
    task = asyncio.create_task(beside(lambda: (gate.wait(30), threading.current_thread().name), "look"))
    await asyncio.sleep(0)
    assert not task.done()
    gate.set()
    assert await task == (True, "look")


async def test_a_failure_is_the_callers() -> None:
    def fail() -> None:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        await beside(fail)


async def test_a_caller_that_is_cancelled_does_not_wait() -> None:
    gate = threading.Event()
    ended = threading.Event()

    def work() -> None:
        gate.wait(30)
        ended.set()

    task = asyncio.create_task(beside(work))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not ended.is_set()
    gate.set()
    assert await beside(lambda: ended.wait(30))


def test_a_loop_that_was_closed_meanwhile_is_no_fault() -> None:
    started, gate = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        threads.append(threading.current_thread())
        started.set()
        gate.wait(30)

    async def leave() -> None:
        task = asyncio.create_task(beside(work))
        await asyncio.sleep(0)
        assert started.wait(30)
        task.cancel()

    asyncio.run(leave())
    gate.set()
    threads[0].join(30)
    assert not threads[0].is_alive()
