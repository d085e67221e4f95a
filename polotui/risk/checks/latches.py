"""A latch that is set lets no entry pass until it is cleared."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-LATCH"
ORDER = 40
ADVICE = "See what set it; a latch is cleared by a person."
_FINE = passes(CODE, "No latch is set.")


def check(case: Case) -> Finding:
    latches = case.view.latches
    if not latches:
        return _FINE
    names = [latch.name for latch in latches]
    return refuses(CODE, f"Latch {latches[0].name} is set: {latches[0].reason}", latches=names)
