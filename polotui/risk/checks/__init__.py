"""The checks of the gate. A new check is one new file in this folder; nothing else is edited.

A file offers

    CODE = "RISK-DAILY-LOSS"            stable, for scripts and records
    ORDER = 600                         its place; the first refusing check names the decision
    ADVICE = "Wait for the next day."   what a person may do
    JUDGES_EXITS = False                whether it also judges orders that only reduce (absent: it does not)
    def check(case) -> Finding          pure; refuses whatever it cannot know

Decided here: a check stands for itself. It refuses when its own input is missing, even when another check would refuse
for the same reason, so that no mistake in one of them opens the gate.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from decimal import Decimal
from functools import cache

import msgspec

from polotui.risk.case import Case
from polotui.risk.values import Finding

#: From this use of a limit on, a passed check warns.
NEAR = 0.8


class Check(msgspec.Struct, frozen=True):
    code: str
    order: int
    advice: str
    judges_exits: bool
    check: Callable[[Case], Finding]
    exempt: Finding


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check of this folder, in its order."""
    found = []
    for entry in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{entry.name}")
        exempt = Finding(code=module.CODE, refuses=False, text="Not judged: the order only reduces.")
        exits = getattr(module, "JUDGES_EXITS", False)
        found.append(Check(module.CODE, module.ORDER, module.ADVICE, exits, module.check, exempt))
    return tuple(sorted(found, key=lambda check: check.order))


def passes(code: str, text: str = "", /, **figures: object) -> Finding:
    return Finding(code=code, refuses=False, text=text, figures=figures)


def refuses(
    code: str, text: str, value: float | None = None, limit: float | None = None, /, **figures: object
) -> Finding:
    return Finding(code=code, refuses=True, text=text, value=value, limit=limit, figures=figures)


def within(code: str, value: float, limit: float, text: str = "", /, **figures: object) -> Finding:
    """A passed check with its use; it warns when that is near the limit."""
    warns = value > 0 and value >= NEAR * limit
    if warns and not text:
        text = f"{value / limit:.0%} of the limit is used." if limit > 0 else "The limit is used."
    return Finding(code=code, refuses=False, text=text, value=value, limit=limit, figures=figures, warns=warns)


def share(value: float) -> str:
    """0.0523 as `5.23 %`."""
    return f"{round(value * 100, 2):g} %"


def money(value: Decimal) -> str:
    return f"{value:,.2f}"


def room(case: Case, limit: float, used: Decimal) -> Decimal:
    """How much of `limit` (a share of the equity) is left beside `used`, at least 0."""
    if case.equity is None:
        return Decimal(0)
    return max(Decimal(0), case.equity * Decimal(str(limit)) - used)
