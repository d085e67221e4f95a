"""The forming minute of one symbol, and when a minute is over.

Decided here: a candle closes when a later start time arrives for its symbol; local time has no say, because the
exchange's may run at another pace. Older and repeated messages are ignored. A candle that was forming when the stream
broke is not known to be complete, so the stream alone never closes it: from there on nothing is told until the missing
minutes were asked for, and then all of it in order. A row of REST is closed when a later one exists, whatever it says.
"""

from __future__ import annotations

import msgspec

from polotui.model.candles import Candle


class CandleLog:
    """The minutes of one symbol as they form and close."""

    def __init__(self) -> None:
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
        if self._interrupted:
            self._hole_from = before.open_ms
            self._interrupted = False
            return []
        if self._hole_from is not None:
            self._held.append(before)
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

    def backfill(self, rows: list[Candle]) -> list[Candle]:
        """Takes the minutes from `missing_from` on as REST has them. Returns what is to be told, in order."""
        by_start = {row.open_ms: row for row in (*self._held, *rows)}
        ordered = [by_start[start] for start in sorted(by_start)]
        latest = ordered[-1] if ordered else None
        forming = self.forming
        if latest is not None and (forming is None or latest.open_ms > forming.open_ms):
            forming = latest
        told = [
            self._close(row)
            for row in ordered
            if row.open_ms > self._closed_ms and forming is not None and row.open_ms < forming.open_ms
        ]
        self.forming = forming if forming is None else msgspec.structs.replace(forming, closed=False)
        self._held.clear()
        self._hole_from = None
        self._interrupted = False
        return told if self.forming is None else [*told, self.forming]
