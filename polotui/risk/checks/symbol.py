"""Only symbols that the exchange trades now, that the trader allows, and that count in the account's currency."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-SYMBOL"
ORDER = 60
ADVICE = "Choose another symbol."
_FINE = passes(CODE, "The symbol may be traded.")


def check(case: Case) -> Finding:
    symbol, allowed = case.terms.symbol, case.limits.symbols
    if not case.base or case.quote != case.view.currency:
        return refuses(CODE, f"{symbol[:40]} is not counted in {case.view.currency}, as the account is.")
    if allowed and symbol not in allowed:
        return refuses(CODE, f"{symbol[:40]} is not among the allowed symbols.")
    if not case.market.tradable:
        return refuses(CODE, f"The exchange does not trade {symbol[:40]} now.")
    return _FINE
