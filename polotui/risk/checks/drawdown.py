"""The fall of the account from its highest equity: warns first, then pauses."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import refuses, share
from polotui.risk.values import Finding

CODE = "RISK-DRAWDOWN"
ORDER = 310
ADVICE = "Entries begin again when a person resumes."


def check(case: Case) -> Finding:
    fall, warn, pause = case.view.drawdown, case.limits.drawdown_warn, case.limits.drawdown_pause
    if fall is None:
        return refuses(CODE, "Equity, or its highest value, is not known.", exceeded=False, drawdownPercent=None)
    percent = round(fall * 100, 4)
    if not fall < pause:
        words = f"The account is {share(fall)} below its highest; at {share(pause)} it pauses."
        return refuses(CODE, words, fall, pause, exceeded=True, drawdownPercent=percent)
    figures: dict[str, object] = {"exceeded": False, "drawdownPercent": percent}
    words = f"The account is {share(fall)} below its highest." if fall >= warn else ""
    return Finding(code=CODE, refuses=False, text=words, value=fall, limit=pause, figures=figures, warns=fall >= warn)
