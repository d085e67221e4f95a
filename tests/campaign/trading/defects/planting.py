"""How a defect is planted, and who has to find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.campaign.trading import crash, scenario
from tests.campaign.trading.invariants import ALL, judge
from tests.trading.exchange import defects as at_the_exchange

Plant = Callable[[], AbstractContextManager[None]]
#: Tried one after the other until one shows it.
SEEDS = (1, 2, 3, 5, 6, 7, 9, 10)


@dataclass(frozen=True)
class Defect:
    """`caught_by` names the invariants of which at least one must fail. With `script` it is looked for in the crash
    sweep of that run, at every step; else in the campaign, seed by seed."""

    plant: Plant
    caught_by: tuple[str, ...]
    seeds: tuple[int, ...] = SEEDS
    hours: float = 0.25
    signed: bool = True
    script: str = ""


DEFECTS: dict[str, Defect] = {}


def defect(*caught_by: str, **how: Any) -> Callable[[Callable[[], Iterator[None]]], Plant]:
    assert set(caught_by) <= ALL.keys(), caught_by

    def register(function: Callable[[], Iterator[None]]) -> Plant:
        plant = contextmanager(function)
        DEFECTS[function.__name__.replace("_", " ")] = Defect(plant, caught_by, **how)
        return plant

    return register


def as_there(name: str, *caught_by: str, **how: Any) -> None:
    """One that the storms of the exchange venue plant, too: here it meets the whole desk."""
    plant = at_the_exchange.DEFECTS[name]
    assert set(caught_by) <= ALL.keys(), caught_by
    DEFECTS[name.replace("_", " ")] = Defect(plant, caught_by, **how)


def look_for(name: str) -> tuple[set[str], str]:
    """The invariants that found a defect, and where; without those that must, everything that failed."""
    planted = DEFECTS[name]
    found: set[str] = set()
    for label, failures in _runs(planted):
        found |= set(failures)
        if caught := found & set(planted.caught_by):
            return caught, label
    return found, ""


def _runs(planted: Defect) -> Iterator[tuple[str, dict[str, list[str]]]]:
    if planted.script:
        (script,) = [one for one in crash.SCRIPTS if planted.script in one]
        whole = crash.run(script, 0, planted.plant())
        yield f"{script}, alive", whole.failures
        for at in range(1, whole.steps + 1):
            outcome = crash.run(script, at, planted.plant())
            yield f"{script}, death {outcome.died_at}", outcome.failures
        return
    for seed in planted.seeds:
        options = scenario.Options(hours=planted.hours, signed=planted.signed)
        yield f"seed {seed}", judge(scenario.run(seed, options, planted.plant()))
