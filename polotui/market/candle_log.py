"""The forming minute of one symbol, and when a minute is over.

Decided here: a candle closes when a later start time arrives for its symbol; local time has no say, because the
exchange's may run at another pace. Older and repeated messages are ignored. A candle that was forming when the stream
broke is not known to be complete, so the stream alone never closes it: from there on nothing is told until the missing
minutes were asked for, and then all of it in order. A minute whose count of trades is not that of the trades that
arrived is asked for as well: its last message was lost. A row of REST is closed when a later one exists, whatever it
says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from polotui.model.candles import MINUTE_MS, Candle
from polotui.model.market import Trade

_MINUTES_KEPT = 10


class MinuteCounts:
    """How many trades arrived in each minute: the witness of the candles."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._first_ms: int | None = None

    def note(self, trades: Iterable[Trade]) -> None:
        for trade in trades:
            start = trade.ts_ms - trade.ts_ms % MINUTE_MS
            if start not in self._counts:
                self._first_ms = start if self._first_ms is None else self._first_ms
                self._counts[start] = 0
                while len(self._counts) > _MINUTES_KEPT:
                    del self._counts[min(self._counts)]
            self._counts[start] += 1

    def confirms(self, candle: Candle) -> bool:
        """False when the candle counts other trades than arrived. The first minute was not seen whole, so never it."""
        if candle.trades < 0:
            return True
        if self._first_ms is None or candle.open_ms <= self._first_ms:
            return candle.trades == 0
        return self._counts.get(candle.open_ms, 0) == candle.trades


class CandleLog:
    """The minutes of one symbol as they form and close."""

    def __init__(self, confirms: Callable[[Candle], bool] = lambda candle: True) -> None:
        self._confirms = confirms
        self.forming: Candle | None = None
        self._closed_ms = -1
        self._interrupted = False
        self._held: list[Candle] = []
        self._hole_from: int | None = None

    def add(self, candle: Candle) -> list[Candle]:
        """What is to be told: a closed candle if one ended for sure, then the forming one."""
        before = self.forming
        if candle.open_ms <= self._closed_ms or (before is not None and candle.open_ms < before.open_ms):
            return []
        self.forming = candle
        if before is None or candle.open_ms == before.open_ms:
            # The message carries the whole minute so far, so what was missed of it is in it.
            self._interrupted = False
            return [] if candle == before or self._hole_from is not None else [candle]
        if self._hole_from is None and (self._interrupted or not self._confirms(before)):
            self._hole_from = before.open_ms
        if self._hole_from is not None:
            self._held.append(before)
            self._interrupted = False
            return []
        return [self._close(before), candle]

    def _close(self, candle: Candle) -> Candle:
        self._closed_ms = candle.open_ms
        return msgspec.structs.replace(candle, closed=True)

    def interrupt(self) -> None:
        """The stream was down or silent: the forming minute may miss trades."""
        self._interrupted = self.forming is not None

    def missing_from(self) -> int | None:
        """Where the minutes to ask for begin; None when nothing can be missing."""
        if self._hole_from is not None:
            return self._hole_from
        return self.forming.open_ms if self._interrupted and self.forming is not None else None

    def backfill(self, rows: list[Candle], *, final: bool = False) -> list[Candle]:
        """Takes the minutes from `missing_from` on as REST has them. Returns what is to be told, in order.

        `final`: it was asked for often enough; what REST does not have is told as the stream last had it.
        """
        fetched = {row.open_ms: row for row in rows}
        minutes = {row.open_ms: row for row in self._held} | fetched
        self.forming = self._newest(max(fetched.values(), key=_start, default=None))
        self._held.clear()
        self._hole_from = None
        self._interrupted = False
        told: list[Candle] = []
        for row in sorted(minutes.values(), key=_start):
            if self.forming is None or not self._closed_ms < row.open_ms < self.forming.open_ms:
                continue
            sure = final or row.open_ms in fetched or self._confirms(row)
            if self._hole_from is None and not sure:
                # REST does not have it yet: it is asked for in the next round.
                self._hole_from = row.open_ms
            if self._hole_from is None:
                told.append(self._close(row))
            else:
                self._held.append(row)
        return told if self.forming is None or self._hole_from is not None else [*told, self.forming]

    def _newest(self, latest: Candle | None) -> Candle | None:
        """The forming minute from the stream or from REST, whichever knows more."""
        forming = self.forming
        if latest is None or (forming is not None and _knows(forming) > _knows(latest)):
            return forming
        return msgspec.structs.replace(latest, closed=False)


def _start(candle: Candle) -> int:
    return candle.open_ms


def _knows(candle: Candle) -> tuple[int, int]:
    return candle.open_ms, candle.trades
