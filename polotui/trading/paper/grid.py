"""The prices and quantities of one symbol, between the floats of the stream and exact decimals.

Decided here: a quantity is counted in lots, whole numbers, so that a queue of them never gathers an error of rounding.
What others show counts down to the lot when we would take it, and up when it stands before us. A price off the tick
grid goes to the side that is worse for us.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal, Inexact, InvalidOperation

from polotui.model.money import step_of
from polotui.model.symbols import Market

#: Arithmetic on money that would rather fail than round.
EXACT = Context(prec=96, traps=[Inexact, InvalidOperation])
_ROUNDING = Context(prec=96)
#: A float is at most this part of a lot away from the decimal that it stands for.
_NEAR = 1e-6


class Grid:
    """Ticks and lots of one symbol."""

    __slots__ = ("_per_unit", "lot", "market", "tick")

    def __init__(self, market: Market) -> None:
        self.market = market
        self.tick = step_of(market.price_scale)
        self.lot = step_of(market.quantity_scale)
        self._per_unit = 10.0**market.quantity_scale

    def lots_shown(self, size: float) -> int:
        """What may be taken of a size in the stream."""
        return math.floor(size * self._per_unit + _NEAR)

    def lots_ahead(self, size: float) -> int:
        """What a size in the stream puts before us."""
        return math.ceil(size * self._per_unit - _NEAR)

    def lots_of(self, quantity: Decimal) -> int:
        return int(_ROUNDING.divide(quantity, self.lot).to_integral_value(ROUND_DOWN))

    def quantity(self, lots: int) -> Decimal:
        return EXACT.multiply(Decimal(lots), self.lot)

    def amount(self, lots: int, price: Decimal) -> Decimal:
        return EXACT.multiply(self.quantity(lots), price)

    def lots_for(self, amount: Decimal, price: Decimal) -> int:
        """How many lots an amount pays at a price."""
        lots = self.lots_of(_ROUNDING.divide(amount, price))
        # The quotient is rounded at its last digit, which must not buy a lot that is not paid for.
        return lots if self.amount(lots, price) <= amount else lots - 1

    def taking(self, price: float, *, buy: bool, slippage_bp: Decimal) -> Decimal:
        """What taking at a level of the book costs, on the tick."""
        worse = 10_000 + slippage_bp if buy else 10_000 - slippage_bp
        moved = _ROUNDING.divide(_ROUNDING.multiply(Decimal(repr(price)), worse), Decimal(10_000))
        return moved.quantize(self.tick, ROUND_CEILING if buy else ROUND_FLOOR, _ROUNDING)
