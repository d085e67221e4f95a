"""What an account is worth, in USDT, and what is not known about it. Pure functions on exact decimals.

Decided here:

* A currency is priced by its USDT market; without one by its BTC, then its TRX market and that coin's USDT price.
  USDT is 1.
* A figure is known, stale (true at a time, with the reason) or unknown (with the reason and what helps). Zero appears
  only where the exchange said zero: nothing held of a currency without a price is worth nothing, and that is known.
* A price of zero, as a market that never traded states it, is no price.
* A total leaves out what no market prices, and says so in its `cause`; it is unknown while a price that exists has
  not come; it is stale when a part of it is, unless an old price concerns dust only.
* Dust is what is worth less than 1 USDT. What has no price is never dust, because nobody knows.
* Products and sums carry 80 digits, more than any balance and price have; a value is rounded once, to 8 decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Literal

from polotui.model.account import Account, Balance
from polotui.model.money import ZERO

QUOTE = "USDT"
BRIDGES = ("BTC", "TRX")
DUST_BELOW = Decimal(1)
_ONE = Decimal(1)
_CENTI = Decimal("0.00000001")
_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)

Standing = Literal["known", "stale", "unknown"]


@dataclass(frozen=True)
class Price:
    """A price with the wall time at which it was true and its change in 24 h as a fraction."""

    value: Decimal
    at_ms: int
    change: float | None = None


@dataclass(frozen=True)
class Figure:
    """A figure and its standing. `value` is None exactly when it is unknown."""

    standing: Standing
    value: Decimal | None = None
    as_of_ms: int = 0
    reason: str = ""
    cause: str = ""
    help: str = ""


@dataclass(frozen=True)
class Asset:
    """One currency of an account."""

    currency: str
    available: Figure
    hold: Figure
    price: Figure
    value: Figure
    share: Figure
    change_24h: Figure
    dust: bool


@dataclass(frozen=True)
class Valued:
    """An account valued. Assets with the largest value first, then those of unknown value by name."""

    assets: list[Asset]
    total: Figure


def value_account(
    account: Account,
    prices: Mapping[str, Price],
    *,
    now_ms: int,
    price_stale_ms: float,
    balances_stale_since_ms: int = 0,
    balances_stale_reason: str = "",
) -> Valued:
    """The account's assets and total. `prices` are keyed by symbol; one older than `price_stale_ms` makes stale values.

    `balances_stale_since_ms` is 0 when the balances are fresh, else when they were true.
    """
    held = [
        _held(balance, prices, now_ms, price_stale_ms, balances_stale_since_ms, balances_stale_reason)
        for balance in account.balances
    ]
    total = _total(held, now_ms)
    assets = [_with_share(asset, total) for asset in held]
    return Valued(sorted(assets, key=_largest_first), total)


def price_of(currency: str, prices: Mapping[str, Price], now_ms: int) -> Price | None:
    """The currency's price in USDT; through a bridge the older of both times counts."""
    if currency == QUOTE:
        return Price(_ONE, now_ms)
    direct = _usable(prices.get(f"{currency}_{QUOTE}"))
    if direct is not None:
        return direct
    for bridge in BRIDGES:
        leg, last = _usable(prices.get(f"{currency}_{bridge}")), _usable(prices.get(f"{bridge}_{QUOTE}"))
        if leg is not None and last is not None:
            change = None
            if leg.change is not None and last.change is not None:
                change = (1 + leg.change) * (1 + last.change) - 1
            return Price(_EXACT.multiply(leg.value, last.value), min(leg.at_ms, last.at_ms), change)
    return None


def _usable(price: Price | None) -> Price | None:
    return price if price is not None and price.value.is_finite() and price.value > 0 else None


def _held(
    balance: Balance,
    prices: Mapping[str, Price],
    now_ms: int,
    price_stale_ms: float,
    stale_since_ms: int,
    stale_reason: str,
) -> Asset:
    def amount(value: Decimal) -> Figure:
        if stale_since_ms:
            return Figure("stale", value, stale_since_ms, "no-answer", stale_reason, "r asks again")
        return Figure("known", value, now_ms)

    price = _price(balance.currency, prices, now_ms, price_stale_ms)
    value = _value(amount(balance.total), price)
    found = price_of(balance.currency, prices, now_ms)
    if balance.currency == QUOTE or found is None or found.change is None:
        change = Figure("unknown", reason="no-price", cause="no change in 24 h is stated")
    else:
        change = Figure(price.standing, Decimal(repr(found.change)), price.as_of_ms, price.reason, price.cause)
    dust = value.value is not None and value.value < DUST_BELOW
    return Asset(
        balance.currency, amount(balance.available), amount(balance.hold), price, value, _UNKNOWN_SHARE, change, dust
    )


def _price(currency: str, prices: Mapping[str, Price], now_ms: int, price_stale_ms: float) -> Figure:
    found = price_of(currency, prices, now_ms)
    if found is None:
        if not prices:
            return Figure("unknown", reason="no-answer", cause="no prices yet", help="r asks again")
        return Figure("unknown", reason="no-price", cause=f"no market gives {currency} a price in {QUOTE}")
    if now_ms - found.at_ms > price_stale_ms:
        return Figure("stale", found.value, found.at_ms, "offline", "no newer price", "r asks again")
    return Figure("known", found.value, found.at_ms)


def _value(amount: Figure, price: Figure) -> Figure:
    assert amount.value is not None
    if amount.value == ZERO:
        return Figure(amount.standing, ZERO, amount.as_of_ms, amount.reason, amount.cause, amount.help)
    if price.value is None:
        return price
    value = _EXACT.multiply(amount.value, price.value).quantize(_CENTI, context=_EXACT)
    worse = amount if amount.standing == "stale" else price
    as_of = min(amount.as_of_ms, price.as_of_ms)
    return Figure(worse.standing, value, as_of, worse.reason, worse.cause, worse.help)


_UNKNOWN_SHARE = Figure("unknown", reason="no-price", cause="the total is not known")


def _total(assets: list[Asset], now_ms: int) -> Figure:
    missing = [asset for asset in assets if asset.value.standing == "unknown" and asset.value.reason != "no-price"]
    if missing:
        first = missing[0].value
        cause = f"the value of {_names(missing)} is unknown: {first.cause}"
        return Figure("unknown", None, now_ms, first.reason, cause, first.help)
    unpriced = [asset for asset in assets if asset.value.reason == "no-price"]
    without = f"without {_names(unpriced)}, which no market prices" if unpriced else ""
    total = ZERO
    for asset in assets:
        total = _EXACT.add(total, asset.value.value or ZERO)
    stale = [
        asset.value
        for asset in assets
        if asset.value.standing == "stale" and not (asset.dust and asset.available.standing == "known")
    ]
    if stale:
        oldest = min(stale, key=lambda figure: figure.as_of_ms)
        return Figure("stale", total, oldest.as_of_ms, oldest.reason, oldest.cause, oldest.help)
    return Figure("known", total, now_ms, "no-price" if unpriced else "", without)


def _names(assets: list[Asset]) -> str:
    return ", ".join(asset.currency for asset in assets[:4]) + (" …" if len(assets) > 4 else "")


def _with_share(asset: Asset, total: Figure) -> Asset:
    share = _UNKNOWN_SHARE
    if total.value and asset.value.value is not None:
        ratio = _EXACT.divide(asset.value.value, total.value).quantize(_CENTI, context=_EXACT)
        share = Figure(asset.value.standing, ratio, asset.value.as_of_ms, asset.value.reason, asset.value.cause)
    return Asset(
        asset.currency, asset.available, asset.hold, asset.price, asset.value, share, asset.change_24h, asset.dust
    )


def _largest_first(asset: Asset) -> tuple[int, Decimal, str]:
    value = asset.value.value
    return (1, ZERO, asset.currency) if value is None else (0, -value, asset.currency)
