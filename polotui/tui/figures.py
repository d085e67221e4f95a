"""A figure with its standing as words: known, stale with its age, or unknown with the reason and what helps."""

from __future__ import annotations

from polotui.api.values import Shown
from polotui.core.text import clean
from polotui.tui.numbers import UNKNOWN, age, group, percent, ratio_of, signed


def shown_text(figure: Shown, places: int | None = None, *, sign: bool = False) -> str:
    """The figure as decimal text, «–» when unknown."""
    if figure.standing == "unknown":
        return UNKNOWN
    text = signed(figure.text, places) if sign else group(figure.text, places)
    return clean(text, 60)


def shown_percent(figure: Shown, places: int = 1, *, sign: bool = True) -> str:
    ratio = ratio_of(figure.text) if figure.standing != "unknown" else None
    if ratio is None:
        return UNKNOWN
    return percent(ratio, places) if sign else f"{ratio * 100:.{places}f} %"


def shown_ratio(figure: Shown) -> float | None:
    """For order, sign and bars; None when unknown."""
    return ratio_of(figure.text) if figure.standing != "unknown" else None


def reason(figure: Shown, now_ms: int) -> str:
    """Why it is stale or unknown and what helps, as one sentence; empty when it is known."""
    if figure.standing == "known":
        return ""
    cause = clean(figure.cause or figure.reason, 200)
    when = (
        f"stale {age(now_ms - figure.as_of_ms)}" if figure.standing == "stale" and figure.as_of_ms else figure.standing
    )
    return " · ".join(part for part in (when, cause, clean(figure.help, 120)) if part)


def tone_for(figure: Shown, otherwise: str = "") -> str:
    return {"stale": "stale", "unknown": "muted"}.get(figure.standing, otherwise)
