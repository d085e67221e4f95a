"""The sixteen checks, one file each. A check is a pure function of the facts; `@check(name)` registers it.

A new check is a row in `score.CHECKS` and a file here: it is found by itself.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Callable

from polotui.security.facts import Facts, Finding
from polotui.security.score import CHECKS, Outcome

log = logging.getLogger("polotui.security.checks")

Look = Callable[[Facts], Finding]
_looks: dict[str, Look] = {}


def check(name: str) -> Callable[[Look], Look]:
    """Registers the decorated function as the check `name`."""

    def register(look: Look) -> Look:
        _looks[name] = look
        return look

    return register


def looks() -> dict[str, Look]:
    """Every check by its name."""
    if len(_looks) < len(CHECKS):
        for entry in pkgutil.iter_modules(__path__):
            importlib.import_module(f"{__name__}.{entry.name}")
    return _looks


def outcomes(facts: Facts) -> list[Outcome]:
    """What each check finds, in the order of the table. One that fails has proven nothing and is bad."""
    found = looks()
    return [_outcome(rule.name, found[rule.name], facts) for rule in CHECKS]


def _outcome(name: str, look: Look, facts: Facts) -> Outcome:
    try:
        finding = look(facts)
    except Exception as error:
        log.exception("a check failed", extra={"check": name})
        return Outcome(name, "bad", f"the check itself failed: {type(error).__name__}", "polotui logs says why")
    return Outcome(name, finding.state, finding.text, finding.remedy)


def ok(text: str) -> Finding:
    return Finding("ok", text)


def bad(text: str, remedy: str = "") -> Finding:
    return Finding("bad", text, remedy)


def not_here(text: str) -> Finding:
    return Finding("does not apply", text)


def told(facts: Facts, name: str, otherwise: str) -> Finding:
    """What the engine's other parts say about `name`; `otherwise` says why they say nothing."""
    if facts.engine is None:
        return engine_only()
    return facts.engine.told.get(name) or not_here(otherwise)


def engine_only() -> Finding:
    return not_here("only a running engine knows")


def few(items: list[str], most: int = 3) -> str:
    """The first ones and how many more there are."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
