"""The leverage that an order asks for."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import refuses
from polotui.risk.values import Finding

CODE = "RISK-LEVERAGE"
ORDER = 400
ADVICE = "Ask for less leverage."


def check(case: Case) -> Finding:
    asked, limit = case.asked.leverage, case.limits.leverage
    if not 0 < asked <= limit:
        return refuses(CODE, f"The leverage is {asked:g}; the limit is {limit:g}.", asked, limit)
    # Without any leverage there is nothing to be near of.
    return Finding(
        code=CODE, refuses=False, text="", value=asked, limit=limit, warns=asked > 1 and asked >= 0.8 * limit
    )
