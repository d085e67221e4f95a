"""Never close more than the account holds, less what its other exits already claim.

Decided here: nothing is sold short. A buy that says it reduces needs a short position, of which there is none on a
spot market, so a wrong purpose never goes around the other limits.
"""

from __future__ import annotations

from polotui.model.orders import Side
from polotui.risk.case import ZERO, Case
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-HELD"
ORDER = 110
ADVICE = "Sell what is free, or cancel the exits that claim the rest first."
JUDGES_EXITS = True
_BUY = passes(CODE, "A buy.")


def check(case: Case) -> Finding:
    terms = case.terms
    if terms.side is Side.BUY:
        if not terms.reduces:
            return _BUY
        short = -case.held if case.held is not None else None
        if short is None or case.quantity is None or case.quantity > max(ZERO, short):
            return refuses(CODE, f"Nothing is sold short in {terms.symbol[:40]} that this buy could close.")
        return _BUY
    if case.held is None or case.claimed is None or case.quantity is None:
        return refuses(CODE, f"It is not known how much of {terms.symbol[:40]} is free to sell.")
    free = max(ZERO, case.held - case.claimed)
    if case.quantity > free:
        words = f"{terms.account} can sell {free:f} of {terms.symbol[:40]}; the order asks for {case.quantity:f}."
        return refuses(CODE, words, held=str(case.held), claimed=str(case.claimed), free=str(free))
    return passes(CODE, "No more than is held.", free=str(free))
