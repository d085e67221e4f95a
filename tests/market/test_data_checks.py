"""The report on stored candles: every kind of trouble with its count, its level and its position."""

from __future__ import annotations

import numpy as np

from polotui.market.data_checks import MOST_FINDINGS, another_hour, report
from polotui.market.frames import resampled
from polotui.model.candles import MINUTE_MS, Candle, Timeframe
from polotui.storage.columns import CandleArrays
from tests.market.candle_samples import at, minutes

M1, H1 = Timeframe.M1, Timeframe.H1


def calm(count: int, **odd: tuple[int, Candle]) -> list[Candle]:
    made = [Candle(at(n), 100.0, 101.0, 99.0, 100.5, 5.0) for n in range(count)]
    for place, candle in odd.values():
        made[place] = candle
    return made


def raw(candles: list[Candle]) -> CandleArrays:
    """In the order given, unlike `CandleArrays.of`."""
    return CandleArrays(np.concatenate([CandleArrays.of([candle]).block for candle in candles], axis=1))


def test_a_sound_series_has_nothing_to_say() -> None:
    told = report(raw(calm(200)), M1)
    assert (told.ok, told.findings) == (True, [])
    assert (told.gaps, told.longest_gap, told.missing, told.zero_volume, told.spikes) == (0, 0, 0, 0, 0)


def test_gaps_are_counted_with_the_longest_and_the_total() -> None:
    series = calm(60)
    told = report(raw(series[:10] + series[11:20] + series[27:40] + series[43:]), M1, [(at(20), at(27))])
    assert (told.gaps, told.longest_gap, told.missing) == (3, 7, 11)
    assert [(f.kind, f.at_ms, f.place, f.level) for f in told.findings] == [
        ("gap", at(10), 10, "warning"),
        ("gap", at(20), 19, "warning"),
        ("gap", at(40), 32, "warning"),
    ]
    assert told.findings[0].text.startswith("1 candle missing")
    assert told.findings[1].text.endswith("none at the source")
    assert told.ok


def test_impossible_bars_duplicates_and_disorder_are_counted_and_come_first() -> None:
    series = calm(300)
    bad = Candle(at(50), 100.0, 90.0, 99.0, 100.5, 5.0)
    heap = [*series[:50], bad, *series[51:100], series[99], series[120], series[110], *series[200:]]
    told = report(raw(heap), M1)
    assert (told.ok, told.impossible, told.duplicates, told.disorder) == (False, 1, 1, 1)
    first = told.findings[0]
    assert (first.kind, first.place, first.level, first.text) == (
        "impossible", 51, "error", "candle 51: the high is below the low",
    )  # fmt: skip
    levels = [found.level for found in told.findings]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)
    assert {found.kind for found in told.findings} == {"impossible", "duplicate", "disorder", "gap"}


def test_one_bad_bar_is_not_hidden_by_a_thousand_gaps() -> None:
    series = calm(3_000)
    series[2_900] = Candle(at(2_900), 100.0, 90.0, 99.0, 100.5, 5.0)
    told = report(raw(series[::2]), M1)
    assert told.gaps == told.missing == 1_499
    assert len(told.findings) == MOST_FINDINGS
    assert told.findings[0].kind == "impossible"


def test_spikes_are_told_and_are_no_error() -> None:
    spike = Candle(at(70), 100.0, 150.0, 100.0, 101.0, 5.0)
    almost = Candle(at(80), 100.0, 140.0, 100.0, 101.0, 5.0)
    told = report(raw(calm(100, a=(70, spike), b=(80, almost))), M1)
    assert (told.ok, told.spikes) == (True, 1)
    (found,) = told.findings
    assert (found.kind, found.level, found.at_ms, found.place) == ("spike", "info", at(70), 71)
    assert "25 times the median" in found.text


def test_many_bars_without_volume_are_told_with_their_share() -> None:
    empty = [Candle(at(n), 100.0, 101.0, 99.0, 100.0, 0.0) for n in range(100)]
    told = report(raw(empty[:4] + calm(100)[4:]), M1)
    assert (told.zero_volume, told.findings) == (4, [])
    told = report(raw(calm(100)[:75] + empty[75:]), M1)
    assert told.zero_volume == 25
    assert [(f.kind, f.level, f.place) for f in told.findings] == [("volume", "info", 76)]
    assert "25.0 %" in told.findings[0].text


def test_flat_bars_have_no_median_to_be_measured_by() -> None:
    assert report(raw([Candle(at(n), 1.0, 1.0, 1.0, 1.0, 1.0) for n in range(9)]), M1).spikes == 0


def test_the_hour_that_summer_time_takes_is_suspected() -> None:
    # 31 March 2024, a Sunday; clocks went from 02:00 to 03:00 in Berlin.
    start = 1_711_839_600_000
    hours = [Candle(start + n * H1.ms, 1.0, 2.0, 0.5, 1.5, 1.0) for n in range(-20, 20) if n != 3]
    told = report(raw(hours), H1)
    assert [(f.kind, f.level) for f in told.findings] == [("gap", "warning"), ("zone", "info")]
    a_week_later = [Candle(c.open_ms + 3 * 86_400_000, *c_numbers(c)) for c in hours]
    assert [f.kind for f in report(raw(a_week_later), H1).findings] == ["gap"]


def c_numbers(candle: Candle) -> tuple[float, float, float, float, float]:
    return candle.open, candle.high, candle.low, candle.close, candle.volume


def test_bars_named_by_their_end_are_found_by_their_minutes() -> None:
    series = CandleArrays.of(minutes(0, 60 * 50))
    hours = resampled(series, H1)
    assert another_hour(hours, H1, series) == []
    for moved, words in ((1, "bar before: the times seem to be the bars' ends"), (-1, "bar after")):
        block = hours.block.copy()
        block[0] += moved * H1.ms
        (found,) = another_hour(CandleArrays(block), H1, series)
        assert (found.kind, found.level) == ("zone", "warning")
        assert words in found.text
        assert report(CandleArrays(block), H1, minutes=series).findings[0].kind == "zone"
    assert another_hour(hours, H1, CandleArrays.empty()) == []
    assert another_hour(series, M1, series) == []


def test_a_year_of_minutes_is_checked_as_a_whole() -> None:
    count = 525_600
    columns = [np.full(count, value) for value in (10.0, 12.0, 9.0, 11.0, 5.0, 50.0)]
    times = at(0) + np.arange(count, dtype=np.int64) * MINUTE_MS
    told = report(CandleArrays.from_columns(times, columns, np.full(count, 3)), M1)
    assert (told.ok, told.gaps) == (True, 0)
