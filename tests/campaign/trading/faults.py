"""What goes wrong in a trading run: all that goes wrong with the market, and orders' replies, disks, clocks, deaths."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from polotui.simulator.faults import Rule
from polotui.simulator.serve import Simulator
from polotui.storage.database import Database
from tests.campaign.faults import EVENTS, Faults
from tests.campaign.trading.life import Life, current
from tests.rig import World

#: Rates of faults on signed orders and on the account's stream; a seed draws 0, 1 or 2 times each.
ORDERS = (
    Rule(kind="lost", method="POST", path="/orders", effect="before", rate=0.04),
    Rule(kind="lost", method="POST", path="/orders", effect="after", rate=0.06),
    Rule(kind="error", method="POST", path="/orders", effect="before", rate=0.02, status=502),
    Rule(kind="error", method="POST", path="/orders", effect="after", rate=0.04, status=500),
    Rule(kind="slow", method="POST", path="/orders", rate=0.02, seconds=(2.0, 14.0)),
    Rule(kind="lost", method="DELETE", path="/orders", effect="after", rate=0.05),
    Rule(kind="drop", channel="orders", rate=0.05),
    Rule(kind="duplicate", channel="orders", rate=0.05),
    Rule(kind="reorder", channel="orders", rate=0.05),
)
OURS = ("die", "die", "disk", "locked")
DISK_SECONDS = (1.0, 12.0)


class TradingFaults(Faults):
    """`die` is called to end the engine's life at a step soon."""

    def __init__(
        self, world: World, exchange: Simulator, symbols: list[str], die: Callable[[], None], *, calm: bool = False
    ) -> None:
        super().__init__(world, exchange, symbols)
        self._die_soon = die
        self.disk_error: Exception | None = None
        for rule in ORDERS:
            factor = self.rng.choice((0, 1, 2))
            if factor:
                changed = Rule(
                    **{name: getattr(rule, name) for name in rule.__struct_fields__} | {"rate": rule.rate * factor}
                )
                (self.frame_rules if rule.channel != "*" else self.request_rules).insert(0, changed)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / 150.0))
            event = self.rng.choice((*EVENTS, *OURS))
            self.world.note("fault", event)
            getattr(self, "_" + event.replace("-", "_"))()

    def heal(self) -> None:
        super().heal()
        self.disk_error = None

    def _die(self) -> None:
        self._die_soon()

    def _disk(self) -> None:
        self._no_disk(sqlite3.OperationalError("disk I/O error"), "SQLITE_IOERR_WRITE")

    def _locked(self) -> None:
        self._no_disk(sqlite3.OperationalError("database is locked"), "SQLITE_BUSY")

    def _no_disk(self, error: Any, name: str) -> None:
        error.sqlite_errorname = name
        error.sqlite_errorcode = getattr(sqlite3, name)
        seconds = self.rng.uniform(*DISK_SECONDS)
        self.disk_error = error
        self._unwell(seconds)
        self._later(seconds, lambda: setattr(self, "disk_error", None))


@contextmanager
def disks(faults: Callable[[], TradingFaults | None]) -> Iterator[None]:
    """While inside, writes to the ledger fail as the plan says."""
    timed = Database._timed

    def maybe(self: Database, label: str, connection: Any, job: Callable[[], Any]) -> Any:
        plan = faults()
        writer = self._writer is not None and connection is self._writer._connection
        if plan is not None and plan.disk_error is not None and writer and current() is not None:
            raise plan.disk_error
        return timed(self, label, connection, job)

    with patch.object(Database, "_timed", maybe):
        yield


__all__ = ["Life", "TradingFaults", "disks"]
