"""What every benchmark needs: interleaved rounds in processes of their own, medians, a table, the simulator as a
child."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def child(module: str, *arguments: str, timeout: float = 180.0) -> dict[str, float]:
    """Runs `python -m module arguments` and returns the JSON object on its last line."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
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


def short_folder() -> Path:
    """A folder whose path is short enough for a socket below it."""
    return Path(tempfile.mkdtemp(prefix="pb"))


def table(title: str, rows: list[tuple[str, str]]) -> None:
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<58} {value}")
