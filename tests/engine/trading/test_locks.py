"""Pair locks over weeks: one that has ended is not set again for the losses that it was set for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal as D
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polotui.api import risk_commands as rc
from polotui.engine.trading import locks as module
from polotui.engine.trading.locks import Locks
from polotui.model.orders import Side
from polotui.risk.pairs import DAY_MS, REVIEW_MS
from polotui.storage.database import Connection, Database
from polotui.trading import trades as closed
from tests.campaign.trading.desk import Desk, on_desk
from tests.rig import World, rig

BTCS = "BTC_USDT"
DAY = DAY_MS / 1000


def add_losses(connection: Connection, count: int, at_ms: int) -> None:
    for number in range(count):
        at = at_ms + number
        closed.add_trade(
            connection,
            closed.Trade(
                account="paper", bot=0, strategy="", symbol=BTCS, side=Side.BUY, entry_ms=at - 1, exit_ms=at,
                entry_price=D(1), exit_price=D(1), quantity=D(1), stop=None, target=None, fees=D(0), other_fees={},
                profit=D(-1), invested=D(100), reason="", signal="", first_fill=at, last_fill=at,
            ),
        )  # fmt: skip


class Shop:
    """What locks need of trading, and what happens in a test."""

    def __init__(self, world: World, database: Database) -> None:
        self.clock, self.database = world.clock, database
        self.view = SimpleNamespace(locks=())
        self.locks = self.make()

    def make(self) -> Locks:
        return Locks(self)  # type: ignore[arg-type]

    async def restart(self) -> None:
        self.locks = self.make()
        await self.locks.load()

    async def lose(self, count: int) -> None:
        now = self.clock.wall_ms()
        await self.database.transact(lambda k: add_losses(k, count, now), "losses")
        await self.locks.on_trade(BTCS)

    def locked(self) -> bool:
        return bool(self.locks.rows())

    def changed(self, **_: Any) -> None: ...

    def told(self, number: int) -> None: ...

    def add_fact(self, *_: Any, **__: Any) -> int:
        return 0

    async def note(self, *_: Any, **__: Any) -> None: ...

    async def known(self, symbol: str) -> Any:
        return SimpleNamespace(symbol=symbol)


def in_shop(main: Callable[[Shop], Awaitable[None]], folder: Path) -> None:
    async def run(world: World) -> None:
        chance = world.chance.child("db")
        async with Database(folder / "ledger.db", clock=world.clock, chance=chance, schema="ledger") as database:
            shop = Shop(world, database)
            await shop.locks.load()
            await main(shop)

    rig(run)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("losses", [0, 1])
def test_a_lock_that_ran_out_is_not_set_again_for_the_same_losses(tmp_path: Path, losses: int, restart: bool) -> None:
    async def main(shop: Shop) -> None:
        await shop.lose(5)
        assert shop.locked()
        await asyncio.sleep(31 * DAY)
        assert not shop.locked()
        if restart:
            await shop.restart()
        await shop.lose(losses)
        assert not shop.locked()

    in_shop(main, tmp_path)


def test_an_hour_that_a_person_locked_waives_no_losses(tmp_path: Path) -> None:
    async def main(shop: Shop) -> None:
        await shop.lose(4)
        lock = rc.LockPair(symbol=BTCS, hours=1, reason="news")
        await shop.locks.by_hand(lock)
        await asyncio.sleep(7_200)
        assert not shop.locked()
        await shop.lose(1)
        assert shop.locked()

    in_shop(main, tmp_path)


@pytest.mark.parametrize("restart", [False, True])
def test_new_losses_lock_it_again_at_once(tmp_path: Path, restart: bool) -> None:
    async def main(shop: Shop) -> None:
        await shop.lose(5)
        await asyncio.sleep(31 * DAY)
        if restart:
            await shop.restart()
        await shop.lose(4)
        assert not shop.locked()
        await shop.lose(1)
        assert shop.locked()

    in_shop(main, tmp_path)


@pytest.mark.parametrize("restart", [False, True])
def test_a_lock_that_was_lifted_begins_its_grace_with_that(tmp_path: Path, restart: bool) -> None:
    """Not with the end that it would have had."""

    async def main(shop: Shop) -> None:
        await shop.lose(5)
        await asyncio.sleep(DAY)
        await shop.locks.by_hand(rc.LockPair(symbol=BTCS, lift=True, reason="a test"))
        if restart:
            await shop.restart()
        await shop.lose(1)
        assert not shop.locked()
        await asyncio.sleep(31 * DAY)
        await shop.restart()
        assert shop.locked()

    in_shop(main, tmp_path)


def test_losses_that_are_judged_at_once_lock_their_pair_once(tmp_path: Path) -> None:
    """Two trades of a pair close in the same moment: each reads before the other has locked it."""

    async def main(shop: Shop) -> None:
        await shop.lose(4)
        now = shop.clock.wall_ms()
        await shop.database.transact(lambda k: add_losses(k, 2, now), "losses")
        await asyncio.gather(shop.locks.on_trade(BTCS), shop.locks.on_trade(BTCS), shop.locks.on_trade("ETH_USDT"))
        assert len(shop.locks.rows()) == 1
        assert len(shop.view.locks) == 1
        await shop.restart()
        assert len(shop.locks.rows()) == 1

    in_shop(main, tmp_path)


def test_a_lock_that_is_lifted_while_its_pair_is_judged_stays_lifted(tmp_path: Path) -> None:
    """What was read before the lift would lock it again for the losses that the lift waives."""

    async def main(shop: Shop) -> None:
        await shop.lose(5)
        await asyncio.sleep(DAY)
        lifting = rc.LockPair(symbol=BTCS, lift=True, reason="a test")
        await asyncio.gather(shop.locks.on_trade(BTCS), shop.locks.by_hand(lifting), shop.locks.on_trade(BTCS))
        assert not shop.locked()

    in_shop(main, tmp_path)


def test_all_pairs_are_reviewed_once_a_week_while_the_engine_runs(tmp_path: Path) -> None:
    """When the grace is over the whole record counts again, without a trade or a start in between."""

    async def main(shop: Shop) -> None:
        await shop.lose(5)
        running = asyncio.create_task(shop.locks.run())
        await asyncio.sleep(59 * DAY)
        assert not shop.locked()
        await asyncio.sleep(8 * DAY)
        assert shop.locked()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    in_shop(main, tmp_path)


def test_the_review_runs_in_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 1.0)

    async def work(desk: Desk) -> None:
        trading = desk.trading
        now = trading.clock.wall_ms()
        await trading.database.transact(lambda k: add_losses(k, 5, now - DAY_MS), "losses")
        await asyncio.sleep(5)
        assert trading.locks.rows() == []
        trading.locks._reviewed_ms = now - REVIEW_MS
        await desk.until(trading.locks.rows, 5, what="the pair is locked")

    on_desk(work)
