"""What every benchmark needs: interleaved rounds in processes of their own, medians, a table, the simulator as a
child."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

ROOT = Path(__file__).resolve().parent.parent


def child(module: str, *arguments: str, timeout: float = 180.0, tells: bool = False) -> dict[str, float]:
    """Runs `python -m module arguments` and returns the JSON object on its last line; with `tells` what it says to
    its standard error is seen as it comes."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=None if tells else subprocess.PIPE,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"{module} {' '.join(arguments)} failed:\n{done.stdout[-2000:]}\n{(done.stderr or '')[-2000:]}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def interleaved(rounds: int, **sides: Callable[[], dict[str, float]]) -> dict[str, dict[str, float]]:
    """Medians of every figure per side, sides taking turns: A B A B A B."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            found[name].append(measure())
    return {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in found.items()}


@contextmanager
def simulator(*arguments: str) -> Iterator[int]:
    """The built-in exchange as a child process; yields its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "polotui.simulator", "--port", "0", "--json", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@asynccontextmanager
async def engine_at(port: int) -> AsyncIterator[Engine]:
    """The whole engine in this process, with a home of its own, on the simulator at `port`; stopped at the end."""
    from polotui.core.clock import SystemClock
    from polotui.core.ids import Chance
    from polotui.core.paths import Home
    from polotui.core.settings.schema import Settings
    from polotui.engine.engine import Engine
    from polotui.engine.exchange import Venue

    home = Home.at(short_folder()).make()
    base = f"127.0.0.1:{port}"
    venue = Venue("bench", f"http://{base}", f"ws://{base}/ws/public", f"ws://{base}/ws/private", demo=True)
    engine = Engine(home=home, settings=Settings(), clock=SystemClock(), chance=Chance(), venue=venue, demo=True)
    running = asyncio.create_task(engine.run())
    await engine.ready()
    try:
        yield engine
    finally:
        engine.stop()
        await running


def short_folder() -> Path:
    """A folder whose path is short enough for a socket below it."""
    return Path(tempfile.mkdtemp(prefix="pb"))


def table(title: str, rows: list[tuple[str, str]]) -> None:
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<58} {value}")
