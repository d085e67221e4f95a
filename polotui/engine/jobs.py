"""Jobs: work that takes a while, with progress, cancel, and exactly one end: completed, failed(reason) or cancelled.

Decided here: a job is a row before it starts and its end is a row; a job that a killed engine left running ends as
«failed: the engine ended», and can be started again, because downloads resume where the store's data ends. Progress
is a topic, never a row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from polotui.api.events import Event, JobState
from polotui.core.errors import PolotuiError, UsageError

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

log = logging.getLogger("polotui.engine.jobs")

Progress = Callable[[float, str], None]


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
        self, title: str, kind: str, arguments: dict[str, Any], work: Callable[[Progress], Awaitable[str]]
    ) -> int:
        """Starts `work(progress)`; its result is a sentence for the person. Returns the job's number."""
        row = await self._records.start_job(title, kind, arguments)
        self._states[row.id] = JobState(id=row.id, title=title, done=0.0)
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
        task.cancel()

    def running(self) -> list[str]:
        return [self._states[number].title for number in self._tasks]

    async def states(self, limit: int) -> list[JobState]:
        """Newest first; running ones with their progress."""
        found = []
        for row in await self._records.jobs(limit):
            running = self._states.get(row.id)
            end = "" if row.state == "running" else row.state
            found.append(running or JobState(id=row.id, title=row.title, done=1.0, end=end, reason=row.reason))
        return found

    async def _carry_out(self, number: int, title: str, work: Callable[[Progress], Awaitable[str]]) -> None:
        def progress(done: float, detail: str) -> None:
            self._show(number, done=min(max(done, 0.0), 1.0), detail=detail)

        end, reason = "failed", "ended unexpectedly"
        try:
            reason = await work(progress)
            end = "completed"
        except asyncio.CancelledError:
            end, reason = "cancelled", "cancelled; what was stored stays, and it resumes from there"
            raise
        except PolotuiError as error:
            reason = str(error)
        except Exception as error:
            reason = f"a fault: {type(error).__name__}"
            raise
        finally:
            self._tasks.pop(number, None)
            # The end is a row even when this task is being cancelled.
            await asyncio.shield(self._end(number, title, end, reason))

    async def _end(self, number: int, title: str, end: str, reason: str) -> None:
        await self._records.end_job(number, end, reason)
        self._show(number, done=1.0 if end == "completed" else self._states[number].done, end=end, reason=reason)
        level = "info" if end != "failed" else "error"
        self._engine.facts.submit("job", level, f"{title}: {end}. {reason}")

    def _show(self, number: int, **changes: Any) -> None:
        self._states[number] = msgspec.structs.replace(self._states[number], **changes)
        self._engine.hub.touch("jobs", str(number))

    def _event(self, topic: str, key: str) -> Event | None:
        return self._states.get(int(key)) if key else None
