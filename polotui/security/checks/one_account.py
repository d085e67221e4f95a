"""Mode, account and keys agree: virtual trading without a signer of real orders, real trading with its own account."""

from __future__ import annotations

from polotui.security.checks import bad, check, engine_only, not_here, ok
from polotui.security.facts import Facts, Finding


@check("one-account")
def look(facts: Facts) -> Finding:
    engine = facts.engine
    if engine is None:
        return engine_only()
    if engine.home_is_demo and not facts.demo:
        return bad(
            "this home is a demo's, but the engine is not", "open it with polotui demo, or choose another --home"
        )
    if facts.mode == "paper" and engine.has_keys and not engine.host_is_here:
        return bad(f"virtual trading, but orders to {engine.host} could be signed")
    said = engine.told.get("one-account")
    if said is not None:
        return said
    if facts.mode == "live":
        return bad("nobody says which account this is")
    return ok("demo account on this machine") if engine.has_keys else not_here("no key is in use")
