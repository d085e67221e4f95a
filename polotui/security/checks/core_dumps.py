"""A crash leaves no picture of the engine's memory behind, and no other process may take one."""

from __future__ import annotations

from polotui.security.checks import bad, check, engine_only, not_here, ok
from polotui.security.facts import Facts, Finding


@check("core-dumps")
def look(facts: Facts) -> Finding:
    engine = facts.engine
    if engine is None:
        return engine_only()
    if engine.lock == "embedded":
        return not_here("the engine runs inside another program, whose memory it is")
    faults = []
    if engine.core_limit != 0:
        faults.append("core dumps are on")
    if engine.dumpable:
        faults.append("the process is dumpable")
    if faults:
        return bad(" and ".join(faults))
    return ok("off" if engine.dumpable is not None else "off; this system has no switch against being read")
