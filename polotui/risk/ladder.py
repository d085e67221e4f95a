"""What happens when a limit is passed while nothing is being ordered: block, then reduce, then flatten.

The rungs of each limit, as use (value over limit) and how long it must hold:

    limit                  block      reduce             flatten
    daily loss             1          -                  1, confirmed by its guard
    drawdown               1          -                  1.2 for 60 s
    exposure in all        1          1.1 for 60 s       1.5 for 60 s
    largest position       1          1.1 for 60 s       -
    positions, pairs       1          -                  -

Decided here: a price that rises pushes a position over its share too, and is no reason to sell in haste; so reducing
waits for a tenth above the limit that holds a minute, and then only goes to nine tenths of the limit. Positions and
pairs beyond their number only block: which of them should go is for a person to say.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from polotui.risk import exposure
from polotui.risk.limits import Limits
from polotui.risk.values import AccountView, PositionView

#: Reducing goes this far below the limit, so that it is not done again at once.
DOWN_TO = Decimal("0.9")
ZERO = Decimal(0)


class Rung(StrEnum):
    BLOCK = "block"
    REDUCE = "reduce"
    FLATTEN = "flatten"


class Step(msgspec.Struct, frozen=True):
    rung: Rung
    use: float
    hold_ms: int = 0


LADDERS: dict[str, tuple[Step, ...]] = {
    "RISK-DAILY-LOSS": (Step(Rung.BLOCK, 1.0),),
    "RISK-DRAWDOWN": (Step(Rung.BLOCK, 1.0), Step(Rung.FLATTEN, 1.2, 60_000)),
    "RISK-STRATEGY-DRAWDOWN": (Step(Rung.BLOCK, 1.0),),
    "RISK-EXPOSURE": (Step(Rung.BLOCK, 1.0), Step(Rung.REDUCE, 1.1, 60_000), Step(Rung.FLATTEN, 1.5, 60_000)),
    "RISK-POSITION": (Step(Rung.BLOCK, 1.0), Step(Rung.REDUCE, 1.1, 60_000)),
    "RISK-POSITIONS": (Step(Rung.BLOCK, 1.0),),
    "RISK-POSITIONS-STRATEGY": (Step(Rung.BLOCK, 1.0),),
    "RISK-CORR": (Step(Rung.BLOCK, 1.0),),
}


#: Limits that are passed when they are reached.
_AT_LIMIT = frozenset({"RISK-DAILY-LOSS", "RISK-DRAWDOWN", "RISK-STRATEGY-DRAWDOWN"})


class LadderState(msgspec.Struct, frozen=True):
    """Since when each rung's use has held without a break, and the highest rung that was reached."""

    since: tuple[int | None, ...] = ()
    reached: Rung | None = None


class Reduction(msgspec.Struct, frozen=True, kw_only=True):
    """So much of one position is to be closed at market."""

    account: str
    bot: int
    symbol: str
    quantity: Decimal
    reason: str


def climb(
    code: str, state: LadderState, use: float | None, confirmed: bool, tick_ms: int
) -> tuple[LadderState, Rung | None]:
    """The next state, and the rung that is reached now for the first time. An unknown use only blocks.

    `confirmed`: prices are fresh and books reconciled; without it no time counts towards reducing or flattening.
    """
    steps = LADDERS.get(code, ())
    if use is None or use != use:
        fresh = state.reached is None
        return LadderState((None,) * len(steps), state.reached or Rung.BLOCK), Rung.BLOCK if fresh else None
    since: list[int | None] = list(state.since) if len(state.since) == len(steps) else [None] * len(steps)
    top: Rung | None = None
    for n, step in enumerate(steps):
        over = use >= step.use if code in _AT_LIMIT else use > step.use
        if not over:
            since[n] = None
        elif confirmed or step.hold_ms == 0:
            begun = since[n]
            since[n] = begun = tick_ms if begun is None else min(begun, tick_ms)
            if tick_ms - begun >= step.hold_ms:
                top = step.rung
        else:
            since[n] = None
    order = [step.rung for step in steps]
    new = top if top is not None and (state.reached is None or order.index(top) > order.index(state.reached)) else None
    # Below the limit everything begins anew.
    reached = None if top is None and all(begun is None for begun in since) else (new or state.reached)
    return LadderState(tuple(since), reached), new


def reductions(view: AccountView, limits: Limits) -> list[Reduction]:
    """What to close so that each position and the exposure in all are at nine tenths of their limits.

    Largest positions first; without a known equity or mark nothing is proposed: blocking stands.
    """
    equity = view.equity
    if equity is None or not equity.is_finite() or equity <= 0:
        return []
    held = [(position, exposure.worth(position)) for position in view.positions if position.quantity]
    rows = [_Row(position, value) for position, value in held if value is not None]
    if len(rows) < len(held):
        return []
    _to_largest_position(rows, equity * Decimal(str(limits.max_position)))
    _to_whole(rows, equity * Decimal(str(limits.gross_exposure)))
    return [
        Reduction(
            account=row.position.account,
            bot=row.position.bot,
            symbol=row.position.symbol,
            quantity=abs(row.position.quantity) * row.close / row.worth,
            reason="over the limit of exposure",
        )
        for row in rows
        if row.close > 0
    ]


class _Row:
    """A position, what it is worth, and how much of that is to be closed."""

    def __init__(self, position: PositionView, worth: Decimal) -> None:
        self.position = position
        self.worth = worth
        self.close = ZERO

    @property
    def left(self) -> Decimal:
        return self.worth - self.close


def _to_largest_position(rows: list[_Row], most: Decimal) -> None:
    """Each symbol to nine tenths of its limit, every account's part alike."""
    for symbol in {row.position.symbol for row in rows}:
        mine = [row for row in rows if row.position.symbol == symbol]
        value = sum((row.worth for row in mine), ZERO)
        if value > most:
            for row in mine:
                row.close = row.worth * (1 - most * DOWN_TO / value)


def _to_whole(rows: list[_Row], most: Decimal) -> None:
    """All together to nine tenths of the limit, from the largest on."""
    left = sum((row.left for row in rows), ZERO)
    if left <= most:
        return
    over = left - most * DOWN_TO
    for row in sorted(rows, key=lambda row: -row.left):
        take = min(over, row.left)
        row.close += take
        over -= take
