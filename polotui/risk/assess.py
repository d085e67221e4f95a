"""May this order go? One answer for backtest, paper and live, and for «what if».

Decided here: every check is asked, even after one has refused, so that a person sees all reasons at once; the first in
their order names the decision. An order that only reduces is judged by few of them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from polotui.risk.case import Case
from polotui.risk.checks import Check, all_checks, money
from polotui.risk.checks.limits_valid import ORDER as ORDER_OF_LIMITS
from polotui.risk.checks.terms import CODE as TERMS
from polotui.risk.limits import Limits, validate
from polotui.risk.values import AccountView, Asked, Finding, MarketView, RiskDecision

#: What a refusal says when NaN or a number beyond all bounds was told.
BEYOND = "A number in the order or the account cannot be computed with."
#: Refusals that a smaller order would not meet.
_BY_SIZE = frozenset({"RISK-CASH", "RISK-ORDER-SIZE", "RISK-POSITION", "RISK-EXPOSURE", "RISK-TRADE-RISK"})


def assess(asked: Asked, view: AccountView, market: MarketView, limits: Limits) -> RiskDecision:
    """The decision on one order. Pure: the same values give the same answer, and nothing is sent."""
    try:
        case = Case(asked, view, market, limits)
    except ArithmeticError:
        return _unreadable()
    checks = tuple([_judge(check, case) for check in _asked_of(case)])
    refusing = tuple([finding for finding in checks if finding.refuses])
    warnings = tuple([finding for finding in checks if finding.warns])
    return RiskDecision(
        approved=not refusing,
        code=refusing[0].code if refusing else "",
        findings=refusing,
        warnings=warnings,
        checks=checks,
        recommendation=_recommendation(case, refusing, warnings),
    )


def _asked_of(case: Case) -> tuple[Check, ...]:
    """All checks; for an entry under limits that are not valid only those that need none."""
    checks = all_checks()
    if case.reduces or not validate(case.limits):
        return checks
    return tuple(check for check in checks if check.order <= ORDER_OF_LIMITS)


def _judge(check: Check, case: Case) -> Finding:
    if case.reduces and not check.judges_exits:
        return check.exempt
    try:
        return check.check(case)
    except ArithmeticError:
        return Finding(code=check.code, refuses=True, text=BEYOND)


def _unreadable() -> RiskDecision:
    finding = Finding(code=TERMS, refuses=True, text=BEYOND)
    return RiskDecision(
        approved=False,
        code=TERMS,
        findings=(finding,),
        warnings=(),
        checks=(finding,),
        recommendation="Correct the order.",
    )


def _recommendation(case: Case, refusing: tuple[Finding, ...], warnings: tuple[Finding, ...]) -> str:
    if not refusing:
        if not warnings:
            return "The order may go."
        return (
            f"The order may go; {len(warnings)} limits are near."
            if len(warnings) > 1
            else "The order may go; one limit is near."
        )
    if all(finding.code in _BY_SIZE for finding in refusing):
        rooms = [room for finding in refusing if isinstance(room := finding.figures.get("room"), Decimal)]
        if len(rooms) == len(refusing) and min(rooms) > max(Decimal(0), case.market.min_amount):
            return f"At most {money(min(rooms))} {case.quote} would pass."
    advice = {check.code: check.advice for check in all_checks()}
    return " ".join(dict.fromkeys(advice[finding.code] for finding in refusing[:3]))


def _figure(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else value


def _check_json(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "refuses": finding.refuses,
        "warns": finding.warns,
        "text": finding.text,
        "value": finding.value,
        "limit": finding.limit,
        "figures": {name: _figure(value) for name, value in finding.figures.items()},
    }


def as_json(decision: RiskDecision) -> dict[str, Any]:
    """The decision as scripts read it: approved or rejected, warnings, the named checks, the recommendation."""
    by_code = {finding.code: finding for finding in decision.checks}

    def figures(code: str) -> dict[str, object]:
        return by_code[code].figures if code in by_code else {}

    def exceeded(code: str) -> bool:
        return code in by_code and by_code[code].refuses

    positions = "RISK-POSITIONS-STRATEGY" if exceeded("RISK-POSITIONS-STRATEGY") else "RISK-POSITIONS"
    loss, fall, lock = figures("RISK-DAILY-LOSS"), figures("RISK-DRAWDOWN"), figures("RISK-PAIR-LOCK")
    return {
        "approved": decision.approved,
        "rejected": not decision.approved,
        "code": decision.code,
        "codes": [finding.code for finding in decision.findings],
        "reasons": [finding.text for finding in decision.findings],
        "warnings": [{"code": finding.code, "text": finding.text} for finding in decision.warnings],
        "checks": {
            "dailyLoss": {
                "exceeded": exceeded("RISK-DAILY-LOSS"),
                "lossPercent": loss.get("lossPercent"),
                "action": loss.get("action", "none"),
            },
            "maxPositions": {
                "exceeded": exceeded(positions),
                "current": figures(positions).get("current"),
                "limit": figures(positions).get("limit"),
            },
            "correlation": {
                "exceeded": exceeded("RISK-CORR"),
                "highlyCorrelated": figures("RISK-CORR").get("highlyCorrelated", []),
            },
            "drawdown": {"exceeded": exceeded("RISK-DRAWDOWN"), "drawdownPercent": fall.get("drawdownPercent")},
            "pairLock": {"locked": exceeded("RISK-PAIR-LOCK"), "untilMs": lock.get("until_ms")},
        },
        "all": [_check_json(finding) for finding in decision.checks],
        "recommendation": decision.recommendation,
    }
