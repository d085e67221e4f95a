"""Seeded orders against the gate and the oracle: `python -m tests.risk.gate --orders 1000000`."""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from polotui.risk.assess import BEYOND, assess
from polotui.risk.values import RiskDecision
from tests.risk.cases import BREAKERS, Scene, ordinary, wild
from tests.risk.oracle import broken


@dataclass
class Outcome:
    """What a run found. `broken` passed although the oracle names a broken rule; `needless` the other way round."""

    orders: int = 0
    passed: int = 0
    only: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e6


def scene(seed: int, number: int) -> Scene:
    """The order of that number: the same in every run, alone or among a million."""
    made = ordinary(random.Random(seed * 1_000_000_007 + number))
    codes = tuple(BREAKERS)
    way = number % 5
    if way in (1, 2, 3):
        BREAKERS[codes[(number // 5 * 3 + way) % len(codes)]](made)
    elif way == 4:
        wild(made)
    return made


def run(orders: int, seed: int, first: int = 0) -> Outcome:
    """Orders `first` and following against the gate and the oracle."""
    outcome = Outcome()
    for number in range(first, first + orders):
        asked, view, market, limits = scene(seed, number).build()
        # The processor's own time: a machine that is busy with other things does not count.
        before = time.thread_time()
        decision = assess(asked, view, market, limits)
        outcome.times.append(time.thread_time() - before)
        judge(outcome, number, decision, broken(asked, view, market, limits))
    return outcome


def judge(outcome: Outcome, number: int, decision: RiskDecision, rules: list[str]) -> None:
    outcome.orders += 1
    if decision.approved:
        outcome.passed += 1
        if rules:
            outcome.broken.append(f"order {number}: {', '.join(rules)}")
        return
    codes = [finding.code for finding in decision.findings]
    outcome.codes.update(codes)
    if len(codes) == 1:
        outcome.only[codes[0]] += 1
    # The oracle computes with numbers that no market has; the gate refuses them.
    if not rules and not any(finding.text == BEYOND for finding in decision.findings):
        outcome.needless.append(f"order {number}: {', '.join(codes)}")
    if not codes or decision.code != codes[0] or not all(finding.text for finding in decision.findings):
        outcome.nameless.append(f"order {number}")


def together(outcomes: list[Outcome]) -> Outcome:
    whole = Outcome()
    for part in outcomes:
        whole.orders += part.orders
        whole.passed += part.passed
        whole.only += part.only
        whole.codes += part.codes
        whole.broken += part.broken
        whole.needless += part.needless
        whole.nameless += part.nameless
        whole.times += part.times
    return whole


def in_processes(orders: int, seed: int, workers: int) -> Outcome:
    size = -(-orders // workers)
    parts = [(min(size, orders - first), seed, first) for first in range(0, orders, size)]
    if len(parts) == 1:
        return run(*parts[0])
    with multiprocessing.get_context("spawn").Pool(len(parts)) as pool:
        return together(pool.starmap(run, parts))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    outcome = in_processes(chosen.orders, chosen.seed, chosen.workers)
    print(f"orders             {outcome.orders:,}")
    print(f"passed             {outcome.passed:,}  {outcome.passed / outcome.orders:.1%}")
    print(f"broken limits      {len(outcome.broken)}")
    print(f"refused needlessly {len(outcome.needless)}")
    print(f"without a reason   {len(outcome.nameless)}")
    print(f"decision (CPU)     p50 {outcome.at(0.5):.0f} us, p99 {outcome.at(0.99):.0f} us")
    print("only reason to refuse")
    for code in BREAKERS:
        print(f"  {code:<26} {outcome.only[code]:>8,}  of {outcome.codes[code]:,}")
    for line in (outcome.broken + outcome.needless + outcome.nameless)[:20]:
        print(line)
    return 1 if outcome.broken or outcome.needless or outcome.nameless else 0


if __name__ == "__main__":
    sys.exit(main())
