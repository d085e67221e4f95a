"""Following a job of the engine from a command.

Decided here: ctrl+c asks the engine to cancel the job, a second ctrl+c leaves it running. Progress goes to standard
error, and only to a terminal.
"""

from __future__ import annotations

import asyncio
import sys

from polotui.api.commands import CancelJob, GetJobs
from polotui.api.events import JobState
from polotui.api.replies import Jobs
from polotui.api.socket_link import SocketLink
from polotui.cli.output import note
from polotui.core.errors import PolotuiError, StorageError
from polotui.core.signals import on_signals
from polotui.core.text import clean

#: How often progress is asked for; a job reports a few times a second at most.
POLL_SECONDS = 0.25


class JobEnded(PolotuiError):
    """The job was cancelled or failed."""

    code = "job"


async def follow_job(link: SocketLink, number: int) -> JobState:
    """The job's last state; shows its progress, and turns ctrl+c into a request to cancel it."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    asked: list[asyncio.Task[None]] = []
    left: list[bool] = []

    async def cancel() -> None:
        note("\nCancelling; ctrl+c once more leaves the job running.")
        await link.call(CancelJob(id=number))

    def interrupted(_: str) -> None:
        if asked and task is not None:
            left.append(True)
            task.cancel()
        else:
            asked.append(loop.create_task(cancel(), name="cancel-job"))

    try:
        with on_signals(loop, interrupted, "INT"):
            return await _until_end(link, number)
    except asyncio.CancelledError:
        if not left:
            raise
        raise JobEnded(
            "Left while the job runs.", safe="It goes on in the engine.", next_step="polotui events shows its end."
        ) from None
    finally:
        for request in asked:
            request.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        if sys.stderr.isatty():
            note("")


async def _until_end(link: SocketLink, number: int) -> JobState:
    while True:
        reply: Jobs = await link.call(GetJobs(limit=100))
        job = next((job for job in reply.jobs if job.id == number), None)
        if job is None:
            raise StorageError(
                f"The engine no longer knows job {number}.", next_step="polotui data list shows what is there."
            )
        _progress(job)
        if job.end:
            return job
        await asyncio.sleep(POLL_SECONDS)


def _progress(job: JobState) -> None:
    if not sys.stderr.isatty():
        return  # a file of progress lines helps nobody
    text = f"{clean(job.title, 40)}  {job.done * 100:5.1f} %  {clean(job.detail, 60)}"
    sys.stderr.write(f"\r\x1b[2K{text}")
    sys.stderr.flush()
