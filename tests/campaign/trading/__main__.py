"""`python -m tests.campaign.trading [--seeds 100] [--first 1] [--hours 1] [--seed N]`: many runs, two at a time."""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.campaign.trading.invariants import judge
from tests.campaign.trading.scenario import Options, run
from tests.campaign.trading.seen import Seen


def one(seed: int, hours: float, faults: bool = True, weigh: bool = False) -> Seen:
    """One seed in this process. Every fourth trades on paper only, and must sign nothing."""
    logging.disable(logging.CRITICAL)
    seen = run(seed, Options(hours=hours, faults=faults, signed=seed % 4 != 0, weigh=weigh))
    seen.posts = seen.posts[:1]
    return seen


def told(seen: Seen) -> str:
    return (
        f"{seen.virtual_seconds / 3600:.1f} h in {seen.cpu_seconds:.0f} s of one core: {seen.approvals} approved,"
        f" {seen.refusals} refused, {seen.orders} orders, {seen.fills} fills, {seen.trades} trades,"
        f" {len(seen.deaths)} deaths"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.trading", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, help="one seed, told in full")
    parser.add_argument("--calm", action="store_true", help="with --seed: without faults, one engine all the time")
    parser.add_argument("--weigh", action="store_true", help="with --seed: what the engine alone keeps, by the hour")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    if options.seed is not None:
        seen = one(options.seed, options.hours, not options.calm, options.weigh)
        print(told(seen))
        print("asked:", dict(seen.diary.asked))
        print("refused:", dict(seen.diary.refused), dict(seen.diary.codes), dict(seen.diary.latches))
        print("deaths:", seen.deaths)
        for what, found in (("the process", seen.memory), ("the engine alone", seen.kept)):
            if len(found) >= 8:
                steady = found[len(found) // 4 :]
                slope = statistics.linear_regression(range(len(steady)), steady).slope
                print(f"{what}: {slope:+.2f} MB an hour; MB at each hour: {', '.join(f'{mb:.1f}' for mb in found)}")
        failures = judge(seen)
        for name, sentences in failures.items():
            print(name, *sentences, sep="\n    ")
        return 1 if failures else 0
    started = time.perf_counter()
    failed: list[int] = []
    results: list[Seen] = []
    with ProcessPoolExecutor(options.workers) as pool:
        seeds = range(options.first, options.first + options.seeds)
        for seen in pool.map(one, seeds, [options.hours] * options.seeds):
            results.append(seen)
            if failures := judge(seen):
                failed.append(int(seen.seed))
                print(f"seed {seen.seed}: {failures}", flush=True)
            elif len(results) % 10 == 0:
                print(f"{len(results)} seeds, {time.perf_counter() - started:.0f} s", flush=True)
    hours, cpu = sum(s.virtual_seconds for s in results) / 3600, sum(s.cpu_seconds for s in results)
    print(
        f"{len(results)} seeds, {hours:.1f} simulated hours in {time.perf_counter() - started:.0f} s"
        f" ({cpu / hours:.1f} s of one core an hour): {sum(s.orders for s in results):,} orders,"
        f" {sum(s.fills for s in results):,} fills, {sum(s.trades for s in results):,} trades,"
        f" {sum(s.refusals for s in results):,} refusals, {sum(len(s.deaths) for s in results)} deaths"
    )
    print(f"{len(failed)} seeds failed{': ' + str(failed) if failed else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
