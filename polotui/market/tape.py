"""The tape of one symbol: every public trade once and in order.

Decided here (reference: public trade ids grow by one per trade and symbol): the high-water mark is the newest id up to which
*nothing is missing*, never the largest id seen. Trades beyond a hole wait until the hole is filled from REST; what REST no
longer has is counted as lost, never passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterable

from polotui.model.market import Trade

#: A hole whose trades do not come within this many newer ones is given up as lost.
MAX_WAITING = 5_000


class Tape:
    """`high_water` is the id up to which the tape is complete; None before the first trade."""

    def __init__(self) -> None:
        self.high_water: int | None = None
        self.last_ms = 0
        self._waiting: dict[int, Trade] = {}
        self.duplicates = 0
        self.lost = 0

    @property
    def has_hole(self) -> bool:
        return bool(self._waiting)

    def offer(self, trades: Iterable[Trade]) -> list[Trade]:
        """Takes trades in any order; returns those that are now next in line, in order."""
        for trade in trades:
            if self.is_known(trade):
                self.duplicates += 1
            else:
                self._waiting[trade.id] = trade
        return self._release()

    def is_known(self, trade: Trade) -> bool:
        """The de-duplication."""
        return trade.id in self._waiting or (self.high_water is not None and trade.id <= self.high_water)

    def begin(self, trades: Iterable[Trade]) -> list[Trade]:
        """The first trades: the tape starts at the oldest of them."""
        known = sorted(trades, key=lambda trade: trade.id)
        if self.high_water is None and known:
            self.high_water = known[0].id - 1
        return self.offer(known)

    def give_up(self) -> list[Trade]:
        """The hole cannot be filled: its trades are lost, and the tape goes on behind it."""
        if self._waiting and self.high_water is not None:
            first = min(self._waiting)
            self.lost += first - self.high_water - 1
            self.high_water = first - 1
        return self._release()

    def _release(self) -> list[Trade]:
        out: list[Trade] = []
        if self.high_water is None:
            return out
        while (trade := self._waiting.pop(self.high_water + 1, None)) is not None:
            self.high_water = trade.id
            out.append(trade)
        if out:
            self.last_ms = out[-1].ts_ms
        if len(self._waiting) > MAX_WAITING:
            out += self.give_up()
        return out
