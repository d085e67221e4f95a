"""What the safety score asks of trading: are there limits, is a latch set, is there a proven copy of the ledger.

And the way back: what the gate is told of the score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polotui.risk.limits import validate
from polotui.security.facts import Finding

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

DAY_HOURS = 24


def plug(trading: Trading) -> None:
    """Connects the score with trading, both ways."""
    safety = trading.engine.safety
    safety.plug("limits", lambda: _limits(trading))
    safety.plug("latches", lambda: _latches(trading))
    safety.plug("snapshot", lambda: _snapshot(trading))
    trading.view.safety = lambda: score(trading)


def score(trading: Trading) -> tuple[int | None, tuple[str, ...]]:
    """The newest score and its vetoes; None before the first look."""
    found = trading.engine.safety.current()
    return (found.score, found.vetoes) if found is not None else (None, ())


def _limits(trading: Trading) -> Finding:
    wrong = validate(trading.limits.limits())
    problem = trading.limits.problem or (wrong[0] if wrong else "")
    if problem:
        return Finding("bad", problem, "polotui risk preset conservative --apply")
    return Finding("ok", f"{trading.limits.preset}, all finite")


def _latches(trading: Trading) -> Finding:
    active = trading.latches.active()
    if active:
        return Finding("bad", f"set: {', '.join(latch.name for latch in active)}", "polotui risk status shows how")
    return Finding("ok", "none is set")


def _snapshot(trading: Trading) -> Finding:
    last = trading.snapshots.last_verified_ms
    if last is None:
        return Finding("does not apply", "the first snapshot is being made")
    hours = max(0, trading.engine.clock.wall_ms() - last) / 3_600_000
    if hours >= DAY_HOURS:
        return Finding("bad", f"the last one is {hours:.0f} h old", "check the disk; polotui logs says why")
    return Finding("ok", f"verified {hours:.1f} h ago")
