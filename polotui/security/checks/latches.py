"""Latches can be read and none has tripped: said by whoever keeps them."""

from __future__ import annotations

from polotui.security.checks import check, told
from polotui.security.facts import Facts, Finding


@check("latches")
def look(facts: Facts) -> Finding:
    return told(facts, "latches", "no trading yet")
