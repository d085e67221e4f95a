"""The live market as the gate and the paper venue see it: rules, book, last price, ages, sudden moves.

Decided here: a symbol's mark is its newest trade, as long as the stream is fresh; after that it is the last one known,
marked stale. A price that was never seen is None, never zero.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from polotui.market.book import OrderBook
from polotui.model.market import Ticker, Trade
from polotui.model.money import step_of
from polotui.model.symbols import Market
from polotui.risk.values import MarketView

if TYPE_CHECKING:
    from polotui.core.clock import Clock
    from polotui.engine.exchange import Exchange

BOOK = "book_lv2"
_SECOND = 1.0


@dataclass(frozen=True)
class Mark:
    """What one unit is worth. `at_ms` is the market's time of that price."""

    price: Decimal
    at_ms: int
    fresh: bool


@dataclass
class _Seen:
    """The newest of one symbol."""

    price: float = 0.0
    at_ms: int = 0
    moves: deque[tuple[float, float]] = field(default_factory=deque)


class LiveMarkets:
    """Fed by the market's listener; asked by gate, venue, monitor and screens."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._rules: dict[str, Market] = {}
        self._seen: dict[str, _Seen] = {}
        self.newest_ms = 0

    def learn(self, rules: dict[str, Market]) -> None:
        self._rules = rules

    @property
    def known(self) -> bool:
        """Whether the exchange has said what it lists."""
        return bool(self._rules)

    # -- what comes in --------------------------------------------------------------------------------------------

    def on_trades(self, symbol: str, trades: list[Trade]) -> None:
        last = trades[-1]
        self._note(symbol, last.price, last.ts_ms)

    def on_ticker(self, ticker: Ticker) -> None:
        seen = self._seen.get(ticker.symbol)
        if seen is None or ticker.ts_ms > seen.at_ms:
            self._note(ticker.symbol, ticker.last, ticker.ts_ms)

    def _note(self, symbol: str, price: float, at_ms: int) -> None:
        seen = self._seen.setdefault(symbol, _Seen())
        now = self._clock.monotonic()
        seen.price, seen.at_ms = price, at_ms
        self.newest_ms = max(self.newest_ms, at_ms)
        moves = seen.moves
        moves.append((now, price))
        while now - moves[0][0] > _SECOND:
            moves.popleft()

    # -- what is asked --------------------------------------------------------------------------------------------

    def market(self, symbol: str) -> Market | None:
        return self._rules.get(symbol)

    def priced(self, symbol: str, quote: bool) -> bool:
        """Whether a symbol can have a price: the quote currency itself, or one that is listed. True while the list is
        not known yet."""
        return quote or not self._rules or symbol in self._rules

    def book(self, symbol: str) -> OrderBook | None:
        return self._exchange.feed.book(symbol) if self._exchange.feed is not None else None

    def fresh(self, symbol: str) -> bool:
        return self._exchange.stale_since(BOOK, symbol) == 0

    def stamp_ms(self, symbol: str) -> int:
        """The exchange's time of the newest price of a symbol; 0 before the first."""
        seen = self._seen.get(symbol)
        return seen.at_ms if seen is not None else 0

    def last(self, symbol: str) -> float | None:
        seen = self._seen.get(symbol)
        return seen.price if seen is not None else None

    def mark(self, symbol: str) -> Mark | None:
        """The newest price of a symbol; None when none was ever seen."""
        seen = self._seen.get(symbol)
        if seen is None:
            return None
        return Mark(Decimal(repr(seen.price)), seen.at_ms, self.fresh(symbol))

    def view(self, symbol: str) -> MarketView:
        """The market at this moment, for the gate."""
        market, book, mark = self._rules.get(symbol), self.book(symbol), self.mark(symbol)
        bid = book.best_bid() if book is not None else None
        ask = book.best_ask() if book is not None else None
        stale = self._exchange.stale_since(BOOK, symbol)
        seen = self._seen.get(symbol)
        mid = (bid[0] + ask[0]) / 2 if bid and ask else None
        return MarketView(
            bid=Decimal(repr(bid[0])) if bid else None,
            ask=Decimal(repr(ask[0])) if ask else None,
            last=mark.price if mark else None,
            age_ms=None if stale == 1 else (max(0, self._clock.wall_ms() - stale) if stale else 0),
            fresh=stale == 0,
            tradable=market is not None and market.tradable,
            min_quantity=market.min_quantity if market else Decimal(0),
            min_amount=market.min_amount if market else Decimal(0),
            quantity_step=step_of(market.quantity_scale) if market else Decimal(0),
            price_step=step_of(market.price_scale) if market else Decimal(0),
            jump=_jump(seen) if seen else 0.0,
            difference=abs(mid / seen.price - 1) if mid and seen and seen.price else 0.0,
        )


def _jump(seen: _Seen) -> float:
    """The largest move between any two prices of the last second, as a fraction of the lower."""
    prices = [price for _, price in seen.moves]
    low = min(prices)
    return max(prices) / low - 1 if low > 0 else 0.0
