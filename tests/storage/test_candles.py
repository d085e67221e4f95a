"""The candle store: whatever order candles come in, the same candles come out."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.core.clock import FrozenClock
from polotui.core.errors import UsageError
from polotui.core.ids import Chance
from polotui.model.candles import DAY_MS, MINUTE_MS, Candle, Timeframe
from polotui.storage.candles import SETTLED_MS, CandleStore, Put
from polotui.storage.columns import CandleArrays
from polotui.storage.database import Database

DAY0 = 1_780_012_800_000 // DAY_MS * DAY_MS
M1, H1 = Timeframe.M1, Timeframe.H1
SYMBOL = "BTC_USDT"


def candle(minute: int, close: float = 100.0, *, closed: bool = True, frame: Timeframe = M1) -> Candle:
    """The candle `minute` frames after DAY0."""
    return Candle(DAY0 + minute * frame.ms, 100.0, max(101.0, close), min(99.0, close), close, 2.5, 250.0, 7, closed)


@pytest.fixture
def clock() -> FrozenClock:
    """Noon of the third day."""
    return FrozenClock(DAY0 + 2 * DAY_MS + DAY_MS // 2)


@pytest.fixture
async def store(tmp_path: Path, clock: FrozenClock) -> AsyncIterator[CandleStore]:
    path = tmp_path / "market.db"
    async with Database(path, clock=clock, chance=Chance(1), schema="market", synchronous="NORMAL") as database:
        yield CandleStore(database, clock)


async def counts(store: CandleStore) -> tuple[int, int]:
    return await store._database.read(
        lambda c: (
            c.execute("SELECT count(*) FROM candle_rows").fetchone()[0],
            c.execute("SELECT count(*) FROM candle_days").fetchone()[0],
        )
    )


async def test_past_days_are_blocks_and_today_is_rows(store: CandleStore, clock: FrozenClock) -> None:
    minutes = [candle(n) for n in range(2 * 1440 + 60)]
    assert await store.put(SYMBOL, M1, minutes, "test") == Put(len(minutes), 0, 0)
    assert await counts(store) == (60, 2)
    assert await store.load(SYMBOL, M1, 0, 2**62) == minutes
    assert await store.load(SYMBOL, M1, DAY0 + DAY_MS - MINUTE_MS, DAY0 + DAY_MS + MINUTE_MS) == minutes[1439:1441]
    assert await store.load(SYMBOL, M1, DAY0 + 2 * DAY_MS - 1, DAY0 + 2 * DAY_MS + 1) == minutes[2880:2881]
    assert await store.last(SYMBOL, M1, 70) == minutes[-70:]
    assert await store.last(SYMBOL, M1, 3000, DAY0 + DAY_MS) == minutes[:1440]
    assert await store.last(SYMBOL, M1, 5, DAY0) == []
    before = await store.hash(SYMBOL, M1)
    clock.advance(DAY_MS / 1000)
    assert await store.seal_days() == 1
    assert await store.seal_days() == 0
    assert await counts(store) == (0, 3)
    assert await store.hash(SYMBOL, M1) == before
    assert await store.load(SYMBOL, M1, 0, 2**62) == minutes


async def test_a_late_candle_rewrites_its_sealed_day_and_says_so(store: CandleStore, clock: FrozenClock) -> None:
    await store.put(SYMBOL, M1, [candle(n) for n in range(1440) if n != 7], "stream")
    before = await store.hash(SYMBOL, M1)
    clock.advance(1)
    assert await store.put(SYMBOL, M1, [candle(6), candle(7)], "rest") == Put(1, 0, 1)
    assert await store.put(SYMBOL, M1, [candle(8, 100.5)], "rest again") == Put(0, 1, 0)
    assert await counts(store) == (0, 1)
    first, late, changed = await store.provenance(SYMBOL, M1)
    assert (first.source, first.candles) == ("stream", 1439)
    assert (late.source, late.candles, late.from_ms) == ("rest", 1, candle(7).open_ms)
    assert late.written_ms == first.written_ms + 1000
    assert (changed.source, changed.from_ms) == ("rest again", candle(8).open_ms)
    assert await store.hash(SYMBOL, M1) != before
    assert (await store.load(SYMBOL, M1, DAY0, DAY0 + DAY_MS))[8].close == 100.5


async def test_the_same_again_writes_nothing(store: CandleStore) -> None:
    minutes = [candle(n) for n in range(1430, 1450)]
    await store.put(SYMBOL, M1, minutes, "a")
    assert await store.put(SYMBOL, M1, minutes, "b") == Put(0, 0, 20)
    assert [row.source for row in await store.provenance(SYMBOL, M1)] == ["a"]


async def test_a_stream_extends_its_own_provenance(store: CandleStore) -> None:
    for minute in range(2880, 2890):
        await store.put(SYMBOL, M1, [candle(minute)], "stream")
    await store.put(SYMBOL, M1, [candle(2890)], "rest")
    rows = await store.provenance(SYMBOL, M1)
    assert [(row.source, row.candles) for row in rows] == [("stream", 10), ("rest", 1)]
    assert rows[0].to_ms == rows[1].from_ms


async def test_forming_candles_are_not_stored(store: CandleStore) -> None:
    assert await store.put(SYMBOL, M1, [candle(1, closed=False)], "stream") == Put(0, 0, 0)
    assert await store.put(SYMBOL, M1, [], "stream") == Put(0, 0, 0)
    assert await store.coverage() == []


IMPOSSIBLE = {
    "not finite": Candle(DAY0, 1, math.nan, 1, 1, 1),
    "not finite ": Candle(DAY0, 1, 1, 1, 1, math.inf),
    "high is below": Candle(DAY0, 1, 1, 2, 1, 1),
    "open is outside": Candle(DAY0, 3, 2, 1, 1, 1),
    "close is outside": Candle(DAY0, 1, 2, 1, 3, 1),
    "negative": Candle(DAY0, 1, 1, 1, 1, -1),
    "above zero": Candle(DAY0, 0, 1, 0, 1, 1),
    "grid": Candle(DAY0 + 1, 1, 1, 1, 1, 1),
    "1970": Candle(-MINUTE_MS, 1, 1, 1, 1, 1),
}


@pytest.mark.parametrize("reason", IMPOSSIBLE)
async def test_one_impossible_candle_stores_none(store: CandleStore, reason: str) -> None:
    with pytest.raises(UsageError, match=reason.strip()):
        await store.put(SYMBOL, M1, [candle(1), IMPOSSIBLE[reason], candle(2)], "test")
    assert await store.coverage() == []


async def test_series_do_not_mix(store: CandleStore) -> None:
    await store.put(SYMBOL, M1, [candle(n) for n in range(60)], "a")
    await store.put(SYMBOL, H1, [candle(0, frame=H1)], "poloniex 1h")
    await store.put("ETH_USDT", M1, [candle(0)], "a")
    other = CandleStore(store._database, store._clock, venue="coinbase")
    await other.put(SYMBOL, M1, [candle(5)], "file")
    assert len(await store.load(SYMBOL, M1, 0, 2**62)) == 60
    assert [(c.symbol, c.timeframe, c.candles, c.sources) for c in await store.coverage()] == [
        (SYMBOL, M1, 60, ("a",)),
        (SYMBOL, H1, 1, ("poloniex 1h",)),
        ("ETH_USDT", M1, 1, ("a",)),
    ]
    (only,) = await other.coverage()
    assert (only.from_ms, only.to_ms) == (candle(5).open_ms, candle(6).open_ms)


async def test_missing_windows_and_gaps(store: CandleStore, clock: FrozenClock) -> None:
    def at(minute: int) -> int:
        return DAY0 + minute * MINUTE_MS

    assert await store.missing(SYMBOL, M1, at(0), at(10)) == [(at(0), at(10))]
    await store.put(SYMBOL, M1, [candle(n) for n in (*range(3), 5, 6, *range(1440, 2880))], "a")
    assert await store.missing(SYMBOL, M1, at(0), at(8)) == [(at(3), at(5)), (at(7), at(8))]
    assert await store.missing(SYMBOL, M1, at(1440), at(2880)) == []
    await store.mark_gap(SYMBOL, M1, at(2), at(6), "the exchange has none")
    assert [(g.from_ms, g.to_ms) for g in await store.gaps(SYMBOL, M1)] == [(at(3), at(5))]
    assert await store.missing(SYMBOL, M1, at(0), at(7)) == []
    await store.mark_gap(SYMBOL, M1, at(7), at(9), "the exchange has none")
    await store.mark_gap(SYMBOL, M1, at(9), at(12), "the exchange has none")
    assert [(g.from_ms, g.to_ms) for g in await store.gaps(SYMBOL, M1)] == [(at(3), at(5)), (at(7), at(12))]
    await store.put(SYMBOL, M1, [candle(9)], "late")
    assert [(g.from_ms, g.to_ms) for g in await store.gaps(SYMBOL, M1, at(6))] == [(at(7), at(9)), (at(10), at(12))]
    (coverage,) = await store.coverage()
    assert coverage.gaps == 3


async def test_a_young_gap_is_asked_for_again(store: CandleStore, clock: FrozenClock) -> None:
    end = clock.wall_ms() // MINUTE_MS * MINUTE_MS
    window = (end - 5 * MINUTE_MS, end)
    await store.put(SYMBOL, M1, [candle(0)], "a")
    await store.mark_gap(SYMBOL, M1, *window, "nothing yet")
    assert await store.missing(SYMBOL, M1, *window) == []
    clock.advance(61)
    assert await store.missing(SYMBOL, M1, *window) == [window]
    clock.advance(SETTLED_MS / 1000)
    await store.mark_gap(SYMBOL, M1, *window, "still nothing")
    clock.advance(3600)
    assert await store.missing(SYMBOL, M1, *window) == []


prices = st.integers(1, 10**6).map(lambda n: n / 100)
batches = st.lists(st.lists(st.tuples(st.integers(0, 3 * 1440 - 1), prices), max_size=8), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(batches, st.lists(st.booleans(), min_size=6, max_size=6))
def test_any_order_any_repetition_any_sealing_gives_the_last_word_for_each_minute(
    puts: list[list[tuple[int, float]]], seal: list[bool]
) -> None:
    async def scenario(path: Path) -> None:
        clock = FrozenClock(DAY0)
        expected: dict[int, Candle] = {}
        async with Database(path, clock=clock, chance=Chance(1), schema="market", synchronous="NORMAL") as database:
            store = CandleStore(database, clock)
            for number, batch in enumerate(puts):
                candles = [candle(minute, price) for minute, price in batch]
                result = await store.put(SYMBOL, M1, candles, f"batch {number}")
                times = {one.open_ms for one in candles}
                assert result.new == len(times - set(expected))
                assert result.new + result.changed + result.same == len(times)
                expected.update({one.open_ms: one for one in candles})
                if seal[number]:
                    clock.advance(DAY_MS / 1000)
                    await store.seal_days()
            stored = await store.load(SYMBOL, M1, 0, 2**62)
            assert stored == [expected[time] for time in sorted(expected)]
            assert await store.last(SYMBOL, M1, 5) == stored[-5:]
            missing = await store.missing(SYMBOL, M1, DAY0, DAY0 + 3 * DAY_MS)
            holes = {time for start, end in missing for time in range(start, end, MINUTE_MS)}
            assert holes == set(range(DAY0, DAY0 + 3 * DAY_MS, MINUTE_MS)) - set(expected)
            if stored:
                assert await store.hash(SYMBOL, M1) == CandleArrays.of(stored).sha256()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder) / "market.db"))


def test_every_bit_of_a_number_survives() -> None:
    awkward = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1 / 3]
    candles = [Candle(DAY0 + n * MINUTE_MS, v, v, v, v, v, v, n - 1) for n, v in enumerate(awkward)]
    block = CandleArrays.of(candles)
    again = CandleArrays.from_blobs([block.blob()], len(block))
    assert again.candles() == candles
    assert np.array_equal(again.block, block.block)


async def test_queries_use_their_index(store: CandleStore) -> None:
    queries = {
        "SELECT columns FROM candle_days WHERE series = 1 AND day_ms > 1 AND day_ms < 9 ORDER BY day_ms": "autoindex",
        "SELECT open_ms FROM candle_rows WHERE series = 1 AND open_ms >= 1 AND open_ms < 9": "PRIMARY KEY",
        "SELECT * FROM provenance WHERE series = 1 AND from_ms > 3": "provenance_by_series_time",
        "SELECT * FROM gaps WHERE series = 1 AND from_ms < 9": "PRIMARY KEY",
    }
    for query, index in queries.items():
        plan = await store._database.read(lambda c, q=query: c.execute(f"EXPLAIN QUERY PLAN {q}").fetchall())
        words = " ".join(row[3] for row in plan)
        assert index in words, words
        assert "SCAN" not in words


async def test_the_benchmark_reads_the_same_candles_both_ways(tmp_path: Path) -> None:
    """Small; `compare` itself checks that blocks and rows give the same candles in every round."""
    from benchmarks.bench_candles import compare

    figures = await compare(tmp_path, days=5, rounds=2)
    assert figures.candles == 5 * 1440
    assert figures.zlib_mb < figures.blocks_mb
