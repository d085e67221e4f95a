"""The last defence: no control character leaves this process inside a painted segment.

Decided here: text is cleaned where it enters; this filter is for what was forgotten, and for Textual's own widgets.
It keeps widths (one cell in, one cell out), because the layout is already done.
"""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

#: C0, DEL, C1, bidi controls, zero-width characters, line separators, private use.
FOREIGN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ue000-\uf8ff]")
_NO_WIDTH = re.compile("[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class NoControls(LineFilter):
    """Replaces control characters; `hits` counts the segments that had any."""

    def __init__(self) -> None:
        super().__init__()
        self.hits = 0

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if not any(FOREIGN.search(segment.text) for segment in segments):
            return segments
        self.hits += 1
        return [Segment(FOREIGN.sub("�", _NO_WIDTH.sub("", segment.text)), segment.style, None) for segment in segments]
