"""Libraries are those that polotui was tested with."""

from __future__ import annotations

from polotui.security.checks import bad, check, few, not_here, ok
from polotui.security.facts import Facts, Finding


@check("dependencies")
def look(facts: Facts) -> Finding:
    pins = facts.pins
    if not pins.checked:
        return not_here(pins.why)
    if pins.different:
        return bad(few([f"{one.name} {one.found} instead of {one.wanted}" for one in pins.different]))
    return ok(f"{pins.checked} are as in {pins.file}")
