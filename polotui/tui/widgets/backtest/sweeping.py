"""Sweeps as the screen knows them: the list, the open one live, starting, going on.

Decided here: the topic `sweep:N` and the answer of `GetSweep` tell of the same thing; whichever has computed more is
shown, so a late answer never takes a live table back.
"""

from __future__ import annotations

import msgspec

from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api.lab_values import SweepDetail, SweepResult, SweepSpec
from polotui.core.text import clean
from polotui.tui.widgets.backtest.bench import Bench


class Sweeping:
    """One per screen, beside the bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.desk = bench.desk
        self.sweeps: list[SweepDetail] | None = None
        self.number = 0
        """The open sweep; 0 = none."""
        self.starting = False
        self._told: dict[int, SweepDetail] = {}
        self._counted = -1

    @property
    def detail(self) -> SweepDetail | None:
        """The open sweep with what is known newest."""
        live, told = self.desk.store.sweeps.get(self.number), self._told.get(self.number)
        if live is None or told is None:
            return live or told
        ended = told.state != "running" and live.state == "running" and told.done >= live.done
        return told if told.done > live.done or ended else live

    @property
    def running(self) -> bool:
        detail = self.detail
        return detail is not None and detail.state == "running"

    def heard(self, dirty: set[str]) -> None:
        """Asks for the list when it may have changed."""
        store = self.desk.store
        if store.link == "live" and self._counted != store.lab.sweeps:
            self._counted = store.lab.sweeps
            self.bench.ask("sweeps", lc.ListSweeps(), self._listed, self._failed, quiet=True)

    def _failed(self, words: str) -> None:
        self.sweeps = self.sweeps or []

    def _listed(self, reply: lr.Sweeps) -> None:
        self.sweeps = reply.sweeps

    def start(self, spec: SweepSpec) -> None:
        if self.starting or not self.desk.may_change():
            return
        self.starting = True

        def failed(words: str) -> None:
            self.starting = False

        self.bench.ask("sweep-start", lc.StartSweep(spec=spec), self._started, failed)
        self.bench.changed()

    def _started(self, reply: lr.SweepStarted) -> None:
        self.starting = False
        self.desk.tell(f"Sweep #{reply.sweep} started: {reply.total:,} runs.")
        self._counted = -1
        self.open(reply.sweep)

    def open(self, number: int) -> None:
        """Shows a sweep, and listens to it from now on."""
        self.number = number
        self.desk.listen()

        def arrived(reply: SweepDetail) -> None:
            self._told[reply.number] = reply
            while len(self._told) > 10:
                del self._told[next(iter(self._told))]

        self.bench.ask("sweep", lc.GetSweep(number=number), arrived)
        self.bench.show("sweep")

    def cancel(self) -> None:
        detail = self.detail
        if detail is None or detail.state != "running" or not detail.job:
            self.desk.tell("No sweep is running here; nothing was cancelled.")
        else:
            self.bench.cancel(detail.job)

    def go_on(self) -> None:
        detail = self.detail
        if detail is None or detail.state not in ("cancelled", "failed"):
            self.desk.tell("Only a sweep that was cancelled or failed can go on.")
        elif self.desk.may_change():
            self.bench.ask("sweep-start", lc.ResumeSweep(number=detail.number), self._started)

    def run(self, result: SweepResult) -> None:
        """A full backtest with these parameters."""
        detail = self.detail
        if detail is None:
            return
        if self.bench.locked:
            self.desk.tell("A backtest is running; this one was not started.", "warning")
            return
        run = detail.spec.run
        spec = msgspec.structs.replace(run, params={**run.params, **result.params})
        self.desk.tell(f"Running {clean(run.strategy, 40)} with these parameters over the whole span.")
        self.bench.start(spec)
