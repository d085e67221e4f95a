"""What the paper venue is given: a market to match against, money to spend, and how costly trading is.

Decided here: `Funds.booked` is what the ledger has, without any hold. The venue alone knows what its open orders and
its untold executions bind, so it alone takes that off (`BookVenue.available`) and says so (`BookVenue.holds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

import msgspec

from polotui.model.market import BookView
from polotui.model.orders import OrderTerms
from polotui.model.symbols import Market

#: Why the paper venue refuses or ends an order.
NOT_READY = "PAPER-NOT-READY"
NOT_ADMITTED = "PAPER-NOT-ADMITTED"
OTHER_ACCOUNT = "PAPER-OTHER-ACCOUNT"
UNKNOWN_SYMBOL = "PAPER-UNKNOWN-SYMBOL"
NOT_TRADABLE = "PAPER-NOT-TRADABLE"
TERMS = "PAPER-TERMS"
STALE_BOOK = "PAPER-STALE-BOOK"
EMPTY_BOOK = "PAPER-EMPTY-BOOK"
MIN_QUANTITY = "PAPER-MIN-QUANTITY"
MIN_AMOUNT = "PAPER-MIN-AMOUNT"
MAX_QUANTITY = "PAPER-MAX-QUANTITY"
MAX_AMOUNT = "PAPER-MAX-AMOUNT"
FUNDS = "PAPER-FUNDS"
WOULD_TAKE = "PAPER-WOULD-TAKE"
BOOK_EXHAUSTED = "PAPER-BOOK-EXHAUSTED"
NOT_WHOLE = "PAPER-NOT-WHOLE"
ASKED = "PAPER-ASKED"
TIME_OVER = "PAPER-TIME-OVER"
DUPLICATE = "PAPER-DUPLICATE"
NOT_KNOWN = "PAPER-NOT-KNOWN"
ON_ITS_WAY = "PAPER-ON-ITS-WAY"
REST = "PAPER-REST"
RESTARTED = "PAPER-RESTARTED"


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What trading on paper costs. Fees are fractions; an order travels `latency_ms` plus up to `jitter_ms`.

    `slippage_bp` moves each taking execution against us by so many hundredths of a per cent, beyond what the book
    itself costs. At most `most_levels` of the book are walked.
    """

    maker_fee: Decimal = Decimal("0.002")
    taker_fee: Decimal = Decimal("0.002")
    latency_ms: int = 50
    jitter_ms: int = 50
    slippage_bp: Decimal = Decimal(0)
    most_levels: int = 20


class LiveBook(Protocol):
    """The order book of one symbol as it stands; `market.book.OrderBook` is one."""

    id: int
    ts_ms: int
    ready: bool

    def best_bid(self) -> tuple[float, float] | None: ...

    def best_ask(self) -> tuple[float, float] | None: ...

    def size_at(self, price: float, *, bids: bool) -> float | None:
        """What stands at a price: 0 when nothing does, None when the price lies beyond the visible levels."""
        ...

    def view(self, depth: int = 20) -> BookView: ...


class Markets(Protocol):
    """The live market. `fresh` says whether the book of a symbol may carry a decision now."""

    def market(self, symbol: str) -> Market | None: ...

    def book(self, symbol: str) -> LiveBook | None: ...

    def fresh(self, symbol: str) -> bool: ...


class Funds(Protocol):
    """What the ledger has, before any hold."""

    def booked(self, account: str, currency: str) -> Decimal:
        """The balance of one account (`paper/bot-3`) alone."""
        ...

    def total(self) -> Mapping[str, Decimal]:
        """The balances of all accounts below the root together."""
        ...


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was open when the engine ended: its terms and what is left of it, from the ledger.

    `left` is a quantity. `crossed_ms` is when its stop was crossed while nobody watched, if candles tell; 0: unknown.
    """

    terms: OrderTerms
    left: Decimal
    venue_id: str = ""
    crossed_ms: int = 0
