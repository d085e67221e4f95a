"""What both sides of `bench_backtest` measure with: wall and CPU time of named steps, and the line protocol."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

Measure = Callable[..., dict[str, float]]


class Steps:
    """Milliseconds of each step: `wall_NAME` and `cpu_NAME` (all threads), and of the whole."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.begin()

    def begin(self) -> None:
        """Leaves out what was before."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._first = self._wall, self._cpu

    def done(self, name: str) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.figures[f"wall_{name}"] = (wall - self._wall) * 1e3
        self.figures[f"cpu_{name}"] = (cpu - self._cpu) * 1e3
        self.figures["wall"] = (wall - self._first[0]) * 1e3
        self.figures["cpu"] = (cpu - self._first[1]) * 1e3
        self._wall, self._cpu = wall, cpu


def serve(measures: dict[str, Measure]) -> None:
    """Reads `["name", arguments]` lines until stdin ends."""
    print("{}", flush=True)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        steps = Steps()
        found = measures[name](steps, **arguments)
        print(json.dumps({**steps.figures, **found}), flush=True)
        # Rings of objects that the run left; no side pays for the other's round or for its own last one.
        gc.collect()


def say_end(found: dict[str, Any]) -> None:
    """The last line of a process that ran once: CPU seconds and the peak of its memory."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = used.ru_maxrss / (1024.0 if sys.platform != "darwin" else 1024.0 * 1024.0)
    print(json.dumps({**found, "cpu": used.ru_utime + used.ru_stime, "peak_mb": peak}), flush=True)
