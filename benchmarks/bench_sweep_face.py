"""The screen while both cores compute: key-to-paint with and without a sweep, side by side; progress and cancel.

The whole application in a real terminal: the built-in exchange, the engine, its worker, the face. Gates: the median of
key-to-paint at most 1.25 times that without the sweep, progress at least four times a second, cancel within 250 ms.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.bench_face import measure
from benchmarks.harness import short_folder, table
from benchmarks.terminal import Terminal
from polotui.api.commands import CancelJob, GetJobs
from polotui.api.events import JobState
from polotui.api.lab_commands import StartSweep
from polotui.api.lab_values import RunSpec, SweepAxis, SweepSpec
from polotui.api.socket_link import SocketLink
from polotui.core.ids import Chance
from polotui.core.paths import Home

ROUNDS = 3
FOLLOWED = 1.5
YEAR = 525_600
#: A grid large enough to last longer than any measurement; one run at a time is short, as in a search.
SPEC = SweepSpec(
    run=RunSpec(
        strategy="sma-cross",
        symbols=["SYN_USDT"],
        timeframe="1m",
        band=False,
        from_ms=1_735_689_600_000,
        to_ms=1_767_225_600_000,
    ),
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


async def follow(home: str, job: int) -> tuple[float, float]:
    """Progress events a second over some seconds of a sweep, and milliseconds from the wish to cancel to the job's
    end."""
    link = await connect(home)
    try:
        seen, begun, asked = 0, time.perf_counter(), 0.0
        async for events in link.events(["jobs"], rate=10.0):
            now = time.perf_counter()
            mine = [event for event in events if isinstance(event, JobState) and event.id == job]
            if any(event.end for event in mine):
                if not asked:
                    raise AssertionError("the sweep ended before it could be cancelled")
                return seen, (now - asked) * 1000
            if not asked:
                seen += len(mine)
                if now - begun >= FOLLOWED:
                    seen /= now - begun
                    asked = time.perf_counter()
                    await link.call(CancelJob(id=job))
        raise AssertionError("the events ended")
    finally:
        await link.close()


async def wait_for(home: str, job: int, stop: threading.Event) -> None:
    """Until the job has ended; a job is cancelled once `stop` is set."""
    link = await connect(home)
    try:
        asked = False
        while True:
            state = next(one for one in (await link.call(GetJobs(limit=20))).jobs if one.id == job)
            if state.end:
                return
            if stop.is_set() and not asked:
                asked = True
                await link.call(CancelJob(id=job))
            await asyncio.sleep(0.1)
    finally:
        await link.close()


@contextmanager
def sweeping(home: str) -> Iterator[None]:
    """One sweep after the other on all cores until the block ends."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            asyncio.run(wait_for(home, asyncio.run(start(home)), stop))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def main() -> bool:
    home = str(short_folder())
    keeper = Terminal([sys.executable, "-m", "polotui", "demo", "--home", home])
    keeper.until("DEMO")
    keeper.drain(5)
    prepare(home)
    figures = [asyncio.run(follow(home, asyncio.run(start(home)))) for _ in range(ROUNDS)]
    pairs = [(measure(home, nullcontext()), measure(home, sweeping(home))) for _ in range(ROUNDS)]
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
    """A year of minutes of a made market, and a compiled kernel, by one backtest."""
    import subprocess

    root = Path(__file__).resolve().parents[1]
    file = short_folder() / "minutes.csv"
    chance, price = Chance("sweep face").generator(), 30_000.0
    first = 1_735_689_600_000
    with file.open("w") as out:
        out.write("open_ms,open,high,low,close,volume\n")
        for minute in range(YEAR):
            close = price * (1 + chance.gauss(0, 0.001))
            high, low = max(price, close) * 1.0004, min(price, close) * 0.9996
            out.write(f"{first + minute * 60_000},{price:.2f},{high:.2f},{low:.2f},{close:.2f},1000\n")
            price = round(close, 2)
    span = ["--from", "2025-01-01", "--to", "2026-01-01"]
    for command in (
        ["data", "import", str(file), "SYN_USDT"],
        ["backtest", "run", "sma-cross", "--symbol", "SYN_USDT", "--timeframe", "1m", "--no-band", *span],
    ):
        polotui = [sys.executable, "-m", "polotui", *command, "--home", home]
        subprocess.run(polotui, check=True, cwd=root, capture_output=True)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
