from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.model.candles import DAY_MS
from polotui.storage.candles import CandleStore
from polotui.storage.database import Database
from tests.market.candle_samples import DAY0


@pytest.fixture
def clock() -> FrozenClock:
    """Noon of the third day after DAY0, and 20 seconds."""
    return FrozenClock(DAY0 + 2 * DAY_MS + DAY_MS // 2 + 20_000)


@pytest.fixture
async def store(tmp_path: Path, clock: FrozenClock) -> AsyncIterator[CandleStore]:
    path = tmp_path / "market.db"
    async with Database(path, clock=clock, chance=Chance(1), schema="market", synchronous="NORMAL") as database:
        yield CandleStore(database, clock)
