"""What the account is exposed to, by asset and by strategy.

Decided here: a position counts at its mark, a waiting buy at its worst. What has no price is listed with None and makes
the sum unknown; it never counts as nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from polotui.model.orders import Side
from polotui.risk.values import AccountView, PositionView, RestingView

ZERO = Decimal(0)
#: The strategy of what is traded by hand.
BY_HAND = "by hand"


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `held` at the mark, `waiting` at its worst, in quote currency; `share` of the equity. None: unknown."""

    name: str
    held: Decimal | None
    waiting: Decimal | None
    share: float | None
    positions: int

    @property
    def amount(self) -> Decimal | None:
        return self.held + self.waiting if self.held is not None and self.waiting is not None else None


def worth(position: PositionView) -> Decimal | None:
    """A position at its mark; None without one."""
    mark, quantity = position.mark, position.quantity
    if mark is None or not (mark.is_finite() and quantity.is_finite()) or mark <= 0:
        return None
    return abs(quantity) * mark


def by_asset(view: AccountView) -> list[Exposure]:
    """One line a symbol, largest first, unknown ones before all."""
    return _lines(view, lambda row: row.symbol)


def by_strategy(view: AccountView) -> list[Exposure]:
    return _lines(view, lambda row: row.strategy or BY_HAND)


def total(view: AccountView) -> Exposure:
    """Everything in one line; `share` over the limit of exposure in all is its use."""
    lines = _lines(view, lambda _: "total")
    return lines[0] if lines else Exposure(name="total", held=ZERO, waiting=ZERO, share=0.0, positions=0)


def _lines(view: AccountView, name_of: Callable[[PositionView | RestingView], str]) -> list[Exposure]:
    held: dict[str, Decimal | None] = {}
    waiting: dict[str, Decimal | None] = {}
    counts: dict[str, int] = {}
    for position in view.positions:
        if position.quantity.is_finite() and not position.quantity:
            continue
        name, value = name_of(position), worth(position)
        held[name] = _plus(held.get(name, ZERO), value)
        counts[name] = counts.get(name, 0) + 1
    for order in view.resting:
        if order.side is Side.BUY:
            name = name_of(order)
            worst = order.worst_amount
            waiting[name] = _plus(waiting.get(name, ZERO), worst if worst.is_finite() and worst >= 0 else None)
    found = [
        _line(view, name, held.get(name, ZERO), waiting.get(name, ZERO), counts.get(name, 0))
        for name in held.keys() | waiting.keys()
    ]
    return sorted(found, key=lambda line: (line.share is not None, -(line.share or 0.0), line.name))


def _line(view: AccountView, name: str, held: Decimal | None, waiting: Decimal | None, count: int) -> Exposure:
    part = None
    equity = view.equity
    if held is not None and waiting is not None and equity is not None and equity.is_finite() and equity > 0:
        part = float((held + waiting) / equity)
    return Exposure(name=name, held=held, waiting=waiting, share=part, positions=count)


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return one + other if one is not None and other is not None else None
