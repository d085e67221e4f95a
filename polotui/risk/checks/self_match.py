"""An order that would trade with one of our own.

Decided here: what has no price rests in no book and is not met. An order at market meets what rests at the best price
or better; beyond that the exchange's own prevention stands.
"""

from __future__ import annotations

from polotui.model.orders import OrderType, Side
from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-SELF-MATCH"
ORDER = 540
ADVICE = "Cancel the own order on the other side first."
_FREE = passes(CODE, "No own order is on the other side.")


def check(case: Case) -> Finding:
    terms, reach = case.terms, case.entry
    for order in case.view.resting:
        price = order.price
        if order.symbol != terms.symbol or order.side is terms.side or price is None:
            continue
        if reach is None or not price.is_finite():
            return refuses(CODE, "It is not known whether the order would meet one of our own.", order=order.id)
        if terms.type is OrderType.OCO and terms.target is not None and terms.side is Side.BUY:
            reach = max(reach, terms.target)
        if (reach >= price) if terms.side is Side.BUY else (reach <= price):
            return refuses(CODE, f"The order would meet our own order at {price:f}.", order=order.id)
    return _FREE
