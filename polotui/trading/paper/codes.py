"""What the bar venue says when an order ends without having filled as a whole."""

from __future__ import annotations

NO_BAR, NO_CASH, TOO_SMALL, NO_VOLUME, REST, ASKED = (
    "BAR-NONE", "BAR-CASH", "BAR-SMALL", "BAR-VOLUME", "BAR-REST", "BAR-ASKED",
)  # fmt: skip
WORDS = {
    NO_BAR: "the symbol has no bar at this moment",
    NO_CASH: "not enough cash",
    TOO_SMALL: "below the smallest order",
    NO_VOLUME: "the bar's volume lets no more go",
    REST: "what is left is below the smallest order",
    ASKED: "cancelled when asked",
}
