"""A sound machine's facts, to be spoilt one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from polotui.security.facts import EngineFacts, Facts, Finding, Simulation
from polotui.security.pins import Pins
from polotui.security.places import Place, Places

UID = 1000


class Sound:
    """`sound(**changes)`: facts of a machine with a running engine in which nothing is wrong, but for the changes."""

    def engine(self, **changes: Any) -> EngineFacts:
        engine = EngineFacts(
            lock="held",
            core_limit=0,
            dumpable=False,
            clock_known=True,
            clock_offset_ms=12.0,
            clock_error_ms=3.0,
            host="api.poloniex.com",
            told={"ledger-chain": Finding("ok", "12 rows")},
        )
        return replace(engine, **changes)

    def __call__(self, **changes: Any) -> Facts:
        facts = Facts(
            mode="paper",
            demo=False,
            uid=UID,
            simulation=Simulation(True, "default"),
            sqlite=(3, 51, 3),
            places=Places((Place("/h/data", "folder", 0o700, UID), Place("/h/data/ledger.db", "state", 0o600, UID))),
            pins=Pins("/x/constraints.txt", 37),
            engine=self.engine(),
        )
        return replace(facts, **changes)


@pytest.fixture
def sound() -> Sound:
    return Sound()
