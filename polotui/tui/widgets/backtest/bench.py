"""What the backtest screen knows and asks: strategies, runs, the open result, jobs it started.

Decided here: one object holds it, the panes only paint it, so nothing is lost when a pane has no room. Every question
has a name and a turn; an answer whose turn is over is dropped. Lists are asked for again when the `lab` topic counts
up. A run is «starting» from the key press on, so that a second Enter starts nothing twice; the form is free again
when its job ended, or when the engine that ran it is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api.command import Command
from polotui.api.commands import CancelJob, GetJobs
from polotui.api.events import JobState
from polotui.api.lab_values import RunDetail, RunRow, RunSpec, StrategyRow
from polotui.api.replies import Done, Jobs, JobStarted
from polotui.core.errors import PolotuiError
from polotui.core.text import clean

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp

#: Most runs of one comparison, as `CompareRuns` takes them.
MOST_COMPARED = 5
RETRY_SECONDS = 5.0


class Bench:
    """One per screen. `show` is called when something is to be looked at: result, compare, sweep."""

    def __init__(self, desk: PolotuiApp, show: Callable[[str], None]) -> None:
        self.desk = desk
        self.show = show
        self.strategies: list[StrategyRow] | None = None
        self.strategy: lr.StrategyDetail | None = None
        self.strategy_wanted = ""
        self.strategy_fault = ""
        self.runs: list[RunRow] | None = None
        self.runs_fault = ""
        self.marked: list[int] = []
        self.removed: list[int] = []
        self.result: RunDetail | None = None
        self.result_wanted = 0
        self.comparison: lr.Comparison | None = None
        self.definitions: dict[str, lr.Definition] = {}
        self.starting = False
        self.job = 0
        """The job that the form waits for; 0 = none."""
        self.last_job = 0
        self.job_run = 0
        self.job_pid = 0
        self.watched: set[int] = set()
        """Analyses of the open result that are at work."""
        self._turn: Counter[str] = Counter()
        self._asked_at: dict[str, int] = {}
        self._retry_at: dict[str, float] = {}

    # asking

    def ask(
        self,
        name: str,
        command: Command,
        then: Callable[[Any], None],
        failed: Callable[[str], None] | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        """Sends `command`; a later question of the same `name` makes its answer void."""
        self._turn[name] += 1
        turn = self._turn[name]

        async def send() -> None:
            try:
                reply = await self.desk.session.call(command)
            except PolotuiError as error:
                if turn == self._turn[name]:
                    if not quiet:
                        self.desk.tell_error(error)
                    if failed is not None:
                        failed(error.record().sentence())
                    self.changed()
                return
            if turn == self._turn[name]:
                then(reply)
                self.changed()

        self.desk.run_worker(send(), group="bench", exit_on_error=True)

    def changed(self) -> None:
        self.desk.store.mark("bench", "face")

    def heard(self, dirty: set[str]) -> None:
        """Called on each frame of the screen with what changed."""
        store = self.desk.store
        if store.link == "live":
            if "link" in dirty and self.job:
                self.ask("jobs", GetJobs(limit=50), self._jobs, quiet=True)
            self._keep("strategies", store.lab.strategies, lc.ListStrategies(), self._strategies)
            self._keep("runs", store.lab.runs, lc.ListRuns(limit=500), self._runs)
        if "jobs" in dirty or "engine" in dirty:
            self._follow()

    def _keep(self, name: str, count: int, command: Command, then: Callable[[Any], None]) -> None:
        """Asks for a list once, and again when its count grew."""
        if self._asked_at.get(name) == count or self.desk.clock.monotonic() < self._retry_at.get(name, -1e9):
            return
        self._asked_at[name] = count

        def failed(words: str) -> None:
            self._asked_at.pop(name, None)
            self._retry_at[name] = self.desk.clock.monotonic() + RETRY_SECONDS
            if name == "runs":
                self.runs_fault = words

        self.ask(name, command, then, failed, quiet=True)

    def _strategies(self, reply: lr.Strategies) -> None:
        self.strategies = [row for row in reply.strategies if not row.deleted]
        if self.strategy_wanted:
            # It may have a newer version now.
            self.choose(self.strategy_wanted, again=True)
        elif self.strategies:
            wanted = self.desk.view.strategy
            names = [row.name for row in self.strategies]
            self.choose(wanted if wanted in names else names[0])

    def choose(self, name: str, *, again: bool = False) -> None:
        """Another strategy in the form; its parameters follow with the answer."""
        if name == self.strategy_wanted and not again:
            return
        self.strategy_wanted = name
        self.strategy_fault = ""
        if not again:
            self.strategy = None

        def failed(words: str) -> None:
            self.strategy_fault = words

        self.ask("strategy", lc.GetStrategy(name=name), self._strategy, failed, quiet=True)
        self.changed()

    def _strategy(self, reply: lr.StrategyDetail) -> None:
        self.strategy = reply

    def _runs(self, reply: lr.Runs) -> None:
        self.runs = reply.runs
        self.runs_fault = ""
        known = {row.run for row in reply.runs}
        self.marked = [run for run in self.marked if run in known]

    # running

    @property
    def job_state(self) -> JobState | None:
        return self.desk.store.jobs.get(self.job) if self.job else None

    @property
    def locked(self) -> bool:
        return self.starting or bool(self.job)

    def start(self, spec: RunSpec, *, again: bool = False) -> None:
        """Starts the run, unless one of this form is on its way."""
        if self.locked or not self.desk.may_change():
            return
        self.starting = True

        def failed(words: str) -> None:
            self.starting = False

        self.ask("start", lc.StartBacktest(spec=spec, again=again), self._started, failed)
        self.changed()

    def _started(self, reply: lr.BacktestStarted) -> None:
        self.starting = False
        if reply.cached or not reply.job:
            self.desk.tell(f"Same run as #{reply.run}, served again. R runs it anew.")
            self.open(reply.run)
            return
        self.job = self.last_job = reply.job
        self.job_run = reply.run
        self.job_pid = self.desk.store.engine.pid if self.desk.store.engine is not None else 0
        self._follow()

    def _jobs(self, reply: Jobs) -> None:
        for job in reply.jobs:
            self.desk.store.jobs.setdefault(job.id, job)
            if job.end:
                self.desk.store.jobs[job.id] = job
        self.desk.store.mark("jobs")
        if self.job and all(job.id != self.job for job in reply.jobs):
            self._free("The engine knows nothing of this run any more. Run it again.")
        self._follow()

    def _free(self, words: str = "") -> None:
        self.job = 0
        if words:
            self.desk.tell(words, "warning")
        self.changed()

    def _follow(self) -> None:
        """The form's job and the analyses: what ended since the last look."""
        state = self.job_state
        engine = self.desk.store.engine
        if state is not None and state.end:
            run = state.result or self.job_run
            self._free()
            if state.end == "completed":
                self.open(run)
        elif self.job and engine is not None and self.job_pid and engine.pid != self.job_pid and not engine.snapshot:
            self._free("The engine was started anew while the backtest ran. Run it again.")
        ended = [job for job in self.watched if (found := self.desk.store.jobs.get(job)) is not None and found.end]
        if ended:
            self.watched.difference_update(ended)
            if self.result is not None:
                self.open(self.result.row.run, show="")

    def cancel(self, job: int) -> None:
        if self.desk.may_change():
            self.ask(f"cancel {job}", CancelJob(id=job), lambda reply: self.desk.tell(reply.text))

    # results

    def open(self, run: int, *, show: str = "result") -> None:
        """Fetches a run's result; what is open stays until it is there."""
        self.result_wanted = run

        def opened(reply: RunDetail) -> None:
            self.result = reply
            if show:
                self.show(show)

        def failed(words: str) -> None:
            self.result_wanted = self.result.row.run if self.result is not None else 0

        self.ask("result", lc.GetRun(run=run), opened, failed)
        if not self.definitions:
            self.ask("definitions", lc.GetDefinitions(), self._defined, quiet=True)

    def _defined(self, reply: lr.Definitions) -> None:
        self.definitions = {item.name: item for item in reply.definitions}

    def analyse(self, kind: Any) -> None:
        result = self.result
        if result is None or not self.desk.may_change():
            return

        def started(reply: JobStarted) -> None:
            self.watched.add(reply.id)
            self.desk.tell(f"Job {reply.id} started: {clean(reply.title, 80)}. Its table appears under analyses.")
            self._follow()

        self.ask(f"analyse {kind}", lc.AnalyseRun(run=result.row.run, kind=kind), started)

    def export(self, run: int, what: Any) -> None:
        if not self.desk.may_change():
            return

        def written(reply: lr.Exported) -> None:
            self.desk.tell(f"Wrote {reply.rows:,} rows to {clean(reply.path, 300)}")

        self.ask("export", lc.ExportRun(run=run, what=what), written)

    # the history

    def mark(self, run: int) -> None:
        if run in self.marked:
            self.marked.remove(run)
        elif len(self.marked) >= MOST_COMPARED:
            self.desk.tell(f"At most {MOST_COMPARED} runs are compared; Space takes a mark away.", "warning")
        else:
            self.marked.append(run)
        self.changed()

    def compare(self) -> None:
        if len(self.marked) < 2:
            self.desk.tell("Mark two to five runs with Space, then c compares them.")
            return

        def compared(reply: lr.Comparison) -> None:
            self.comparison = reply
            self.show("compare")

        self.ask("compare", lc.CompareRuns(runs=list(self.marked)), compared)

    def remove(self, run: int) -> None:
        if not self.desk.may_change():
            return

        def removed(reply: Done) -> None:
            self.removed.append(run)
            self.runs = [row for row in self.runs or [] if row.run != run]
            self.marked = [marked for marked in self.marked if marked != run]
            self.desk.tell(f"Run #{run} is put away. u brings it back.")

        self.ask(f"remove {run}", lc.DeleteRun(run=run), removed)

    def undo(self) -> None:
        if not self.removed:
            self.desk.tell("Nothing was removed here.")
            return
        if not self.desk.may_change():
            return
        run = self.removed[-1]

        def back(reply: Done) -> None:
            self.removed = [number for number in self.removed if number != run]
            self._asked_at.pop("runs", None)
            self.desk.tell(f"Run #{run} is back.")

        self.ask(f"undo {run}", lc.DeleteRun(run=run, undo=True), back)
