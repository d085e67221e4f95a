"""Open positions over all strategies and by hand, waiting entries included."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses, within
from polotui.risk.values import Finding

CODE = "RISK-POSITIONS"
ORDER = 230
ADVICE = "Wait until a position is closed."


def check(case: Case) -> Finding:
    current, limit = len(case.places), case.limits.positions_total
    if case.place in case.places:
        return passes(CODE, "No new position.", current=current, limit=limit)
    if not current + 1 <= limit:
        return refuses(
            CODE, f"{current} positions are open; the limit is {limit}.", current, limit, current=current, limit=limit
        )
    return within(CODE, current + 1, limit, current=current, limit=limit)
