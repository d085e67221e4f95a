"""Terminal-safe text: nothing that comes from outside may steer the terminal.

Decided here: everything from an exchange, a model, a file or the network passes `clean` before it reaches a widget
or a line of output. Control characters (C0, C1, DEL), bidi controls, zero-width and private-use characters become
visible escapes such as ‹1b›; newlines and tabs become spaces; stacks of combining marks are cut; the length is
bounded. The fast path for plain ASCII is one regular-expression match.
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = re.compile(r"[ -~]*\Z")
_MAX_COMBINING = 2
#: Rendered width unknown or zero, or direction-changing: shown as an escape instead.
_UNSAFE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(text: object, limit: int = 200) -> str:
    """`text` safe to print, at most `limit` characters, cut with an ellipsis. Never raises."""
    raw = text if isinstance(text, str) else str(text)
    if len(raw) <= limit and _PLAIN.match(raw):
        return raw
    return _clean_slowly(raw, limit)


def _clean_slowly(raw: str, limit: int) -> str:
    parts: list[str] = []
    length = 0
    combining = 0
    for character in raw[: limit * 4]:
        if " " <= character <= "~":
            combining = 0
            piece = character
        elif character in "\n\r\t":
            combining = 0
            piece = " "
        else:
            category = unicodedata.category(character)
            if category in _UNSAFE_CATEGORIES:
                piece = f"‹{ord(character):02x}›"
                combining = 0
            elif category in ("Mn", "Me", "Mc"):
                combining += 1
                if combining > _MAX_COMBINING:
                    continue
                piece = character
            else:
                combining = 0
                piece = character
        length += len(piece)
        if length > limit:
            parts.append("…")
            break
        parts.append(piece)
    else:
        if len(raw) > limit * 4:
            parts.append("…")
    return "".join(parts)


def is_plain_symbol(text: str) -> bool:
    """True for names of ASCII letters, digits and single separators, such as BTC_USDT: no look-alikes, no tricks."""
    return bool(re.fullmatch(r"[A-Z0-9]{1,24}(_[A-Z0-9]{1,24}){1,2}", text))
