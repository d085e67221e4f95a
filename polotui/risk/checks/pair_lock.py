"""A symbol that is locked, for its losses or by hand, is not entered until the lock ends."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-PAIR-LOCK"
ORDER = 250
ADVICE = "Wait until the lock ends, or lift it by hand."
_FREE = passes(CODE, "The symbol is not locked.")


def check(case: Case) -> Finding:
    symbol, now = case.terms.symbol, case.view.now_ms
    for lock in case.view.locks:
        if lock.symbol == symbol and lock.until_ms > now:
            return refuses(CODE, f"{symbol[:40]} is locked: {lock.reason}", until_ms=lock.until_ms, reason=lock.code)
    return _FREE
