"""One order book, kept from the exchange's snapshots and changes.

Decided here (reference: «book_lv2»): a snapshot replaces everything; an update applies only when its `lastId` is the id we
have; an id may jump, so «previous plus one» is never tested. A dict of quantities and two sorted lists of prices (bids
negated) is the fastest form in Python at every depth. A crossed book means that we are wrong, and counts as a gap.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from enum import Enum

from polotui.model.market import BookView
from polotui.poloniex.stream_wire import BookData


class Applied(Enum):
    """What became of a message."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    EARLY = "early"
    GAP = "gap"


class OrderBook:
    """Best bid and ask in constant time; `synced` is False until a snapshot, and after a gap."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.id = -1
        self.ts_ms = 0
        self.synced = False
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}
        self._bid_prices: list[float] = []
        self._ask_prices: list[float] = []

    def apply(self, data: BookData, *, snapshot: bool) -> Applied:
        """Takes one message in. After GAP the book must not be shown as live until the next snapshot."""
        if snapshot:
            self._replace(data)
            return Applied.APPLIED
        verdict = self.judge(data)
        if verdict is not Applied.APPLIED:
            if verdict is Applied.GAP:
                self.synced = False
            return verdict
        for price, quantity in data.bids:
            _set(self._bids, self._bid_prices, price, -price, quantity)
        for price, quantity in data.asks:
            _set(self._asks, self._ask_prices, price, price, quantity)
        self.id = data.id
        self.ts_ms = data.createTime or data.ts
        if self._crossed():
            self.synced = False
            return Applied.GAP
        return Applied.APPLIED

    def judge(self, data: BookData) -> Applied:
        """Whether an update fits: the gap check."""
        if not self.synced:
            return Applied.EARLY
        if data.lastId == self.id:
            return Applied.APPLIED
        return Applied.DUPLICATE if data.id <= self.id else Applied.GAP

    def best_bid(self) -> float | None:
        return -self._bid_prices[0] if self._bid_prices else None

    def best_ask(self) -> float | None:
        return self._ask_prices[0] if self._ask_prices else None

    def view(self, depth: int) -> BookView:
        """The best `depth` levels of both sides."""
        return BookView(
            symbol=self.symbol,
            id=self.id,
            ts_ms=self.ts_ms,
            bids=[(-price, self._bids[-price]) for price in self._bid_prices[:depth]],
            asks=[(price, self._asks[price]) for price in self._ask_prices[:depth]],
        )

    def _replace(self, data: BookData) -> None:
        self._bids = _side(data.bids)
        self._asks = _side(data.asks)
        self._bid_prices = sorted(-price for price in self._bids)
        self._ask_prices = sorted(self._asks)
        self.id = data.id
        self.ts_ms = data.createTime or data.ts
        self.synced = not self._crossed()

    def _crossed(self) -> bool:
        return bool(self._bid_prices and self._ask_prices and -self._bid_prices[0] >= self._ask_prices[0])


def _side(levels: Iterable[tuple[float, float]]) -> dict[float, float]:
    return {price: quantity for price, quantity in levels if quantity > 0}


def _set(side: dict[float, float], prices: list[float], price: float, key: float, quantity: float) -> None:
    if quantity == 0.0:
        if side.pop(price, None) is not None:
            del prices[bisect_left(prices, key)]
    else:
        if price not in side:
            insort(prices, key)
        side[price] = quantity
