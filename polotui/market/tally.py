"""The feed's running counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from polotui.market.book import OrderBook
from polotui.market.state import FeedCounters
from polotui.market.trade_log import TradeLog
from polotui.poloniex.streams import StreamCounters


class _Kept(Protocol):
    book: OrderBook
    trades: TradeLog


class Tally:
    """Counts that only grow."""

    def __init__(self) -> None:
        self.messages = 0
        self.book_gaps = 0
        self.trade_gaps = 0
        self.resyncs = 0
        self.renewals = 0
        self.duplicates = 0
        self.errors = 0
        self.last_error = ""
        self._resync_ms_last = 0
        self._resync_ms_worst = 0

    def resynced(self, seconds: float) -> None:
        """A book that had a gap has its snapshot, after this long."""
        self.resyncs += 1
        self._resync_ms_last = round(seconds * 1000)
        self._resync_ms_worst = max(self._resync_ms_worst, self._resync_ms_last)

    def counters(self, stream: StreamCounters, symbols: Iterable[_Kept]) -> FeedCounters:
        kept = list(symbols)
        return FeedCounters(
            messages=self.messages,
            book_gaps=self.book_gaps,
            trade_gaps=self.trade_gaps,
            resyncs=self.resyncs,
            renewals=self.renewals,
            duplicates=self.duplicates,
            malformed=stream.malformed,
            unknown=stream.unknown,
            errors=self.errors,
            trades_lost=sum(symbol.trades.lost for symbol in kept),
            unknown_levels=sum(symbol.book.unknown_levels for symbol in kept),
            resync_ms_last=self._resync_ms_last,
            resync_ms_worst=self._resync_ms_worst,
        )
