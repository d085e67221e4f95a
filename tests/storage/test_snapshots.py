"""Snapshots: proven good before they have a name, kept as long as they should be, and put back."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError, UsageError
from polotui.core.ids import Chance
from polotui.storage import snapshots as module
from polotui.storage.database import Database
from polotui.storage.snapshots import Snapshots, check, kept, restore
from polotui.trading.ledger import Ledger
from polotui.trading.portfolio import Portfolio
from tests.trading.makers import NOW, book, terms

HOUR_MS = 3_600_000


def replay(connection: sqlite3.Connection) -> str:
    return Portfolio.load(connection).digest()


class Desk:
    """A ledger with its snapshots."""

    def __init__(self, folder: Path) -> None:
        self.clock = FrozenClock(NOW)
        self.database = Database(folder / "ledger.db", clock=self.clock, chance=Chance(1), schema="ledger")
        self.ledger = Ledger(self.database, self.clock, Chance(2))
        self.folder = folder / "snapshots"
        self.snapshots = Snapshots(self.database, self.folder, self.clock, Chance(3), replay)

    async def trade(self, place: int) -> None:
        await self.database.transact(lambda c: book(c, terms(f"pt-{place}"), f"t{place}"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_snapshot_is_a_good_private_copy_of_one_state(desk: Desk) -> None:
    async with desk.database:
        await desk.ledger.deposit("paper", "USDT", Decimal(1000))
        await desk.trade(1)
        made = await desk.snapshots.make()
        await desk.trade(2)
        assert desk.snapshots.list() == [made]
        assert made.name == "ledger-20260528T202640.000Z.db"
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(desk.folder.stat().st_mode) == 0o700
        found = await desk.snapshots.verify(made.name)
        assert found.ok, found
        assert {report.chain: report.rows for report in found.chains}["entries"] == 4
        live = await desk.database.read(replay)
        assert len(found.replayed) == len(live) == 64
        assert found.replayed != live
        assert [path.name for path in desk.folder.iterdir()] == [made.name]


async def test_writing_goes_on_while_a_snapshot_is_made(desk: Desk) -> None:
    """Every snapshot is one state: its fills and their entries agree, whatever is written meanwhile."""
    async with desk.database:
        stop = asyncio.Event()

        async def write() -> int:
            place = 0
            while not stop.is_set():
                await desk.trade(place)
                place += 1
            return place

        writer = asyncio.ensure_future(write())
        for _ in range(5):
            desk.clock.advance(60)
            made = await desk.snapshots.make()
            connection = sqlite3.connect(made.path)
            fills = connection.execute("SELECT count(*) FROM fills").fetchone()[0]
            assert connection.execute("SELECT count(*) FROM entries").fetchone()[0] == 3 * fills
            connection.close()
        stop.set()
        assert await writer > 0


def spoil(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE entries SET amount = '1001' WHERE number = 1", "entries: the content of row 1"),
        ("UPDATE fills SET price = '1' WHERE number = 1", "fills: the content of row 1"),
        ("DELETE FROM chain_heads", "its head is 0"),
    ],
)
async def test_a_broken_ledger_gives_no_snapshot_and_keeps_the_good_ones(
    desk: Desk, statement: str, words: str
) -> None:
    async with desk.database:
        await desk.ledger.deposit("paper", "USDT", Decimal(1000))
        await desk.trade(1)
        good = await desk.snapshots.make()
    spoil(desk.database.path, statement)
    desk.clock.advance(3600)
    async with desk.database:
        with pytest.raises(StorageError, match=words) as caught:
            await desk.snapshots.make()
        assert caught.value.instance_code == "snapshot-bad"
        assert desk.snapshots.list() == [good]
        assert desk.snapshots.last_verified_ms == NOW
        assert [path.name for path in desk.folder.iterdir()] == [good.name]


async def test_a_replay_that_fails_is_a_bad_copy(desk: Desk) -> None:
    def fails(_: sqlite3.Connection) -> str:
        raise StorageError("a fill without its entries")

    async with desk.database:
        await desk.trade(1)
        with pytest.raises(StorageError, match="without its entries"):
            await Snapshots(desk.database, desk.folder, desk.clock, Chance(1), fails).make()
        assert list(desk.folder.iterdir()) == []


async def test_a_snapshot_that_rots_is_found(desk: Desk) -> None:
    async with desk.database:
        for place in range(50):
            await desk.trade(place)
        made = await desk.snapshots.make()
        data = bytearray(made.path.read_bytes())
        place = data.rindex(b"the rule said so")
        data[place] ^= 1
        made.path.write_bytes(data)
        found = await desk.snapshots.verify(made.name)
        assert not found.ok
        assert "the content of row" in " ".join(found.problems)
        made.path.write_bytes(b"not a database, " * 1000)
        assert not (await desk.snapshots.verify(made.name)).ok
        with pytest.raises(UsageError):
            await desk.snapshots.verify("../ledger.db")


async def test_the_time_of_the_last_good_one_survives_a_restart(desk: Desk) -> None:
    async with desk.database:
        assert desk.snapshots.last_verified_ms is None
        assert await desk.snapshots.verify_one() is None
        await desk.snapshots.make()
        again = Snapshots(desk.database, desk.folder, desk.clock, Chance(1), replay)
        assert again.last_verified_ms == NOW
        desk.clock.advance(7200)
        drawn = await again.verify_one()
        assert drawn is not None
        assert drawn[1].ok
        assert again.last_verified_ms == NOW + 2 * HOUR_MS


async def test_old_ones_go_when_a_new_one_is_good(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOURLY", 3)
    monkeypatch.setattr(module, "DAILY", 2)
    async with desk.database:
        for _ in range(40):
            await desk.snapshots.make()
            desk.clock.advance(1800)
    ages = [(desk.clock.wall_ms() - found.at_ms) // 60_000 for found in desk.snapshots.list()]
    # Half-hourly from 20:26: the newest of the last three hours, and of the two days.
    assert [datetime.fromtimestamp(s.at_ms / 1000, UTC).strftime("%dT%H:%M") for s in desk.snapshots.list()] == [
        "29T15:56",
        "29T14:56",
        "29T13:56",
        "28T23:56",
    ], ages


@given(st.lists(st.integers(0, 60 * 24 * HOUR_MS), max_size=300, unique=True))
def test_what_is_kept(times: list[int]) -> None:
    stay = kept(times)
    assert stay <= set(times)
    hours = sorted({at // HOUR_MS for at in times}, reverse=True)[:24]
    days = sorted({at // (24 * HOUR_MS) for at in times}, reverse=True)[:14]
    for span, of in ((HOUR_MS, hours), (24 * HOUR_MS, days)):
        for place in of:
            assert max(at for at in times if at // span == place) in stay
    assert len(stay) <= 24 + 14


async def test_restoring(desk: Desk, tmp_path: Path) -> None:
    async with desk.database:
        await desk.ledger.deposit("paper", "USDT", Decimal(1000))
        made = await desk.snapshots.make()
        expected = await desk.database.read(replay)
        await desk.trade(1)
        with pytest.raises(StorageError, match="in use"):
            restore(made.path, desk.database.path, now_ms=NOW, replay=replay)
    done = restore(made.path, desk.database.path, now_ms=NOW, replay=replay)
    assert done.check.replayed == expected
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    assert done.aside is not None
    aside = sqlite3.connect(done.aside)
    assert aside.execute("SELECT count(*) FROM fills").fetchone() == (1,)
    aside.close()
    async with desk.database:
        assert await desk.database.read(replay) == expected
        assert (await desk.ledger.verify()).ok
        await desk.ledger.deposit("paper", "USDT", Decimal(1))


async def test_restoring_over_nothing_and_over_a_damaged_file(desk: Desk) -> None:
    async with desk.database:
        await desk.trade(1)
        made = await desk.snapshots.make()
    desk.database.path.unlink()
    assert restore(made.path, desk.database.path, now_ms=NOW).aside is None
    desk.database.path.write_bytes(b"\x00damaged" * 5000)
    desk.database.path.with_name("ledger.db-wal").write_bytes(b"of the damaged one")
    done = restore(made.path, desk.database.path, now_ms=NOW + 1)
    assert done.aside is not None
    assert done.aside.read_bytes().startswith(b"\x00damaged")
    assert not desk.database.path.with_name("ledger.db-wal").exists()
    async with desk.database:
        assert (await desk.ledger.verify()).entries == 3


async def test_a_bad_snapshot_is_not_put_back(desk: Desk, tmp_path: Path) -> None:
    async with desk.database:
        await desk.trade(1)
        made = await desk.snapshots.make()
    bad = tmp_path / "bad.db"
    shutil.copy(made.path, bad)
    spoil(bad, "UPDATE fills SET quantity = '2'")
    before = desk.database.path.read_bytes()
    with pytest.raises(StorageError, match="not good"):
        restore(bad, desk.database.path, now_ms=NOW, replay=replay)
    with pytest.raises(UsageError):
        restore(tmp_path / "none.db", desk.database.path, now_ms=NOW)
    assert desk.database.path.read_bytes() == before


async def test_a_file_without_chains_is_checked_for_its_structure(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    connection.execute("CREATE TABLE entries (number INTEGER PRIMARY KEY)")
    assert check(connection).ok
    connection.close()


async def test_what_a_killed_process_left_is_swept(desk: Desk) -> None:
    async with desk.database:
        desk.folder.mkdir()
        (desk.folder / ".ledger-20260101T000000.000Z.db.new").write_bytes(b"half")
        (desk.folder / ".ledger-20260101T000000.000Z.db.new-journal").write_bytes(b"half")
        made = await desk.snapshots.make()
        assert [path.name for path in desk.folder.iterdir()] == [made.name]
