"""The engine holds its home's lock, and the file it holds is still the one that others would ask for."""

from __future__ import annotations

from polotui.security.checks import bad, check, engine_only, not_here, ok
from polotui.security.facts import Facts, Finding


@check("single-instance")
def look(facts: Facts) -> Finding:
    if facts.engine is None:
        return engine_only()
    if facts.engine.lock == "held":
        return ok("the lock is held")
    if facts.engine.lock == "embedded":
        return not_here("the engine runs inside another program")
    return bad("the lock's file was removed or replaced: a second engine could start")
