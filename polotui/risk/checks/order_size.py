"""The largest order: what the limits say, a cap of the symbol, and a ceiling that no setting raises."""

from __future__ import annotations

from decimal import Decimal

from polotui.risk.case import Case
from polotui.risk.checks import money, refuses, within
from polotui.risk.limits import CEILING_AMOUNT, CEILING_QUANTITY
from polotui.risk.values import Finding

CODE = "RISK-ORDER-SIZE"
ORDER = 130
ADVICE = "Ask for less."


def _finite(value: Decimal | None, otherwise: Decimal) -> Decimal:
    return value if value is not None and value.is_finite() else otherwise


def check(case: Case) -> Finding:
    amount, quantity = case.amount, case.quantity
    if amount is None or quantity is None:
        return refuses(CODE, "It is not known how large the order may become.")
    most = min(CEILING_AMOUNT, _finite(case.limits.max_order_amount, Decimal(0)))
    most_quantity = CEILING_QUANTITY
    for cap in case.limits.symbol_caps:
        if cap.symbol == case.terms.symbol:
            most = min(most, _finite(cap.amount, most))
            most_quantity = min(most_quantity, _finite(cap.quantity, most_quantity))
    if quantity > most_quantity:
        words = f"The order is for {quantity:,f}; the largest on this symbol is {most_quantity:,f}."
        return refuses(CODE, words, float(quantity), float(most_quantity))
    if amount > most:
        words = f"The order is for {money(amount)} {case.quote}; the largest is {money(most)}."
        return refuses(CODE, words, float(amount), float(most), room=most)
    return within(CODE, float(amount), float(most), room=most)
