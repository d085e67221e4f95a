"""The loss of the UTC day, open positions and their fees included. An unknown one refuses."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import refuses, share, within
from polotui.risk.values import Finding

CODE = "RISK-DAILY-LOSS"
ORDER = 300
ADVICE = "Entries begin again on the next UTC day, once the loss is acknowledged."


def check(case: Case) -> Finding:
    loss, limit = case.view.daily_loss, case.limits.daily_loss
    if loss is None:
        return refuses(
            CODE, "Equity, or that of the day's start, is not known.", exceeded=False, lossPercent=None, action="block"
        )
    percent = round(loss * 100, 4)
    if not loss < limit:
        words = f"Today's loss is {share(loss)}; the limit is {share(limit)}."
        return refuses(CODE, words, loss, limit, exceeded=True, lossPercent=percent, action="flatten")
    return within(CODE, loss, limit, exceeded=False, lossPercent=percent, action="none")
