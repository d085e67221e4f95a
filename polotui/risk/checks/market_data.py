"""An entry needs a book that is fresh, has both sides and is not crossed."""

from __future__ import annotations

from polotui.risk.case import Case, positive
from polotui.risk.checks import passes, refuses
from polotui.risk.values import Finding

CODE = "RISK-MARKET"
ORDER = 70
ADVICE = "Wait until prices are fresh."
_FINE = passes(CODE, "The book is fresh.")


def check(case: Case) -> Finding:
    market, oldest = case.market, case.limits.data_age_ms
    if not market.fresh or market.age_ms is None:
        return refuses(CODE, "Prices are not fresh.", age_ms=market.age_ms)
    if not 0 <= market.age_ms <= oldest:
        return refuses(CODE, f"The book was last confirmed {market.age_ms / 1000:g} s ago.", market.age_ms, oldest)
    bid, ask = market.bid, market.ask
    if bid is None or ask is None or not (positive(bid) and positive(ask)):
        return refuses(CODE, "The book has no two sides.")
    if bid >= ask:
        return refuses(CODE, "The book is crossed: the bid is not below the ask.")
    return _FINE
