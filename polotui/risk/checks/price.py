"""The price band: an entry near the middle of the book and the last trade; an exit not far on the losing side.

Decided here: an exit at market passes without a reference, because a stop that cannot be sent is worse than a bad
price; the gateway gives it a band of its own. A limit exit is judged on the losing side only: a far target is no risk.
"""

from __future__ import annotations

from decimal import Decimal

from polotui.model.orders import OrderType, Side
from polotui.risk.case import Case, positive
from polotui.risk.checks import passes, refuses, share, within
from polotui.risk.values import Finding

CODE = "RISK-PRICE"
ORDER = 90
ADVICE = "Choose a price nearer to the market."
JUDGES_EXITS = True
_AT_MARKET = passes(CODE, "An exit at market.")


def _references(case: Case) -> list[Decimal]:
    last = case.market.last
    known = [case.mid] if case.mid is not None else []
    return [*known, last] if last is not None and positive(last) else known


def _exit(case: Case) -> Finding:
    price, band, references = case.terms.price, case.limits.price_collar_exit, _references(case)
    if case.terms.type not in (OrderType.LIMIT, OrderType.LIMIT_MAKER):
        return _AT_MARKET
    if price is None or not positive(price) or not references:
        return refuses(CODE, "There is no price to compare the exit with.")
    sign = case.terms.side.sign
    away = max(sign * float((price - reference) / reference) for reference in references)
    if not away <= band:
        return refuses(CODE, f"The exit is {share(away)} on the losing side of the market.", away, band)
    return within(CODE, max(0.0, away), band)


def check(case: Case) -> Finding:
    if case.reduces:
        return _exit(case)
    last, mid, band = case.market.last, case.mid, case.limits.price_collar
    if mid is None or last is None or not positive(last):
        return refuses(CODE, "There is no middle of the book or no last trade to compare the price with.")
    prices = [case.entry, case.terms.target] if case.terms.type is OrderType.OCO else [case.entry]
    away = 0.0
    for price in prices:
        if price is None or not positive(price):
            return refuses(CODE, "The order has no price to judge.")
        away = max(away, float(abs(price - mid) / mid), float(abs(price - last) / last))
    if not away <= band:
        side = "buy" if case.terms.side is Side.BUY else "sell"
        return refuses(CODE, f"The {side} price is {share(away)} away from the market.", away, band)
    return within(CODE, away, band)
