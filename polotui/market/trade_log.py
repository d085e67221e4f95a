"""The trades of one symbol: each exactly once, in order, with nothing missed unnoticed.

Decided here: the measure of what we have is the contiguous high-water mark (every id up to it was seen), never the
highest id, because a trade that overtakes another would otherwise hide the one that was lost. What lies above a hole
waits until the hole is filled from REST, or is declared lost. Trades that became readable are handed on and not kept:
the hub remembers the newest of them for the faces.

Deliberate limit: at most 5000 trades wait above a hole; beyond that the hole is declared lost.
"""

from __future__ import annotations

from collections.abc import Iterable

from polotui.model.market import Trade

MOST_WAITING = 5_000


class TradeLog:
    """What was seen of one symbol's trades, and those that wait above a hole."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self.duplicates = 0
        self.lost = 0
        self._waiting: dict[int, Trade] = {}
        self._most_waiting = most_waiting
        self._high: int | None = None
        self._never_traded = False

    def high_water(self) -> int | None:
        """The id up to which nothing is missing; None before the first backfill."""
        return self._high

    @property
    def gap(self) -> bool:
        """True while trades wait above a hole."""
        return bool(self._waiting)

    def add(self, trade: Trade) -> list[Trade]:
        """Takes a live trade. Returns what became readable, in order: often this one, nothing while a hole is open."""
        if self._never_traded and self._high is None:
            self._high = trade.id - 1
        if self._high is not None and trade.id == self._high + 1 and not self._waiting:
            self._high = trade.id
            return [trade]
        if self.is_duplicate(trade):
            self.duplicates += 1
            return []
        self._waiting[trade.id] = trade
        if len(self._waiting) > self._most_waiting:
            return self.give_up()
        return self._drain()

    def is_duplicate(self, trade: Trade) -> bool:
        return trade.id in self._waiting or (self._high is not None and trade.id <= self._high)

    def backfill(self, trades: Iterable[Trade]) -> list[Trade]:
        """Takes what REST returned. The first time it also sets where the log begins."""
        fetched = sorted(trades, key=lambda trade: trade.id)
        if self._high is None:
            first = [*fetched, *self._waiting.values()]
            if not first:
                # There was no trade at all, so the next one begins the log.
                self._never_traded = True
                return []
            self._high = min(trade.id for trade in first) - 1
        for trade in fetched:
            # A fetched trade that is known is not a repeat of the stream's, so it is not counted as one.
            if trade.id > self._high:
                self._waiting.setdefault(trade.id, trade)
        return self._drain()

    def give_up(self) -> list[Trade]:
        """Declares what is still missing lost, counts it, and goes on above it."""
        released: list[Trade] = []
        while self._waiting:
            lowest = min(self._waiting)
            if self._high is not None:
                self.lost += lowest - self._high - 1
            self._high = lowest - 1
            released += self._drain()
        return released

    def _drain(self) -> list[Trade]:
        """What follows the mark without a hole."""
        drained: list[Trade] = []
        while self._high is not None and self._high + 1 in self._waiting:
            self._high += 1
            drained.append(self._waiting.pop(self._high))
        return drained
