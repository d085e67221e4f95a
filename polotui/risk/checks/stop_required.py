"""An entry brings its stop, on the right side of its price. A further entry may stand under the position's own."""

from __future__ import annotations

from polotui.model.orders import Purpose
from polotui.risk.case import Case, positive
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-STOP"
ORDER = 410
ADVICE = "Give the order a stop below its price."
_FINE = passes(CODE, "A stop is set.")
_NONE = passes(CODE, "No stop is required.")


def _covered(case: Case) -> bool:
    if case.terms.purpose is not Purpose.ADD:
        return False
    account, symbol = case.place
    return any(p.account == account and p.symbol == symbol and positive(p.stop) for p in case.view.positions)


def check(case: Case) -> Finding:
    stop, entry = case.asked.stop, case.entry
    if stop is None:
        if not case.limits.stop_required:
            return _NONE
        return (
            passes(CODE, "The position's stop covers it.")
            if _covered(case)
            else refuses(CODE, "The entry has no stop.")
        )
    if not positive(stop) or entry is None or not stop < entry:
        return refuses(CODE, "The stop is not below the entry.")
    return _FINE
