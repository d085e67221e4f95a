"""The money must be there when every waiting buy of the account fills at its worst price."""

from __future__ import annotations

from decimal import Decimal

from polotui.model.orders import Side
from polotui.risk.case import ZERO, Case
from polotui.risk.checks import money, passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-CASH"
ORDER = 120
ADVICE = "Ask for less, or cancel a waiting buy."
_SALE = passes(CODE, "A sale.")


def _free(case: Case) -> Decimal | None:
    """What neither the account itself nor all accounts together have promised yet."""
    view, account, quote = case.view, case.terms.account, case.quote
    total = view.cash.get(quote, ZERO)
    own = view.account_cash.get((account, quote))
    if own is None and account == view.root:
        # What is not given to the bots is the root's own.
        own = total - sum((held for place, held in view.account_cash.items() if place[1] == quote), ZERO)
    if own is None or case.waiting_all is None or case.waiting_account is None:
        return None
    if not (total.is_finite() and own.is_finite()):
        return None
    return min(total - case.waiting_all, own - case.waiting_account)


def check(case: Case) -> Finding:
    if case.terms.side is Side.SELL:
        return _SALE
    free = _free(case)
    if free is None or case.amount is None:
        return refuses(CODE, "It is not known whether the cash suffices.")
    if not case.amount <= free:
        words = f"The order may need {money(case.amount)} {case.quote}; {money(max(ZERO, free))} are free."
        return refuses(CODE, words, float(case.amount), float(free), room=max(ZERO, free))
    return passes(CODE, "The cash suffices.", room=free)
