"""No entry while the price jumps or two sources disagree."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses, share
from polotui.risk.values import Finding

CODE = "RISK-JUMP"
ORDER = 80
ADVICE = "Wait until the market is calm again."
_FINE = passes(CODE, "The market is calm.")


def check(case: Case) -> Finding:
    jump, apart, limits = case.market.jump, case.market.difference, case.limits
    # Written so that NaN refuses.
    if not 0 <= jump <= limits.max_jump:
        return refuses(CODE, f"The price moved {share(jump)} within a second.", jump, limits.max_jump)
    if not 0 <= apart <= limits.max_difference:
        return refuses(CODE, f"Two price sources differ by {share(apart)}.", apart, limits.max_difference)
    return _FINE
