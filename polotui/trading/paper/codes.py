"""What the bar venue says when an order ends without having filled as a whole."""

from __future__ import annotations

NOT_PASSED = "BAR-GATE"
NO_BAR = "BAR-NONE"
NO_CASH = "BAR-CASH"
TOO_SMALL = "BAR-SMALL"
NO_VOLUME = "BAR-VOLUME"
NOT_REACHED = "BAR-NOT-REACHED"
REST = "BAR-REST"
ASKED = "BAR-ASKED"
WORDS = {
    NO_BAR: "the symbol has no bar at this moment",
    NO_CASH: "not enough cash",
    TOO_SMALL: "below the smallest order",
    NO_VOLUME: "the bar's volume lets no more go",
    NOT_REACHED: "the bar does not reach its price",
    REST: "what is left is below the smallest order",
    ASKED: "cancelled when asked",
}
