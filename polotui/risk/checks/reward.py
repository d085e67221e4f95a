"""Target over stop distance, when both are known.

Decided here: 5 % less than the limit still passes. A target is set from a bar's close, and half a spread and the price
grid take a little of it away; without that room a rule at exactly the limit would never trade.
"""

from __future__ import annotations

from polotui.risk.case import Case, positive
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-REWARD"
ORDER = 420
ADVICE = "Set the target farther, or the stop nearer."
TOLERANCE = 0.05
_UNKNOWN = passes(CODE, "Stop or target is not given.")


def check(case: Case) -> Finding:
    stop, target, entry, limit = case.asked.stop, case.asked.target, case.entry, case.limits.reward_risk
    if target is None:
        return _UNKNOWN
    if entry is None or not positive(target) or not target > entry:
        return refuses(CODE, "The target is not above the entry.")
    # A stop on the wrong side is refused by its own check.
    if stop is None or not positive(stop) or not stop < entry:
        return _UNKNOWN
    ratio = float((target - entry) / (entry - stop))
    if not ratio >= limit * (1 - TOLERANCE):
        return refuses(CODE, f"Reward to risk is {ratio:.2f}; the least is {limit:g}.", ratio, limit, ratio=ratio)
    return Finding(code=CODE, refuses=False, text="", value=ratio, limit=limit, figures={"ratio": ratio})
