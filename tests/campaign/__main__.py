"""`python -m tests.campaign [--seeds 100] [--first 1] [--hours 1] [--seed N] [--defects]`: many runs, two at a time."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.campaign.defects import DEFECTS
from tests.campaign.invariants import RESYNC_P99_SECONDS, judge, judged_resyncs, p99
from tests.campaign.scenario import run


@dataclass
class Result:
    seed: int
    failures: dict[str, list[str]]
    trace: str
    messages: int
    hours: float
    cpu: float
    half_open: int
    resyncs: list[float]
    gaps: int


def one(seed: int, hours: float, defect: str = "") -> Result:
    """One seed in this process."""
    seen = run(seed, hours=hours, defect=DEFECTS[defect].plant if defect else None)
    took = judged_resyncs(seen)
    gaps = seen.counters.book_gaps if seen.counters else 0
    return Result(
        seed,
        judge(seen),
        seen.trace,
        seen.messages,
        seen.virtual_seconds / 3600,
        seen.cpu_seconds,
        len(seen.plan.half_open),
        took,
        gaps,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, help="one seed, told in full")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if options.seed is not None:
        found = one(options.seed, options.hours)
        print(found)
        return 1 if found.failures else 0
    started = time.perf_counter()
    results: list[Result] = []
    with ProcessPoolExecutor(options.workers) as pool:
        seeds = range(options.first, options.first + options.seeds)
        for result in pool.map(one, seeds, [options.hours] * options.seeds):
            results.append(result)
            if result.failures:
                print(f"seed {result.seed}: {result.failures}", flush=True)
            elif len(results) % 10 == 0:
                print(f"{len(results)} seeds, {time.perf_counter() - started:.0f} s", flush=True)
    took = sorted(seconds for result in results for seconds in result.resyncs)
    failed = [result.seed for result in results if result.failures]
    hours, cpu = sum(result.hours for result in results), sum(result.cpu for result in results)
    print(
        f"{len(results)} seeds, {hours:.1f} simulated hours, {sum(r.messages for r in results):,} messages in "
        f"{time.perf_counter() - started:.0f} s ({hours * 3600 / cpu:.0f} times faster than time on one core)"
    )
    print(f"{sum(r.half_open for r in results)} half-open sockets judged, {sum(r.gaps for r in results):,} book gaps")
    slow = p99(took) > RESYNC_P99_SECONDS
    if took:
        print(
            f"{len(took)} resyncs: median {statistics.median(took):.3f} s, p99 {p99(took):.3f} s, "
            f"worst {took[-1]:.3f} s"
        )
    print(f"{len(failed)} seeds failed{': ' + str(failed) if failed else ''}")
    return 1 if failed or slow else 0


if __name__ == "__main__":
    sys.exit(main())
