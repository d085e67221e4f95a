"""Jobs: what is at work with its progress, and how the last ones ended.

Decided here: two lines for a running job, one for an ended one (two when it failed, with the reason), so that a bar
that moves costs the cells of one line.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from polotui.api.events import JobState
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.backtest.base import BenchPane
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.sparkline import bar

_END_TONES = {"completed": "good", "failed": "bad", "cancelled": "muted"}
_END_MARKS = {"completed": "✓", "failed": "✗", "cancelled": "○"}


def left_words(seconds: float | None) -> str:
    """«0:07 left», «1:02:30 left»; nothing while unknown."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02} left" if hours else f"{minutes}:{rest:02} left"


class JobList(BenchPane):
    """Running jobs first, then the ended ones, newest first."""

    NAME = "Jobs"
    ABOUT = "What the engine works on, with speed and remaining time. x cancels the job under the cursor."
    SCOPES = ("running", "joblist", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("running", "joblist")
    TOPICS = frozenset({"bench", "jobs", "link"})

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.chosen = 0
        """Number of the job under the cursor; 0 = the first."""
        self._rows: list[int] = []

    def jobs(self) -> list[JobState]:
        return sorted(self.desk.store.jobs.values(), key=lambda job: (bool(job.end), -job.id))

    def current(self) -> JobState | None:
        jobs = self.jobs()
        return next((job for job in jobs if job.id == self.chosen), jobs[0] if jobs else None)

    def title(self, width: int) -> Line:
        running = sum(1 for job in self.desk.store.jobs.values() if not job.end)
        return [(self.NAME, "title"), (f" · {running} running" if running else "", "accent")]

    def body(self, width: int, height: int) -> list[Line]:
        jobs = self.jobs()
        self._rows = []
        if not jobs:
            return [[(" Nothing at work. r runs the form.", "muted")]]
        current = self.current()
        blocks = [(job.id, self._block(job, width, chosen=job is current)) for job in jobs]
        place = next((index for index, job in enumerate(jobs) if job is current), 0)
        first = 0
        while first < place and sum(len(lines) for _, lines in blocks[first : place + 1]) > height:
            first += 1
        shown: list[Line] = []
        for number, lines in blocks[first:]:
            shown += lines
            self._rows += [number] * len(lines)
        return shown[:height]

    def _block(self, job: JobState, width: int, *, chosen: bool) -> list[Line]:
        back = " cursor" if chosen and self.has_focus else ""
        mark = ("▸", f"accent{back}") if chosen else (" ", "")
        name = clean(job.title, 120)
        if not job.end:
            size = max(6, min(14, width // 3))
            label = width - size - 4
            first: Line = [mark, (fit(f"#{job.id} {name}", label), back.strip())]
            first += [(" ▕", f"faint{back}"), (bar(job.done, size), f"accent{back}"), ("▏", f"faint{back}")]
            told = [f"{job.done * 100:3.0f} %", clean(job.speed, 24), left_words(job.left_s)]
            if not job.speed and not told[2]:
                told.append(clean(job.detail, 60))
            return [first, [(fit("    " + "  ".join(word for word in told if word), width), f"muted{back}")]]
        took = (job.ended_ms - job.started_ms) / 1000 if job.ended_ms and job.started_ms else None
        end = f"{_END_MARKS.get(job.end, '·')} {job.end}" + (f" {took:.2f} s" if took is not None else "")
        room = max(4, width - len(end) - 3)
        tone = _END_TONES.get(job.end, "muted")
        lines: list[Line] = [
            [mark, (fit(f"#{job.id} {name}", room), f"muted{back}"), (f" {end} ", f"{tone}{back}")],
        ]
        if job.end == "failed" and job.reason:
            words = wrapped(clean(job.reason, 300), width - 4)
            lines += [[(f"    {text}", "warn")] for text in words[: 6 if chosen else 1]]
        return lines

    def action_cursor(self, step: int) -> None:
        jobs = self.jobs()
        current = self.current()
        if current is not None:
            self.chosen = jobs[max(0, min(jobs.index(current) + step, len(jobs) - 1))].id
            self.repaint()

    def action_cancel(self) -> None:
        job = self.current()
        if job is None or job.end:
            self.desk.tell("This job does not run; nothing was cancelled.")
        else:
            self.bench.cancel(job.id)

    def action_open(self) -> None:
        """The result that the job made."""
        job = self.current()
        if job is None:
            return
        if job.result and job.kind == "sweep":
            # Also while it runs: its table is live.
            self.backtest.open_sweep(job.result)
        elif not job.result or job.end != "completed":
            self.desk.tell(clean(job.reason, 300) or "It has no result to open.")
        else:
            self.bench.open(job.result)

    def on_click(self, event: events.Click) -> None:
        row = event.y - 1
        if 0 <= row < len(self._rows):
            self.chosen = self._rows[row]
            self.repaint()

    def export(self) -> Exported | None:
        rows = [[str(job.id), job.title, f"{job.done:.4f}", job.end, job.reason] for job in self.jobs()]
        return Exported(self.NAME, ["job", "title", "done", "end", "reason"], rows) if rows else None

    def copied(self) -> tuple[str, str] | None:
        job = self.current()
        if job is None:
            return None
        told = f"{job.end}{f': {job.reason}' if job.reason else ''}" if job.end else f"{job.done * 100:.0f} %"
        return (f"job {job.id}", f"#{job.id} {job.title} · {told}")
