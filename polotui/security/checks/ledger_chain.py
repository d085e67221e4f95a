"""The ledger's chain was computed again at the start and fits: said by the engine. Not yet said is not verified."""

from __future__ import annotations

from polotui.security.checks import bad, check, engine_only
from polotui.security.facts import Facts, Finding


@check("ledger-chain")
def look(facts: Facts) -> Finding:
    if facts.engine is None:
        return engine_only()
    return facts.engine.told.get("ledger-chain") or bad("it is being verified", "wait a moment")
