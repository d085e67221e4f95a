"""The fall of one strategy from its own highest result pauses it alone. A strategy nobody watches is refused."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses, share
from polotui.risk.values import Finding

CODE = "RISK-STRATEGY-DRAWDOWN"
ORDER = 320
ADVICE = "The strategy begins again when a person resumes it."
_BY_HAND = passes(CODE, "An order by hand belongs to no strategy.")


def check(case: Case) -> Finding:
    name = case.asked.strategy
    if not name:
        return _BY_HAND
    fall, warn, pause = case.view.strategy_drawdowns.get(name), case.limits.drawdown_warn, case.limits.drawdown_pause
    if fall is None:
        return refuses(CODE, f"The drawdown of {name} is not known.")
    if not 0 <= fall < pause:
        return refuses(CODE, f"{name} is {share(fall)} below its highest; at {share(pause)} it pauses.", fall, pause)
    words = f"{name} is {share(fall)} below its highest." if fall >= warn else ""
    return Finding(code=CODE, refuses=False, text=words, value=fall, limit=pause, warns=fall >= warn)
