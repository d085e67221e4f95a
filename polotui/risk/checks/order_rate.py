"""Orders a second and a minute. Entries leave a part of the rate free for exits and cancels."""

from __future__ import annotations

from polotui.risk.case import Case
from polotui.risk.checks import refuses, within
from polotui.risk.values import Finding

CODE = "RISK-RATE"
ORDER = 500
ADVICE = "Wait a moment."
SECOND, MINUTE = 1_000, 60_000


def check(case: Case) -> Finding:
    now, limits = case.view.now_ms, case.limits
    second = minute = 0
    for order in reversed(case.view.sent):
        age = now - order.at_ms
        if age >= MINUTE:
            break
        minute += 1
        second += age < SECOND
    part = 1 - limits.rate_reserve
    # At least one order passes even when the reserve is large.
    in_second = max(1, int(limits.orders_per_second * part + 1e-9))
    in_minute = max(1, int(limits.orders_per_minute * part + 1e-9))
    if not second + 1 <= in_second:
        return refuses(CODE, f"{second} orders within a second; entries may use {in_second}.", second, in_second)
    if not minute + 1 <= in_minute:
        return refuses(CODE, f"{minute} orders within a minute; entries may use {in_minute}.", minute, in_minute)
    return within(CODE, minute + 1, in_minute)
