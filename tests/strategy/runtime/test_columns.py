"""Longer frames: only what is closed is seen, and the stream makes the same bars as the batch, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from polotui.core.errors import UsageError
from polotui.strategy.runtime.columns import Bars, Resampler, bars_of, closed_index, empty, resample, spread
from tests.strategy.runtime.data import MINUTE, START, bars, same

HOUR = 60 * MINUTE


def same_bars(left: Bars, right: Bars) -> None:
    for name in ("time", "open", "high", "low", "close", "volume"):
        same(getattr(left, name), getattr(right, name))


def test_an_hour_is_seen_from_the_close_of_its_last_minute() -> None:
    base = bars(180)
    hours = resample(base, HOUR)
    assert hours.time.tolist() == [START, START + HOUR, START + 2 * HOUR]
    assert (hours.open[1], hours.close[1]) == (base.open[60], base.close[119])
    assert (hours.high[1], hours.low[1]) == (base.high[60:120].max(), base.low[60:120].min())
    expected = [-1] * 59 + [0] * 60 + [1] * 60 + [2]
    assert closed_index(base, hours).tolist() == expected


def test_a_window_that_is_not_over_is_not_there() -> None:
    assert resample(bars(119), HOUR).time.tolist() == [START]
    assert len(resample(bars(59), HOUR)) == 0


def test_a_missing_last_minute_closes_its_hour_with_the_next_bar() -> None:
    base = bars(130)
    keep = np.ones(130, bool)
    keep[115:123] = False
    gap = Bars(*(np.ascontiguousarray(getattr(base, name)[keep]) for name in base.bar(0)._fields), MINUTE)
    hours = resample(gap, HOUR)
    assert hours.close.tolist() == [base.close[59], base.close[114]]
    index = closed_index(gap, hours)
    assert index[114] == 0
    assert gap.time[115] == START + 123 * MINUTE
    assert index[115] == 1


def test_an_hour_without_bars_does_not_exist_and_the_one_before_stays_seen() -> None:
    base = bars(300)
    keep = np.ones(300, bool)
    keep[60:185] = False
    gap = Bars(*(np.ascontiguousarray(getattr(base, name)[keep]) for name in base.bar(0)._fields), MINUTE)
    assert resample(gap, HOUR).time.tolist() == [START, START + 3 * HOUR, START + 4 * HOUR]
    assert closed_index(gap, resample(gap, HOUR))[60] == 0


def test_a_history_that_starts_within_an_hour_does_not_know_that_hour() -> None:
    base = bars(180, start=START + 7 * MINUTE)
    assert resample(base, HOUR).time.tolist() == [START + HOUR, START + 2 * HOUR]


def test_the_next_open_changes_nothing_before_it() -> None:
    base = bars(1_000, holes=0.05)
    whole = closed_index(base, resample(base, HOUR))
    for size in range(0, len(base), 7):
        part = base.slice(0, size)
        same(closed_index(part, resample(part, HOUR)), whole[:size])


@pytest.mark.parametrize("frame_ms", [5 * MINUTE, HOUR, 4 * HOUR, 24 * HOUR, MINUTE])
@pytest.mark.parametrize(("start", "holes"), [(0, 0.0), (17, 0.05), (3, 0.9), (59, 0.0)])
def test_the_stream_makes_the_same_bars(frame_ms: int, start: int, holes: float) -> None:
    base = bars(100_000, 5, start=START + start * MINUTE, holes=holes)
    higher = resample(base, frame_ms)
    resampler = Resampler(MINUTE, frame_ms)
    closed, seen = [], []
    for index in range(len(base)):
        bar = base.bar(index)
        forming = resampler.peek(bar)
        now = resampler.push(bar)
        assert forming == now
        closed.extend(now)
        seen.append(len(closed) - 1)
    same_bars(bars_of(closed, frame_ms), higher)
    same(np.array(seen, np.int64), closed_index(base, higher))


def test_a_resampler_resumes_within_a_window() -> None:
    base = bars(3_000, 9, start=START + 30 * MINUTE, holes=0.3)
    for size in range(0, len(base), 61):
        resampler = Resampler(MINUTE, HOUR)
        resampler.resume(base.slice(0, size))
        rest = [bar for index in range(size, len(base)) for bar in resampler.push(base.bar(index))]
        before = len(resample(base.slice(0, size), HOUR))
        whole = resample(base, HOUR)
        same_bars(bars_of(rest, HOUR), whole.slice(before, len(whole)))


def test_a_lag_on_a_frame_counts_its_bars() -> None:
    base = bars(400)
    hours = resample(base, HOUR)
    column = spread(hours.close, base, hours, lag=2)
    assert np.isnan(column[: 3 * 60 - 1]).all()
    assert column[3 * 60 - 1] == hours.close[0]
    assert column[-1] == hours.close[3]


def test_frames_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError):
        resample(bars(10, frame_ms=HOUR), MINUTE)
    with pytest.raises(UsageError):
        resample(bars(10, frame_ms=4 * MINUTE, start=START), 5 * MINUTE)


def test_no_bars_make_no_bars() -> None:
    none = empty(MINUTE)
    assert len(resample(none, HOUR)) == 0
    assert len(closed_index(none, empty(HOUR))) == 0


def test_bars_out_of_order_are_refused() -> None:
    base = bars(5)
    with pytest.raises(ValueError, match="order"):
        Bars(base.time[::-1].copy(), base.open, base.high, base.low, base.close, base.volume, MINUTE)
    with pytest.raises(ValueError, match="multiple"):
        Bars(base.time + 1, base.open, base.high, base.low, base.close, base.volume, MINUTE)
