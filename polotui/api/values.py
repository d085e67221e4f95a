"""Values that screens and commands show, shared by events and replies.

Decided here: a number that may be missing is `Shown`: known, stale (with its age) or unknown (with a reason and
what helps). Zero appears only when the source said zero. Money is decimal text, because the face never calculates
with it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

#: A figure's standing: «known», «stale» (true at `as_of_ms`), «unknown» (see `reason`).
Standing = Literal["known", "stale", "unknown"]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its standing. `text` is decimal text, empty when unknown."""

    standing: Standing
    text: str = ""
    as_of_ms: int = 0
    reason: str = ""
    """Code of why it is unknown or stale: no-price, no-answer, busy, refused, offline, loading."""
    cause: str = ""
    """The reason as a sentence."""
    help: str = ""
    """What the person can do, in words; empty when nothing helps but waiting."""


class AssetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One currency in one account, as the balance screen and `polotui balance` show it."""

    account: str
    """spot or paper."""
    currency: str
    available: Shown
    hold: Shown
    price: Shown
    """In USDT."""
    value: Shown
    """Total times price, in USDT."""
    share: Shown
    """Fraction of the account's known value: 0.486 is 48.6 %."""
    change_24h: Shown
    """Fraction by which the price moved in 24 h."""
    dust: bool = False
    """Worth less than 1 USDT."""


class EquityPoint(msgspec.Struct, frozen=True, array_like=True):
    """Value of all an account holds at `at_ms`, in USDT. Float: for the chart, never for money."""

    at_ms: int
    value: float


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """One account with its assets and its worth."""

    account: str
    """spot or paper."""
    title: str
    """What to call it: «demo exchange account», «paper account»."""
    note: str = ""
    """Why this account is shown, when that needs saying: «no API keys, so this is the paper account»."""
    total: Shown
    change_24h: Shown
    """In USDT since 24 h ago."""
    change_24h_ratio: Shown
    rows: list[AssetRow] = []
    equity: list[EquityPoint] = []
    """Oldest first, at most 30 days, thinned to at most 500 points."""


class Level(msgspec.Struct, frozen=True, array_like=True):
    """One price level of a book."""

    price: float
    quantity: float


class SymbolInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen needs to print a symbol's numbers right. Decimal limits as text, "" = none stated."""

    symbol: str
    base: str
    quote: str
    price_scale: int
    quantity_scale: int
    amount_scale: int
    min_quantity: str = ""
    min_amount: str = ""
    state: str = "NORMAL"


class WatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the watchlist. None means not known yet: shown as «–», never as 0."""

    symbol: str
    last: float | None = None
    change: float | None = None
    """24 h, a fraction."""
    open: float | None = None
    high: float | None = None
    low: float | None = None
    amount: float | None = None
    """24 h turnover in the quote currency."""
    bid: float | None = None
    ask: float | None = None
    spread_bp: float | None = None
    spark: list[float] = []
    """Closes of the last 24 hours, oldest first, at most 24."""
    ts_ms: int = 0
    """The exchange's time of the ticker."""
    stale_since_ms: int = 0
    """0 while fresh; else the wall time up to which the price is known to be true."""
    price_scale: int = 2


class OverlayLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line over a chart: values aligned with the candles, None during warm-up."""

    name: str
    """ema21, bb20.upper …"""
    overlay: str
    """The overlay it belongs to: ema21, bb20."""
    values: list[float | None]
