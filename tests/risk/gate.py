"""Seeded orders against the gate and the oracle: `python -m tests.risk.gate --orders 1000000`."""

from __future__ import annotations

import argparse
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


def scene(rng: random.Random, number: int) -> Scene:
    made = ordinary(rng)
    codes = tuple(BREAKERS)
    way = number % 5
    if way in (1, 2, 3):
        BREAKERS[codes[(number // 5 * 3 + way) % len(codes)]](made)
    elif way == 4:
        wild(made)
    return made


def run(orders: int, seed: int, first: int = 0) -> Outcome:
    outcome, rng = Outcome(), random.Random(f"{seed} {first}")
    for number in range(first, first + orders):
        asked, view, market, limits = scene(rng, number).build()
        before = time.perf_counter()
        decision = assess(asked, view, market, limits)
        outcome.times.append(time.perf_counter() - before)
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    outcome = run(chosen.orders, chosen.seed)
    print(f"orders             {outcome.orders:,}")
    print(f"passed             {outcome.passed:,}  {outcome.passed / outcome.orders:.1%}")
    print(f"broken limits      {len(outcome.broken)}")
    print(f"refused needlessly {len(outcome.needless)}")
    print(f"without a reason   {len(outcome.nameless)}")
    print(f"decision           p50 {outcome.at(0.5):.0f} us, p99 {outcome.at(0.99):.0f} us")
    print("only reason to refuse")
    for code in BREAKERS:
        print(f"  {code:<26} {outcome.only[code]:>8,}  of {outcome.codes[code]:,}")
    for line in (outcome.broken + outcome.needless + outcome.nameless)[:20]:
        print(line)
    return 1 if outcome.broken or outcome.needless or outcome.nameless else 0


if __name__ == "__main__":
    sys.exit(main())
