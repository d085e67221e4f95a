"""Many automatic entries on one symbol without an exit are a strategy out of control: it is stopped."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses, within
from polotui.risk.values import Finding

CODE = "RISK-REPEATED"
ORDER = 520
ADVICE = "Stop the strategy and look at its rules."
_BY_HAND = passes(CODE, "An order by hand.")


def check(case: Case) -> Finding:
    if case.manual:
        return _BY_HAND
    terms, now, limits = case.terms, case.view.now_ms, case.limits
    entries = 0
    for order in reversed(case.view.sent):
        if now - order.at_ms >= limits.repeated_ms:
            break
        if order.bot == terms.bot and order.symbol == terms.symbol:
            if order.reduces:
                break
            entries += order.automatic
    if not entries + 1 <= limits.repeated_entries:
        words = f"The bot sent {entries} entries on {terms.symbol[:40]} without an exit."
        return refuses(CODE, words, entries, limits.repeated_entries, action="stop_strategy")
    return within(CODE, entries + 1, limits.repeated_entries)
