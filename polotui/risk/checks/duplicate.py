"""The same order of the same bot again within a moment is a mistake. Two bots may well decide alike."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-DUPLICATE"
ORDER = 510
ADVICE = "Wait a moment if the order is really wanted twice."
_NEW = passes(CODE, "The order is new.")


def check(case: Case) -> Finding:
    terms, now, window = case.terms, case.view.now_ms, case.limits.duplicate_ms
    for order in reversed(case.view.sent):
        if now - order.at_ms >= window:
            break
        if (
            order.symbol == terms.symbol
            and order.side == terms.side
            and order.bot == terms.bot
            and order.price == terms.price
            and order.quantity == terms.quantity
            and order.amount == terms.amount
        ):
            return refuses(CODE, f"The same order was sent {(now - order.at_ms) / 1000:g} s ago.")
    return _NEW
