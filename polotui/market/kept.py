"""What the feed keeps of one symbol, and a witness that its trades still arrive."""

from __future__ import annotations

import asyncio

from polotui.market.book import OrderBook
from polotui.market.candle_log import CandleLog, MinuteCounts
from polotui.market.state import CONNECTING
from polotui.market.trade_log import TradeLog
from polotui.model.market import Ticker

#: A ticker this soon after a trade may or may not count it already.
_SETTLE_S = 3.0
_PATIENCE_S = 5.0


class TradeWitness:
    """Notices a dead trades channel by the ticker: its count of trades grew while none arrived.

    Silence of a quiet symbol proves nothing, and its usual pace may never be known. The count is evidence even then.
    """

    def __init__(self) -> None:
        self._trade_at = 0.0
        self._count: int | None = None
        self._unseen_since: float | None = None

    def trade(self, now: float) -> None:
        self._trade_at = now
        self._count = None
        self._unseen_since = None

    def ticker(self, count: int, now: float) -> None:
        if now - self._trade_at < _SETTLE_S:
            return
        if self._count is None or count < self._count:
            # The count covers 24 hours, so it also falls; the lowest one seen is what a new trade must exceed.
            self._count = count
        elif count > self._count and self._unseen_since is None:
            self._unseen_since = now

    def missing(self, now: float) -> bool:
        """True when trades happened for some time that did not arrive."""
        return self._unseen_since is not None and now - self._unseen_since > _PATIENCE_S


class KeptSymbol:
    """Book, trades, minutes and ticker of one symbol, and how far it has come since the connection."""

    def __init__(self, symbol: str, trades: TradeLog, book: OrderBook) -> None:
        self.name = symbol
        self.book = book
        self.trades = trades
        self.counts = MinuteCounts()
        self.candles = CandleLog(self.counts.confirms)
        self.ticker: Ticker | None = None
        self.witness = TradeWitness()
        self.phase = CONNECTING
        #: Counts connections: what was fetched for an earlier one is not enough for this one.
        self.connection = 0
        self.asked_at = 0.0
        self.acked = False
        self.filled = False
        self.gap_since: float | None = None
        self.task: asyncio.Task[None] | None = None
        #: Per channel: when it was renewed last, and how often without success since.
        self.renewed: dict[str, tuple[float, int]] = {}

    def restart(self, now: float) -> None:
        """The connection is gone: nothing is known until it is shown again."""
        self.phase = CONNECTING
        self.connection += 1
        self.asked_at = now
        self.acked = False
        self.filled = False
        self.gap_since = None
        self.book.invalidate()
        self.candles.interrupt()
        self.witness.trade(now)

    def whole(self) -> bool:
        """Nothing is missing of trades and minutes."""
        return self.filled and not self.trades.gap and self.candles.missing_from() is None
