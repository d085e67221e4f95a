"""Exposure in all: positions, waiting and unknown entries at their worst, and this order, as a share of the equity."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import refuses, room, share, within
from polotui.risk.values import Finding

CODE = "RISK-EXPOSURE"
ORDER = 210
ADVICE = "Ask for less, or close something first."


def check(case: Case) -> Finding:
    gross, amount, equity, limit = case.gross, case.amount, case.equity, case.limits.gross_exposure
    if gross is None or amount is None or equity is None:
        return refuses(CODE, "Equity, or the price of something held, is not known.")
    use = float((gross + amount) / equity)
    left = room(case, limit, gross)
    if not use <= limit:
        return refuses(
            CODE,
            f"All positions would be {share(use)} of the equity; the limit is {share(limit)}.",
            use,
            limit,
            room=left,
        )
    return within(CODE, use, limit, room=left)
