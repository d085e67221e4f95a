"""Candles of the running session, and the arithmetic that merges small ones into big ones.

Decided here: only 1-minute candles are stored; every other interval is a merge of them, live and in history, so
they agree by construction. A minute without trades gets a candle of four equal prices and no volume. Weeks start
on Monday, months on the first, both UTC.

Limit: a session keeps its last 100 000 minutes; older ones are forgotten.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
INTERVALS = {
    "MINUTE_1": MINUTE,
    "MINUTE_5": 5 * MINUTE,
    "MINUTE_10": 10 * MINUTE,
    "MINUTE_15": 15 * MINUTE,
    "MINUTE_30": 30 * MINUTE,
    "HOUR_1": HOUR,
    "HOUR_2": 2 * HOUR,
    "HOUR_4": 4 * HOUR,
    "HOUR_6": 6 * HOUR,
    "HOUR_12": 12 * HOUR,
    "DAY_1": DAY,
    "DAY_3": 3 * DAY,
    "WEEK_1": 7 * DAY,
    "MONTH_1": 0,
}
# 1970-01-01 was a Thursday; four days later the first Monday.
_WEEK_OFFSET = 4 * DAY
_FIELDS = 10
_KEPT = 100_000


def bucket_start(interval: str, ms: int) -> int:
    """The start of the candle of this interval that holds `ms`."""
    length = INTERVALS[interval]
    if length == 0:
        moment = datetime.fromtimestamp(ms / 1000, UTC)
        return _ms(datetime(moment.year, moment.month, 1, tzinfo=UTC))
    offset = _WEEK_OFFSET if interval == "WEEK_1" else 0
    return ms - (ms - offset) % length


def bucket_end(interval: str, start: int) -> int:
    """The start of the next candle."""
    length = INTERVALS[interval]
    if length:
        return start + length
    moment = datetime.fromtimestamp(start / 1000, UTC)
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return _ms(datetime(year, month, 1, tzinfo=UTC))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


@dataclass(slots=True)
class Candle:
    """Prices in ticks, quantities in steps, amounts in ticks times steps."""

    start: int
    low: int
    high: int
    open: int
    close: int
    amount: int = 0
    quantity: int = 0
    buy_amount: int = 0
    buy_quantity: int = 0
    count: int = 0

    def trade(self, price: int, quantity: int, bought: bool) -> None:
        if price < self.low:
            self.low = price
        if price > self.high:
            self.high = price
        self.close = price
        self.amount += price * quantity
        self.quantity += quantity
        self.count += 1
        if bought:
            self.buy_amount += price * quantity
            self.buy_quantity += quantity

    def absorb(self, later: Candle) -> None:
        """Takes a later candle's trades into this one."""
        self.low = min(self.low, later.low)
        self.high = max(self.high, later.high)
        self.close = later.close
        self.amount += later.amount
        self.quantity += later.quantity
        self.buy_amount += later.buy_amount
        self.buy_quantity += later.buy_quantity
        self.count += later.count

    def fields(self) -> tuple[int, ...]:
        return (
            self.start,
            self.low,
            self.high,
            self.open,
            self.close,
            self.amount,
            self.quantity,
            self.buy_amount,
            self.buy_quantity,
            self.count,
        )

    @classmethod
    def at(cls, start: int, price: int) -> Candle:
        return cls(start, price, price, price, price)


def merge(interval: str, candles: Iterable[Candle]) -> Iterator[Candle]:
    """Candles in time order as candles of a bigger interval."""
    current: Candle | None = None
    end = 0
    for candle in candles:
        if current is not None and candle.start < end:
            current.absorb(candle)
            continue
        if current is not None:
            yield current
        start = bucket_start(interval, candle.start)
        end = bucket_end(interval, start)
        current = Candle(start, *candle.fields()[1:])
    if current is not None:
        yield current


class LiveCandles:
    """The session's minutes of one symbol."""

    def __init__(self, start_ms: int, price: int) -> None:
        self._closed = array("q")
        self.current = Candle.at(start_ms - start_ms % MINUTE, price)
        # A day of minutes is all that anybody asks for.
        self._just_closed: deque[Candle] = deque(maxlen=1440)

    def trade(self, price: int, quantity: int, bought: bool, now_ms: int) -> None:
        self.roll(now_ms)
        self.current.trade(price, quantity, bought)

    def roll(self, now_ms: int) -> None:
        """Closes minutes that are over, empty ones too."""
        while now_ms >= self.current.start + MINUTE:
            self._closed.extend(self.current.fields())
            self._just_closed.append(self.current)
            self.current = Candle.at(self.current.start + MINUTE, self.current.close)
        if len(self._closed) > _KEPT * _FIELDS * 1.1:
            del self._closed[: len(self._closed) - _KEPT * _FIELDS]

    def drain_closed(self) -> list[Candle]:
        """Minutes closed since the last call, a day of them at most."""
        closed = list(self._just_closed)
        self._just_closed.clear()
        return closed

    def between(self, start: int, end: int) -> Iterator[Candle]:
        """Minutes that start in [start, end), the running one included."""
        if self._closed:
            first = self._closed[0]
            index = max(0, -(-(start - first) // MINUTE))
            for at in range(index * _FIELDS, len(self._closed), _FIELDS):
                if self._closed[at] >= end:
                    return
                yield Candle(*self._closed[at : at + _FIELDS])
        if start <= self.current.start < end:
            yield Candle(*self.current.fields())
