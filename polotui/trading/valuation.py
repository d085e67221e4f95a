"""What is it all worth? Balances times prices, each figure with its standing. Pure functions, exact decimals.

Decided here:
* A figure is known, stale (true at `as_of_ms`) or unknown with a reason. Zero appears only when the exchange said
  zero: a balance of zero is worth zero whatever its price; a balance without a price is worth an unknown amount.
* A price in USDT is that of the market with USDT; without one it is crossed through BTC, then TRX, then USDC, in
  this order, and is as old as the older of its two parts.
* Dust is what is worth less than 1 USDT. What cannot be valued is not dust.
* The total is unknown as soon as one part is, and names it; `known_part` is what the rest is worth. Old prices make
  it stale, unless they are dust's.
* The change over 24 h is what today's holdings gained or lost by their prices: deposits do not disturb it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import isfinite
from typing import Literal

from polotui.model.account import Account, Balance
from polotui.model.market import Ticker
from polotui.model.money import ZERO

QUOTE = "USDT"
CROSSES = ("BTC", "TRX", "USDC")
DUST_BELOW = Decimal(1)
#: Twice the time that a price is cached.
STALE_AFTER_MS = 20_000

#: Products and sums of any balance and price are exact within this; quotients are rounded to it.
_MONEY = Context(prec=80, rounding=ROUND_HALF_EVEN)
_RATIO_STEP = Decimal("0.00000001")

Standing = Literal["known", "stale", "unknown"]


@dataclass(frozen=True)
class Figure:
    """A number with its standing. `reason` is a code: no-price, old-price, no-answer, busy, refused, offline …"""

    standing: Standing
    amount: Decimal | None = None
    as_of_ms: int = 0
    reason: str = ""
    cause: str = ""
    help: str = ""


@dataclass(frozen=True)
class Trouble:
    """Why an account or a price could not be had, in code and words."""

    reason: str
    cause: str
    help: str = ""


@dataclass(frozen=True)
class Price:
    """A symbol's last price. `change_24h` is a fraction; None when not stated."""

    price: Decimal
    as_of_ms: int
    change_24h: Decimal | None = None


@dataclass(frozen=True)
class AssetValue:
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
class Valuation:
    """One account with what it is worth in USDT. `known_part` leaves out what cannot be valued."""

    total: Figure
    known_part: Decimal
    change_24h: Figure
    change_24h_ratio: Figure
    rows: tuple[AssetValue, ...]


def known(amount: Decimal, as_of_ms: int) -> Figure:
    return Figure("known", amount, as_of_ms)


def stale(amount: Decimal, as_of_ms: int, trouble: Trouble) -> Figure:
    return Figure("stale", amount, as_of_ms, trouble.reason, trouble.cause, trouble.help)


def unknown(trouble: Trouble) -> Figure:
    return Figure("unknown", None, 0, trouble.reason, trouble.cause, trouble.help)


def prices_of(tickers: Iterable[Ticker], received_ms: int) -> dict[str, Price]:
    """Prices from public tickers, as old as their arrival: a quiet market's ticker is old and true. The float's
    shortest text is what the exchange wrote."""
    return {
        ticker.symbol: Price(
            Decimal(repr(ticker.last)),
            received_ms,
            Decimal(repr(ticker.change)) if ticker.change is not None and isfinite(ticker.change) else None,
        )
        for ticker in tickers
        if isfinite(ticker.last) and ticker.last > 0
    }


def price_in_usdt(
    currency: str,
    prices: Mapping[str, Price],
    now_ms: int,
    *,
    trouble: Trouble | None = None,
    stale_after_ms: int = STALE_AFTER_MS,
) -> tuple[Figure, Figure]:
    """The price of a currency and its change over 24 h. `trouble` says why prices cannot be had at present."""
    if currency == QUOTE:
        return known(Decimal(1), now_ms), known(ZERO, now_ms)
    route = _route(currency, prices)
    if not route:
        words = trouble or Trouble("no-price", f"No market tells the price of {currency} in {QUOTE}.")
        return unknown(words), unknown(words)
    as_of = min(part.as_of_ms for part in route)
    price, growth = Decimal(1), Decimal(1)
    changes = [part.change_24h for part in route]
    for part in route:
        price = _MONEY.multiply(price, part.price)
    old = now_ms - as_of > stale_after_ms
    words = trouble or Trouble("old-price", f"The price of {currency} is {(now_ms - as_of) // 1000} s old.")

    def make(amount: Decimal) -> Figure:
        return stale(amount, as_of, words) if old else known(amount, as_of)

    stated = [change for change in changes if change is not None and change > -1]
    if len(stated) < len(route):
        return make(price), unknown(Trouble("no-price", f"The change of {currency} over 24 h is not stated."))
    for change in stated:
        growth = _MONEY.multiply(growth, _MONEY.add(Decimal(1), change))
    return make(price), make(_MONEY.subtract(growth, Decimal(1)))


def _route(currency: str, prices: Mapping[str, Price]) -> list[Price]:
    """The prices whose product is the price in USDT; empty when there is none. A price of zero is no price."""
    direct = _usable(prices.get(f"{currency}_{QUOTE}"))
    if direct:
        return [direct]
    for middle in CROSSES:
        first = _usable(prices.get(f"{currency}_{middle}"))
        second = _usable(prices.get(f"{middle}_{QUOTE}"))
        if first and second:
            return [first, second]
    return []


def _usable(price: Price | None) -> Price | None:
    return price if price is not None and price.price.is_finite() and price.price > 0 else None


def value_account(
    account: Account | None,
    prices: Mapping[str, Price],
    now_ms: int,
    *,
    as_of_ms: int = 0,
    account_trouble: Trouble | None = None,
    price_trouble: Trouble | None = None,
    stale_after_ms: int = STALE_AFTER_MS,
) -> Valuation:
    """The account's worth. `as_of_ms`: when its balances were told, 0 = now. With `account_trouble` they are stale;
    without an account everything is unknown for that reason."""
    if account is None:
        words = account_trouble or Trouble("loading", "The account was not asked for yet.")
        return Valuation(unknown(words), ZERO, unknown(words), unknown(words), ())
    told_ms = as_of_ms or now_ms
    rows = []
    for balance in account.balances:
        price, change = price_in_usdt(
            balance.currency, prices, now_ms, trouble=price_trouble, stale_after_ms=stale_after_ms
        )
        rows.append(_row(balance, price, change, told_ms, account_trouble))
    return _summed(rows, told_ms)


def _row(balance: Balance, price: Figure, change: Figure, told_ms: int, trouble: Trouble | None) -> AssetValue:
    def told(amount: Decimal) -> Figure:
        return stale(amount, told_ms, trouble) if trouble else known(amount, told_ms)

    total = _MONEY.add(balance.available, balance.hold)
    if total == 0:
        value = told(ZERO)
    elif price.amount is None:
        value = price
    else:
        amount = _MONEY.multiply(total, price.amount)
        if price.standing == "stale":
            value = replace(price, amount=amount, as_of_ms=min(price.as_of_ms, told_ms))
        else:
            value = replace(told(amount), as_of_ms=min(price.as_of_ms, told_ms))
    dust = value.amount is not None and abs(value.amount) < DUST_BELOW
    nothing_yet = unknown(Trouble("loading", "Not calculated."))
    return AssetValue(
        balance.currency, told(balance.available), told(balance.hold), price, value, nothing_yet, change, dust
    )


def _summed(rows: list[AssetValue], told_ms: int) -> Valuation:
    known_part = _sum(row.value.amount for row in rows if row.value.amount is not None)
    total = _total(rows, known_part, told_ms)
    shared = tuple(replace(row, share=_share(row.value, known_part)) for row in rows)
    money, ratio = _change(rows, total)
    return Valuation(total, known_part, money, ratio, shared)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = _MONEY.add(total, amount)
    return total


def _total(rows: list[AssetValue], known_part: Decimal, told_ms: int) -> Figure:
    unvalued = [row for row in rows if row.value.amount is None]
    if unvalued:
        first = unvalued[0].value
        return unknown(Trouble(first.reason, f"{_names(unvalued)} cannot be valued: {first.cause}", first.help))
    old = [
        row for row in rows if row.value.standing == "stale" and not (row.dust and row.available.standing == "known")
    ]
    as_of = min((row.value.as_of_ms for row in rows if not row.dust), default=told_ms)
    if old:
        first = old[0].value
        as_of = min(row.value.as_of_ms for row in old)
        return stale(known_part, as_of, Trouble(first.reason, f"Stale: {_names(old)}. {first.cause}", first.help))
    return known(known_part, as_of)


def _names(rows: list[AssetValue]) -> str:
    names = [row.currency for row in rows]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _share(value: Figure, known_part: Decimal) -> Figure:
    if value.amount is None:
        return value
    if known_part <= 0:
        return unknown(Trouble("no-price", "Nothing in this account has a known value."))
    return replace(value, amount=_ratio(value.amount, known_part))


def _change(rows: list[AssetValue], total: Figure) -> tuple[Figure, Figure]:
    """Money and fraction by which today's holdings moved. A part without a stated change leaves it unknown."""
    if total.amount is None:
        return total, total
    held = [row for row in rows if row.value.amount]
    silent = [row for row in held if row.change_24h.amount is None and not row.dust]
    if silent:
        words = Trouble("no-price", f"The change over 24 h of {_names(silent)} is not known.")
        return unknown(words), unknown(words)
    before = ZERO
    for row in held:
        amount, change = row.value.amount or ZERO, row.change_24h.amount or ZERO
        before = _MONEY.add(before, _MONEY.divide(amount, _MONEY.add(Decimal(1), change)))
    money = _MONEY.subtract(total.amount, before).quantize(_RATIO_STEP, context=_MONEY)
    if before <= 0:
        words = Trouble("no-price", "The account was empty.")
        return replace(total, amount=money), unknown(words)
    return replace(total, amount=money), replace(total, amount=_ratio(money, before))


def _ratio(part: Decimal, whole: Decimal) -> Decimal:
    return _MONEY.divide(part, whole).quantize(_RATIO_STEP, context=_MONEY)
