"""Nothing that looks like a secret stands in a configuration file or at the end of a log."""

from __future__ import annotations

from polotui.security.checks import bad, check, few, ok
from polotui.security.facts import Facts, Finding


@check("written-secrets")
def look(facts: Facts) -> Finding:
    if not facts.written:
        return ok("none found")
    places = [
        f"{found.what} in {found.file}" + (f", line {found.line}" if found.line else ", near its end")
        for found in facts.written
    ]
    return bad(few(places))
