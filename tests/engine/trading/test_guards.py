"""Protections on disk: what could not be written is written as soon as it can be."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError
from polotui.core.ids import Chance
from polotui.engine.trading.guards import Guards
from polotui.storage.database import Database
from polotui.trading.protection import Protection

STOP = Protection(account="paper", symbol="BTC_USDT", stop=D(90))


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    async with Database(tmp_path / "ledger.db", clock=FrozenClock(), chance=Chance("db"), schema="ledger") as opened:
        yield opened


def guards_of(database: Database) -> Guards:
    markets = SimpleNamespace(market=lambda s: None, stamp_ms=lambda s: 0, book=lambda s: None, fresh=lambda s: False)
    trading = SimpleNamespace(
        clock=FrozenClock(), chance=Chance("guards"), database=database, markets=markets,
        touch_positions=lambda: None, fact=lambda *a, **k: None,
    )  # fmt: skip
    return Guards(trading)  # type: ignore[arg-type]


async def test_a_protection_that_could_not_be_written_is_written_when_it_can_be(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polotui.engine.trading.guards.SAVE_AGAIN_SECONDS", 0.0)
    guards = guards_of(database)
    running = asyncio.create_task(guards.run())

    async def full(*_: object) -> None:
        raise StorageError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(database, "transact", full)
        await guards.protect(STOP)
        for _ in range(20):
            await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while not await database.read(lambda c: c.execute("SELECT count(*) FROM protections").fetchone()[0]):
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert guards.of("paper", "BTC_USDT") == STOP
    assert guards.of("paper", "ETH_USDT") is None
