"""Halting when everything else is wedged: the risk monitor hangs, and another process has the ledger."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from decimal import Decimal

import pytest

from polotui.api.risk_commands import Halt, Resume
from polotui.api.trade_commands import PlaceOrder
from polotui.core.errors import Refused
from polotui.core.halt import flag_of, halt
from polotui.engine.local_link import LocalLink
from polotui.engine.trading import halting as halting_module
from tests.engine.conftest import Stage, until

ALL = ("spot", "spot", "paper", "paper")


async def _resting(stage: Stage, link: LocalLink, accounts: Sequence[str] = ALL, least: int = 20) -> None:
    """A limit on each of these accounts, and nothing else."""
    engine = stage.engine
    assert engine.trading is not None
    rehearsal = engine.trading.rehearsal
    assert rehearsal is not None
    for _ in range(400):
        view = engine.trading.view.market("BTC_USDT")
        day = engine.trading.view.day_start
        if not rehearsal.why_not() and view.fresh and view.last and {"paper", rehearsal.root} <= day.keys():
            break
        await asyncio.sleep(0.05)
    bid = engine.trading.view.market("BTC_USDT").bid
    assert bid is not None
    for number, account in enumerate(accounts):
        price = round(float(bid) * (0.98 - number * 0.001), 2)
        reply = await link.call(
            PlaceOrder(
                symbol="BTC_USDT", side="BUY", type="LIMIT", account=account, amount=str(Decimal(least) + number),
                price=str(price), stop=str(round(price * 0.99, 2)),
            )
        )  # fmt: skip
        assert reply.placed, [finding.text for finding in reply.decision.findings]
    assert len(await rehearsal.venue.open_orders()) == accounts.count("spot")
    assert len(await engine.trading.paper.open_orders()) == accounts.count("paper")


async def test_a_resume_right_after_a_halt_waits_for_its_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The halt looks twice whether nothing rests; orders of after the resume were cancelled by it."""
    engine = await stage.start()
    link = LocalLink(engine)
    await engine.safety.look()
    await _resting(stage, link, ["spot"])
    assert engine.trading is not None
    assert engine.trading.rehearsal is not None
    halting = asyncio.create_task(link.call(Halt(reason="a drill", caller="test")))
    while not engine.trading.halting._cancelling:
        await asyncio.sleep(0)
    with monkeypatch.context() as patch:
        patch.setattr(halting_module, "RESUME_SECONDS", 0.0)
        with pytest.raises(Refused, match="still cancelling"):
            await link.call(Resume(words="RESUME", caller="test"))
    assert (await link.call(Resume(words="RESUME", caller="test"))).state == "ACTIVE"
    assert halting.done() or (await halting).confirmed_ms
    # Not the same order again.
    await _resting(stage, link, ["spot"], 25)
    for _ in range(4):
        assert len(await engine.trading.rehearsal.venue.open_orders()) == 1


async def test_a_resume_right_after_a_halt_from_outside_leaves_nothing_of_before(stage: Stage) -> None:
    """The engine had not looked at the flag yet: what rested would have stayed, or what came after would have gone."""
    engine = await stage.start()
    link = LocalLink(engine)
    await engine.safety.look()
    await _resting(stage, link, ["spot"])
    assert engine.trading is not None
    assert engine.trading.rehearsal is not None
    halt(engine.home, "from outside", "a script", engine.clock)
    assert (await link.call(Resume(words="RESUME", caller="test"))).state == "ACTIVE"
    assert await engine.trading.rehearsal.venue.open_orders() == []
    await _resting(stage, link, ["spot"], 25)
    for _ in range(4):
        assert len(await engine.trading.rehearsal.venue.open_orders()) == 1


async def test_a_resume_that_waits_takes_no_newer_halt_away(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    assert engine.trading is not None
    going_on = asyncio.Event()
    sweeps = engine.trading.halting.sweeps

    async def slow() -> object:
        await going_on.wait()
        return await sweeps[0]()

    engine.trading.halting.sweeps = [slow]  # type: ignore[list-item]
    first = asyncio.create_task(link.call(Halt(reason="the first", caller="test")))
    await until(lambda: engine.trading.halting._cancelling is not None)  # type: ignore[union-attr]
    resuming = asyncio.create_task(link.call(Resume(words="RESUME", caller="test")))
    await asyncio.sleep(0)
    second = asyncio.create_task(link.call(Halt(reason="the second", caller="test")))
    await until(lambda: engine.trading.halting._halts == 2)  # type: ignore[union-attr]
    going_on.set()
    with pytest.raises(Refused, match="halted again"):
        await resuming
    assert (await first).state == (await second).state == "HALTED"
    assert flag_of(engine.home).exists()
    assert engine.trading.halting.state() == "HALTED"


async def test_a_halt_needs_neither_monitor_nor_ledger(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    await engine.safety.look()
    await _resting(stage, link)
    assert engine.trading is not None
    trading = engine.trading
    assert trading.rehearsal is not None
    # The monitor is in the middle of a reading that never ends.
    await trading.monitor._reading.acquire()
    other = sqlite3.connect(engine.home.data / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        done = await asyncio.wait_for(link.call(Halt(reason="a drill", caller="test")), 60)
        assert flag_of(engine.home).exists()
        assert (done.state, done.cancelled, done.left) == ("HALTED", 4, 0)
        assert done.confirmed_ms is not None
        # The exchange itself says so, and the paper venue.
        assert await trading.rehearsal.venue.open_orders() == []
        assert await trading.paper.open_orders() == []
    finally:
        other.execute("ROLLBACK")
        other.close()
        trading.monitor._reading.release()
    resumed = await link.call(Resume(words="RESUME", caller="test"))
    assert resumed.state == "ACTIVE"
    # What the venues did is booked as soon as the ledger can take it.
    for _ in range(400):
        if not trading.gateway.blotter.open():
            break
        await asyncio.sleep(0.05)
    assert trading.gateway.blotter.open() == []
