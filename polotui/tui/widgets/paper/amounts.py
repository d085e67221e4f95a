"""Prices and sizes as they are typed: exact decimals in, decimal text out.

Decided here: a price may be typed as a percentage of the mark («2%»), which becomes a price on the symbol's grid; a
comma is taken only where it parts thousands. Nothing that is sent has passed through a float.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from polotui.model.money import parts_thousands
from polotui.tui.widgets.backtest.form_fields import Wrong

NONE = "none"
#: As the engine has it; above it a number may have more digits than can be put on a grid.
BEYOND = Decimal("1e15")
_PERCENT = re.compile(r"([-+]?[0-9.]+)\s*%\Z")
_PLAIN = re.compile(r"(\d+(\.\d*)?|\.\d+)\Z", re.ASCII)


def amount(text: str) -> Decimal:
    """«1,500» or «0.031». Raises Wrong."""
    typed = text.strip()
    if not parts_thousands(typed):
        raise Wrong("a point for decimals, commas only between thousands")
    typed = typed.replace(",", "")
    if not _PLAIN.match(typed):
        raise Wrong("a number, such as 0.03 or 1,500")
    try:
        value = Decimal(typed)
    except InvalidOperation:
        raise Wrong("a number, such as 0.03 or 1,500") from None
    if value <= 0:
        raise Wrong("more than zero")
    if value >= BEYOND:
        raise Wrong("at most 15 digits before the point")
    return value


def on_grid(value: Decimal, scale: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_EVEN)


def decimals_checked(value: Decimal, scale: int) -> Decimal:
    """`value` unless it has more decimals than the grid. Raises Wrong."""
    if value != on_grid(value, scale):
        raise Wrong(f"at most {scale} decimals")
    return value


def price(text: str, scale: int, mark: Decimal | None, sign: int) -> Decimal:
    """A price, or «2%» as a distance from the mark: below it for `sign` -1, above it for +1. Raises Wrong."""
    found = _PERCENT.match(text.strip())
    if found is None:
        return decimals_checked(amount(text), scale)
    if mark is None:
        raise Wrong("a price: the mark is not known")
    share = abs(amount(found[1].lstrip("+-"))) / 100
    if sign < 0 and share >= 1:
        raise Wrong("less than 100 %")
    return on_grid(mark * (1 + sign * share), scale)


def known(text: str) -> Decimal | None:
    """Decimal text from the engine; None when it says nothing."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def written(value: Decimal) -> str:
    """As it is sent: plain digits, no exponent."""
    return f"{value:f}"
