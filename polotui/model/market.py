"""What a market shows of itself: tickers, trades, order books."""

from __future__ import annotations

import msgspec


class Ticker(msgspec.Struct, frozen=True, kw_only=True):
    """The last 24 hours of one symbol. `change` is a fraction (0.0214 is +2.14 %); None means not stated."""

    symbol: str
    last: float
    open: float
    high: float
    low: float
    volume: float
    amount: float
    change: float | None = None
    bid: float | None = None
    ask: float | None = None
    mark: float | None = None
    trades: int = -1
    ts_ms: int = 0


class Trade(msgspec.Struct, frozen=True, array_like=True):
    """One public trade. `id` grows by one per trade and symbol; `buy` is True when the taker bought."""

    id: int
    ts_ms: int
    price: float
    quantity: float
    buy: bool


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """The visible order book: (price, quantity) pairs, best first on both sides."""

    symbol: str
    id: int
    ts_ms: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
