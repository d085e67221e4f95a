"""The face with a probe in its event loop: `python -m benchmarks.face_probe HOME RESULT SECONDS`, in a terminal."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

from polotui.api.attach import attach
from polotui.core.clock import SystemClock
from polotui.core.paths import Home
from polotui.tui.app import PolotuiApp

STEP = 0.005


async def probe(app: PolotuiApp, result: Path, seconds: float) -> None:
    """How late the loop is for a timer of 5 ms, for `seconds`; then the application ends."""
    lags: list[float] = []
    end = time.perf_counter() + seconds
    cpu = time.process_time()
    while (now := time.perf_counter()) < end:
        await asyncio.sleep(STEP)
        lags.append((time.perf_counter() - now - STEP) * 1000)
    cuts = statistics.quantiles(lags, n=100)
    used = (time.process_time() - cpu) / seconds * 100
    result.write_text(json.dumps({"p50": cuts[49], "p99": cuts[98], "max": max(lags), "cpu": used}))
    app.exit()


def main() -> None:
    home, result, seconds = Home.at(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

    async def connect():
        return await attach(home, face="bench")

    class Probed(PolotuiApp):
        def on_mount(self) -> None:
            super().on_mount()
            self.set_timer(3.0, lambda: self.run_worker(probe(self, result, seconds)))

    Probed(connect, clock=SystemClock()).run()


if __name__ == "__main__":
    main()
