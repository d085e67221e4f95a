"""The ledger's last copy was verified within a day: said by whoever makes the copies."""

from __future__ import annotations

from polotui.security.checks import check, told
from polotui.security.facts import Facts, Finding


@check("snapshot")
def look(facts: Facts) -> Finding:
    return told(facts, "snapshot", "no copies are made yet")
