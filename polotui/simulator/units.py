"""Whole numbers inside, decimal text outside.

Decided here: prices are counted in ticks, quantities in steps, so matching never rounds. An amount is ticks times
steps, a whole number at the scale price + quantity. Accounts use Decimal, made from those whole numbers exactly.
Text keeps or drops its trailing zeros as the caller says, because the real exchange does both.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext

_POWERS = tuple(10**n for n in range(40))


def text(number: int, scale: int) -> str:
    """Decimal text without trailing zeros: `text(1250, 2)` is `12.5`."""
    if scale == 0:
        return str(number)
    whole, part = divmod(abs(number), _POWERS[scale])
    sign = "-" if number < 0 else ""
    if not part:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{part:0{scale}d}".rstrip("0")


def padded(number: int, scale: int) -> str:
    """Decimal text with all its places: `padded(1250, 2)` is `12.50`."""
    if scale == 0:
        return str(number)
    whole, part = divmod(number, _POWERS[scale])
    return f"{whole}.{part:0{scale}d}"


def exact(number: int, scale: int) -> Decimal:
    """The Decimal of a whole number at a scale, never rounded by a context."""
    digits = tuple(int(digit) for digit in str(abs(number)))
    return Decimal((1 if number < 0 else 0, digits, -scale))


def parse(value: object) -> Decimal | None:
    """A finite Decimal from a JSON string or number; None when it is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 30 else None


def whole(value: Decimal, scale: int) -> int | None:
    """`value` counted in units of 10^-scale, or None when it has more places than that."""
    with localcontext() as context:
        context.prec = 80
        scaled = value.scaleb(scale)
        number = int(scaled)
        return number if scaled == number else None


def plain(value: Decimal) -> str:
    """Decimal text without exponent and without trailing zeros."""
    if not value:
        return "0"
    words = format(value, "f")
    return words.rstrip("0").rstrip(".") if "." in words else words
