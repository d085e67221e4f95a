"""The order book of one symbol, kept from a snapshot and its updates.

situation                                             answer        effect
snapshot                                              APPLIED       replaces everything
update before any snapshot, or after a gap            EARLY         dropped; a snapshot is awaited
update whose `last_id` is the book's id               APPLIED       levels set or removed; the id may jump
update whose id is not above the book's               DUPLICATE     dropped
any other update                                      GAP           book not usable until the next snapshot
best bid not below best ask afterwards                GAP           same: it cannot be true
removal of a level that is not there                  APPLIED       tolerated and counted

Decided here: a dict of quantities and a sorted list of prices per side (bids negated), which at 20 to 200 levels is
faster than any tree or array. Many duplicates in a row mean that the exchange started its sequence again: a gap.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from enum import Enum

from polotui.model.market import BookView

Level = tuple[float, float]
#: An exchange that restarts its ids would otherwise be taken for an endless echo.
MOST_DUPLICATES = 20


class Applied(Enum):
    """What became of a message."""

    APPLIED = "applied"
    GAP = "gap"
    DUPLICATE = "duplicate"
    EARLY = "early"


class GapCheck:
    """Judges an update that does not simply follow. Replaceable, so that a test can show what it prevents."""

    def __init__(self) -> None:
        self._at_id = 0
        self._in_a_row = 0

    def judge(self, book_id: int, last_id: int, new_id: int) -> Applied:
        if new_id > book_id:
            return Applied.GAP
        self._in_a_row = self._in_a_row + 1 if self._at_id == book_id else 1
        self._at_id = book_id
        return Applied.GAP if self._in_a_row > MOST_DUPLICATES else Applied.DUPLICATE


class OrderBook:
    """Best prices and visible depth of one symbol. Not usable while `ready` is False."""

    def __init__(self, symbol: str, gap_check: GapCheck | None = None) -> None:
        self.symbol = symbol
        self.ready = False
        self.id = 0
        self.ts_ms = 0
        self.unknown_levels = 0
        self._gap_check = gap_check or GapCheck()
        # Keys are negated prices for bids, so that both sides have their best level first.
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}
        self._bid_keys: list[float] = []
        self._ask_keys: list[float] = []

    def snapshot(self, new_id: int, ts_ms: int, bids: list[Level], asks: list[Level]) -> Applied:
        self._bids = {-price: quantity for price, quantity in bids if quantity > 0}
        self._asks = {price: quantity for price, quantity in asks if quantity > 0}
        self._bid_keys = sorted(self._bids)
        self._ask_keys = sorted(self._asks)
        return self._settle(new_id, ts_ms)

    def update(self, last_id: int, new_id: int, ts_ms: int, bids: list[Level], asks: list[Level]) -> Applied:
        if not self.ready:
            return Applied.EARLY
        if not last_id == self.id < new_id:
            verdict = self._gap_check.judge(self.id, last_id, new_id)
            if verdict is Applied.GAP:
                self.ready = False
            if verdict is not Applied.APPLIED:
                return verdict
        if bids:
            self._change(self._bids, self._bid_keys, bids, -1.0)
        if asks:
            self._change(self._asks, self._ask_keys, asks, 1.0)
        return self._settle(new_id, ts_ms)

    def _change(self, levels: dict[float, float], keys: list[float], changes: list[Level], sign: float) -> None:
        for price, quantity in changes:
            key = price * sign
            if quantity:
                known = len(levels)
                levels[key] = quantity
                if len(levels) != known:
                    insort(keys, key)
            elif key in levels:
                del levels[key]
                del keys[bisect_left(keys, key)]
            else:
                self.unknown_levels += 1

    def _settle(self, new_id: int, ts_ms: int) -> Applied:
        self.id = new_id
        self.ts_ms = ts_ms
        bids, asks = self._bid_keys, self._ask_keys
        self.ready = not (bids and asks and -bids[0] >= asks[0])
        return Applied.APPLIED if self.ready else Applied.GAP

    def invalidate(self) -> None:
        """What is held may be wrong: the next snapshot decides."""
        self.ready = False

    def best_bid(self) -> Level | None:
        return (-self._bid_keys[0], self._bids[self._bid_keys[0]]) if self._bid_keys else None

    def best_ask(self) -> Level | None:
        return (self._ask_keys[0], self._asks[self._ask_keys[0]]) if self._ask_keys else None

    def size_at(self, price: float, *, bids: bool) -> float | None:
        """What stands at a price: 0 when nothing does, None when the price lies beyond the visible levels."""
        levels, keys, key = (self._bids, self._bid_keys, -price) if bids else (self._asks, self._ask_keys, price)
        size = levels.get(key)
        if size is None and keys and key > keys[-1]:
            return None
        return size or 0.0

    def view(self, depth: int = 20) -> BookView:
        """A copy of the best `depth` levels of each side."""
        bids, asks = self._bids, self._asks
        return BookView(
            symbol=self.symbol,
            id=self.id,
            ts_ms=self.ts_ms,
            bids=[(-key, bids[key]) for key in self._bid_keys[:depth]],
            asks=[(key, asks[key]) for key in self._ask_keys[:depth]],
        )
