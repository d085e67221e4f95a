"""Exact money: `Decimal` from the wire to the ledger.

Decided here: a decimal that comes from outside is read by `decimal_of` and nothing else, which refuses NaN and
infinity; rounding names its direction. Floats carry only candles, indicators and charts.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal, InvalidOperation

ZERO = Decimal(0)
#: A number that a person types lies within so many places of the point.
MOST_PLACES = 30
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII)


def decimal_of(text: str | int | Decimal) -> Decimal:
    """The exact value of `text`. Raises ValueError for anything that is not a finite decimal number."""
    try:
        value = text if isinstance(text, Decimal) else Decimal(text)
    except (InvalidOperation, TypeError, ValueError) as error:
        raise ValueError(f"not a decimal number: {str(text)[:40]!r}") from error
    if not value.is_finite():
        raise ValueError(f"not a finite number: {str(text)[:40]!r}")
    return value


def parts_thousands(text: str) -> bool:
    """Whether every comma of `text` stands between thousands: in «10,000», not in «0,5», where it is a point."""
    return "," not in text or _THOUSANDS.fullmatch(text) is not None


def typed_decimal(text: str) -> Decimal:
    """What a person typed, «10,000» or «0.2», exactly. A comma counts only where it parts thousands: taken out of «0,5»
    it would make ten times as much. A size that nothing has is refused: it takes seconds to compute with «1e400000».
    Raises ValueError with what is wrong."""
    plain_minus = text.strip().replace("−", "-")
    if not parts_thousands(plain_minus):
        raise ValueError(f"{text.strip()[:40]!r}; decimals need a point, commas stand only between thousands")
    value = decimal_of(plain_minus.replace(",", ""))
    if abs(value.adjusted()) >= MOST_PLACES:
        raise ValueError(f"beyond anything that is counted: {text.strip()[:40]!r}")
    return value


def step_of(scale: int) -> Decimal:
    """The smallest step at `scale` decimals: 2 gives 0.01."""
    return Decimal(1).scaleb(-scale)


def quantity_down(quantity: Decimal, scale: int) -> Decimal:
    """A quantity on the lot grid; never more than asked for."""
    return quantity.quantize(step_of(scale), rounding=ROUND_DOWN)


def price_on_tick(price: Decimal, scale: int, *, buy: bool) -> Decimal:
    """A price on the tick grid, on the safe side: a buyer never pays more, a seller never gets less, than asked."""
    return price.quantize(step_of(scale), rounding=ROUND_FLOOR if buy else ROUND_CEILING)


def plain(value: Decimal) -> str:
    """Decimal text without an exponent and without trailing zeros: `1E+2` becomes `100`."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
