"""No exchange or model key in the environment or a .env file: any program started there could read it."""

from __future__ import annotations

import shlex

from polotui.security.checks import bad, check, few, ok
from polotui.security.facts import Facts, Finding


@check("environment-secrets")
def look(facts: Facts) -> Finding:
    if not facts.named:
        return ok("none")
    names = sorted({secret.name for secret in facts.named if secret.where == "the environment"})
    files = sorted({secret.where for secret in facts.named if secret.where != "the environment"})
    remedies = [f"unset {' '.join(names)}, and take them out of your shell's profile"] if names else []
    remedies += [f"take the keys out of {shlex.quote(file)}" for file in files]
    if names:
        remedies.append("then start the engine again: polotui engine stop, polotui engine start")
    return bad(few([f"{secret.name} in {secret.where}" for secret in facts.named], 4), "; ".join(remedies))
