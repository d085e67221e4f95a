"""An order by hand of unusual size is asked for a second time."""

from __future__ import annotations

from decimal import Decimal

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses, share
from polotui.risk.values import Finding, SentOrder

CODE = "RISK-CONFIRM"
ORDER = 530
ADVICE = "Look at the size and confirm it."
#: The median of fewer orders than this says nothing.
FEWEST, LAST = 5, 20
_USUAL = passes(CODE, "The size is usual.")
_CONFIRMED = passes(CODE, "The size was confirmed.")
_AUTOMATIC = passes(CODE, "An automatic order.")


def _amount(order: SentOrder) -> Decimal | None:
    if order.amount is not None:
        return order.amount
    return order.quantity * order.price if order.quantity is not None and order.price is not None else None


def _median(case: Case) -> Decimal | None:
    """The median amount of the last orders of the account on the symbol."""
    amounts: list[Decimal] = []
    for order in reversed(case.view.sent):
        if order.symbol == case.terms.symbol and not order.reduces:
            amount = _amount(order)
            if amount is not None and amount.is_finite() and amount > 0:
                amounts.append(amount)
                if len(amounts) == LAST:
                    break
    if len(amounts) < FEWEST:
        return None
    amounts.sort()
    middle = len(amounts) // 2
    return amounts[middle] if len(amounts) % 2 else (amounts[middle - 1] + amounts[middle]) / 2


def check(case: Case) -> Finding:
    if not case.manual:
        return _AUTOMATIC
    if case.asked.confirmed:
        return _CONFIRMED
    amount, equity, limits = case.amount, case.equity, case.limits
    if amount is None or equity is None:
        return refuses(CODE, "It is not known how large the order is.", confirm=True)
    part = float(amount / equity)
    if not part <= limits.fat_finger_share:
        return refuses(CODE, f"The order is {share(part)} of the equity.", part, limits.fat_finger_share, confirm=True)
    median = _median(case)
    if median is not None:
        times = float(amount / median)
        if not times <= limits.fat_finger_factor:
            words = f"The order is {times:.1f} times as large as usual on {case.terms.symbol[:40]}."
            return refuses(CODE, words, times, limits.fat_finger_factor, confirm=True)
    return _USUAL
