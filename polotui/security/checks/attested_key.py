"""The person attested that the key cannot withdraw and is bound to an address. On paper no key is used."""

from __future__ import annotations

from polotui.security.checks import bad, check, engine_only, not_here
from polotui.security.facts import Facts, Finding


@check("attested-key")
def look(facts: Facts) -> Finding:
    if facts.mode == "paper":
        return not_here("paper trading uses no key")
    if facts.engine is None:
        return engine_only()
    return facts.engine.told.get("attested-key") or bad("nobody attested what the key may do")
