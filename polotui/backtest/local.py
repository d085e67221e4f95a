"""Combinations on this machine's cores: plain threads over kernels that give up Python's lock.

Decided here: each thread takes the next combination when it is free, so a slow one holds nobody up. A bench is kept for
the next batch over the same span.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from polotui.backtest.bench import Answer, Bench, Job, Recipe, Seat, measure
from polotui.backtest.gauge import MOST_THREADS, Gauge
from polotui.backtest.machine import Cancelled
from polotui.core.threads import Lock, in_threads


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Cores:
    """`threads` 0 means one for each core."""

    def __init__(self, gauge: Gauge, threads: int = 0) -> None:
        self._gauge = gauge
        self._threads = max(1, min(threads or cores(), MOST_THREADS))
        self._seats: list[Seat] = []
        self._recipe: Recipe | None = None
        self._bench: Bench | None = None

    def bench(self, recipe: Recipe) -> Bench:
        if self._bench is None or self._recipe is not recipe:
            self._recipe, self._bench = recipe, Bench(recipe)
            self._seats = [Seat(counts=self._gauge.counts(thread)) for thread in range(self._threads)]
        return self._bench

    async def run(self, recipe: Recipe, jobs: list[Job], take: Callable[[Job, Answer], None]) -> None:
        bench, gauge = self.bench(recipe), self._gauge
        lock, queue = Lock(), iter(jobs)
        failed: list[bool] = []

        def work(thread: int) -> None:
            seat = self._seats[thread]
            try:
                while not failed:
                    if gauge.cancelled:
                        raise Cancelled("The search was cancelled.", safe="What was found is kept.")
                    with lock:
                        job = next(queue, None)
                    if job is None:
                        return
                    answer = measure(bench, job, seat)
                    with lock:
                        gauge.finished(bench.moments, thread)
                        take(job, answer)
            except BaseException:
                failed.append(True)
                raise

        in_threads(work, min(self._threads, max(1, len(jobs))))
