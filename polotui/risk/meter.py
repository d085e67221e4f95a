"""One figure for how much is at stake, from 0 to 100, with its formula, its parts and the distance to each limit.

    score = 30 x daily loss + 25 x drawdown + 20 x exposure + 15 x concentration + 10 x positions without protection

Each use is the value over its limit, at most 1. Any breach lifts the score to at least 80. Decided here:
* What is not known counts as used up.
* Concentration is the larger of the largest position over its limit and the largest correlated group over as many
  largest positions as the allowed pairs can tie together (3 pairs tie 3 symbols), at most the exposure in all.
* The part of positions without protection counts positions, not money: each of them may fall without an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from polotui.model.orders import Side
from polotui.risk import exposure
from polotui.risk.checks import share
from polotui.risk.correlation import groups, pairs
from polotui.risk.fields import BY_NAME, shown
from polotui.risk.limits import Limits
from polotui.risk.values import AccountView, PositionView, RestingView

FORMULA = (
    "30 x daily loss + 25 x drawdown + 20 x exposure + 15 x concentration + 10 x positions without protection;"
    " each over its limit, at most 1; a breach lifts it to 80"
)
BREACHED_AT_LEAST = 80


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """`points` of at most `of`. `about`: whose value it is, such as the largest position's symbol."""

    name: str
    title: str
    points: float
    of: int
    use: float
    known: bool
    about: str = ""


class Distance(msgspec.Struct, frozen=True, kw_only=True):
    """One limit with its use. `value` None: not known. `field` is the limit's name; `breached` says that it is over."""

    field: str
    code: str
    title: str
    value: float | None
    limit: float
    use: float
    breached: bool
    text: str


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """`biggest` is the largest part in words; `breached` the fields of limits that are over."""

    score: int
    parts: tuple[Part, ...]
    biggest: str
    distances: tuple[Distance, ...]
    breached: tuple[str, ...]
    formula: str = FORMULA


def meter(view: AccountView, limits: Limits) -> Meter:
    """The state of the account now. Pure."""
    found = distances(view, limits)
    parts = _parts(view, limits, {line.field: line for line in found})
    points = sum(part.points for part in parts)
    breached = tuple(line.field for line in found if line.breached)
    # A set latch is a breach that is not forgotten while the value recovers.
    score = max(points, BREACHED_AT_LEAST) if breached or view.latches else points
    return Meter(
        score=round(min(100.0, score)),
        parts=parts,
        biggest=_biggest(parts),
        distances=found,
        breached=breached,
    )


def distances(view: AccountView, limits: Limits) -> tuple[Distance, ...]:
    """Every limit that a state can be near of, in the order of the desk."""
    # A waiting buy is a position already, as at the gate.
    rows: list[PositionView | RestingView] = [position for position in view.positions if position.quantity]
    rows += [order for order in view.resting if order.side is Side.BUY]
    places = {(row.account, row.symbol) for row in rows}
    by_strategy: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        if row.strategy:
            by_strategy.setdefault(row.strategy, set()).add((row.account, row.symbol))
    together = pairs(view.correlations, [symbol for _, symbol in places], limits.correlation)
    lines = exposure.by_asset(view)
    largest = (
        None if any(line.share is None for line in lines) else max((line.share or 0.0 for line in lines), default=0.0)
    )
    most = max((len(mine) for mine in by_strategy.values()), default=0)
    falls = list(view.strategy_drawdowns.values())
    worst = max(falls, default=0.0) if all(fall == fall for fall in falls) else None
    return (
        _distance("daily_loss", "RISK-DAILY-LOSS", view.daily_loss, limits.daily_loss, reached=True),
        _distance("drawdown_pause", "RISK-DRAWDOWN", view.drawdown, limits.drawdown_pause, reached=True),
        _distance("drawdown_pause", "RISK-STRATEGY-DRAWDOWN", worst, limits.drawdown_pause, reached=True),
        _distance("gross_exposure", "RISK-EXPOSURE", exposure.total(view).share, limits.gross_exposure),
        _distance("max_position", "RISK-POSITION", largest, limits.max_position),
        _distance("positions_total", "RISK-POSITIONS", float(len(places)), float(limits.positions_total)),
        _distance(
            "positions_per_strategy", "RISK-POSITIONS-STRATEGY", float(most), float(limits.positions_per_strategy)
        ),
        _distance("correlated_pairs", "RISK-CORR", float(len(together)), float(limits.correlated_pairs)),
    )


def _distance(field: str, code: str, value: float | None, limit: float, *, reached: bool = False) -> Distance:
    """`reached`: a value at its limit is already over it."""
    about = BY_NAME[field]
    title = "Drawdown of a strategy" if code == "RISK-STRATEGY-DRAWDOWN" else about.title
    if value is None or value != value:
        text = f"{title} is not known; the limit is {shown(about, limit)}."
        return Distance(
            field=field, code=code, title=title, value=None, limit=limit, use=1.0, breached=False, text=text
        )
    use = value / limit if limit > 0 else float(value > 0)
    return Distance(
        field=field,
        code=code,
        title=title,
        value=value,
        limit=limit,
        use=use,
        breached=value >= limit if reached else value > limit,
        text=f"{shown(about, round(value, 6))} of {shown(about, limit)}",
    )


def _parts(view: AccountView, limits: Limits, by_field: Mapping[str, Distance]) -> tuple[Part, ...]:
    account_drawdown = _distance("drawdown_pause", "RISK-DRAWDOWN", view.drawdown, limits.drawdown_pause)
    gross = by_field["gross_exposure"]
    lines = exposure.by_asset(view)
    largest = lines[0].name if lines else ""
    use, about, known = _concentration(view, limits, lines)
    held = [position for position in view.positions if position.quantity]
    naked = [position.symbol for position in held if position.protection == "none"]
    return (
        _part("daily_loss", "daily loss", by_field["daily_loss"].use, 30, by_field["daily_loss"].value is not None),
        _part("drawdown", "drawdown", account_drawdown.use, 25, account_drawdown.value is not None),
        _part("exposure", "exposure", gross.use, 20, gross.value is not None, largest),
        _part("concentration", "concentration", use, 15, known, about),
        _part(
            "unprotected", "without protection", len(naked) / len(held) if held else 0.0, 10, True, ", ".join(naked[:3])
        ),
    )


def _part(name: str, title: str, use: float, of: int, known: bool, about: str = "") -> Part:
    use = min(1.0, max(0.0, use)) if known else 1.0
    return Part(name=name, title=title, points=use * of, of=of, use=use, known=known, about=about)


def _concentration(view: AccountView, limits: Limits, lines: list[exposure.Exposure]) -> tuple[float, str, bool]:
    shares = {line.name: line.share for line in lines}
    if any(part is None for part in shares.values()):
        return 1.0, next(name for name, part in shares.items() if part is None), False
    known = {name: part for name, part in shares.items() if part is not None}
    if not known:
        return 0.0, "", True
    largest = max(known, key=lambda name: (known[name], name))
    use, about = known[largest] / limits.max_position, largest
    allowed = min(limits.gross_exposure, tied(limits.correlated_pairs) * limits.max_position)
    for group in groups(view.correlations, list(known), limits.correlation):
        together = sum(known[name] for name in group) / allowed
        if together > use:
            use, about = together, " ".join(group)
    return use, about, True


def tied(allowed_pairs: int) -> int:
    """How many symbols may all move together when so many pairs may: 3 pairs tie 3 symbols."""
    count = 1
    while count * (count + 1) // 2 <= allowed_pairs:
        count += 1
    return count


def _biggest(parts: tuple[Part, ...]) -> str:
    top = max(parts, key=lambda part: part.points)
    points = sum(part.points for part in parts)
    if not top.points:
        return "nothing is at stake"
    about = f" {top.about}" if top.about else ""
    unknown = "" if top.known else ", not known"
    # «0 of 0» says nothing of two small parts.
    digits = 0 if points >= 10 else 1
    return f"{top.title}{about} {top.points:.{digits}f} of {points:.{digits}f}{unknown}"


def as_text(found: Meter) -> str:
    """The meter as the command line prints it."""
    rows = [f"Risk {found.score} of 100", f"  {found.formula}", f"  biggest part: {found.biggest}"]
    rows += [f"  {part.title:<20} {part.points:5.1f} of {part.of:<3} {share(part.use)} used" for part in found.parts]
    rows += [f"  {line.title:<24} {line.text}{'  over' if line.breached else ''}" for line in found.distances]
    return "\n".join(rows)


def worst_case_equity(view: AccountView) -> Decimal | None:
    """Equity if every stop is hit at its price, positions without one falling to nothing. None when unknown."""
    if view.equity is None or not view.equity.is_finite():
        return None
    lost = Decimal(0)
    for position in view.positions:
        now = exposure.worth(position)
        if now is None:
            return None
        stop = position.stop if position.stop is not None and position.stop.is_finite() and position.stop > 0 else None
        if position.quantity > 0:
            lost += now - position.quantity * min(stop, position.mark or stop) if stop is not None else now
    return view.equity - lost
