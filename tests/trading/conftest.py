from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.storage.database import Database
from polotui.trading.ledger import Ledger


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def database(tmp_path: Path, clock: FrozenClock) -> AsyncIterator[Database]:
    async with Database(tmp_path / "ledger.db", clock=clock, chance=Chance("db"), schema="ledger") as opened:
        yield opened


@pytest.fixture
def ledger(database: Database, clock: FrozenClock) -> Ledger:
    return Ledger(database, clock, Chance("ledger"))
