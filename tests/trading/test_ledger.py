"""The ledger: append-only, chained, summed exactly."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError, UsageError
from polotui.core.ids import Chance
from polotui.storage.database import Database
from polotui.trading.facts import FactLog
from polotui.trading.ledger import Ledger, LedgerReport, fold
from polotui.trading.records import Records

TRIGGERS = ("entries_are_never_changed", "entries_are_never_removed")


async def test_balances_are_the_sum_of_the_entries(ledger: Ledger) -> None:
    await ledger.deposit("paper", "USDT", Decimal("10000"))
    await ledger.deposit("paper", "BTC", Decimal("0.1"), "a gift")
    await ledger.deposit("paper", "BTC", Decimal("0.2"))
    await ledger.withdraw_virtual("paper", "USDT", Decimal("0.00000001"))
    await ledger.deposit("other", "USDT", Decimal("5"))
    assert await ledger.balances("paper") == {"USDT": Decimal("9999.99999999"), "BTC": Decimal("0.3")}
    newest = await ledger.entries("paper", limit=2)
    assert [(e.number, e.kind, e.amount) for e in newest] == [
        (4, "withdraw_virtual", Decimal("-0.00000001")),
        (3, "deposit", Decimal("0.2")),
    ]
    older = await ledger.entries("paper", before=3)
    assert [entry.note for entry in older] == ["a gift", ""]
    report = await ledger.verify()
    assert (report.ok, report.entries) == (True, 5)


async def test_an_amount_of_forty_digits_comes_and_goes_without_a_rest(ledger: Ledger) -> None:
    amount = Decimal("12345678901234567890.12345678901234567891")
    await ledger.deposit("paper", "USDT", amount)
    await ledger.withdraw_virtual("paper", "USDT", amount)
    assert await ledger.balances("paper") == {"USDT": 0}


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "1" * 41])
async def test_an_impossible_amount_is_refused(ledger: Ledger, amount: str) -> None:
    with pytest.raises((UsageError, ValueError)):
        await ledger.deposit("paper", "USDT", Decimal(amount))
    assert await ledger.balances("paper") == {}


@pytest.mark.parametrize("currency", ["usdt", "", "US DT", "ÜSDT", "A" * 25, "[b]X"])
async def test_an_impossible_currency_is_refused(ledger: Ledger, currency: str) -> None:
    with pytest.raises(UsageError):
        await ledger.deposit("paper", currency, Decimal(1))


async def test_more_than_there_is_cannot_be_withdrawn(ledger: Ledger) -> None:
    await ledger.deposit("paper", "USDT", Decimal(5))
    with pytest.raises(UsageError, match="has 5 USDT, not 6"):
        await ledger.withdraw_virtual("paper", "USDT", Decimal(6))
    assert (await ledger.verify()).entries == 1


@pytest.mark.parametrize(
    "sql", ["UPDATE entries SET amount = '1'", "DELETE FROM entries", "UPDATE facts SET text = ''", "DELETE FROM facts"]
)
async def test_rows_are_never_changed_nor_removed(
    ledger: Ledger, database: Database, clock: FrozenClock, sql: str
) -> None:
    await ledger.deposit("paper", "USDT", Decimal(5))
    await FactLog(database, clock).append_fact("engine", "info", "started")
    with pytest.raises(StorageError, match=r"never (changed|removed)"):
        await database.transact(lambda connection: connection.execute(sql))
    assert await ledger.balances("paper") == {"USDT": Decimal(5)}


amounts = st.decimals(min_value=Decimal("-1e15"), max_value=Decimal("1e15"), places=12)


@given(st.lists(st.tuples(st.sampled_from(["USDT", "BTC", "TRX"]), amounts), max_size=60), st.randoms())
def test_the_fold_is_exact_and_indifferent_to_order(rows: list[tuple[str, Decimal]], random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert fold(iter(rows)) == fold(iter(shuffled))
    for currency, total in fold(iter(rows)).items():
        assert Fraction(total) == sum(Fraction(a) for c, a in rows if c == currency)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["USDT", "BTC"]), amounts.filter(lambda a: a > 0)), min_size=1, max_size=12))
def test_stored_and_reopened_equals_the_fold_in_memory(rows: list[tuple[str, Decimal]]) -> None:
    async def scenario(path: Path) -> None:
        clock = FrozenClock()
        async with Database(path, clock=clock, chance=Chance(1), schema="ledger", synchronous="NORMAL") as database:
            ledger = Ledger(database, clock, Chance(1))
            for currency, amount in rows:
                await ledger.deposit("paper", currency, amount)
        async with Database(path, clock=clock, chance=Chance(2), schema="ledger") as database:
            ledger = Ledger(database, clock, Chance(2))
            assert await ledger.balances("paper") == fold(iter(rows))
            assert (await ledger.verify()).ok

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder) / "ledger.db"))


def tampered(path: Path, *statements: str) -> None:
    """Changes the file as somebody with an editor would."""
    connection = sqlite3.connect(path)
    for trigger in TRIGGERS:
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


async def checked(path: Path) -> LedgerReport:
    async with Database(path, clock=FrozenClock(), chance=Chance(1), schema="ledger", read_only=True) as database:
        return await Ledger(database, FrozenClock(), Chance(1)).verify()


async def verdict(path: Path) -> str:
    try:
        report = await checked(path)
    except StorageError as error:
        return error.instance_code
    return "fine" if report.ok else "broken"


@pytest.fixture
async def closed(tmp_path: Path) -> Path:
    """A closed ledger with five rows."""
    path = tmp_path / "closed.db"
    async with Database(path, clock=FrozenClock(), chance=Chance(1), schema="ledger") as database:
        ledger = Ledger(database, FrozenClock(), Chance(1))
        for number in range(1, 6):
            await ledger.deposit("paper", "USDT", Decimal(number), f"marker number {number}")
    return path


async def test_each_changed_byte_of_a_row_is_detected_and_named(closed: Path) -> None:
    """Every byte of every text column of row 3, and its number and time, one at a time."""
    good = closed.read_bytes()
    connection = sqlite3.connect(closed)
    names = ("id", "account", "kind", "currency", "amount", "note", "prev_hash", "hash")
    row = connection.execute(f"SELECT {', '.join(names)} FROM entries WHERE number = 3").fetchone()
    connection.close()
    flips = 0
    for name, value in zip(names, row, strict=True):
        for place in range(len(value)):
            for bit in (1, 128):
                changed = value.encode()[:place] + bytes([value.encode()[place] ^ bit]) + value.encode()[place + 1 :]
                literal = f"CAST(X'{changed.hex()}' AS TEXT)"
                closed.write_bytes(good)
                tampered(closed, f"UPDATE entries SET {name} = {literal} WHERE number = 3")
                report = await checked(closed)
                assert not report.ok, (name, place)
                assert report.bad_row == 3, (name, place, report)
                flips += 1
    assert flips > 300
    closed.write_bytes(good)
    tampered(closed, "UPDATE entries SET ts_ms = ts_ms + 1 WHERE number = 3")
    assert (await checked(closed)).bad_row == 3


async def test_a_bit_flipped_in_the_file_is_detected(closed: Path) -> None:
    """The same on the raw file, within the row's stored text."""
    good = closed.read_bytes()
    start = good.index(b"marker number 3") - 40
    for place in range(start, start + 90):
        closed.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        assert await verdict(closed) in ("broken", "storage-damaged"), place


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("DELETE FROM entries WHERE number = 2", 2),
        ("DELETE FROM entries WHERE number = 5", 5),
        ("DELETE FROM entries WHERE number >= 4", 4),
        ("UPDATE entries SET number = 9 WHERE number = 5", 5),
        ("DELETE FROM chain_heads", 1),
    ],
)
async def test_removed_and_moved_rows_are_detected(closed: Path, statement: str, bad: int) -> None:
    tampered(closed, statement)
    report = await checked(closed)
    assert (report.ok, report.bad_row) == (False, bad)
    assert report.reason


async def test_nothing_is_appended_to_a_broken_end(closed: Path) -> None:
    tampered(closed, "DELETE FROM entries WHERE number = 5")
    async with Database(closed, clock=FrozenClock(), chance=Chance(1), schema="ledger") as database:
        with pytest.raises(StorageError, match="head"):
            await Ledger(database, FrozenClock(), Chance(9)).deposit("paper", "USDT", Decimal(1))


QUERIES = [
    ("SELECT * FROM entries WHERE account = ? AND ts_ms > ?", "entries_by_account_time"),
    ("SELECT * FROM entries WHERE account = ? AND kind = ?", "entries_by_account_kind"),
    ("SELECT * FROM facts WHERE number > ? ORDER BY number LIMIT ?", "INTEGER PRIMARY KEY"),
    ("SELECT * FROM facts WHERE kind = ? AND at_ms > ?", "facts_by_kind_time"),
    ("SELECT * FROM jobs WHERE state = 'running' AND created_ms < ? ORDER BY created_ms LIMIT ?", "jobs_by_state_time"),
    ("SELECT value FROM equity WHERE account = ? AND at_ms <= ? ORDER BY at_ms DESC LIMIT 1", "PRIMARY KEY"),
]


@pytest.mark.parametrize(("query", "index"), QUERIES)
async def test_queries_use_their_index(database: Database, query: str, index: str) -> None:
    plan = await database.read(lambda c: c.execute(f"EXPLAIN QUERY PLAN {query}", (1, 1)).fetchall())
    words = " ".join(str(row[3]) for row in plan)
    assert index in words, words
    assert "SCAN" not in words
    assert "TEMP B-TREE" not in words


async def test_facts_are_numbered_without_holes(database: Database, clock: FrozenClock) -> None:
    log = FactLog(database, clock)
    stored = await asyncio.gather(*(log.append_fact("stream", "info", f"fact {n}", "BTC_USDT") for n in range(20)))
    assert sorted(fact.number for fact in stored) == list(range(1, 21))
    with pytest.raises(StorageError):
        await log.append_fact("stream", "loud", "no such level")
    assert (await log.append_fact("engine", "error", "bad \x1b[31m text")).number == 21
    later = await log.facts_after(18, limit=2)
    assert [fact.number for fact in later] == [19, 20]
    assert await log.last_number() == 21
    assert "\x1b" not in (await log.facts_after(20))[0].text


async def test_settings_jobs_and_equity(database: Database, clock: FrozenClock) -> None:
    records = Records(database, clock)
    assert await records.setting("watchlist") is None
    await records.set_setting("watchlist", '["BTC_USDT"]')
    await records.set_setting("watchlist", '["ETH_USDT"]')
    assert await records.setting("watchlist") == '["ETH_USDT"]'

    first = await records.start_job("download BTC_USDT 1m", "download", {"symbol": "BTC_USDT"})
    second = await records.start_job("import", "import", {})
    assert await records.end_job(first.id, "completed")
    assert not await records.end_job(first.id, "failed", "too late")
    assert [job.id for job in await records.running_jobs()] == [second.id]
    newest, oldest = await records.jobs()
    assert (newest.state, oldest.state, oldest.args) == ("running", "completed", {"symbol": "BTC_USDT"})
    with pytest.raises(UsageError):
        await records.end_job(second.id, "perhaps")

    start = clock.wall_ms()
    for minute in range(300):
        await records.add_worth("paper", 1000.0 + minute, start + minute * 60_000)
    clock.advance(300 * 60)
    all_points = await records.worth("paper", start)
    assert len(all_points) == 300
    thin = await records.worth("paper", start, points=50)
    assert len(thin) <= 50
    assert thin[-1].value == 1299.0
    assert [point.at_ms for point in thin] == sorted(point.at_ms for point in thin)
    assert set(thin) <= set(all_points)
    before = await records.worth_at("paper", start + 90_000)
    assert before is not None
    assert before.value == 1001.0
    assert await records.worth_at("paper", start - 1) is None
