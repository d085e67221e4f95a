"""Symbols and the rules an order on them must keep."""

from __future__ import annotations

from decimal import Decimal

import msgspec

#: Shown when nobody chose: the preset of the market screen.
PRESET = ("BTC_USDT", "ETH_USDT", "SOL_USDT", "BNB_USDT", "XRP_USDT")


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable pair. Scales are the most decimals that a price, quantity or amount may carry.

    `quantity` is in the base currency, `amount` in the quote currency, everywhere in polotui.
    A limit of None means the exchange states none. `state` is kept as the exchange words it: an unknown word
    is shown, never an error.
    """

    symbol: str
    base: str
    quote: str
    price_scale: int
    quantity_scale: int
    amount_scale: int
    min_quantity: Decimal
    min_amount: Decimal
    max_quantity: Decimal | None = None
    max_amount: Decimal | None = None
    state: str = "NORMAL"

    @property
    def tradable(self) -> bool:
        return self.state == "NORMAL"


def base_and_quote(symbol: str) -> tuple[str, str]:
    """`BTC_USDT` as ("BTC", "USDT"). Raises ValueError when there is no such split."""
    base, separator, quote = symbol.rpartition("_")
    if not separator or not base or not quote:
        raise ValueError(f"not a symbol like BTC_USDT: {symbol[:40]!r}")
    return base, quote
