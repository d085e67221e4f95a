"""SQLite has no known fault that damages a database, or one connection writes, which avoids it."""

from __future__ import annotations

from polotui.security.checks import bad, check, ok
from polotui.security.facts import Facts, Finding

#: Strict tables need it.
OLDEST = (3, 37)


def has_reset_fault(version: tuple[int, ...]) -> bool:
    """Before 3.51.3 two connections that write in WAL mode can damage a database; some older lines were mended too."""
    mended = version >= (3, 51, 3) or (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
    return not mended


@check("sqlite")
def look(facts: Facts) -> Finding:
    name = ".".join(str(part) for part in facts.sqlite[:3])
    if facts.sqlite < OLDEST:
        return bad(f"{name} is too old: strict tables need 3.37")
    if not has_reset_fault(facts.sqlite):
        return ok(name)
    if facts.engine is not None and facts.engine.lock == "lost":
        return bad(f"{name} has the WAL-reset fault, and a second engine could write")
    return ok(f"{name} has the WAL-reset fault; polotui writes through one connection, which avoids it")
