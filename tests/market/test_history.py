"""Candles of the past: asked for once, resumed, with gaps."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.core.clock import FrozenClock
from polotui.core.errors import Unreachable, UsageError
from polotui.market.candles import CandleBook
from polotui.market.history import History, SourceSpan
from polotui.model.candles import DAY_MS, MINUTE_MS, Candle, Timeframe, merge
from polotui.storage.candles import CandleStore
from polotui.storage.columns import windows, without
from tests.market.candle_samples import DAY0, SYMBOL, at, candle, minutes

M1, H1 = Timeframe.M1, Timeframe.H1


class Exchange:
    """Has every candle from `first_ms` on, except those taken out; counts its calls."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.first_ms = 0
        self.without: set[int] = set()
        self.replaced: dict[int, Candle] = {}
        self.calls: list[tuple[str, int, int]] = []
        self.failure: Exception | None = None
        self.fail_after = 10**9
        self.gate = asyncio.Event()
        self.gate.set()

    async def candles(self, symbol: str, frame: Timeframe, *, start_ms: int, end_ms: int, limit: int) -> list[Candle]:
        self.calls.append((frame.value, start_ms, end_ms))
        await self.gate.wait()
        if self.failure or len(self.calls) > self.fail_after:
            raise self.failure or Unreachable("the exchange does not answer")
        times = range(frame.floor(start_ms + frame.ms - 1), end_ms + 1, frame.ms)
        found = [
            self.replaced.get(
                time, candle((time - DAY0) // frame.ms, frame, closed=time + frame.ms <= self.clock.wall_ms())
            )
            for time in times
            if time not in self.without and time >= self.first_ms and time <= self.clock.wall_ms()
        ]
        return found[-limit:]


@pytest.fixture
def exchange(clock: FrozenClock) -> Exchange:
    return Exchange(clock)


@pytest.fixture
def history(exchange: Exchange, store: CandleStore, clock: FrozenClock) -> History:
    return History(exchange, store, clock)


def now(clock: FrozenClock) -> int:
    return clock.wall_ms() // MINUTE_MS * MINUTE_MS


async def test_what_is_missing_is_fetched_once(history: History, exchange: Exchange, clock: FrozenClock) -> None:
    series = await history.ensure(SYMBOL, M1, 300)
    assert len(series.candles) == 300
    assert series.candles[-1].open_ms == now(clock) - MINUTE_MS
    assert all(one.closed for one in series.candles)
    assert series.more
    first = len(exchange.calls)
    assert first <= 2
    again = await history.ensure(SYMBOL, M1, 300)
    assert again.candles == series.candles
    assert len(exchange.calls) == first
    older = await history.ensure(SYMBOL, M1, 100, before_ms=series.candles[0].open_ms)
    assert older.candles[-1].open_ms == series.candles[0].open_ms - MINUTE_MS
    assert older.spans == [SourceSpan(older.candles[0].open_ms, series.candles[0].open_ms, "stored 1m")]


async def test_a_new_minute_costs_one_small_call(history: History, exchange: Exchange, clock: FrozenClock) -> None:
    await history.ensure(SYMBOL, M1, 50)
    exchange.calls.clear()
    clock.advance(60)
    series = await history.ensure(SYMBOL, M1, 50)
    assert series.candles[-1].open_ms == now(clock) - MINUTE_MS
    assert exchange.calls == [("1m", now(clock) - MINUTE_MS, now(clock) - 1)]


async def test_callers_at_once_share_one_call(history: History, exchange: Exchange) -> None:
    exchange.gate.clear()
    tasks = [asyncio.create_task(history.ensure(SYMBOL, H1, 40 + n)) for n in range(8)]
    for _ in range(2000):
        if exchange.calls:
            break
        await asyncio.sleep(0.001)
    exchange.gate.set()
    results = await asyncio.gather(*tasks)
    assert [len(series.candles) for series in results] == [40 + n for n in range(8)]
    assert len(exchange.calls) <= 2


async def test_a_download_resumes_where_it_was_stopped(
    history: History, exchange: Exchange, store: CandleStore, clock: FrozenClock
) -> None:
    seen: list[float] = []
    exchange.fail_after = 3
    with pytest.raises(Unreachable):
        await history.download(SYMBOL, DAY0, progress=lambda done, _: seen.append(done))
    stored = await store.load(SYMBOL, M1, 0, 2**62)
    assert len(stored) > 500
    assert seen == sorted(seen)
    exchange.fail_after = 10**9
    exchange.calls.clear()
    done = await history.download(SYMBOL, DAY0, progress=lambda done, _: seen.append(done))
    assert exchange.calls[0][1] == stored[-1].open_ms + MINUTE_MS
    everything = await store.load(SYMBOL, M1, 0, 2**62)
    assert done.new + len(stored) == len(everything)
    assert [one.open_ms for one in everything if one.open_ms >= DAY0] == list(range(DAY0, now(clock), MINUTE_MS))
    assert seen[-1] == 1.0
    assert await store.missing(SYMBOL, M1, DAY0, now(clock)) == []
    assert (await history.download(SYMBOL, DAY0)).pages == 0


async def test_a_cancelled_download_leaves_whole_pages_and_no_task(
    history: History, exchange: Exchange, store: CandleStore
) -> None:
    def stop_at_the_third(done: float, words: str) -> None:
        if "page 3" in words:
            exchange.gate.clear()

    task = asyncio.create_task(history.download(SYMBOL, DAY0, progress=stop_at_the_third))
    for _ in range(5000):
        if len(exchange.calls) == 3:
            break
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [other for other in asyncio.all_tasks() if "single flight" in other.get_name()]
    (row,) = await store.provenance(SYMBOL, M1)
    assert row.candles == len(await store.load(SYMBOL, M1, 0, 2**62))


async def test_what_the_exchange_has_not_is_a_gap_and_not_asked_again(
    history: History, exchange: Exchange, store: CandleStore
) -> None:
    exchange.without = set(range(at(100), at(110), MINUTE_MS))
    exchange.first_ms = at(50)
    await history.fill(SYMBOL, M1, at(0), at(500))
    assert [(g.from_ms, g.to_ms) for g in await store.gaps(SYMBOL, M1, at(0), at(500))][-1] == (at(100), at(110))
    calls = len(exchange.calls)
    series = await history.ensure(SYMBOL, M1, 100, before_ms=at(150))
    assert len(exchange.calls) <= calls + 1
    assert series.gaps == [(at(100), at(110))]
    assert series.candles[0].open_ms == at(50)
    assert not series.more


async def test_a_bad_candle_is_left_out_with_its_reason(
    history: History, exchange: Exchange, store: CandleStore
) -> None:
    exchange.replaced[at(7)] = Candle(at(7), 5.0, 1.0, 9.0, 5.0, 1.0)
    await history.fill(SYMBOL, M1, at(0), at(20))
    (gap,) = [g for g in await store.gaps(SYMBOL, M1) if g.from_ms == at(7)]
    assert "bad candle: the high is below the low" in gap.reason
    assert len(await store.load(SYMBOL, M1, at(0), at(20))) == 19


async def test_the_newest_minute_may_be_late_without_being_a_gap(
    history: History, exchange: Exchange, store: CandleStore, clock: FrozenClock
) -> None:
    newest = now(clock) - MINUTE_MS
    exchange.without = {newest}
    assert (await history.ensure(SYMBOL, M1, 10)).candles[-1].open_ms == newest - MINUTE_MS
    assert await store.gaps(SYMBOL, M1, newest - MINUTE_MS) == []
    exchange.without = set()
    assert (await history.ensure(SYMBOL, M1, 10)).candles[-1].open_ms == newest


async def test_higher_charts_come_from_minutes_and_where_they_lack_from_the_venue(
    history: History, exchange: Exchange, store: CandleStore
) -> None:
    await history.fill(SYMBOL, M1, at(10 * 60), at(12 * 60))
    stored = await store.coverage()
    first = next(c for c in stored if c.timeframe is M1).from_ms
    built_from = -(-first // H1.ms) * H1.ms
    exchange.calls.clear()
    series = await history.ensure(SYMBOL, H1, 12, before_ms=at(12 * 60))
    assert {frame for frame, _, _ in exchange.calls} == {"1h"}
    assert len(series.candles) == 12
    assert series.spans == [
        SourceSpan(at(0), built_from, "poloniex 1h"),
        SourceSpan(built_from, at(12 * 60), "built from 1m"),
    ]
    from_minutes = [one for one in series.candles if one.open_ms >= built_from]
    for one in from_minutes:
        start = (one.open_ms - DAY0) // MINUTE_MS
        assert one == merge(minutes(start, start + 60), H1)
    venue = [one for one in series.candles if one.open_ms < built_from]
    assert venue == [candle(n, H1) for n in range(len(venue))]
    hours = [c for c in await store.coverage() if c.timeframe is H1]
    assert [c.sources for c in hours] == [("poloniex 1h",)]


async def test_without_the_exchange_what_is_stored_is_shown_with_the_problem(
    history: History, exchange: Exchange
) -> None:
    exchange.failure = Unreachable("the exchange does not answer")
    with pytest.raises(Unreachable):
        await history.ensure(SYMBOL, M1, 10)
    exchange.failure = None
    await history.ensure(SYMBOL, M1, 10)
    exchange.failure = Unreachable("the exchange does not answer")
    exchange.calls.clear()
    series = await history.ensure(SYMBOL, M1, 3000)
    assert series.problem == "the exchange does not answer"
    assert len(series.candles) >= 10
    assert len(exchange.calls) == 1


@pytest.mark.parametrize(("start", "end"), [(-1, 0), (at(10), at(10)), (DAY0 + 10 * DAY_MS, 0)])
async def test_an_impossible_download_is_refused(history: History, exchange: Exchange, start: int, end: int) -> None:
    with pytest.raises(UsageError):
        await history.download(SYMBOL, start, end)
    assert exchange.calls == []


async def test_the_holes_of_a_live_book_are_repaired(history: History, exchange: Exchange) -> None:
    book = CandleBook(SYMBOL)
    today = 2 * 1440
    exchange.without = {at(today + 3)}
    book.on_candle(candle(today + 10))
    assert book.holes() == [(at(today), at(today + 10))]
    await history.repair(book)
    assert book.holes() == []
    assert len(book.series(M1).closed) == 10
    assert book.series(Timeframe.M5).closed == [
        merge([*minutes(today, today + 3), candle(today + 4)], Timeframe.M5),
        merge(minutes(today + 5, today + 10), Timeframe.M5),
    ]


async def test_what_lacks_is_told_apart_from_what_the_exchange_does_not_have(
    history: History, exchange: Exchange, store: CandleStore, clock: FrozenClock
) -> None:
    end = now(clock) // H1.ms * H1.ms
    opens = [end - place * MINUTE_MS for place in range(6, 0, -1)]
    assert await history.lacking(SYMBOL, M1, opens[0], end, opens) == []
    there = [opens[0], opens[3], opens[5]]
    holes = [(opens[1], opens[3]), (opens[4], opens[5])]
    assert await history.lacking(SYMBOL, M1, opens[0], end, there) == holes
    await store.mark_gap(SYMBOL, M1, opens[1], opens[2], "the exchange has none")
    assert await history.lacking(SYMBOL, M1, opens[0], end, there) == [(opens[2], opens[3]), holes[1]]
    assert await history.lacking(SYMBOL, M1, end, end, []) == []


Spans = list[tuple[int, int]]


def lacking_one_by_one(frame: Timeframe, start: int, end: int, there: list[int], empty: Spans) -> Spans:
    """What `History.lacking` means: each missing candle compared with every gap, minute by minute."""
    none = {minute for first, last in empty for minute in range(first, last, MINUTE_MS)}
    left = [
        at
        for first, last in without((start, end), windows(np.array(there, np.int64), frame))
        for at in range(first, last, frame.ms)
        if not none.issuperset(range(at, at + frame.ms, MINUTE_MS))
    ]
    return windows(np.array(left, np.int64), frame)


@settings(max_examples=300, deadline=None)
@given(
    frame=st.sampled_from([M1, Timeframe.M5]),
    there=st.sets(st.integers(0, 11)),
    minute_gaps=st.lists(st.tuples(st.integers(-3, 63), st.integers(1, 20)), max_size=12),
    frame_gaps=st.lists(st.tuples(st.integers(-1, 12), st.integers(1, 4)), max_size=4),
)
def test_what_lacks_is_the_same_as_comparing_each_candle_with_each_gap(
    frame: Timeframe, there: set[int], minute_gaps: Spans, frame_gaps: Spans
) -> None:
    def of(gaps: Spans, width: int) -> Spans:
        return [(DAY0 + at * width, DAY0 + (at + count) * width) for at, count in gaps]

    known = {M1: of(minute_gaps, MINUTE_MS)}
    known[frame] = known.get(frame, []) + of(frame_gaps, frame.ms)

    async def gaps(symbol: str, each: Timeframe, start: int, end: int) -> list[SimpleNamespace]:
        return [SimpleNamespace(from_ms=first, to_ms=last) for first, last in known[each]]

    history = History(None, SimpleNamespace(gaps=gaps), FrozenClock())  # type: ignore[arg-type]
    opens = sorted(DAY0 + place * frame.ms for place in there)
    start, end = DAY0, DAY0 + 12 * frame.ms
    found = asyncio.run(history.lacking(SYMBOL, frame, start, end, opens))
    every = [gap for gaps_of in known.values() for gap in gaps_of]
    assert found == lacking_one_by_one(frame, start, end, opens, every)


async def test_a_candle_of_a_chart_is_nowhere_when_none_of_its_minutes_is(
    history: History, store: CandleStore, clock: FrozenClock
) -> None:
    end = now(clock) // H1.ms * H1.ms
    start = end - 3 * H1.ms
    hole = [(start + H1.ms, end)]
    await store.mark_gap(SYMBOL, M1, start + H1.ms, start + 2 * H1.ms - MINUTE_MS, "the exchange has none")
    assert await history.lacking(SYMBOL, H1, start, end, [start]) == hole, "one minute of it may be there"
    await store.mark_gap(SYMBOL, M1, start + 2 * H1.ms - MINUTE_MS, start + 2 * H1.ms, "the exchange has none")
    assert await history.lacking(SYMBOL, H1, start, end, [start]) == [(start + 2 * H1.ms, end)]
    await store.mark_gap(SYMBOL, H1, start + 2 * H1.ms, end, "the exchange has none")
    assert await history.lacking(SYMBOL, H1, start, end, [start]) == []
