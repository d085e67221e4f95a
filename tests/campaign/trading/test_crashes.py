"""A part of the crash sweep, and of the planted defects, in every test run; `make campaign` has all of both."""

from __future__ import annotations

import pytest

from tests.campaign.trading import crash
from tests.campaign.trading.defects import DEFECTS, look_for
from tests.campaign.trading.scripts import SCRIPTS

#: Every so many steps an engine dies, at others in each script.
EVERY = 15
#: Those that show at once.
QUICK = (
    "a token is good twice", "acknowledged before it is durable", "fills without a reason", "stops that do not fire",
)  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_death_at_some_steps_of_a_scripted_run_costs_nothing(name: str) -> None:
    outcomes = crash.sweep(name, EVERY, offset=list(SCRIPTS).index(name) * 4)
    assert outcomes[0].steps > 5
    assert {f"at {one.at} ({one.died_at})": one.failures for one in outcomes if one.failures} == {}


@pytest.mark.parametrize("name", QUICK)
def test_planted_defects_are_caught_and_named(name: str) -> None:
    found, where = look_for(name)
    assert where, f"{name} was not caught by {DEFECTS[name].caught_by}; what failed: {found or 'nothing'}"
