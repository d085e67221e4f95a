"""What the exchange would refuse: off the grid of quantity or price, below its minimum."""

from __future__ import annotations

from decimal import Decimal

from polotui.risk.case import Case, positive
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-GRID"
ORDER = 100
ADVICE = "Change size or price to what the exchange accepts."
JUDGES_EXITS = True
_FINE = passes(CODE, "On the grid and above the minimum.")


def _off(value: Decimal | None, step: Decimal) -> bool:
    return value is not None and step > 0 and (not value.is_finite() or value % step != 0)


def check(case: Case) -> Finding:
    terms, market = case.terms, case.market
    for size in (terms.quantity, terms.amount):
        if size is not None and not positive(size):
            return refuses(CODE, "The size is not a positive number.")
    if _off(terms.quantity, market.quantity_step):
        return refuses(CODE, f"The quantity is no multiple of {market.quantity_step}.")
    for price in (terms.price, terms.stop, terms.target):
        if _off(price, market.price_step):
            return refuses(CODE, f"The price {price} is no multiple of {market.price_step}.")
    if terms.quantity is not None and not terms.quantity >= market.min_quantity:
        return refuses(CODE, f"The quantity is below the exchange's minimum of {market.min_quantity}.")
    amount = terms.amount
    if amount is None and terms.quantity is not None and case.entry is not None:
        amount = terms.quantity * case.entry
    # At market with no price known only the exchange can judge the amount.
    if amount is not None and not amount >= market.min_amount:
        return refuses(CODE, f"The amount is below the exchange's minimum of {market.min_amount} {case.quote}.")
    return _FINE
