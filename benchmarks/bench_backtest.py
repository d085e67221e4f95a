"""Backtests against vectorbt's compiled engine: one run, a search, a cold start; many symbols and all policies beside.

    python -m benchmarks.bench_backtest [--rounds 9] [--pairs 20]

Each side is a process of its own; sides take turns (A B A B) and the figures are medians of one run, so that load on
the machine meets both. A ratio is that of CPU time of the whole process where both sides compute on one core: on a
machine with other work wall time measures that work. The search is wall time on all cores against wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.backtest_market import YEAR, write
from benchmarks.harness import ROOT, table

STEADY, SWEEP, COLD, MEMORY = 10.0, 40.0, 2.0, 2.0
#: 1,000 pairs.
FAST, SLOW = (5, 29, 1), (40, 235, 5)
OWN, PEER = "benchmarks.backtest_own", "benchmarks.backtest_vectorbt"
#: Both sides keep the memory that they free; polotui asks for it itself.
KEEPING = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}

Figures = dict[str, float]
Ask = Callable[..., Figures]


def environment() -> dict[str, str]:
    return {**os.environ, **KEEPING, "PYTHONPATH": str(ROOT)}


@contextmanager
def side(module: str, folder: Path) -> Iterator[Ask]:
    """A process that measures when it is asked to."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, "serve", str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    asking, answers = process.stdin, process.stdout

    def ask(name: str, **arguments: Any) -> Figures:
        asking.write(json.dumps([name, arguments]) + "\n")
        asking.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError(f"{module} ended while it measured {name}")
        return json.loads(line)

    answers.readline()
    try:
        yield ask
    finally:
        asking.close()
        process.wait(30)


def cold(module: str, folder: Path) -> Figures:
    """A process from its start to its end, W2 once."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module, "once", str(folder)],
        cwd=ROOT, capture_output=True, text=True, env=environment(), check=True,
    )  # fmt: skip
    wall = time.perf_counter() - started
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "wall": wall}


def medians(runs: list[Figures]) -> Figures:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def turns(rounds: int, *sides: Callable[[], Figures]) -> list[Figures]:
    """Medians of each side. One round before them is not counted."""
    found: list[list[Figures]] = [[] for _ in sides]
    for place in range(rounds + 1):
        for runs, measure in zip(found, sides, strict=True):
            figures = measure()
            if place:
                runs.append(figures)
    return [medians(runs) for runs in found]


def in_ms(figures: Figures, name: str = "") -> str:
    cpu, wall = (figures[f"{kind}_{name}" if name else kind] for kind in ("cpu", "wall"))
    return f"{cpu:9.2f} ms CPU  {wall:9.2f} ms wall"


def steady(mine: Ask, theirs: Ask, rounds: int) -> bool:
    own, new, read, peer = turns(
        rounds, lambda: mine("w2"), lambda: mine("w2_new"), lambda: mine("read"), lambda: theirs("w2")
    )
    ratio = peer["cpu"] / own["cpu"]
    rows = [("polotui", in_ms(own))]
    rows += [(f"  {name}", in_ms(own, name)) for name in ("check_bind", "signals", "kernel")]
    rows += [("polotui, a text never seen before", in_ms(new)), ("  check_bind", in_ms(new, "check_bind"))]
    rows += [("vectorbt, compiled engine", in_ms(peer))]
    rows += [(f"  {name}", in_ms(peer, name)) for name in ("averages", "signals", "from_signals", "value", "trades")]
    rows += [
        ("ratio of CPU", f"{ratio:9.1f} x     target ≥ {STEADY:g}"),
        ("ratio of CPU with a text never seen before", f"{peer['cpu'] / new['cpu']:9.1f} x"),
        ("ratio of wall", f"{peer['wall'] / own['wall']:9.1f} x"),
        ("reading open, high, low, close once: numpy's sum", in_ms(read, "numpy")),
        ("  a compiled loop in strict order", in_ms(read, "loop")),
        ("kernel / that loop, whole run / that loop", f"{own['cpu_kernel'] / read['cpu_loop']:9.1f} x"
         f"  {own['cpu'] / read['cpu_loop']:9.1f} x"),
        ("trades", f"{own['trades']:,.0f} and {peer['trades']:,.0f}"),
    ]  # fmt: skip
    table(f"W2 over {YEAR:,} bars: text, check, signals, fills and stops, equity, trades", rows)
    return ratio >= STEADY


def search(mine: Ask, theirs: Ask, rounds: int, pairs: int) -> bool:
    fast, slow = (range(axis[0], axis[1] + 1, axis[2]) for axis in (FAST, SLOW))
    every = [[quick, late] for quick in fast for late in slow]
    some = every[:: max(1, len(every) // pairs)][:pairs]
    own, peer = turns(rounds, lambda: mine("sweep", fast=FAST, slow=SLOW), lambda: theirs("sweep", pairs=some))
    ratios = {kind: peer[kind] / peer["pairs"] / (own[kind] / own["pairs"]) for kind in ("wall", "cpu")}
    table(
        f"Search over {YEAR:,} bars: {own['pairs']:,.0f} pairs of averages, all cores; vectorbt {len(some)} of them",
        [
            ("polotui, whole search", in_ms(own)),
            ("polotui, a pair", f"{own['cpu'] / own['pairs']:9.2f} ms CPU  {own['wall'] / own['pairs']:9.2f} ms wall"),
            ("vectorbt, a pair (batches of 10)", f"{peer['cpu'] / peer['pairs']:9.2f} ms CPU"
             f"  {peer['wall'] / peer['pairs']:9.2f} ms wall"),
            ("ratio of wall a pair", f"{ratios['wall']:9.1f} x     target ≥ {SWEEP:g}"),
            ("ratio of CPU a pair", f"{ratios['cpu']:9.1f} x"),
        ],
    )  # fmt: skip
    return ratios["wall"] >= SWEEP


def start(folder: Path, rounds: int) -> bool:
    own, peer = turns(rounds, lambda: cold(OWN, folder), lambda: cold(PEER, folder))
    faster, less = peer["wall"] / own["wall"], peer["peak_mb"] / own["peak_mb"]
    table(
        "From the start of a process to its first W2, compiled caches on disk",
        [
            (name, f"{found['cpu']:6.2f} s CPU  {found['wall']:6.2f} s wall  {found['peak_mb']:6.0f} MB at its peak")
            for name, found in (("polotui", own), ("vectorbt, compiled engine", peer))
        ]
        + [
            ("ratio of wall", f"{faster:9.1f} x     target ≥ {COLD:g}"),
            ("ratio of CPU", f"{peer['cpu'] / own['cpu']:9.1f} x"),
            ("ratio of memory", f"{less:9.1f} x     target ≥ {MEMORY:g}"),
        ],
    )
    return faster >= COLD and less >= MEMORY


def many(mine: Ask, theirs: Ask, rounds: int) -> None:
    own, peer = turns(rounds, lambda: mine("symbols"), lambda: theirs("symbols"))
    one = own["cpu_prepare"] + own["cpu_kernel"]
    table(
        "20 symbols x 100,000 bars, one account (no target: vectorbt has no cap on positions)",
        [
            ("polotui, at most 5 positions: prepare", in_ms(own, "prepare")),
            ("  kernel", in_ms(own, "kernel")),
            ("  the band: three more policies", in_ms(own, "band")),
            ("vectorbt, cash shared", in_ms(peer)),
            ("ratio of CPU, one policy", f"{peer['cpu'] / one:9.1f} x"),
            ("ratio of CPU, all four policies against its one", f"{peer['cpu'] / own['cpu']:9.1f} x"),
            ("trades", f"{own['trades']:,.0f} and {peer['trades']:,.0f}"),
        ],
    )


def main(words: list[str] | None = None) -> bool:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pairs", type=int, default=20, help="how many pairs vectorbt is measured on")
    parser.add_argument("--only", nargs="*", default=["steady", "search", "cold", "many"])
    asked = parser.parse_args(words or [])
    print(f"Medians of {asked.rounds} rounds (search 3, cold 5), sides in turn; load {os.getloadavg()[0]:.1f}")
    good = True
    with tempfile.TemporaryDirectory(prefix="pb") as name, ExitStack() as stack:
        folder = Path(name)
        write(folder)
        mine, theirs = (stack.enter_context(side(module, folder)) for module in (OWN, PEER))
        if "steady" in asked.only:
            good &= steady(mine, theirs, asked.rounds)
        if "search" in asked.only:
            good &= search(mine, theirs, min(3, asked.rounds), asked.pairs)
        if "cold" in asked.only:
            good &= start(folder, min(5, asked.rounds))
        if "many" in asked.only:
            many(mine, theirs, min(5, asked.rounds))
    return good


if __name__ == "__main__":
    raise SystemExit(0 if main(sys.argv[1:]) else 1)
