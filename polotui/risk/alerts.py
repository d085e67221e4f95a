"""What a person should know now: a limit that is near or passed, and conduct that is not the account's own.

Decided here:
* An alert has a stable code and is told once while it lasts; near becomes breach without a second «near».
* Near begins at 80 % of a limit and is cured below 75 %, so that a value on the edge does not ring again and again. A
  breach lasts until it is cured, acknowledged or not.
* Unusual is more than 4 robust deviations (median and MAD) above the account's own last 30 days. Without a week of its
  own there is no norm, and no alert.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Literal

import msgspec

from polotui.risk.meter import Distance
from polotui.risk.values import AccountView

NEAR, CURED = 0.8, 0.75
DEVIATIONS = 4.0
#: MAD times this is the standard deviation of a normal distribution.
_TO_SIGMA = 1.4826
#: The fewest values of its own that make a norm: a week of hours, and as many orders or streaks.
LEAST_HOURS, LEAST_ORDERS, LEAST_STREAKS = 7 * 24, 20, 10

Level = Literal["near", "breach", "unusual", "safety"]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """`about` is whose alert it is (a limit's field, a bot, an order); code and about together are its identity."""

    code: str
    level: Level
    about: str
    text: str
    value: float | None = None
    limit: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.code, self.about)


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """`begun` are new, or now of a higher level; `cured` are keys that ended."""

    begun: tuple[Alert, ...]
    cured: tuple[tuple[str, str], ...]


def of_limits(distances: Iterable[Distance], open_keys: Iterable[tuple[str, str]] = ()) -> list[Alert]:
    """Near and breached limits. `open_keys` are the alerts that stand: those end only below 75 %."""
    standing, found = set(open_keys), []
    for line in distances:
        if line.value is None:
            # What is not known is not near; the gate refuses for it, and staleness has alerts of its own.
            continue
        level: Level = "breach" if line.breached else "near"
        lasting = (line.code, line.field) in standing and line.use >= CURED
        if line.value > 0 and (line.breached or line.use >= NEAR or lasting):
            word = "over" if line.breached else "near"
            text = f"{line.title} {word}: {line.text}."
            alert = Alert(code=line.code, level=level, about=line.field, text=text, value=line.value, limit=line.limit)
            found.append(alert)
    return found


def of_safety(view: AccountView, above: int) -> list[Alert]:
    """The highest class, which cannot be muted: the environment is not safe, or a latch is set."""
    found = []
    if view.safety_vetoes:
        words = ", ".join(view.safety_vetoes)
        found.append(Alert(code="SAFETY-VETO", level="safety", about="environment", text=f"Safety veto: {words}."))
    elif view.safety_score is None or view.safety_score <= above:
        known = "not known" if view.safety_score is None else str(view.safety_score)
        text = f"The safety score is {known}; entries need more than {above}."
        found.append(Alert(code="SAFETY-SCORE", level="safety", about="environment", text=text))
    found += [
        Alert(code="LATCH-SET", level="safety", about=latch.name, text=f"Latch {latch.name} is set: {latch.reason}")
        for latch in view.latches
    ]
    return found


def robust_deviations(value: float, own: Sequence[float], least: int) -> float | None:
    """How many robust deviations `value` is above the norm; None without a norm.

    A norm that never varied has no deviation of its own; then a tenth of it, or the step of 1, is one.
    """
    known = [x for x in own if math.isfinite(x)]
    if len(known) < least or not math.isfinite(value):
        return None
    middle = median(known)
    spread = _TO_SIGMA * median(abs(x - middle) for x in known)
    if spread <= 0:
        spread = max(abs(middle) / 10, 1.0)
    return (value - middle) / spread


def unusual_rate(orders: int, hours: Sequence[float]) -> Alert | None:
    """Orders of the last hour against those of each hour of 30 days."""
    away = robust_deviations(orders, hours, LEAST_HOURS)
    if away is None or away <= DEVIATIONS:
        return None
    text = f"{orders} orders in an hour; usual are {median(hours):g}."
    return Alert(code="UNUSUAL-RATE", level="unusual", about="account", text=text, value=orders)


def unusual_size(amount: float, symbol: str, amounts: Sequence[float]) -> Alert | None:
    """One order against the amounts of 30 days."""
    away = robust_deviations(amount, amounts, LEAST_ORDERS)
    if away is None or away <= DEVIATIONS:
        return None
    text = f"An order of {amount:,.2f} on {symbol}; usual are {median(amounts):,.2f}."
    return Alert(code="UNUSUAL-SIZE", level="unusual", about=symbol, text=text, value=amount)


def unusual_streak(losses: int, bot: str, streaks: Sequence[float]) -> Alert | None:
    """Losses in a row against the losing streaks of 30 days."""
    away = robust_deviations(losses, streaks, LEAST_STREAKS)
    if away is None or away <= DEVIATIONS:
        return None
    text = f"{bot} lost {losses} trades in a row; usual are {median(streaks):g}."
    return Alert(code="UNUSUAL-STREAK", level="unusual", about=bot, text=text, value=losses)


def foreign_fill(fill_id: str, symbol: str) -> Alert:
    """A fill that no intent of ours explains: somebody else trades on the account, or a record was lost."""
    text = f"A fill on {symbol} ({fill_id}) belongs to no order of ours."
    return Alert(code="UNUSUAL-FILL", level="unusual", about=fill_id, text=text)


_RANK: Mapping[str, int] = {"near": 0, "unusual": 1, "breach": 2, "safety": 3}


def changes(standing: Iterable[Alert], now: Iterable[Alert]) -> Changes:
    """What begins and what ends between the alerts that stand and those that hold now.

    A breach that falls back to near stays a breach until it is cured. An unusual order or fill is an event, not a
    condition: it is never cured by time, only acknowledged, so it is not among what ends.
    """
    before = {alert.key: alert for alert in standing}
    after = {alert.key: alert for alert in now}
    begun = tuple(
        alert for key, alert in after.items() if key not in before or _RANK[alert.level] > _RANK[before[key].level]
    )
    cured = tuple(key for key, alert in before.items() if key not in after and alert.level != "unusual")
    return Changes(begun=begun, cured=cured)
