"""Limits that contradict themselves or are not finite protect nothing."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses
from polotui.risk.limits import validate
from polotui.risk.values import Finding

CODE = "RISK-LIMITS"
ORDER = 10
ADVICE = "Apply a preset or correct the limits."
_FINE = passes(CODE, "The limits are valid.")


def check(case: Case) -> Finding:
    wrong = validate(case.limits)
    return refuses(CODE, f"The limits are not valid: {wrong[0]}") if wrong else _FINE
