"""Too many losing trades of one bot in a row stop its entries until a person resumes it."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses, within
from polotui.risk.values import Finding

CODE = "RISK-LOSS-STREAK"
ORDER = 330
ADVICE = "Look at the bot's trades; it begins again when a person resumes it."
_UNWATCHED = passes(CODE, "Losses in a row are watched for bots only, and when the limit is set.")


def check(case: Case) -> Finding:
    limit = case.limits.loss_streak
    if case.manual or limit == 0:
        return _UNWATCHED
    losses = case.view.consecutive_losses.get(case.terms.bot, 0)
    if not 0 <= losses < limit:
        return refuses(CODE, f"The bot lost {losses} trades in a row; the limit is {limit}.", losses, limit)
    return within(CODE, losses, limit)
