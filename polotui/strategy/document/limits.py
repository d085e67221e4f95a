"""What a document may not exceed, and the words it may not use as names. Light: everything may import it."""

from __future__ import annotations

import re

from polotui.strategy.document.functions import FUNCTIONS, LONGEST_WINDOW
from polotui.strategy.document.tree import CLOCK, FACTS, PRICES

MAX_DOCUMENT_BYTES = 64 * 1024
MAX_DOCUMENT_DEPTH = 12
MAX_RULE_TEXT = 4_000
#: A rule's tree: its nodes and how deep they are nested. `a and b and c` is a chain, each link one level deeper.
MAX_NODES = 200
MAX_DEPTH = 32
MAX_LAG = 500
MAX_WINDOW = LONGEST_WINDOW
#: Higher frames of one document: those of its rules and those of `confirm` together.
MAX_FRAMES = 3
MAX_INDICATORS = 12
MAX_PARAMS = 24
MAX_SYMBOLS = 20
#: Values of one param that a sweep may try.
MAX_STEPS = 1_000_000
#: What is said about one document; a text that is wrong throughout is not told so for ever.
MAX_DIAGNOSTICS = 200
LENGTH_LEAST, LENGTH_MOST = 2, 400
LONG_WARMUP = 5_000

TIMEFRAMES = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")
FRAME_MS = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "1d": 86_400_000,
}

KEYWORDS = ("and", "or", "not")
#: Names that a document cannot give to its own indicators and params.
RESERVED = frozenset({*KEYWORDS, *PRICES, *FACTS, *CLOCK, *FUNCTIONS, "true", "false", "analyst", "ml"})

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}\Z")
_PERCENT = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})\s*%\Z")


def percent(text: str) -> float | None:
    """«1.5%» as the fraction 0.015, rounded once; None when the text is no percentage."""
    if _PERCENT.match(text) is None:
        return None
    return shifted(text.rstrip("% \t"))


def shifted(digits: str) -> float:
    """A decimal number's text divided by a hundred, so that 3.3% and 0.033 are the same float."""
    return float(f"{digits}e-2")


def frame_ratio(base: str, frame: str) -> int:
    """How many bars of `base` one bar of `frame` spans; 0 when `frame` is shorter."""
    return FRAME_MS[frame] // FRAME_MS[base]
