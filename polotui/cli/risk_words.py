"""The risk desk as text for people: the meter, use bars, the difference that a change of limits makes."""

from __future__ import annotations

from collections.abc import Sequence

from polotui.api.trade_replies import Limits, LimitsPreview, Risk
from polotui.api.trade_values import AlertRow, ExposureRow, LatchRow, LimitChange, LimitField
from polotui.cli.desk import second
from polotui.cli.jobs import bar
from polotui.cli.output import NONE, number, percent, table
from polotui.core.text import clean

BAR_CELLS = 12


def desk(risk: Risk) -> str:
    """Everything at one moment, most important first."""
    why = f": {clean(risk.state_reason, 200)}" if risk.state_reason else ""
    safety = "unknown" if risk.safety is None else str(risk.safety)
    score = "unknown" if risk.meter.score is None else f"{risk.meter.score} of 100"
    parts = [
        f"Trading is {risk.state}{why}. Limits «{clean(risk.preset, 40)}», safety {safety}.",
        _meter(risk, score),
        _limits(risk),
        exposure(risk),
        f"stops   {risk.stops_local} local, {risk.stops_venue} at the venue, {risk.stops_none} without",
    ]
    if risk.latches:
        parts.append(latches(risk.latches))
    if risk.locks:
        rows = [
            [clean(lock.symbol, 30), second(lock.until_ms), clean(lock.code, 30), clean(lock.reason, 200)]
            for lock in risk.locks
        ]
        parts.append(table(["locked", "until (UTC)", "by", "why"], rows, "llll"))
    if risk.pending:
        parts.append(f"Count from {second(risk.pending_ms)} UTC:\n{changes(risk.pending)}")
    if risk.alerts:
        parts.append(alerts(risk.alerts))
    return "\n\n".join(part for part in parts if part)


def exposure(risk: Risk) -> str:
    """By asset, by strategy, and what is cash."""
    cash = percent(risk.cash_share).lstrip("+")
    if not risk.exposure:
        return f"exposure   nothing is held, cash {cash}"
    rows = [_exposed(row) for row in risk.exposure]
    rows.append(["", "cash", "", cash, bar(min(1.0, max(0.0, risk.cash_share or 0.0)), BAR_CELLS)])
    return table(["exposure", "", "USDT", "share", ""], rows, "lldrl")


def latches(rows: Sequence[LatchRow]) -> str:
    """What is tripped, and how it is cleared."""
    lines = []
    for row in rows:
        lines.append(f"latch {clean(row.name, 40)} ({clean(row.title, 60)}) since {second(row.since_ms)} UTC")
        lines.append(f"  {clean(row.reason, 300)}")
        clear = "--acknowledge" if row.clearable else f"--override '{clean(row.override_words, 60)}' --reason …"
        lines.append(f"  {clean(row.how_to_clear, 200)}: polotui risk latch {clean(row.name, 40)} {clear}")
    return "\n".join(lines)


def alerts(rows: Sequence[AlertRow]) -> str:
    """Alerts as rows."""
    heads = ["alert", "at (UTC)", "level", "code", "what", "seen", "over"]
    cells = [
        [
            str(row.id),
            second(row.at_ms),
            row.level,
            clean(row.code, 30),
            clean(row.text, 300),
            "yes" if row.acknowledged_ms else "no",
            second(row.cured_ms) if row.cured_ms else "no",
        ]
        for row in rows
    ]
    return table(heads, cells, "rllllll")


def limits(reply: Limits, fields: Sequence[LimitField], *, whole: bool) -> str:
    """Limits with their ranges, by group."""
    lines = []
    if whole:
        since = f", since {second(reply.changed_ms)} UTC" if reply.changed_ms else ""
        lines.append(f"limits «{clean(reply.preset, 40)}»{since}")
    rows, group = [], ""
    for field in fields:
        rows.append(
            [
                clean(field.group, 30) if field.group != group else "",
                clean(field.name, 40),
                clean(field.value, 30),
                clean(field.unit, 12) if field.unit != "on/off" else "",
                f"{clean(field.low, 20)} … {clean(field.high, 20)}",
                clean(field.help, 120),
            ]
        )
        group = field.group
    lines.append(table(["", "limit", "value", "", "allowed", "what it is"], rows, "llrlrl"))
    if reply.pending:
        lines.append(f"\nCount from {second(reply.pending_ms)} UTC (limits withdraw takes them back):")
        lines.append(changes(reply.pending))
    return "\n".join(lines)


def preview(reply: LimitsPreview) -> str:
    """The difference, and when it would count."""
    if not reply.changes:
        return "That changes nothing."
    when = f"Loosens: counts after {reply.delay_s:.0f} s, and needs a reason." if reply.loosens else "Counts at once."
    return f"{changes(reply.changes)}\n{when}"


def changes(rows: Sequence[LimitChange]) -> str:
    """`daily_loss  Daily loss  5 % → 3 %  tightens`."""
    cells = [
        [
            clean(row.name, 40),
            clean(row.title, 40),
            clean(row.old, 30),
            "→",
            clean(row.new, 30),
            "loosens" if row.loosens else "tightens",
        ]
        for row in rows
    ]
    return table(["name", "limit", "now", "", "then", ""], cells, "llrlll")


def _meter(risk: Risk, score: str) -> str:
    biggest = f"   biggest part: {clean(risk.meter.biggest, 120)}" if risk.meter.biggest else ""
    return f"risk   {score}  {bar((risk.meter.score or 0) / 100)}{biggest}\n{clean(risk.meter.formula, 300)}"


def _limits(risk: Risk) -> str:
    rows = [
        [
            clean(row.title, 40),
            clean(row.value_text, 30),
            clean(row.limit_text, 30) + (f", warns at {clean(row.warn_text, 20)}" if row.warn_text else ""),
            bar(min(1.0, max(0.0, row.use or 0.0)), BAR_CELLS),
            row.state,
            clean(row.distance_text, 60),
        ]
        for row in risk.limits
    ]
    return table(["limit", "now", "of", "use", "", "distance"], rows, "lrllll") if rows else ""


def _exposed(row: ExposureRow) -> list[str]:
    share = percent(row.share).lstrip("+")
    filled = bar(min(1.0, max(0.0, row.share or 0.0)), BAR_CELLS)
    return [row.kind, clean(row.name, 40) or NONE, number(row.value), share, filled]
