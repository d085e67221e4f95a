"""Jobs: work that takes a while, with progress, cancel, and exactly one end: completed, failed(reason) or cancelled.

Decided here: a job is a row before it starts and its end is a row; a job that a killed engine left running ends as
«failed: the engine ended», and can be started again, because downloads resume where the store's data ends. Progress
is a topic, never a row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from polotui.api.events import Event, JobState
from polotui.core.errors import PolotuiError, UsageError

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

log = logging.getLogger("polotui.engine.jobs")

#: Below this share the remaining time would be a guess.
_LEAST_DONE = 0.02


class Progress(Protocol):
    """`done` from 0 to 1; `detail` and `speed` in words. The remaining time is reckoned from the pace so far."""

    def __call__(self, done: float, detail: str = "", *, speed: str = "") -> None: ...


class Jobs:
    """Publishes `jobs`, one key a job."""

    def __init__(self, engine: Engine) -> None:
        assert engine.stores is not None
        self._engine = engine
        self._records = engine.stores.records
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._states: dict[int, JobState] = {}

    async def start(self) -> None:
        for row in await self._records.running_jobs():
            await self._records.end_job(row.id, "failed", "the engine ended before the job did")
            self._engine.facts.submit("job", "warning", f"{row.title}: the engine ended before it was done.")
        self._engine.hub.provide("jobs", self._event)

    async def run(
        self,
        title: str,
        kind: str,
        arguments: dict[str, Any],
        work: Callable[[Progress], Awaitable[str]],
        *,
        result: int = 0,
    ) -> int:
        """Starts `work(progress)`; its result is a sentence for the person. `result` is the run or sweep that it makes.

        Returns the job's number.
        """
        row = await self._records.start_job(title, kind, arguments)
        self._states[row.id] = JobState(
            id=row.id, title=title, done=0.0, kind=kind, result=result, started_ms=row.created_ms
        )
        self._tasks[row.id] = self._engine.supervisor.task(f"job-{row.id}", self._carry_out(row.id, title, work))
        self._engine.hub.touch("jobs", str(row.id))
        # Begun before anybody can cancel it: a task that never took its first step could not write its end.
        await asyncio.sleep(0)
        return row.id

    def cancel(self, number: int) -> None:
        """Raises UsageError when no such job runs."""
        task = self._tasks.get(number)
        if task is None:
            raise UsageError(f"Job {number} does not run.", safe="Nothing was changed.")
        if not task.cancelling():
            # Asked once: a second time would break off what the first has to put in order.
            task.cancel()

    def is_running(self, number: int) -> bool:
        return number in self._tasks

    async def wait(self, number: int) -> None:
        """Returns when the job has ended, however it did; at once for one that does not run."""
        task = self._tasks.get(number)
        if task is not None:
            await asyncio.wait({task})

    def running(self) -> list[str]:
        return [self._states[number].title for number in self._tasks]

    async def states(self, limit: int) -> list[JobState]:
        """Newest first; running ones with their progress."""
        found = []
        for row in await self._records.jobs(limit):
            running = self._states.get(row.id)
            end = "" if row.state == "running" else row.state
            ended = JobState(
                id=row.id,
                title=row.title,
                done=1.0,
                end=end,
                reason=row.reason,
                kind=row.kind,
                result=int(row.args.get("result", 0)),
                started_ms=row.created_ms,
                ended_ms=row.ended_ms or 0,
            )
            found.append(running or ended)
        return found

    async def _carry_out(self, number: int, title: str, work: Callable[[Progress], Awaitable[str]]) -> None:
        started = self._engine.clock.monotonic()

        def progress(done: float, detail: str = "", *, speed: str = "") -> None:
            share = min(max(done, 0.0), 1.0)
            elapsed = self._engine.clock.monotonic() - started
            left = elapsed * (1.0 - share) / share if share >= _LEAST_DONE else None
            self._show(number, done=share, detail=detail, speed=speed, left_s=left)

        end, reason = "failed", "ended unexpectedly"
        try:
            reason = await work(progress)
            end = "completed"
        except asyncio.CancelledError:
            end, reason = "cancelled", "what had been stored stays"
            raise
        except PolotuiError as error:
            reason = str(error)
        except Exception as error:
            reason = f"a fault: {type(error).__name__}; polotui logs has it"
            raise
        finally:
            self._tasks.pop(number, None)
            # The end is a row even when this task is being cancelled.
            await asyncio.shield(self._end(number, title, end, reason))

    async def _end(self, number: int, title: str, end: str, reason: str) -> None:
        await self._records.end_job(number, end, reason)
        done = 1.0 if end == "completed" else self._states[number].done
        now = self._engine.clock.wall_ms()
        self._show(number, done=done, end=end, reason=reason, left_s=None, speed="", ended_ms=now)
        level = "info" if end != "failed" else "error"
        self._engine.facts.submit("job", level, f"{title}: {end}. {reason}")

    def _show(self, number: int, **changes: Any) -> None:
        self._states[number] = msgspec.structs.replace(self._states[number], **changes)
        self._engine.hub.touch("jobs", str(number))

    def _event(self, topic: str, key: str) -> Event | None:
        return self._states.get(int(key)) if key else None
