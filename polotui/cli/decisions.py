"""What the gate said of an order, for people, and the exit code that it makes.

Decided here: a refusal is an answer with every finding, and exit code 4. An order that the gate let pass and the venue
did not take is exit code 1. With --json the document is the reply either way, since it says both.
"""

from __future__ import annotations

import typer

from polotui.api.trade_replies import Assessed, OrderPlaced
from polotui.api.trade_values import DecisionRow, FindingRow
from polotui.cli.output import NONE, document, note, number, percent, say, table
from polotui.core.text import clean

FAILED = 1
REFUSED = 4
AGAIN = "Nothing else stands against it: --confirmed sends it all the same."


def end_of(reply: OrderPlaced, command: str, *, as_json: bool) -> None:
    """Prints what became of an order; raises Exit unless it was placed."""
    if as_json:
        say(document(command, reply))
    elif reply.placed:
        say(outcome(reply))
        for finding in reply.decision.warnings:
            note(f"! {clean(finding.text, 300)}")
    else:
        note(refusal(reply.decision) if not reply.decision.approved else clean(reply.text, 400))
    if not reply.placed:
        raise typer.Exit(FAILED if reply.decision.approved else REFUSED)


def outcome(reply: OrderPlaced) -> str:
    """`Filled 0.031 BTC_USDT at 61,873.41.` and the order's id."""
    id_ = f" Order {clean(reply.order.id, 60)}." if reply.order is not None else ""
    return f"{clean(reply.text, 400)}{id_}"


def refusal(decision: DecisionRow) -> str:
    """Why an order was not sent."""
    lines = ["Refused, nothing was sent.", *_findings([*decision.findings, *decision.warnings])]
    lines += [clean(decision.recommendation, 400)] if decision.recommendation else []
    return "\n".join([*lines, AGAIN] if decision.needs_confirmation else lines)


def assessed(reply: Assessed) -> str:
    """What would happen to an order, with every check and what it would cost."""
    decision = reply.decision
    verdict = "It would be sent." if decision.approved else f"It would be refused: {clean(decision.code, 40)}."
    money = [
        ["price at worst", number(reply.price)],
        ["quantity", number(reply.quantity)],
        ["amount", number(reply.amount)],
        ["fee", number(reply.fee)],
        ["exposure after", percent(reply.exposure_after).lstrip("+")],
        ["cash after", number(reply.cash_after)],
    ]
    told = {finding.code for finding in (*decision.findings, *decision.warnings)}
    passed = [check for check in decision.checks if check.code not in told]
    lines = [verdict, *_findings([*decision.findings, *decision.warnings]), "", table(["", ""], money, "lr").lstrip()]
    if passed:
        lines += ["", "looked at as well", *_findings(passed, sign="✓")]
    if decision.recommendation:
        lines += ["", clean(decision.recommendation, 400)]
    if decision.needs_confirmation:
        lines.append(AGAIN)
    return "\n".join(lines)


def _findings(findings: list[FindingRow], sign: str = "") -> list[str]:
    if not findings:
        return []
    signs = [sign or ("✗" if finding.refuses else "!") for finding in findings]
    rows = [[f"  {mark}", clean(each.code, 40), _said(each)] for mark, each in zip(signs, findings, strict=True)]
    return table(["", "", ""], rows, "lll").split("\n")[1:]


def _said(finding: FindingRow) -> str:
    text = clean(finding.text, 300) or clean(finding.title, 60) or NONE
    # A check that only names itself says how much of its limit is used.
    if finding.use is None or not text.islower() or any(character.isdigit() for character in text):
        return text
    return f"{text}: {finding.use * 100:.0f} % of its limit"
