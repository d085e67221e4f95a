"""Numbers and times as a trader reads them.

Decided here: the minus is the typographic «−», percents carry their sign, thousands are separated by commas, a value
that is not known is «–» and never 0. Money arrives as decimal text and is grouped as text: the face does not
calculate with it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

UNKNOWN = "–"
_DECIMAL = re.compile(r"-?\d+(\.\d+)?\Z")


def price(value: float | None, scale: int) -> str:
    """61873.41 at scale 2 is «61,873.41»."""
    if value is None:
        return UNKNOWN
    return f"{value:,.{max(0, min(scale, 12))}f}".replace("-", "−")


def group(text: str, places: int | None = None) -> str:
    """Decimal text with separators: «10214.5» is «10,214.5»; `places` pads or cuts (toward zero) the fraction."""
    if not _DECIMAL.match(text):
        return text or UNKNOWN
    sign = "−" if text.startswith("-") else ""
    whole, _, fraction = text.lstrip("-").partition(".")
    if places is not None:
        fraction = fraction[:places].ljust(places, "0")
    if sign and not (whole + fraction).strip("0"):
        sign = ""
    return f"{sign}{int(whole):,}" + (f".{fraction}" if fraction else "")


def signed(text: str, places: int | None = None) -> str:
    """Decimal text with its sign always shown; zero has none."""
    shown = group(text, places)
    return shown if shown.startswith("−") or not re.search("[1-9]", shown) else f"+{shown}"


def percent(ratio: float | None, places: int = 2) -> str:
    """0.0214 is «+2.14 %»."""
    if ratio is None:
        return UNKNOWN
    text = f"{ratio * 100:+.{places}f} %"
    return text.lstrip("+-") if not re.search("[1-9]", text) else text.replace("-", "−")


def tone_of(change: float | None) -> str:
    """up, down or muted: the tone that repeats what the sign says."""
    if not change:
        return "muted"
    return "up" if change > 0 else "down"


def ratio_of(text: str) -> float | None:
    """A fraction sent as decimal text, for its sign and its percent; None when it is not a number."""
    return float(text) if _DECIMAL.match(text) else None


def quantity(value: float, places: int = 4) -> str:
    return f"{value:,.{places}f}"


def compact(value: float | None) -> str:
    """1,204,331 is «1.20 M»: for turnovers and volumes."""
    if value is None:
        return UNKNOWN
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (limit if unit != 'k' else 1e3):,.2f} {unit}"
    return f"{value:,.2f}"


def age(milliseconds: int) -> str:
    """0.4 s, 12 s, 3 min, 2 h, 4 d."""
    seconds = max(0, milliseconds) / 1000
    if seconds < 1:
        return "0 s" if seconds < 0.1 else f"{int(seconds * 10) / 10} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} d"


def at(wall_ms: int) -> datetime:
    return datetime.fromtimestamp(wall_ms / 1000, UTC)


def clock(wall_ms: int) -> str:
    """14:02:31"""
    return at(wall_ms).strftime("%H:%M:%S")


def clock_ms(wall_ms: int) -> str:
    """14:02:31.204"""
    return f"{clock(wall_ms)}.{wall_ms % 1000:03d}"


def moment(wall_ms: int) -> str:
    """21 Nov 14:02"""
    return at(wall_ms).strftime("%d %b %H:%M")
