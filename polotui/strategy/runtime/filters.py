"""When no entry is made, whatever the rules say: sessions, weekdays, and markets that trade too little.

Decided here:
* A session and a weekday are those of the bar's open in UTC. A window is open at its first minute and over at its last;
  it may pass midnight.
* The volume of 24 hours is Σ close·volume of the bars that open within the 24 hours up to this bar's close. It is the
  end of yesterday plus the beginning of today, each added up anew for every day, so it never drifts and a restart gives
  the same bits. It is unknown until there are 24 hours of history.
* A cool-down knows the position's past and is the backtest's and the trader's affair.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polotui.model.candles import DAY_MS, MINUTE_MS
from polotui.strategy.runtime.columns import Bar, Bars, Floats
from polotui.strategy.runtime.truth import FALSE, NAN, TRUE, Truths, compare, greater

_DAY_MINUTES = 24 * 60
#: The epoch was a Thursday; weeks are counted from Monday.
_MONDAY = 3 * _DAY_MINUTES


@dataclass(frozen=True)
class Filters:
    """`sessions` are minutes of the day, (from, to), none of them means all day; weekdays count from 0, Monday."""

    sessions: tuple[tuple[int, int], ...] = ()
    weekdays: tuple[int, ...] = tuple(range(7))
    min_quote_volume_24h: float = 0.0

    def table(self) -> Truths:
        """The truth for each minute of a week."""
        day = np.full(_DAY_MINUTES, FALSE if self.sessions else TRUE, np.uint8)
        for start, end in self.sessions:
            if start <= end:
                day[start:end] = TRUE
            else:
                day[start:] = TRUE
                day[:end] = TRUE
        week = np.zeros((7, _DAY_MINUTES), np.uint8)
        week[list(self.weekdays)] = day
        return week.reshape(-1)

    def column(self, bars: Bars) -> Truths:
        """Whether an entry may be made on each bar."""
        truth: Truths = self.table()[_minute_of_week(bars.time)]
        if self.min_quote_volume_24h > 0.0:
            np.minimum(truth, compare(">=", quote_volume_24h(bars), self.min_quote_volume_24h), out=truth)
        return truth


def _minute_of_week(time: Any) -> Any:
    return (time // MINUTE_MS + _MONDAY) % (7 * _DAY_MINUTES)


def quote_volume_24h(bars: Bars) -> Floats:
    """Σ close·volume over the 24 hours that end with each bar."""
    if not len(bars):
        return np.empty(0)
    size = DAY_MS // bars.frame_ms
    day = bars.time // DAY_MS
    day -= day[0]
    slot = bars.time % DAY_MS // bars.frame_ms
    # A day before the first, and a slot after the last, are empty.
    table = np.zeros((int(day[-1]) + 2, size + 1))
    table[day + 1, slot] = bars.close * bars.volume
    heads = np.add.accumulate(table, axis=1)
    tails = np.add.accumulate(table[:, ::-1], axis=1)[:, ::-1]
    total: Floats = tails[day, slot + 1] + heads[day + 1, slot]
    total[bars.time + (bars.frame_ms - DAY_MS) < bars.time[0]] = np.nan
    return total


class QuoteVolume:
    """`quote_volume_24h`, bar by bar."""

    def __init__(self, frame_ms: int) -> None:
        self._frame_ms = frame_ms
        self._first: int | None = None
        self._day = -1
        self._today: list[tuple[int, float]] = []
        self._head = 0.0
        self._tail_from: list[int] = []
        self._tails: list[float] = []

    def value(self, bar: Bar) -> float:
        if self._first is None or bar.time + self._frame_ms - DAY_MS < self._first:
            alone = self._first is None and self._frame_ms == DAY_MS
            return bar.close * bar.volume + 0.0 if alone else NAN
        head, starts, tails = self._head, self._tail_from, self._tails
        if bar.time // DAY_MS != self._day:
            head, (starts, tails) = 0.0, self._yesterday(bar)
        place = bisect_left(starts, bar.time % DAY_MS + self._frame_ms)
        tail = tails[place] if place < len(tails) else 0.0
        return tail + (head + bar.close * bar.volume)

    def commit(self, bar: Bar) -> None:
        if self._first is None:
            self._first = bar.time
        if bar.time // DAY_MS != self._day:
            self._tail_from, self._tails = self._yesterday(bar)
            self._day, self._head, self._today = bar.time // DAY_MS, 0.0, []
        quote = bar.close * bar.volume
        self._head += quote
        self._today.append((bar.time % DAY_MS, quote))

    def _yesterday(self, bar: Bar) -> tuple[list[int], list[float]]:
        """The bars of the day before `bar`'s, each with what was traded from it on."""
        if bar.time // DAY_MS != self._day + 1:
            return [], []
        tails: list[float] = []
        sum_ = 0.0
        for _, quote in reversed(self._today):
            sum_ += quote
            tails.append(sum_)
        return [start for start, _ in self._today], tails[::-1]

    def resume(self, bars: Bars) -> None:
        if not len(bars):
            return
        since = int(bars.time[-1]) // DAY_MS * DAY_MS - DAY_MS
        for index in range(int(np.searchsorted(bars.time, since)), len(bars)):
            self.commit(bars.bar(index))
        self._first = int(bars.time[0])


class LiveFilters:
    """`Filters`, bar by bar, after `history`."""

    def __init__(self, asked: Filters, history: Bars) -> None:
        self._asked = asked
        self._table: Sequence[int] = asked.table().tolist()
        self._volume: QuoteVolume | None = None
        if asked.min_quote_volume_24h > 0.0:
            self._volume = QuoteVolume(history.frame_ms)
            self._volume.resume(history)

    def value(self, bar: Bar) -> int:
        truth: int = self._table[_minute_of_week(bar.time)]
        if self._volume is None:
            return truth
        return min(truth, 2 - greater(self._asked.min_quote_volume_24h, self._volume.value(bar)))

    def commit(self, bar: Bar) -> None:
        if self._volume is not None:
            self._volume.commit(bar)
