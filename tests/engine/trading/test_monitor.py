"""The risk monitor when the disk, the clock or the process fails at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal as D
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from polotui.api import trade_replies as tr
from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError
from polotui.core.ids import Chance
from polotui.engine.trading.kept import Kept
from polotui.engine.trading.monitor import DAILY_LOSS, Monitor
from polotui.model.orders import Side
from polotui.risk.daily import DAY_MS, DailyState
from polotui.risk.drawdown import DrawdownState
from polotui.risk.limits import Limits
from polotui.risk.values import AccountView
from polotui.storage.database import Connection, Database
from polotui.trading import trades as closed
from polotui.trading.latches import Latches

NOW = 20_000 * DAY_MS + 3_600_000


class Hand:
    """Sells everything, as often as it takes."""

    def __init__(self) -> None:
        self.answers: list[tr.Halted | Exception] = []
        self.calls = 0

    async def flatten_now(self, root: str, reason: str, caller: str) -> tr.Halted:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else tr.Halted(state="ACTIVE", text="sold", left=0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Desk:
    """What a monitor needs of trading, with an account whose worth the test says."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.clock = FrozenClock(NOW)
        self.database = database
        self.latches = Latches(database, self.clock, folder / "latches.json")
        self.settings: dict[str, str] = {}
        self.records = self
        self.worth: D | None = D(10_000)
        self.portfolio = SimpleNamespace(accounts=lambda root: [root])
        self.view = SimpleNamespace(
            equity=lambda root, whole: self.worth,
            fresh=lambda root: True,
            day_start={},
            peak={},
            latches=(),
            strategy_drawdowns={},
            # Of an account of which nothing is known the meter says nothing.
            account=lambda root: AccountView(
                root=root, now_ms=NOW, state="ACTIVE", equity=None, day_start_equity=None, peak_equity=None, cash={}
            ),
        )
        self.alerts = SimpleNamespace(standing_keys=frozenset, take=self.take)
        self.gateway = SimpleNamespace(trouble={})
        self.halting = SimpleNamespace(reducing={})
        self.bots = SimpleNamespace(running=list, goes_on=lambda number: True)
        self.limits = SimpleNamespace(limits=lambda: Limits(daily_loss=0.05))
        self.hand = Hand()
        self.supervisor = self
        self.said: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def setting(self, name: str) -> str | None:
        return self.settings.get(name)

    async def set_setting(self, name: str, text: str) -> None:
        self.settings[name] = text

    async def note(self, kind: str, text: str, caller: str, **more: Any) -> None:
        self.said.append(text)

    async def take(self, now: Any) -> None: ...

    def touch_state(self) -> None: ...

    def task(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]

    async def monitor(self) -> Monitor:
        """A new start on what is stored."""
        await self.latches.load()
        monitor = Monitor(self, "spot")  # type: ignore[arg-type]
        await monitor.load()
        return monitor

    async def lose(self, monitor: Monitor) -> None:
        """A good reading, then the loss of the day until it is confirmed."""
        await monitor.check()
        self.worth = D(9_000)
        for _ in range(4):
            self.clock.advance(2)
            await monitor.check()


@pytest.fixture
async def trading(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    async with Database(tmp_path / "ledger.db", clock=FrozenClock(NOW), chance=Chance("db"), schema="ledger") as opened:
        yield opened


async def test_everything_is_sold_though_the_latch_could_not_be_written(
    trading: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = await trading.monitor()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("polotui.trading.latches.write_private", full)
        await trading.lose(monitor)
        await asyncio.gather(*trading.tasks)
        assert trading.hand.calls == 1
        assert trading.latches.is_set(DAILY_LOSS)
    # As soon as it can be, it is.
    await monitor.check()
    again = Latches(trading.database, trading.clock, trading.latches._path)
    assert [latch.name for latch in await again.load()] == [DAILY_LOSS]


async def test_what_could_not_be_sold_is_tried_again_while_the_day_is_over(
    trading: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polotui.engine.trading.monitor.SELL_AGAIN_SECONDS", 0.0)
    monitor = await trading.monitor()
    trading.hand.answers = [
        StorageError("The disk is full."),
        tr.Halted(state="ACTIVE", text="0 sold", left=1),
        tr.Halted(state="ACTIVE", text="1 sold", left=0),
    ]
    await trading.lose(monitor)
    await asyncio.wait_for(asyncio.gather(*trading.tasks), 5)
    assert trading.hand.calls == 3


async def test_a_restart_after_the_latch_keeps_the_start_of_the_day_and_sells_what_is_left(trading: Desk) -> None:
    monitor = await trading.monitor()
    await trading.lose(monitor)
    await asyncio.gather(*trading.tasks)
    trading.tasks.clear()
    before = monitor.day_state()
    # Killed while selling: the next start finds the latch and positions that are still there.
    again = await trading.monitor()
    assert again.day_state().start == before.start == D(10_000)
    assert again.day_state().latched
    await again.check()
    await asyncio.gather(*trading.tasks)
    assert trading.hand.calls == 2


async def test_a_day_that_is_over_by_its_state_alone_has_a_latch_that_can_be_cleared(trading: Desk) -> None:
    day = DailyState(day=NOW // DAY_MS, start=D(10_000), latched=True, blocked=True, latched_day=NOW // DAY_MS)
    trading.settings["risk-monitor-spot"] = msgspec.json.encode(Kept(day=day)).decode()
    await trading.monitor()
    assert trading.latches.is_set(DAILY_LOSS)


async def test_counts_of_another_process_do_not_end_the_day(trading: Desk) -> None:
    day = DailyState(
        day=NOW // DAY_MS, start=D(10_000), blocked=True, bad_readings=1, first_bad_tick=-(10**9), last_equity=D(9_000)
    )
    trading.settings["risk-monitor-spot"] = msgspec.json.encode(Kept(day=day)).decode()
    monitor = await trading.monitor()
    trading.worth = None
    await monitor.check()
    assert not monitor.day_state().latched
    assert monitor.day_state().blocked


async def test_a_reading_that_fails_does_not_end_the_monitor(trading: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polotui.engine.trading.monitor.TICK_SECONDS", 0.0)
    monitor = await trading.monitor()
    calls = 0
    done = asyncio.Event()

    async def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 4:
            done.set()
        raise StorageError("The disk is full.")

    monkeypatch.setattr(monitor, "check", check)
    running = asyncio.create_task(monitor.run())
    await asyncio.wait_for(done.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_bot_that_a_person_resumes_begins_anew(trading: Desk) -> None:
    paused = DrawdownState(peak=D(100), recent=(D(70), D(70), D(70)), paused=True, bad_readings=3, fall=0.3)
    trading.settings["risk-monitor-spot"] = msgspec.json.encode(Kept(bots={4: paused})).decode()
    monitor = await trading.monitor()
    await monitor.bot_resumed(4)
    assert not monitor.bot_drawdown(4)
    again = await trading.monitor()
    assert not again.bot_drawdown(4)


def _lost(connection: Connection) -> closed.Trade:
    fill = connection.execute("SELECT count(*) FROM trades").fetchone()[0] * 2
    return closed.add_trade(
        connection,
        closed.Trade(
            account="spot/bot-4", bot=4, strategy="hasty", symbol="BTC_USDT", side=Side.BUY, entry_ms=NOW - 1,
            exit_ms=NOW, entry_price=D(100), exit_price=D(99), quantity=D(1), stop=None, target=None, fees=D(0),
            other_fees={}, profit=D(-1), invested=D(100), reason="", signal="", first_fill=fill + 1,
            last_fill=fill + 2,
        ),
    )  # fmt: skip


async def test_losses_in_a_row_count_from_a_persons_resume(trading: Desk) -> None:
    """The row of a bot that is blocked says: pause and resume it to begin anew. It stayed blocked for good."""
    monitor = await trading.monitor()
    for _ in range(10):
        monitor.on_trade(await trading.database.transact(_lost))
    assert monitor.streaks.losses.get(4) == 10
    await monitor.bot_resumed(4)
    assert monitor.streaks.losses.get(4) == 0
    again = await trading.monitor()
    assert not again.streaks.losses.get(4)
    again.on_trade(await trading.database.transact(_lost))
    assert again.streaks.losses.get(4) == 1
    assert (await trading.monitor()).streaks.losses.get(4) == 1


@pytest.mark.parametrize(
    ("root", "trouble", "sold"),
    [
        ("spot", "foreign", 1), ("spot", "protector", 1), ("spot", "orphan", 0), ("spot", "ledger", 0),
        # An orphan is a fill at the exchange: the books of paper are whole.
        ("paper", "foreign", 1), ("paper", "orphan", 1), ("paper", "ledger", 0),
    ],
)  # fmt: skip
async def test_only_fills_that_are_not_booked_keep_a_loss_from_being_confirmed(
    trading: Desk, root: str, trouble: str, sold: int
) -> None:
    """A stranger's order, or stops that do not run: with those the last line must not be off as well."""
    await trading.latches.load()
    monitor = Monitor(trading, root)  # type: ignore[arg-type]
    await monitor.load()
    trading.gateway.trouble[trouble] = "it stands"
    await trading.lose(monitor)
    await asyncio.gather(*trading.tasks)
    assert trading.hand.calls == sold


async def test_money_that_comes_during_a_reading_counts(trading: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = await trading.monitor()
    for _ in range(3):
        await monitor.check()
    trading.worth = D(7_000)
    inside, go = asyncio.Event(), asyncio.Event()

    async def slow(*_: object, **__: object) -> None:
        inside.set()
        await go.wait()

    monkeypatch.setattr(monitor, "_drawdown_actions", slow)
    reading = asyncio.create_task(monitor.check())
    await inside.wait()
    moving = asyncio.create_task(monitor.moved("spot", D(500)))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(reading, moving)
    assert monitor.account_drawdown().peak == D(10_500)


async def test_a_flatten_that_meets_a_reduction_comes_after_it(trading: Desk) -> None:
    monitor = await trading.monitor()
    go = asyncio.Event()

    async def reduce(*_: Any) -> None:
        await go.wait()

    monitor._reductions = reduce  # type: ignore[method-assign,assignment]
    monitor._reduce(None, None)  # type: ignore[arg-type]
    await trading.lose(monitor)
    assert trading.hand.calls == 0
    go.set()
    await asyncio.gather(*trading.tasks)
    assert trading.hand.calls == 1
