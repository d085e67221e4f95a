"""Following a job of the engine from a command.

Decided here: ctrl+c asks the engine to cancel the job, a second ctrl+c leaves it running. Progress goes to standard
error, and only to a terminal: one line that is written over, no wider than the terminal.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable

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
BAR_CELLS = 16
_EIGHTHS = " ▏▎▍▌▋▊▉"
#: What else to say of a running job, asked at each look.
More = Callable[[JobState], Awaitable[str]]


class JobEnded(PolotuiError):
    """The job was cancelled or failed."""

    code = "job"


async def follow_job(link: SocketLink, number: int, more: More | None = None) -> JobState:
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
            return await _until_end(link, number, more)
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


def must_complete(job: JobState, *, safe: str, next_step: str) -> None:
    """Raises JobEnded when the job was cancelled or failed."""
    if job.end != "completed":
        raise JobEnded(
            f"{clean(job.title)}: {job.end}{', ' + clean(job.reason).rstrip('.') if job.reason else ''}.",
            safe=safe,
            next_step=next_step,
            code=f"job-{job.end}",
        )


def progress_line(job: JobState, more: str = "") -> str:
    """A job's progress: its title, a bar, percent, speed, what remains, and what else there is to say."""
    done = min(1.0, max(0.0, job.done))
    left = f"{duration(job.left_s)} left" if job.left_s is not None and not job.end else ""
    words = [bar(done), f"{done * 100:5.1f} %", clean(job.speed, 30), left, clean(job.detail, 60), more]
    return "  ".join(word for word in [clean(job.title, 40), *words] if word)


def bar(done: float, cells: int = BAR_CELLS) -> str:
    """A bar of `cells` terminal cells, filled to an eighth of a cell."""
    full, eighths = divmod(round(done * cells * 8), 8)
    inside = "█" * full + (_EIGHTHS[eighths] if full < cells else "")
    return f"▕{inside:<{cells}}▏"


def duration(seconds: float) -> str:
    """`0:07`, `12:30`, `1:05:00`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


async def _until_end(link: SocketLink, number: int, more: More | None) -> JobState:
    while True:
        reply: Jobs = await link.call(GetJobs(limit=100))
        job = next((job for job in reply.jobs if job.id == number), None)
        if job is None:
            raise StorageError(
                f"The engine no longer knows job {number}.", next_step="polotui events shows what happened."
            )
        if sys.stderr.isatty():  # a file of progress lines helps nobody
            _rewrite(progress_line(job, await more(job) if more is not None else ""))
        if job.end:
            return job
        await asyncio.sleep(POLL_SECONDS)


def _rewrite(text: str) -> None:
    room = shutil.get_terminal_size().columns - 1
    sys.stderr.write(f"\r\x1b[2K{text[:room]}")
    sys.stderr.flush()
