"""What the trade loses when its stop is hit, as a share of the equity. Without a stop there is nothing to compute."""

from __future__ import annotations

from decimal import Decimal

from polotui.risk.case import Case, positive
from polotui.risk.checks import passes, refuses, share, within
from polotui.risk.values import Finding

CODE = "RISK-TRADE-RISK"
ORDER = 430
ADVICE = "Ask for less, or set the stop nearer."
_NO_STOP = passes(CODE, "No stop is given.")


def check(case: Case) -> Finding:
    stop, price, amount, equity = case.asked.stop, case.price, case.amount, case.equity
    limit = case.limits.max_trade_risk
    if stop is None:
        return _NO_STOP
    if price is None or amount is None or equity is None:
        return refuses(CODE, "Equity, price or size is not known.")
    if not positive(stop) or not stop < price:
        return passes(CODE, "The stop is judged elsewhere.")
    loss = amount * (price - stop) / price
    use = float(loss / equity)
    if not use <= limit:
        most = amount * equity * Decimal(str(limit)) / loss if limit > 0 else Decimal(0)
        words = f"The stop would lose {share(use)} of the equity; the limit is {share(limit)}."
        return refuses(CODE, words, use, limit, room=most)
    return within(CODE, use, limit)
