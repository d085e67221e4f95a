"""Not running as root, who could do more than trading needs. In the demo there is nothing to lose."""

from __future__ import annotations

from polotui.security.checks import bad, check, not_here, ok
from polotui.security.facts import Facts, Finding


@check("not-root")
def look(facts: Facts) -> Finding:
    if facts.uid != 0:
        return ok(f"uid {facts.uid}")
    return not_here("root, but in a demo") if facts.demo else bad("running as root")
