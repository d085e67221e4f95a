"""The largest position: one symbol over all bots, waiting orders and this one included, as a share of the equity."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import refuses, room, share, within
from polotui.risk.values import Finding

CODE = "RISK-POSITION"
ORDER = 200
ADVICE = "Ask for less, or reduce the position first."


def check(case: Case) -> Finding:
    here, amount, equity, limit = case.symbol_exposure, case.amount, case.equity, case.limits.max_position
    if here is None or amount is None or equity is None:
        return refuses(CODE, "Equity, or what is held of the symbol, is not known.")
    use = float((here + amount) / equity)
    left = room(case, limit, here)
    if not use <= limit:
        words = f"{case.terms.symbol[:40]} would be {share(use)} of the equity; the limit is {share(limit)}."
        return refuses(CODE, words, use, limit, room=left)
    return within(CODE, use, limit, room=left)
