"""The safety score of the environment must be known, high enough and without a veto."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import refuses
from polotui.risk.values import Finding

CODE = "RISK-SAFETY"
ORDER = 50
ADVICE = "polotui doctor lists what to mend."


def check(case: Case) -> Finding:
    score, vetoes, least = case.view.safety_score, case.view.safety_vetoes, case.limits.safety_score
    if vetoes:
        return refuses(CODE, f"The safety check has a veto: {', '.join(vetoes)}.", vetoes=list(vetoes))
    if score is None:
        return refuses(CODE, "The safety score is not known.")
    if not least < score <= 100:
        return refuses(CODE, f"The safety score is {score}; it must be above {least}.", score=score, above=least)
    return Finding(code=CODE, refuses=False, text=f"The safety score is {score}.", figures={"score": score})
