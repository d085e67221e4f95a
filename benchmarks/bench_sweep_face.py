"""The screen while both cores compute: key-to-paint with and without a sweep, side by side; progress and cancel.

The whole application in a real terminal: the built-in exchange, the engine, its worker, the face. Gates: the median of
key-to-paint at most 1.25 times that without the sweep, progress at least four times a second, cancel within 250 ms.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.bench_face import measure
from benchmarks.harness import short_folder, table
from benchmarks.terminal import Terminal
from polotui.api.commands import CancelJob
from polotui.api.events import JobState
from polotui.api.lab_commands import StartSweep
from polotui.api.lab_values import RunSpec, SweepAxis, SweepSpec
from polotui.api.socket_link import SocketLink
from polotui.core.paths import Home

ROUNDS = 3
#: A grid large enough to last longer than any measurement; one run at a time is short, as in a search.
SPEC = SweepSpec(
    run=RunSpec(strategy="sma-cross", symbols=["BTC_USDT"], timeframe="5m", band=False),
    axes=[
        SweepAxis(name="fast_len", least=5, most=60, step=5),
        SweepAxis(name="slow_len", least=30, most=240, step=10),
        SweepAxis(name="stop_pct", least=0.01, most=0.1, step=0.01),
    ],
    objective="total_return",
)


async def connect(home: str) -> SocketLink:
    return await SocketLink.connect(Home.at(home).socket, face="bench")


async def start(home: str) -> int:
    link = await connect(home)
    try:
        return int((await link.call(StartSweep(spec=SPEC))).job)
    finally:
        await link.close()


async def follow_and_cancel(home: str, job: int, seconds: float) -> tuple[float, float]:
    """Progress events a second over `seconds`, and milliseconds from the wish to cancel to the job's end."""
    link = await connect(home)
    try:
        seen, begun, asked = 0, time.perf_counter(), 0.0
        async for events in link.events(["jobs"], rate=10.0):
            now = time.perf_counter()
            for event in events:
                if isinstance(event, JobState) and event.id == job:
                    seen += 1
                    if event.end:
                        return seen / (asked - begun), (now - asked) * 1000
            if not asked and now - begun >= seconds:
                asked = time.perf_counter()
                await link.call(CancelJob(id=job))
        raise AssertionError("the events ended")
    finally:
        await link.close()


@contextmanager
def sweeping(home: str, figures: list[tuple[float, float]]) -> Iterator[None]:
    """A sweep on all cores until the block ends; its progress rate and the time of its cancel go to `figures`."""
    job = asyncio.run(start(home))
    try:
        yield
    finally:
        figures.append(asyncio.run(follow_and_cancel(home, job, 3.0)))


def main() -> bool:
    home = str(short_folder())
    keeper = Terminal([sys.executable, "-m", "polotui", "demo", "--home", home])
    keeper.until("DEMO")
    keeper.drain(5)
    prepare(home)
    figures: list[tuple[float, float]] = []
    pairs = [(measure(home, nullcontext()), measure(home, sweeping(home, figures))) for _ in range(ROUNDS)]
    keeper.close()
    calm = statistics.median(pair[0]["key p50"] for pair in pairs)
    busy = statistics.median(pair[1]["key p50"] for pair in pairs)
    rate = min(rate for rate, _ in figures)
    cancel = max(ms for _, ms in figures)
    table(
        "The face at 120x36 while a sweep runs on both cores",
        [
            ("key to paint, median", f"{calm:.1f} ms without · {busy:.1f} ms with = {busy / calm:.2f}x (at most 1.25)"),
            (
                "95th percentile",
                " · ".join(f"{statistics.median(p[i]['key p95'] for p in pairs):.1f} ms" for i in (0, 1)),
            ),
            ("progress", f"{rate:.1f} a second (at least 4)"),
            ("cancel", f"{cancel:.0f} ms at most of {len(figures)} (at most 250)"),
        ],
    )
    return busy <= 1.25 * calm and rate >= 4 and cancel <= 250


def prepare(home: str) -> None:
    """Candles of a year and a compiled kernel, by one backtest."""
    import subprocess

    command = ["backtest", "run", "sma-cross", "--symbol", "BTC_USDT", "--timeframe", "5m", "--no-band"]
    root = Path(__file__).resolve().parents[1]
    subprocess.run(
        [sys.executable, "-m", "polotui", *command, "--home", home], check=True, cwd=root, capture_output=True
    )


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
