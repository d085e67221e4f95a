"""Supervised tasks: nobody starts a task that nobody owns.

Decided here: a service that ends with an exception is started again after a growing, jittered pause; three failures
within five minutes mean it stays down, which `failed` says to Health and `on_failure` to whoever must act. A disk that
is full, locked or away says nothing about the service: it is started again until the disk is back, soon. A service that
returns is done. Cancellation always passes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from polotui.core.clock import Clock
from polotui.core.errors import StorageError
from polotui.core.ids import Chance

log = logging.getLogger("polotui.tasks")

MAX_FAILURES = 3
WINDOW_SECONDS = 300.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
#: With a disk that is away: after it is back nothing waits longer than this.
_DISK_PAUSE = 2.5
#: Codes of a database that passing trouble keeps from working.
_PASSING = frozenset({"storage-io", "storage-disk-full", "storage-locked", "storage-breaker"})

T = TypeVar("T")


class Supervisor:
    """Owns a set of services and one-off tasks; `close` cancels them all and waits."""

    def __init__(self, clock: Clock, chance: Chance, on_failure: Callable[[str, BaseException], None]) -> None:
        self._clock = clock
        self._chance = chance
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unfinished: set[asyncio.Task[Any]] = set()
        self.failed: dict[str, str] = {}
        self.restarts: dict[str, int] = {}

    def service(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Runs `run()` and starts it again when it fails."""
        return self._own(name, self._supervise(name, run))

    def task(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs `work` once; a failure is reported, not repeated."""
        task = self._own(name, self._once(name, work))
        # A task that is cancelled before its first step never takes `work` over.
        task.add_done_callback(lambda _: work.close())
        return task

    async def whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` to its end, also when whoever waits for it is cancelled."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    @property
    def owes(self) -> int:
        """How much of what `whole` began is not done yet."""
        return len(self._unfinished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("a use case ended with an error", extra={"detail": str(error)[:200]})

    async def finish(self, seconds: float) -> None:
        """Waits for what `whole` runs; what takes longer is cancelled."""
        if self._unfinished:
            _, late = await asyncio.wait(self._unfinished, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def close(self) -> None:
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _own(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _once(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            log.exception("task failed", extra={"task": name})
            self._on_failure(name, error)

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        failures: deque[float] = deque(maxlen=MAX_FAILURES)
        pause = _FIRST_PAUSE
        while True:
            try:
                await run()
                return
            except Exception as error:
                now = self._clock.monotonic()
                log.exception("service failed", extra={"task": name})
                passes = _passes(error)
                if passes:
                    pause = min(pause, _DISK_PAUSE)
                else:
                    failures.append(now)
                if not passes and len(failures) == MAX_FAILURES and now - failures[0] < WINDOW_SECONDS:
                    self.failed[name] = f"{type(error).__name__}: {error}"
                    self._on_failure(name, error)
                    return
            self.restarts[name] = self.restarts.get(name, 0) + 1
            await asyncio.sleep(pause / 2 + self._chance.jitter(pause / 2))
            pause = min(pause * 2, _LONGEST_PAUSE)


def _passes(error: BaseException) -> bool:
    """Whether an error is of the disk's, and over when the disk is back."""
    if isinstance(error, BaseExceptionGroup):
        return all(_passes(one) for one in error.exceptions)
    return isinstance(error, StorageError) and error.instance_code in _PASSING
