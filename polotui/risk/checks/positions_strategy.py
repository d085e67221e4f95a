"""Open positions of one strategy, waiting entries included. A second entry into a position is no new one."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses, within
from polotui.risk.values import Finding

CODE = "RISK-POSITIONS-STRATEGY"
ORDER = 220
ADVICE = "Wait until a position of the strategy is closed."
_BY_HAND = passes(CODE, "An order by hand belongs to no strategy.")


def check(case: Case) -> Finding:
    if not case.asked.strategy:
        return _BY_HAND
    current, limit = len(case.strategy_places), case.limits.positions_per_strategy
    if case.place in case.strategy_places:
        return passes(CODE, "No new position.", current=current, limit=limit)
    if not current + 1 <= limit:
        words = f"{case.asked.strategy} has {current} positions; the limit is {limit}."
        return refuses(CODE, words, current, limit, current=current, limit=limit)
    return within(CODE, current + 1, limit, current=current, limit=limit)
