"""A year of 1-minute candles before the session, made on demand.

Decided here: history is a path pinned at the session's opening price. Each day's return is drawn from
(seed, symbol, day); walking back from the opening gives every day's closing price. Inside a day the minutes are a
random walk bridged between the two closes, drawn from the same key, so any window costs only its own days and is
the same however it is asked for. Hours and longer are merges of these minutes. The running day is cut at the
session's first minute. The day's volume comes in waves: a daily pattern times a slow random swell.

numpy is imported with the first question for a candle, not at the start.

Limit: history is drawn for the session's opening price; two sessions with other openings differ by a factor.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from polotui.core.ids import Chance
from polotui.simulator.candles import DAY, HOUR, MINUTE, Candle

if TYPE_CHECKING:
    import numpy as np

    from polotui.simulator.config import SymbolSpec

_DAY_CACHE = 8
_MINUTES = 1440
_ROOT_YEAR = math.sqrt(365.0)


class History(Protocol):
    """What was before the session."""

    start_ms: int
    end_ms: int

    def minutes(self, start: int, end: int) -> Iterator[Candle]: ...

    def hours(self, start: int, end: int) -> Iterator[Candle]: ...

    def total(self, start: int, end: int) -> Candle | None: ...


class NoHistory:
    """A recorded market has no past but its recording."""

    def __init__(self, end_ms: int) -> None:
        self.end_ms = end_ms - end_ms % MINUTE
        self.start_ms = self.end_ms

    def minutes(self, start: int, end: int) -> Iterator[Candle]:
        return iter(())

    def hours(self, start: int, end: int) -> Iterator[Candle]:
        return iter(())

    def total(self, start: int, end: int) -> Candle | None:
        return None


class DrawnHistory:
    """A generated past of one symbol that ends at its opening price."""

    def __init__(self, spec: SymbolSpec, seed: str | int | None, end_ms: int, days: int) -> None:
        self._spec = spec
        self._seed = seed
        self.end_ms = end_ms - end_ms % MINUTE
        self._last_day = self.end_ms // DAY
        self.start_ms = (self._last_day - days + 1) * DAY
        self._closes: list[float] = []
        self._day_cache: OrderedDict[int, tuple[Any, ...]] = OrderedDict()
        self._hour_cache: dict[int, list[Candle]] = {}

    def minutes(self, start: int, end: int) -> Iterator[Candle]:
        """1-minute candles that start in [start, end)."""
        start, end = max(start, self.start_ms), min(end, self.end_ms)
        if start >= end:
            return
        for day in range(start // DAY, (end - 1) // DAY + 1):
            columns, low, high = self._slice(day, start, end)
            rows = zip(*(column[low:high].tolist() for column in columns), strict=True)
            for at, row in enumerate(rows, low):
                yield Candle(day * DAY + at * MINUTE, *row)

    def hours(self, start: int, end: int) -> Iterator[Candle]:
        """Hourly candles that start in [start, end); the session's own hour may be cut short."""
        start, end = max(start, self.start_ms), min(end, self.end_ms)
        if start >= end:
            return
        for day in range(start // DAY, (end - 1) // DAY + 1):
            for row in self._day_hours(day):
                if start <= row.start < end:
                    yield Candle(*row.fields())

    def _day_hours(self, day: int) -> list[Candle]:
        found = self._hour_cache.get(day)
        if found is None:
            found = self._hour_cache[day] = _hours(self._arrays(day), day * DAY)
        return found

    def total(self, start: int, end: int) -> Candle | None:
        """All minutes that start in [start, end) as one candle."""
        start, end = max(start, self.start_ms), min(end, self.end_ms)
        result: Candle | None = None
        for day in range(start // DAY, (end - 1) // DAY + 1) if start < end else ():
            columns, low, high = self._slice(day, start, end)
            piece = _merged(columns, low, high, day * DAY + low * MINUTE)
            if result is None:
                result = piece
            else:
                result.absorb(piece)
        return result

    def _slice(self, day: int, start: int, end: int) -> tuple[tuple[Any, ...], int, int]:
        """A day's arrays, and which of its minutes start in [start, end)."""
        columns = self._day(day)
        low = max(0, -(-(start - day * DAY) // MINUTE))
        return columns, low, min(len(columns[0]), -(-(end - day * DAY) // MINUTE))

    def _day(self, day: int) -> tuple[Any, ...]:
        found = self._day_cache.get(day)
        if found is None:
            found = self._day_cache[day] = self._arrays(day)
            while len(self._day_cache) > _DAY_CACHE:
                self._day_cache.popitem(last=False)
        self._day_cache.move_to_end(day)
        return found

    def _volatility(self, day: int) -> float:
        """That day's volatility: quiet and wild weeks alternate, days differ."""
        week = Chance(f"{self._seed}/{self._spec.symbol}/week/{day // 7}").generator().gauss(0, 0.35)
        single = Chance(f"{self._seed}/{self._spec.symbol}/vol/{day}").generator().gauss(0, 0.2)
        return self._spec.yearly_volatility / _ROOT_YEAR * math.exp(week + single - 0.08)

    def _day_return(self, day: int) -> float:
        """Correlated with every other symbol through one market factor."""
        market = Chance(f"{self._seed}/factor/{day}").generator()
        trend = Chance(f"{self._seed}/trend/{day // 20}").generator().gauss(0, 0.25)
        own = Chance(f"{self._seed}/{self._spec.symbol}/return/{day}").generator().gauss(0, 1)
        shared = 0.75 if self._spec.beta > 0.6 else 0.4
        draw = shared * (market.gauss(0, 1) + trend) + math.sqrt(1 - shared * shared) * own
        return self._volatility(day) * max(-4.0, min(4.0, draw))

    def _close(self, day: int) -> float:
        """The log price at the end of a day; the running day ends at the opening price."""
        back = self._last_day - day
        if not self._closes:
            self._closes.append(math.log(self._spec.opening_ticks))
        while len(self._closes) <= back:
            newer = self._last_day - len(self._closes) + 1
            part = (self.end_ms - newer * DAY) / DAY if newer == self._last_day else 1.0
            self._closes.append(self._closes[-1] - self._day_return(newer) * math.sqrt(part))
        return self._closes[back]

    def _arrays(self, day: int) -> tuple[np.ndarray[Any, Any], ...]:
        """low, high, open, close, amount, quantity, buy amount, buy quantity, count: whole numbers per minute."""
        import numpy as np

        count = (self.end_ms - day * DAY) // MINUTE if day == self._last_day else _MINUTES
        rng = np.random.Generator(np.random.PCG64(abs(hash_of(f"{self._seed}/{self._spec.symbol}/day/{day}"))))
        sigma = self._volatility(day) / math.sqrt(_MINUTES)
        pattern = _daily_pattern(np)
        swell = np.convolve(rng.standard_normal(_MINUTES + 119), np.full(120, 120**-0.5), "valid")
        swell = np.exp(0.6 * swell - 0.18)
        heat = (pattern * swell)[:count]
        steps = rng.standard_t(5, _MINUTES)[:count] * 0.775 * sigma * np.sqrt(heat)
        begin, end = self._close(day - 1), self._close(day)
        path = np.concatenate(([0.0], np.cumsum(steps)))
        path += begin + (end - begin - path[-1]) * np.linspace(0.0, 1.0, count + 1)
        ticks = np.maximum(1, np.rint(np.exp(path))).astype(np.int64)
        if count == 0:
            return tuple(np.zeros(0, np.int64) for _ in range(9))
        ticks[-1] = self._tick(day)
        ticks[0] = self._tick(day - 1)
        return _minute_rows(np, rng, self._spec, ticks, heat, sigma)

    def _tick(self, day: int) -> int:
        return self._spec.opening_ticks if day >= self._last_day else max(1, round(math.exp(self._close(day))))


def hash_of(words: str) -> int:
    """A stable 63-bit number for a text (Python's own hash differs per process)."""
    return Chance(words).generator().getrandbits(63)


def daily_factor(ms: int) -> float:
    """How busy this time of day is, 1 on average: quiet at night (UTC), busy when America opens."""
    hours = ms % DAY / HOUR
    return 1.0 + 0.35 * math.sin((hours - 8.5) / 24 * 2 * math.pi) + 0.15 * math.sin((hours - 3) / 12 * 2 * math.pi)


def _daily_pattern(np: Any) -> Any:
    hours = np.arange(_MINUTES) / 60.0
    return 1.0 + 0.35 * np.sin((hours - 8.5) / 24 * 2 * np.pi) + 0.15 * np.sin((hours - 3) / 12 * 2 * np.pi)


def _minute_rows(np: Any, rng: Any, spec: SymbolSpec, ticks: Any, heat: Any, sigma: float) -> tuple[Any, ...]:
    opens, closes = ticks[:-1], ticks[1:]
    count = len(opens)
    top, bottom = np.maximum(opens, closes), np.minimum(opens, closes)
    reach = np.abs(rng.standard_normal((2, count))) * sigma * 0.6 * np.sqrt(heat)
    highs = np.maximum(top, np.rint(top * (1 + reach[0]))).astype(np.int64)
    lows = np.maximum(1, np.minimum(bottom, np.rint(bottom * (1 - reach[1])))).astype(np.int64)
    expected = spec.trades_per_second * 60 * heat
    # A price that moved had a trade; a minute without one stands still.
    trades = np.maximum(rng.poisson(expected), opens != closes)
    price = closes / 10**spec.price_scale
    moved = 1 + np.abs(closes - opens) / np.maximum(1.0, opens * sigma)
    size = spec.mean_notional / price * 10**spec.quantity_scale * rng.lognormal(-0.125, 0.5, count) * moved * 0.6
    quantities = np.where(trades > 0, np.maximum(1, np.rint(trades * size)), 0).astype(np.int64)
    weight = rng.random(count)
    average = np.clip(np.rint(lows + (highs - lows) * weight), lows, highs).astype(np.int64)
    share = np.clip(0.5 + 0.12 * rng.standard_normal(count) + 0.15 * np.sign(closes - opens), 0.0, 1.0)
    bought = np.minimum(quantities, np.rint(quantities * share)).astype(np.int64)
    still = trades == 0
    highs = np.where(still, top, highs)
    lows = np.where(still, bottom, lows)
    return lows, highs, opens, closes, average * quantities, quantities, average * bought, bought, trades


def _hours(columns: tuple[Any, ...], day_start: int) -> list[Candle]:
    """One day's arrays merged by the hour, as `merge` would do it row by row."""
    count = len(columns[0])
    return [
        _merged(columns, first, min(first + 60, count), day_start + first * MINUTE) for first in range(0, count, 60)
    ]


def _merged(columns: tuple[Any, ...], low: int, high: int, start: int) -> Candle:
    """Some consecutive minutes of a day's arrays as one candle."""
    lows, highs, opens, closes, *sums = columns
    prices = (int(lows[low:high].min()), int(highs[low:high].max()), int(opens[low]), int(closes[high - 1]))
    return Candle(start, *prices, *(int(column[low:high].sum()) for column in sums))
