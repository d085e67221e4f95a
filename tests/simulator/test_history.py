"""The drawn past: pinned at the opening, the same however it is asked for, one truth for all intervals."""

from __future__ import annotations

import itertools
import math

import pytest

from polotui.simulator.candles import DAY, HOUR, INTERVALS, MINUTE, Candle, LiveCandles, bucket_end, bucket_start, merge
from polotui.simulator.config import default_symbols
from polotui.simulator.history import DrawnHistory
from polotui.simulator.market import Market

NOW = 1_790_000_123_456
SPECS = default_symbols(200, 5)


def _history(index: int = 0, seed: int = 1, days: int = 366) -> DrawnHistory:
    return DrawnHistory(SPECS[index], seed, NOW, days)


@pytest.mark.parametrize("index", [0, 4, 7, 19, 60, 199])
def test_it_ends_at_the_opening_price_without_a_gap(index: int) -> None:
    history = _history(index)
    rows = list(history.minutes(NOW - 3 * DAY, NOW))
    assert rows[-1].close == SPECS[index].opening_ticks
    assert rows[-1].start == history.end_ms - MINUTE
    for before, after in itertools.pairwise(rows):
        assert after.start == before.start + MINUTE
        assert after.open == before.close
    for row in rows:
        assert 0 < row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high
        assert row.low * row.quantity <= row.amount <= row.high * row.quantity
        assert 0 <= row.buy_quantity <= row.quantity
        assert (row.count == 0) == (row.quantity == 0)
        assert row.count or row.open == row.close


def test_the_path_has_no_seam_between_days() -> None:
    moves = [abs(math.log(row.close / row.open)) for row in _history().minutes(NOW - 40 * DAY, NOW)]
    assert max(moves) < 0.02


def test_any_window_is_the_same_however_it_is_asked_for() -> None:
    at = NOW - 200 * DAY
    one = [row.fields() for row in _history().minutes(at, at + HOUR)]
    other = _history()
    list(other.hours(NOW - 300 * DAY, NOW))
    assert [row.fields() for row in other.minutes(at - DAY, at + DAY)][1440 : 1440 + 60] == one
    assert [row.fields() for row in _history(seed=2).minutes(at, at + HOUR)] != one


def test_hours_are_their_minutes() -> None:
    history = _history(1)
    start = bucket_start("DAY_1", NOW) - 2 * DAY
    hours = [row.fields() for row in history.hours(start, NOW)]
    assert hours == [row.fields() for row in merge("HOUR_1", history.minutes(start, NOW))]


@pytest.mark.parametrize("interval", list(INTERVALS))
def test_every_interval_is_a_merge_of_minutes(interval: str) -> None:
    history = _history(2)
    market = Market(SPECS[2], NOW, 1, 1, history, 1)
    now = NOW + 7 * MINUTE
    for price in (152_000, 151_900, 152_400):
        market.print_trade(price, 10_000, 0, now)
    found = market.candles(interval, 0, now, 2, now)
    assert len(found) == 2
    for candle in found:
        minutes = list(market.minutes(candle.start, bucket_end(interval, candle.start)))
        expected = Candle(candle.start, *minutes[0].fields()[1:])
        for minute in minutes[1:]:
            expected.absorb(minute)
        assert candle.fields() == expected.fields()
    assert found[-1].close == 152_400


def test_a_year_is_there_and_then_nothing() -> None:
    market = Market(SPECS[0], NOW, 1, 1, _history(days=366), 1)
    days = market.candles("DAY_1", 0, NOW, 500, NOW)
    assert len(days) == 366
    assert days[0].start == market.history.start_ms
    assert market.candles("MINUTE_1", 0, market.history.start_ms - 1, 10, NOW) == []
    changes = [math.log(b.close / a.close) for a, b in itertools.pairwise(days)]
    spread = math.sqrt(sum(change * change for change in changes) / len(changes))
    assert 0.01 < spread < 0.08


def test_symbols_move_together() -> None:
    def returns(index: int) -> list[float]:
        rows = list(merge("DAY_1", _history(index).hours(NOW - 300 * DAY, NOW)))
        return [math.log(b.close / a.close) for a, b in itertools.pairwise(rows)]

    one, other = returns(0), returns(1)
    mean_one, mean_other = sum(one) / len(one), sum(other) / len(other)
    covariance = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    scale = math.sqrt(sum((a - mean_one) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other))
    assert covariance / scale > 0.3


def test_weeks_start_on_monday_and_months_on_the_first() -> None:
    assert bucket_start("WEEK_1", 1_790_000_000_000) == 1_789_948_800_000 - (1_789_948_800_000 - 4 * DAY) % (7 * DAY)
    month = bucket_start("MONTH_1", 1_709_251_199_000)
    assert (month, bucket_end("MONTH_1", month)) == (1_706_745_600_000, 1_709_251_200_000)
    assert bucket_end("MONTH_1", 1_733_011_200_000) == 1_735_689_600_000


def test_minutes_without_trades_stand_still() -> None:
    live = LiveCandles(NOW, 100)
    live.trade(105, 3, True, NOW)
    live.trade(95, 2, False, NOW + 3 * MINUTE)
    rows = list(live.between(0, NOW + DAY))
    assert [(row.open, row.high, row.low, row.close, row.count) for row in rows] == [
        (100, 105, 100, 105, 1),
        (105, 105, 105, 105, 0),
        (105, 105, 105, 105, 0),
        (105, 105, 95, 95, 1),
    ]
    assert (rows[0].buy_quantity, rows[3].buy_quantity) == (3, 0)


def test_the_day_rolls_minute_by_minute() -> None:
    market = Market(SPECS[0], NOW, 1, 1, _history(), 1)
    first = market.day.candle(NOW)
    assert (NOW - DAY - MINUTE) < first.start <= NOW - DAY
    market.print_trade(7_000_000, 5, 0, NOW + 1000)
    assert market.day.candle(NOW + 1000).high == 7_000_000
    later = NOW + 90 * MINUTE
    expected = Candle.at(0, 0)
    rows = [*market.minutes(later - later % MINUTE - DAY, later)]
    market.live.roll(later)
    rows = [*market.minutes(later - later % MINUTE - DAY, later)]
    expected = Candle(*rows[0].fields())
    for row in rows[1:]:
        expected.absorb(row)
    assert market.day.candle(later).fields() == expected.fields()
    assert market.day.candle(NOW + DAY + 5 * MINUTE).count <= 1
