"""Sessions, weekdays and the volume of 24 hours, as columns and bar by bar."""

from __future__ import annotations

import numpy as np
import pytest

from polotui.strategy.runtime.columns import Bars
from polotui.strategy.runtime.filters import Filters, LiveFilters, QuoteVolume, quote_volume_24h
from tests.strategy.runtime.data import MINUTE, START, bars, same

HOUR = 60 * MINUTE
DAY = 24 * HOUR


def session(text: str) -> tuple[int, int]:
    return int(text[:2]) * 60 + int(text[3:5]), int(text[6:8]) * 60 + int(text[9:])


def open_at(filters: Filters, day: int, clock: str) -> bool:
    hour, minute = map(int, clock.split(":"))
    time = START + day * DAY + (hour * 60 + minute) * MINUTE
    return filters.column(bars(1, start=time)).tolist() == [2]


def test_a_session_begins_at_its_first_minute_and_ends_before_its_last() -> None:
    filters = Filters((session("08:00-16:30"),))
    assert [open_at(filters, 0, clock) for clock in ("07:59", "08:00", "16:29", "16:30")] == [False, True, True, False]


def test_a_session_may_pass_midnight_and_there_may_be_several() -> None:
    filters = Filters((session("22:00-02:00"), session("12:00-13:00")))
    clocks = ("21:59", "22:00", "00:00", "01:59", "02:00", "12:30", "13:00")
    assert [open_at(filters, 3, clock) for clock in clocks] == [False, True, True, True, False, True, False]


def test_weekdays_count_from_monday() -> None:
    assert [open_at(Filters(weekdays=(0, 6)), day, "10:00") for day in range(8)] == [True, *[False] * 5, True, True]


def test_without_filters_everything_passes() -> None:
    assert Filters().column(bars(3_000)).tolist() == [2] * 3_000


def test_the_volume_of_a_day_is_the_sum_of_its_bars() -> None:
    base = bars(4_000, start=START + 613 * MINUTE)
    found = quote_volume_24h(base)
    quote = base.close * base.volume
    assert np.isnan(found[:1_439]).all()
    for index in (1_439, 1_440, 2_000, 3_999):
        assert found[index] == pytest.approx(quote[index - 1_439 : index + 1].sum(), rel=1e-12)


def test_missing_bars_trade_nothing_and_take_their_time() -> None:
    base = bars(6_000, 2, holes=0.3)
    found = quote_volume_24h(base)
    quote = base.close * base.volume
    for index in range(0, len(base), 371):
        inside = (base.time > base.time[index] - DAY) & (base.time <= base.time[index])
        if base.time[index] + MINUTE - DAY >= base.time[0]:
            assert found[index] == pytest.approx(quote[inside].sum(), rel=1e-12)
        else:
            assert np.isnan(found[index])


@pytest.mark.parametrize(
    ("frame_ms", "size", "start", "holes"),
    [
        (MINUTE, 100_000, 0, 0.01),
        (MINUTE, 9_000, 777, 0.5),
        (HOUR, 3_000, 5, 0.2),
        (HOUR, 500, 0, 0.97),
        (DAY, 60, 0, 0.3),
    ],
)
def test_bar_by_bar_gives_the_bits_of_the_column(frame_ms: int, size: int, start: int, holes: float) -> None:
    base = bars(size, 3, frame_ms, START + start * frame_ms, holes)
    whole = quote_volume_24h(base)
    volume = QuoteVolume(frame_ms)
    found = []
    for index in range(len(base)):
        found.append(volume.value(base.bar(index)))
        volume.commit(base.bar(index))
    same(np.array(found), whole)
    for cut in range(0, len(base), max(1, len(base) // 11)):
        resumed = QuoteVolume(frame_ms)
        resumed.resume(base.slice(0, cut))
        same([resumed.value(base.bar(cut))], [whole[cut]])
        same(quote_volume_24h(base.slice(0, cut)), whole[:cut])


def test_filters_together_bar_by_bar() -> None:
    base = bars(9_000, 6, holes=0.02)
    filters = Filters((session("06:00-18:00"),), (0, 1, 2, 4, 5), 3.6e6)
    whole = filters.column(base)
    assert set(np.unique(whole)) == {0, 1, 2}
    for start in (0, 2_000):
        live = LiveFilters(filters, base.slice(0, start))
        for index in range(start, len(base)):
            assert live.value(base.bar(index)) == whole[index]
            live.commit(base.bar(index))


def test_a_flat_market_of_no_volume_is_refused() -> None:
    base = bars(3_000)
    quiet = Bars(base.time, base.open, base.high, base.low, base.close, np.zeros(3_000), MINUTE)
    assert Filters(min_quote_volume_24h=1.0).column(quiet)[-1] == 0
