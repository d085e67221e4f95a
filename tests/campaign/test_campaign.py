"""A small campaign in every test run, and the proof that its invariants bite."""

from __future__ import annotations

import pytest

from tests.campaign.defects import DEFECTS
from tests.campaign.invariants import judge
from tests.campaign.scenario import run

#: Seeds that once failed: 61 for the judgement, 89 for a connection lost in the instant of its opening.
REGRESSIONS = (61, 89)


@pytest.mark.parametrize(("seed", "hours"), [*((seed, 0.2) for seed in range(1, 11)), *((s, 1.0) for s in REGRESSIONS)])
def test_hours_with_faults(seed: int, hours: float) -> None:
    seen = run(seed, hours=hours)
    assert judge(seen) == {}
    assert seen.messages > 20_000 * hours


def test_the_same_seed_is_the_same_run() -> None:
    first, second, other = run(11, hours=0.2), run(11, hours=0.2), run(12, hours=0.2)
    assert first.trace == second.trace
    assert first.messages == second.messages
    assert other.trace != first.trace


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_planted_defects_are_caught_and_named(name: str) -> None:
    planted = DEFECTS[name]
    found: set[str] = set()
    for seed in planted.seeds:
        found |= set(judge(run(seed, hours=planted.hours, defect=planted.plant)))
        if found & set(planted.caught_by):
            return
    pytest.fail(f"{name} was not caught by {planted.caught_by}; what failed: {found or 'nothing'}")
