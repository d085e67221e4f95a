"""The closed minutes of one symbol for some UTC days, packed.

Decided here: a day is one block of numbers, allocated whole when its first minute comes. As objects the two days that
50 symbols keep take 53 MB, and grow to that for two days; packed they are 8 MB.
"""

from __future__ import annotations

from array import array

from polotui.model.candles import DAY_MS, MINUTE_MS, Candle

_FIELDS = 7
_TRADES = 6
#: Stands where the count of trades would, which is -1 at least.
_NONE = -2.0
_EMPTY = array("d", [_NONE]) * (DAY_MS // MINUTE_MS * _FIELDS)


class Minutes:
    """Closed candles of one minute by their open time; one that is put again replaces the one before."""

    def __init__(self) -> None:
        self._days: dict[int, array[float]] = {}

    def put(self, candle: Candle) -> None:
        day = candle.open_ms // DAY_MS
        block = self._days.get(day)
        if block is None:
            block = self._days[day] = _EMPTY[:]
        at = _place(candle.open_ms)
        block[at : at + _FIELDS] = array(
            "d", (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.amount, candle.trades)
        )

    def get(self, at_ms: int) -> Candle | None:
        block = self._days.get(at_ms // DAY_MS)
        if block is None:
            return None
        at = _place(at_ms)
        open_, high, low, close, volume, amount, trades = block[at : at + _FIELDS]
        return None if trades == _NONE else Candle(at_ms, open_, high, low, close, volume, amount, int(trades))

    def __contains__(self, at_ms: int) -> bool:
        block = self._days.get(at_ms // DAY_MS)
        return block is not None and block[_place(at_ms) + _TRADES] != _NONE

    def forget_before(self, day_ms: int) -> None:
        """Drops the days before the one that begins at `day_ms`."""
        self._days = {day: block for day, block in self._days.items() if day * DAY_MS >= day_ms}


def _place(at_ms: int) -> int:
    return at_ms % DAY_MS // MINUTE_MS * _FIELDS
