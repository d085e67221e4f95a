"""A loosening counts when its time has come and not before, whatever was started again in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.engine.trading.limits import LimitDesk, parse
from polotui.risk.fields import BY_NAME
from polotui.storage.database import Database

CLOCK = 1_780_000_000_000


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(CLOCK)


@pytest.fixture
async def database(tmp_path: Path, clock: FrozenClock) -> AsyncIterator[Database]:
    async with Database(tmp_path / "ledger.db", clock=clock, chance=Chance("db"), schema="ledger") as opened:
        yield opened


async def desk_of(database: Database, clock: FrozenClock) -> LimitDesk:
    desk = LimitDesk(database, clock)
    await desk.load()
    return desk


@pytest.mark.parametrize("seconds", [1, 25, 35, 65, 89, 91])
async def test_a_restart_between_two_loosenings_changes_nothing(
    database: Database, clock: FrozenClock, seconds: int
) -> None:
    desk = await desk_of(database, clock)
    await desk.set("", {"daily_loss": "4"}, "", "person")
    await desk.set("", {"daily_loss": "6"}, "because of A", "person")
    clock.advance(30)
    await desk.set("", {"daily_loss": "7"}, "because of B", "person")
    clock.advance(seconds)
    again = await desk_of(database, clock)
    assert again.limits() == desk.limits()
    assert again.limits().daily_loss == (0.07 if seconds >= 60 else 0.04)
    assert again.pending() == desk.pending()
    assert again.preset == desk.preset


async def test_a_change_after_a_loosening_has_come_builds_on_it(database: Database, clock: FrozenClock) -> None:
    desk = await desk_of(database, clock)
    await desk.set("", {"daily_loss": "6"}, "because of A", "person")
    clock.advance(61)
    await desk.set("", {"daily_loss": "7"}, "because of B", "person")
    clock.advance(10)
    again = await desk_of(database, clock)
    assert again.limits().daily_loss == desk.limits().daily_loss == 0.06


async def test_a_loosening_that_was_taken_back_never_counts(database: Database, clock: FrozenClock) -> None:
    desk = await desk_of(database, clock)
    before = desk.limits()
    await desk.set("", {"daily_loss": "9"}, "because of A", "person")
    await desk.withdraw("person")
    clock.advance(120)
    assert (await desk_of(database, clock)).limits() == before


async def test_what_tightens_does_not_wait_for_what_loosens(database: Database, clock: FrozenClock) -> None:
    desk = await desk_of(database, clock)
    reply, _ = await desk.set("", {"daily_loss": "3", "drawdown_pause": "30"}, "because of A", "person")
    assert (desk.limits().daily_loss, desk.limits().drawdown_pause) == (0.03, 0.25)
    assert reply.text == "1 tightened at once. 1 limit loosens in 60 s; until then the old one counts."
    assert [change.name for change in desk.pending()[0]] == ["drawdown_pause"]
    again = await desk_of(database, clock)
    assert again.limits() == desk.limits()
    clock.advance(60)
    for each in (desk, again, await desk_of(database, clock)):
        assert (each.limits().daily_loss, each.limits().drawdown_pause) == (0.03, 0.30)


class Unwritten(Decimal):
    """A number that nobody may write out: one of a typed «1e400000» has 400,000 digits."""

    def __int__(self) -> int:
        raise AssertionError("it was made an int")


@pytest.mark.parametrize("name", ["loss_streak", "daily_loss", "max_order_amount"])
def test_a_limit_of_a_size_that_nothing_has_is_refused_before_it_is_computed_with(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polotui.model.money.Decimal", Unwritten)
    for typed in ("1e400000", "-1e400000", "1e-400000"):
        with pytest.raises(ValueError, match="beyond anything that is counted"):
            parse(BY_NAME[name], typed)


async def test_a_preview_names_the_limit_that_is_beyond_anything(database: Database, clock: FrozenClock) -> None:
    desk = await desk_of(database, clock)
    shown = desk.preview("", {"loss_streak": "1e400000", "max_order_amount": "1e400000"})
    assert set(shown.errors) == {"loss_streak", "max_order_amount"}
    assert all(len(words) < 120 for words in shown.errors.values())


@pytest.mark.parametrize(("typed", "value"), [("7", 7), ("7.0", 7), ("1e1", 10), ("1,000", 1000)])
def test_whole_limits_are_whole_however_they_are_written(typed: str, value: int) -> None:
    found = parse(BY_NAME["loss_streak"], typed)
    assert (found, type(found)) == (value, int)
    with pytest.raises(ValueError, match="whole number"):
        parse(BY_NAME["loss_streak"], "7.5")
