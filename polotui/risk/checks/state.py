"""HALTED lets only the closing of everything pass, REDUCING only what reduces."""

from __future__ import annotations

from polotui.model.orders import Purpose
from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-STATE"
ORDER = 30
ADVICE = "Resume trading when the reason for the halt is gone."
JUDGES_EXITS = True
_FINE = passes(CODE, "Trading is active.")


def check(case: Case) -> Finding:
    state = case.view.state
    if state == "ACTIVE":
        return _FINE
    if state == "REDUCING" and case.reduces:
        return passes(CODE, "The order reduces.", state=state)
    if case.terms.purpose is Purpose.FLATTEN and state in ("HALTED", "REDUCING"):
        return passes(CODE, "The order closes a position while trading is halted.", state=state)
    if state == "REDUCING":
        return refuses(CODE, "Only orders that reduce are allowed now.", state=state)
    return refuses(CODE, "Trading is halted.", state=state)
