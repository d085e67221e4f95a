"""Between the kernel's floats and the ledger's decimals, without losing a bit either way.

Decided here:
* A price or quantity on a grid is a whole number of steps. The decimal is that number times the exact step, the float
  that number times the float step: the bits that `execution.grid.quantise` gives. So a position that is booked from
  the ledger's decimals equals the backtest's.
* Levels that lie on no grid (the trigger of a stop, the amount of an entry) cross as the shortest text of their float,
  which is read back to the same float.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal

from polotui.model.money import ZERO

#: Wide enough that an amount comes back from quantity and price with all bits of its float.
WIDE = Context(prec=60)


@dataclass(frozen=True)
class Steps:
    """The grid of a symbol. A step of 0: no grid."""

    tick: Decimal = ZERO
    lot: Decimal = ZERO

    @property
    def tick_float(self) -> float:
        return float(self.tick)

    @property
    def lot_float(self) -> float:
        return float(self.lot)

    def price(self, value: float) -> Decimal:
        return on_grid(value, self.tick)

    def quantity(self, value: float) -> Decimal:
        return on_grid(value, self.lot)

    def price_float(self, value: Decimal) -> float:
        return as_float(value, self.tick)

    def quantity_float(self, value: Decimal) -> float:
        return as_float(value, self.lot)

    def sellable(self, held: Decimal) -> Decimal:
        """What of the held coins lies on the grid."""
        if held <= 0:
            return ZERO
        if self.lot <= 0:
            return held
        return (held / self.lot).to_integral_value(ROUND_FLOOR) * self.lot


def exact(value: float) -> Decimal:
    """The decimal that reads back as this float."""
    return Decimal(repr(float(value)))


def on_grid(value: float, step: Decimal) -> Decimal:
    """The decimal of a float that lies on the grid."""
    return round(value / float(step)) * step if step > 0 else exact(value)


def as_float(value: Decimal, step: Decimal) -> float:
    """The float that the kernel has for this decimal."""
    if step > 0:
        steps = value / step
        if steps == steps.to_integral_value():
            return int(steps) * float(step)
    return float(value)


def level(value: float) -> Decimal | None:
    """A level of a position; None where there is none."""
    return None if math.isnan(value) else exact(value)
