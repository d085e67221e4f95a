"""Risk limits are set and finite: said by whoever keeps them."""

from __future__ import annotations

from polotui.security.checks import check, told
from polotui.security.facts import Facts, Finding


@check("limits")
def look(facts: Facts) -> Finding:
    return told(facts, "limits", "no trading yet")
