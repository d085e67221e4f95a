"""Latches hold: through a restart, an older ledger, another clock, another mode, a lost or edited mirror."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.core.clock import FrozenClock
from polotui.core.errors import Refused, StorageError, UsageError
from polotui.core.ids import Chance
from polotui.storage.chained import verify_all
from polotui.storage.database import Database
from polotui.trading import latches as module
from polotui.trading import rows
from polotui.trading.latches import ACKNOWLEDGED, DAY_MS, Latch, Latches, may_clear, override_words, utc_day

TODAY = 1_780_000_000_000
HOUR = 3_600


class Home:
    """A home with a ledger and a mirror, opened and closed as a program does."""

    def __init__(self, folder: Path) -> None:
        self.ledger = folder / "ledger.db"
        self.mirror = folder / "data" / "latches.json"
        self.clock = FrozenClock(TODAY)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Latches]:
        async with Database(self.ledger, clock=self.clock, chance=Chance(1), schema="ledger") as database:
            found = Latches(database, self.clock, self.mirror)
            await found.load()
            yield found
            assert all(report.ok for report in await database.read(verify_all))

    async def names(self) -> list[str]:
        async with self.running() as latches:
            return [latch.name for latch in latches.active()]

    async def audit(self) -> list[tuple[str, str]]:
        async with Database(self.ledger, clock=self.clock, chance=Chance(1), schema="ledger") as database:
            return [(row.kind, row.caller) for row in await database.read(rows.audit_rows)][::-1]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


async def trip(home: Home, account: str = "paper") -> None:
    async with home.running() as latches:
        await latches.set("daily-loss", "lost 5.1 % today", account, day=utc_day(home.clock.wall_ms()))


async def refused(home: Home, how: str = ACKNOWLEDGED, venue_ms: int | None = None) -> str:
    """The code of the refusal to clear; "" when it was cleared."""
    async with home.running() as latches:
        try:
            await latches.clear("daily-loss", caller="you", how=how, account="paper", venue_ms=venue_ms)
        except Refused as error:
            assert latches.is_set("daily-loss", "paper")
            return error.instance_code
    return ""


# ── criterion: restart, restored snapshot, clock, mode ───────────────────────────────────────────────────────────────


async def test_it_survives_a_restart_until_the_next_day_and_a_word(home: Home) -> None:
    await trip(home)
    assert await home.names() == ["daily-loss"]
    assert await refused(home) == "LATCH-SAME-DAY"
    home.clock.advance(23 * HOUR)
    assert utc_day(home.clock.wall_ms()) == utc_day(TODAY) + 1
    assert await home.names() == ["daily-loss"]  # the day alone clears nothing
    assert await refused(home) == ""
    assert await home.names() == []
    assert await home.audit() == [("latch-set", "engine"), ("latch-clear", "you")]


@pytest.mark.parametrize("with_latch_rows", [False, True])
async def test_it_survives_an_older_ledger(home: Home, tmp_path: Path, with_latch_rows: bool) -> None:
    older = tmp_path / "older.db"
    if with_latch_rows:
        async with home.running():
            pass
    else:
        async with Database(home.ledger, clock=home.clock, chance=Chance(1), schema="ledger"):
            pass
    shutil.copy(home.ledger, older)
    await trip(home)
    shutil.copy(older, home.ledger)
    assert await home.names() == ["daily-loss"]
    shutil.copy(home.mirror, tmp_path / "kept.json")
    assert await refused(home) == "LATCH-SAME-DAY"
    assert await home.audit() == [("latch-set", "start")]  # and the ledger says so again


async def test_it_survives_an_older_mirror_and_a_ledger_from_before_its_end(home: Home, tmp_path: Path) -> None:
    await trip(home)
    shutil.copy(home.mirror, tmp_path / "old.json")
    shutil.copy(home.ledger, tmp_path / "old.db")
    home.clock.advance(24 * HOUR)
    assert await refused(home) == ""
    shutil.copy(tmp_path / "old.json", home.mirror)
    assert await home.names() == ["daily-loss"]
    assert await refused(home) == ""
    shutil.copy(tmp_path / "old.db", home.ledger)
    assert await home.names() == ["daily-loss"]


async def test_a_clock_put_back_never_helps(home: Home) -> None:
    await trip(home)
    home.clock._wall_ms -= 3 * DAY_MS
    assert await refused(home) == "LATCH-CLOCK-BACK"
    home.clock._wall_ms += 3 * DAY_MS
    assert await refused(home) == "LATCH-SAME-DAY"


async def test_a_latch_set_by_a_clock_that_was_put_back_holds_for_the_real_day(home: Home) -> None:
    async with home.running() as latches:
        await latches.set("other", "so that a row knows today")
    home.clock._wall_ms -= 2 * DAY_MS
    await trip(home)
    home.clock._wall_ms += 2 * DAY_MS
    assert await refused(home) == "LATCH-SAME-DAY"


async def test_a_clock_put_forward_while_running_does_not_make_a_new_day(home: Home) -> None:
    async with home.running() as latches:
        await latches.set("daily-loss", "lost", "paper", day=utc_day(TODAY))
        home.clock._wall_ms += DAY_MS  # the wall clock alone: no time passed
        with pytest.raises(Refused) as caught:
            await latches.clear("daily-loss", caller="you", how=ACKNOWLEDGED, account="paper")
        assert caught.value.instance_code == "LATCH-SAME-DAY"
        home.clock._wall_ms -= DAY_MS
        home.clock.advance(24 * HOUR)
        await latches.clear("daily-loss", caller="you", how=ACKNOWLEDGED, account="paper")


async def test_a_clock_put_forward_while_nothing_ran_is_found_out_by_the_venue(home: Home) -> None:
    await trip(home)
    home.clock._wall_ms += DAY_MS
    assert await refused(home, venue_ms=TODAY + 1_000) == "LATCH-SAME-DAY"
    assert await home.names() == ["daily-loss"]
    assert await refused(home, venue_ms=TODAY + DAY_MS) == ""


async def test_a_clock_that_ran_ahead_for_a_while_does_not_hold_a_latch_for_longer(home: Home) -> None:
    await trip(home)
    home.clock._wall_ms += 90 * DAY_MS
    assert await home.names() == ["daily-loss"]
    home.clock._wall_ms -= 90 * DAY_MS
    home.clock.advance(24 * HOUR)
    assert await refused(home) == ""


async def test_it_survives_a_switch_of_mode_and_holds_for_its_own_accounts(home: Home) -> None:
    """Modes are accounts of one ledger: neither loads latches of its own."""
    await trip(home, "spot")
    async with home.running() as latches:
        assert latches.active("paper/bot-1") == []
        assert [latch.name for latch in latches.active("spot/bot-1")] == ["daily-loss"]
        await latches.set("drawdown", "25 % from the peak")
        assert [latch.name for latch in latches.active("paper")] == ["drawdown"]
    async with home.running() as latches:
        assert {latch.name for latch in latches.active("spot")} == {"daily-loss", "drawdown"}
        assert latches.active("spots") == latches.active("paper")


async def test_only_the_typed_words_override_and_it_is_audited(home: Home) -> None:
    await trip(home)
    for words in ("", "override daily-loss", "OVERRIDE drawdown", "yes", " OVERRIDE daily-loss"):
        assert await refused(home, words) == "LATCH-OVERRIDE-WORDS"
    assert await refused(home, "OVERRIDE daily-loss") == ""
    assert (await home.audit())[-1] == ("latch-override", "you")
    with pytest.raises(UsageError):
        await refused(home)


# ── the mirror ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_first_start_has_no_latch_and_a_private_mirror(home: Home) -> None:
    assert await home.names() == []
    assert stat.S_IMODE(home.mirror.stat().st_mode) == 0o600
    assert await home.names() == []
    assert await home.audit() == []


@pytest.mark.parametrize("before", ["nothing", "a latch"])
async def test_a_missing_mirror_is_a_latch(home: Home, before: str) -> None:
    if before == "a latch":
        await trip(home)
    else:
        assert await home.names() == []
    home.mirror.unlink()
    expected = ["mirror-missing"] if before == "nothing" else ["daily-loss", "mirror-missing"]
    assert await home.names() == expected
    assert await home.names() == expected  # the mirror is there again, the latch too
    async with home.running() as latches:
        await latches.clear("mirror-missing", caller="you", how=ACKNOWLEDGED)
    assert await home.names() == expected[:-1]


def _without_latches(text: str) -> str:
    content = json.loads(text)
    content["content"]["latches"] = []
    return json.dumps(content)


DAMAGE = {
    "empty": lambda text: "",
    "cut off": lambda text: text[: len(text) // 2],
    "no JSON": lambda text: "set: no",
    "latches taken out": _without_latches,
    "a digit": lambda text: text.replace("daily", "dairy"),
    "another field": lambda text: text.replace("{", '{"more": 1, ', 1),
    "not UTF-8": lambda text: text.replace("daily", "da\udcffly"),
}


@pytest.mark.parametrize("kind", DAMAGE)
async def test_a_damaged_or_edited_mirror_is_a_latch_and_loses_none(home: Home, kind: str) -> None:
    await trip(home)
    text = home.mirror.read_text()
    home.mirror.write_bytes(DAMAGE[kind](text).encode("utf-8", "surrogateescape"))
    assert {"daily-loss", "mirror-damaged"} <= set(await home.names())
    assert {"daily-loss", "mirror-damaged"} <= set(await home.names())


async def test_every_byte_of_the_mirror_counts(home: Home) -> None:
    async with home.running() as latches:
        await latches.set("daily-loss", "lost", "paper", day=utc_day(TODAY))
    good = home.mirror.read_bytes()
    for place in range(len(good)):
        changed = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        home.mirror.write_bytes(changed)
        found, problem = module._read_mirror(home.mirror)
        # White space between the words carries nothing; whatever does is noticed.
        if json.loads(good) != _json_or_none(changed):
            assert problem == "mirror-damaged", place
        else:
            assert found is not None
    home.mirror.write_bytes(good)


def _json_or_none(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return None


# ── failures and cancellation ────────────────────────────────────────────────────────────────────────────────────────


def broken(*_: object) -> None:
    raise OSError(28, "No space left on device")


async def test_a_mirror_that_cannot_be_written_does_not_keep_a_latch_from_the_ledger(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with home.running() as latches:
        with monkeypatch.context() as patched:
            patched.setattr(module, "write_private", broken)
            with pytest.raises(StorageError, match="mirror"):
                await latches.set("daily-loss", "lost", "paper", day=utc_day(TODAY))
        assert latches.is_set("daily-loss", "paper")
    assert await home.names() == ["daily-loss"]


async def test_a_ledger_that_cannot_be_written_does_not_keep_a_latch_from_the_mirror(home: Home) -> None:
    async with home.running() as latches:
        other = sqlite3.connect(home.ledger, isolation_level=None)
        other.execute("CREATE TRIGGER no_latch BEFORE INSERT ON latches BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(StorageError):
            await latches.set("daily-loss", "lost", "paper", day=utc_day(TODAY))
        assert latches.is_set("daily-loss", "paper")
        other.execute("DROP TRIGGER no_latch")
        other.close()
    assert await home.names() == ["daily-loss"]


async def test_killed_between_the_steps_of_clearing_it_is_still_set(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trip(home)
    home.clock.advance(24 * HOUR)
    async with home.running() as latches:
        with monkeypatch.context() as patched:
            patched.setattr(module, "write_private", broken)
            with pytest.raises(StorageError, match="stays set"):
                await latches.clear("daily-loss", caller="you", how=ACKNOWLEDGED, account="paper")
        assert latches.is_set("daily-loss", "paper")
    assert await home.names() == ["daily-loss"]


async def test_it_holds_from_the_call_on_and_a_second_one_adds_nothing(home: Home) -> None:
    async with home.running() as latches:
        first = asyncio.ensure_future(latches.set("daily-loss", "lost", "paper", day=utc_day(TODAY)))
        await asyncio.sleep(0)
        assert latches.is_set("daily-loss", "paper")
        second = await latches.set("daily-loss", "lost more", "paper", day=utc_day(TODAY))
        assert second == await first
        assert second.reason == "lost"
        later = await latches.set("daily-loss", "lost again", "paper", day=utc_day(TODAY) + 1)
        assert later.day == utc_day(TODAY) + 1
        assert (await latches.set("daily-loss", "early", "paper", day=1)).day == later.day
    assert [kind for kind, _ in await home.audit()] == ["latch-set", "latch-set"]
    async with home.running() as latches:
        assert latches.active() == [later]


async def test_before_loading_nothing_is_known(home: Home) -> None:
    async with Database(home.ledger, clock=home.clock, chance=Chance(1), schema="ledger") as database:
        with pytest.raises(AssertionError):
            Latches(database, home.clock, home.mirror).active()


# ── the rule ─────────────────────────────────────────────────────────────────────────────────────────────────────────

times = st.integers(min_value=DAY_MS, max_value=40 * DAY_MS)


@given(since=times, days=st.integers(0, 3), now=times, seen=times, acknowledged=st.booleans(), typed=st.booleans())
def test_may_clear(since: int, days: int, now: int, seen: int, acknowledged: bool, typed: bool) -> None:
    latch = Latch(name="daily-loss", reason="", since_ms=since, day=utc_day(since) + days)
    verdict = may_clear(
        latch, now, seen_ms=seen, acknowledged=acknowledged, override=override_words(latch) if typed else ""
    )
    day_is_over = now >= (latch.day + 1) * DAY_MS and now >= since and now >= seen
    assert verdict.ok == (typed or (acknowledged and day_is_over))
    assert bool(verdict.code) == (not verdict.ok)
