"""Higher candles: the same numbers as merging them one by one, windows with holes told, no look into the future."""

from __future__ import annotations

import functools
import operator
import random
import sys

import pytest

from polotui.core.errors import UsageError
from polotui.market.frames import Lacking, higher, lacking, resampled
from polotui.model.candles import MINUTE_MS, Candle, Timeframe, merge
from polotui.storage.columns import CandleArrays

#: Midnight of a day.
START = 1_700_006_400_000


def market(seed: int, count: int, lack: float) -> list[Candle]:
    """Minutes with prices, volumes and trade counts of no pattern; `lack` of them missing."""
    draw = random.Random(seed)
    made = []
    for number in range(draw.randrange(2_000), count):
        if draw.random() < lack:
            continue
        low, high = sorted(draw.uniform(1, 1e5) for _ in range(2))
        numbers = [
            draw.uniform(low, high),
            high,
            low,
            draw.uniform(low, high),
            draw.uniform(0, 1e3),
            draw.uniform(0, 1e9),
        ]
        trades = -1 if draw.random() < 0.001 else draw.randrange(1000)
        made.append(Candle(START + number * MINUTE_MS, *numbers, trades))
    return made


def one_by_one(minutes: list[Candle], frame: Timeframe) -> dict[int, list[Candle]]:
    """The minutes of each window, without a window at either end that they do not reach the edge of."""
    windows: dict[int, list[Candle]] = {}
    for candle in minutes:
        windows.setdefault(frame.floor(candle.open_ms), []).append(candle)
    if minutes[0].open_ms % frame.ms:
        del windows[frame.floor(minutes[0].open_ms)]
    if (minutes[-1].open_ms + MINUTE_MS) % frame.ms:
        windows.pop(frame.floor(minutes[-1].open_ms), None)
    return windows


def left_to_right(values: list[float]) -> float:
    return functools.reduce(operator.add, values, 0.0)


@pytest.mark.parametrize("frame", [frame for frame in Timeframe if frame is not Timeframe.M1])
@pytest.mark.parametrize("lack", [0.0, 0.02, 0.9])
def test_the_same_numbers_as_merging_one_by_one(frame: Timeframe, lack: float) -> None:
    minutes = market(round(lack * 100) + frame.ms, 9_000, lack)
    windows = one_by_one(minutes, frame)
    built = resampled(CandleArrays.of(minutes), frame).candles()
    assert [candle.open_ms for candle in built] == list(windows)
    for candle, parts in zip(built, windows.values(), strict=True):
        merged = merge(parts, frame)
        assert (candle.open, candle.high, candle.low, candle.close) == (
            merged.open,
            merged.high,
            merged.low,
            merged.close,
        )
        assert candle.trades == merged.trades
        assert candle.volume == left_to_right([part.volume for part in parts])
        assert candle.amount == left_to_right([part.amount for part in parts])
        # From 3.12 on, Python's own sum of floats corrects its rounding, which no running candle can do.
        assert sys.version_info >= (3, 12) or candle == merged
    told = {found.open_ms: found.missing for found in lacking(CandleArrays.of(minutes), frame)}
    expected = {at: frame.ms // MINUTE_MS - len(parts) for at, parts in windows.items()}
    assert told == {at: missing for at, missing in expected.items() if missing}


def test_from_other_timeframes_than_minutes() -> None:
    minutes = CandleArrays.of(market(5, 12_000, 0.0))
    hours = resampled(minutes, Timeframe.H1)
    days = resampled(hours, Timeframe.D1, Timeframe.H1)
    straight = resampled(minutes, Timeframe.D1)
    assert len(days) >= 3
    both = set(days.open_ms.tolist()) & set(straight.open_ms.tolist())
    assert both
    for day, other in zip(days.candles(), straight.candles(), strict=True):
        assert (day.open_ms, day.open, day.high, day.low, day.close) == (
            other.open_ms, other.open, other.high, other.low, other.close,
        )  # fmt: skip
        assert day.volume == pytest.approx(other.volume)
    with pytest.raises(UsageError, match="cannot be built from 1h"):
        resampled(hours, Timeframe.M5, Timeframe.H1)


def test_the_running_window_is_not_built() -> None:
    minutes = [Candle(START + n * MINUTE_MS, 1.0, 2.0, 0.5, 1.5, 1.0) for n in range(119)]
    built = resampled(CandleArrays.of(minutes), Timeframe.H1)
    assert built.open_ms.tolist() == [START]
    assert resampled(CandleArrays.of(minutes[:59]), Timeframe.H1).candles() == []
    assert resampled(CandleArrays.of(minutes[1:60]), Timeframe.H1).candles() == []
    assert resampled(CandleArrays.empty(), Timeframe.H1).candles() == []


def test_what_the_exchange_does_not_have_is_not_missing() -> None:
    minutes = [Candle(START + n * MINUTE_MS, 1.0, 2.0, 0.5, 1.5, 1.0) for n in range(180) if n not in (70, 71, 130)]
    arrays = CandleArrays.of(minutes)
    hour = Timeframe.H1.ms
    assert lacking(arrays, Timeframe.H1) == [Lacking(START + hour, 2), Lacking(START + 2 * hour, 1)]
    empty = [(START + 70 * MINUTE_MS, START + 72 * MINUTE_MS)]
    assert lacking(arrays, Timeframe.H1, empty=empty) == [Lacking(START + 2 * hour, 1)]
    assert higher(arrays, Timeframe.H1, empty).open_ms.tolist() == [START, START + hour]
    assert higher(arrays, Timeframe.H1).open_ms.tolist() == [START]
