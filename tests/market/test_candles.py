"""Candles as they happen."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.market.candles import HIGHER, CandleBook
from polotui.market.frames import higher
from polotui.market.minutes import Minutes
from polotui.model.candles import DAY_MS, MINUTE_MS, Candle, Timeframe, merge
from polotui.storage.columns import CandleArrays
from tests.market.candle_samples import DAY0, SYMBOL, at, candle, minutes

M1, M5, H1, D1 = Timeframe.M1, Timeframe.M5, Timeframe.H1, Timeframe.D1


def forming(number: int) -> Candle:
    return candle(number, closed=False)


def expected(held: list[Candle], frame: Timeframe) -> list[Candle]:
    """Complete higher candles of these minutes, the slow and obvious way."""
    buckets: dict[int, list[Candle]] = {}
    for minute in sorted(held, key=lambda one: one.open_ms):
        buckets.setdefault(frame.floor(minute.open_ms), []).append(minute)
    return [merge(part, frame) for part in buckets.values() if len(part) == frame.ms // MINUTE_MS]


def test_minutes_close_and_higher_frames_follow() -> None:
    told: list[tuple[Timeframe, Candle]] = []
    book = CandleBook(SYMBOL, keep=60)
    end_listening = book.add_listener(lambda symbol, frame, closed: told.append((frame, closed)))
    for number in range(60):
        book.on_candle(forming(number))
        book.on_candle(candle(number))
    held = minutes(0, 60)
    for frame in (M1, M5, Timeframe.M15, Timeframe.M30, H1):
        mine = [closed for of, closed in told if of is frame]
        assert mine == (held if frame is M1 else expected(held, frame))
        assert book.series(frame).closed == mine
        assert book.series(frame).revision == 0
    assert book.series(D1).closed == []
    end_listening()
    book.on_candle(candle(60))
    assert len(told) == 60 + 12 + 4 + 2 + 1
    assert book.holes() == []


def test_a_forming_higher_candle_is_the_closed_minutes_and_the_forming_one() -> None:
    book = CandleBook(SYMBOL)
    for number in range(127):
        book.on_candle(candle(number))
        tail = book.tail(H1)
        start = number // 60 * 60
        if (number + 1) % 60:
            assert tail.forming == merge(minutes(start, number + 1), H1, closed=False)
        else:
            assert tail.forming is None
    book.on_candle(forming(127))
    assert book.tail(H1).forming == merge([*minutes(120, 127), forming(127)], H1, closed=False)
    assert book.tail(M1).forming == forming(127)
    assert book.tail(H1).closed == book.series(H1).closed[-1]
    assert book.tail(D1).whole
    again = msgspec.structs.replace(forming(127), close=1.0, low=1.0)
    book.on_candle(again)
    assert book.tail(H1).forming == merge([*minutes(120, 127), again], H1, closed=False)


def test_a_missing_minute_is_asked_for_and_holds_up_what_contains_it() -> None:
    asked: list[tuple[int, int]] = []
    told: list[tuple[str, int]] = []
    book = CandleBook(SYMBOL, on_hole=lambda symbol, start, end: asked.append((start, end)))
    book.add_listener(lambda symbol, frame, closed: told.append((frame.value, closed.open_ms)))
    for number in (*range(3), *range(5, 10)):
        book.on_candle(candle(number))
    assert book.holes() == [(at(3), at(5))]
    assert asked == [(at(3), at(5))] * 5
    assert [of for of, _ in told if of == "5m"] == ["5m"]
    assert not book.tail(Timeframe.M30).whole
    revision = book.series(M1).revision
    book.fill(reversed(minutes(2, 6)))
    assert book.series(M1).closed == minutes(0, 10)
    assert book.series(M1).revision == revision + 2
    assert book.series(M5).closed == expected(minutes(0, 10), M5)
    assert book.series(M5).revision == 1
    assert book.holes() == []
    assert book.tail(Timeframe.M30).whole
    assert book.tail(Timeframe.M30).forming == merge(minutes(0, 10), Timeframe.M30, closed=False)
    book.on_candle(candle(10))
    assert len(asked) == 5


def test_a_forming_minute_that_never_closed_is_a_hole_not_a_guess() -> None:
    asked: list[tuple[int, int]] = []
    book = CandleBook(SYMBOL, on_hole=lambda symbol, start, end: asked.append((start, end)))
    book.on_candle(candle(0))
    book.on_candle(forming(1))
    book.on_candle(forming(2))
    assert asked == [(at(1), at(2))]
    assert book.series(M1).closed == [candle(0)]
    book.on_candle(forming(1))
    assert book.forming == forming(2)
    book.on_candle(candle(2))
    assert book.forming is None
    assert book.holes() == [(at(1), at(2))]


def test_a_start_in_the_middle_of_the_day_asks_for_its_beginning() -> None:
    asked: list[tuple[int, int]] = []
    book = CandleBook(SYMBOL, on_hole=lambda symbol, start, end: asked.append((start, end)))
    book.on_candle(forming(90))
    assert asked == book.holes() == [(DAY0, at(90))]
    assert not book.tail(H1).whole
    book.on_candle(candle(90))
    assert asked == [(DAY0, at(90))]
    book.fill(minutes(0, 90))
    assert book.series(H1).closed == expected(minutes(0, 60), H1)
    assert book.tail(H1).whole


def test_minutes_that_the_exchange_does_not_have_let_the_rest_close() -> None:
    told: list[int] = []
    book = CandleBook(SYMBOL)
    book.add_listener(lambda symbol, frame, closed: told.append(closed.open_ms) if frame is M5 else None)
    for number in (0, 1, 2, 7):
        book.on_candle(candle(number))
    assert told == []
    book.note_empty(at(3), at(7))
    assert told == [at(0)]
    assert book.series(M5).closed == [merge(minutes(0, 3), M5)]
    for number in (8, 9):
        book.on_candle(candle(number))
    assert book.series(M5).closed[-1] == merge(minutes(7, 10), M5)
    assert book.holes() == []
    book.fill([candle(4)])
    assert book.series(M5).closed[0] == merge([*minutes(0, 3), candle(4)], M5)
    assert book.series(M5).revision == 1


def test_a_changed_old_minute_changes_what_contains_it() -> None:
    book = CandleBook(SYMBOL)
    book.fill(minutes(0, 70))
    changed = candle(5, seed=9)
    book.fill([changed])
    held = [*minutes(0, 5), changed, *minutes(6, 70)]
    for frame in (M5, Timeframe.M15, Timeframe.M30, H1):
        assert book.series(frame).closed == expected(held, frame)
        assert book.series(frame).revision == 1
    book.fill([changed])
    assert book.series(H1).revision == 1


def test_memory_is_bounded_over_days() -> None:
    book = CandleBook(SYMBOL, keep=100)
    for number in range(4 * 1440 + 30):
        book.on_candle(candle(number))
    yesterday, today = DAY0 // DAY_MS + 3, DAY0 // DAY_MS + 4
    assert sorted(book._minutes._days) == [yesterday, today]
    assert len(book.series(M1).closed) == 100
    assert book.series(D1).closed == expected(minutes(0, 4 * 1440), D1)
    book.fill([candle(1, seed=3)])
    assert book.series(M1).closed[0] == candle(4 * 1440 - 70)
    # A minute of yesterday may still be rewritten, and with it its day.
    late = candle(4 * 1440 - 80, seed=9)
    book.fill([late])
    assert book.series(D1).closed[-1] == merge(
        [*minutes(3 * 1440, 4 * 1440 - 80), late, *minutes(4 * 1440 - 79, 4 * 1440)], D1
    )


@given(st.lists(st.tuples(st.integers(0, 3 * 1440), st.integers(0, 5)), max_size=20))
def test_packed_minutes_are_the_candles_that_were_put(puts: list[tuple[int, int]]) -> None:
    packed, held = Minutes(), {}
    for number, seed in puts:
        one = msgspec.structs.replace(candle(number, seed=seed), trades=seed - 1)
        packed.put(one)
        held[one.open_ms] = one
    for minute in {at(number + beside) for number, _ in puts for beside in (-1, 0, 1)}:
        assert packed.get(minute) == held.get(minute)
        assert (minute in packed) == (minute in held)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.lists(st.integers(0, 199), max_size=30), st.randoms(use_true_random=False))
def test_whatever_order_minutes_come_in_the_series_are_the_same(
    count: int, late: list[int], shuffle: random.Random
) -> None:
    book = CandleBook(SYMBOL, keep=count)
    lost = {number for number in late if number < count}
    for number in range(count):
        if number not in lost:
            book.on_candle(forming(number))
            book.on_candle(candle(number))
    order = sorted(lost)
    shuffle.shuffle(order)
    for number in order:
        book.fill([candle(number)])
    for frame in Timeframe:
        mine = book.series(frame).closed
        assert mine == (minutes(0, count) if frame is M1 else expected(minutes(0, count), frame))


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 700)), st.sampled_from(HIGHER))
def test_arrays_build_the_same_higher_candles_as_merging(missing: set[int], frame: Timeframe) -> None:
    held = [candle(number) for number in range(700) if number not in missing]
    built = higher(CandleArrays.of(held), frame).candles() if held else []
    assert built == expected(held, frame)


@pytest.mark.parametrize("frame", HIGHER)
def test_arrays_with_known_empty_minutes(frame: Timeframe) -> None:
    size = frame.ms // MINUTE_MS
    held = [candle(number) for number in range(2 * size) if number != 1]
    arrays = CandleArrays.of(held)
    assert len(higher(arrays, frame)) == 1
    built = higher(arrays, frame, [(at(1), at(2))])
    assert built.candles() == [merge(held[: size - 1], frame), merge(held[size - 1 :], frame)]
    assert len(higher(CandleArrays.empty(), frame)) == 0
    assert bool(np.all(np.diff(built.open_ms) == frame.ms))
