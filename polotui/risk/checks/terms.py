"""The order must be whole: what its type needs, positive and finite, for an account that is here."""

from __future__ import annotations

from polotui.model.orders import OrderTerms, OrderType, Side
from polotui.risk.case import Case, positive
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-TERMS"
ORDER = 20
ADVICE = "Correct the order."
JUDGES_EXITS = True
_FINE = passes(CODE, "The order is whole.")
_LIMITS = (OrderType.LIMIT, OrderType.LIMIT_MAKER)


def _missing(terms: OrderTerms) -> str:
    kind = terms.type
    if kind is OrderType.MARKET and terms.side is Side.BUY:
        if not positive(terms.amount) or terms.quantity is not None:
            return "A market buy names its amount, a positive number, and no quantity."
    elif not positive(terms.quantity) or terms.amount is not None:
        return "The order names its quantity, a positive number, and no amount."
    if kind in _LIMITS and not positive(terms.price):
        return "A limit order names its price, a positive number."
    if kind in (OrderType.STOP, OrderType.OCO) and not positive(terms.stop):
        return "The order names its trigger, a positive number."
    if kind is OrderType.OCO and not positive(terms.target):
        return "An OCO order names its target, a positive number."
    return ""


def check(case: Case) -> Finding:
    terms, root = case.terms, case.view.root
    if words := _missing(terms):
        return refuses(CODE, words)
    if terms.account != root and not terms.account.startswith(root + "/"):
        return refuses(CODE, f"Account {terms.account[:40]} does not belong to {root}.")
    return _FINE
