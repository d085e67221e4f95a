"""The exchange's time is known to less than a second. How far this machine's clock is off does not matter: it is
corrected; how well the correction is known does."""

from __future__ import annotations

from polotui.security.checks import bad, check, engine_only, ok
from polotui.security.facts import Facts, Finding

MOST_ERROR_MS = 1_000.0


@check("clock")
def look(facts: Facts) -> Finding:
    engine = facts.engine
    if engine is None:
        return engine_only()
    if not engine.clock_known or engine.clock_offset_ms is None or engine.clock_error_ms is None:
        return bad("the exchange's time is not known", "wait for the connection; polotui health exchange says more")
    text = f"{engine.clock_offset_ms:+.0f} ms corrected, known to ±{engine.clock_error_ms:.0f} ms"
    return ok(text) if engine.clock_error_ms < MOST_ERROR_MS else bad(text)
