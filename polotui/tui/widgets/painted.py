"""Line drawing with a difference: the base of every widget that shows live values.

Decided here: a widget says what it looks like as lines of (text, tone) spans; the base compares them with what was
drawn before and asks for a repaint of the changed cells alone. Textual resends every cell of a dirty region without
comparing, so this habit is the whole bandwidth story. Tones are names, looked up in the theme at the last moment, and
every segment carries a style, because Textual's NO_COLOR filter cannot handle one without.

Text goes to the screen as it is: nothing here parses markup, and whatever comes from outside has passed
`core.text.clean` before.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp

log = logging.getLogger("polotui.tui")

Span = tuple[str, str]
Line = list[Span]

#: Unchanged cells between two changes that are cheaper to resend than a second cursor move.
_GAP = 10


def width_of(line: Line) -> int:
    return sum(len(text) if text.isascii() else cell_len(text) for text, _ in line)


def fit(text: str, width: int, align: str = "left") -> str:
    """Exactly `width` cells: padded, or cut with an ellipsis."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return "" if width <= 0 else set_cell_size(text, width - 1) + "…"
    pad = " " * (width - length)
    return pad + text if align == "right" else text + pad


def crop(line: Line, width: int) -> Line:
    """Exactly `width` cells of `line`."""
    out: Line = []
    left = width
    for text, tone in line:
        if left <= 0:
            break
        length = len(text) if text.isascii() else cell_len(text)
        if length > left:
            text, length = set_cell_size(text, left), left
        if text:
            out.append((text, tone))
        left -= length
    if left > 0:
        out.append((" " * left, ""))
    return out


def clip(line: Line, skip: int) -> Line:
    """`line` without its first `skip` cells."""
    out: Line = []
    for text, tone in line:
        length = width_of([(text, tone)])
        if skip >= length:
            skip -= length
        else:
            out.append((text[skip:], tone))
            skip = 0
    return out


def _cells(line: Line) -> list[tuple[str, str]]:
    """One entry per cell; the second cell of a wide character is empty."""
    out: list[tuple[str, str]] = []
    for text, tone in line:
        if text.isascii():
            out.extend((character, tone) for character in text)
            continue
        for character in text:
            size = cell_len(character)
            if size == 0 and out:
                out[-1] = (out[-1][0] + character, out[-1][1])
            else:
                out.append((character, tone))
                out.extend(("", tone) for _ in range(size - 1))
    return out


def changes(old: Line, new: Line) -> list[tuple[int, int]]:
    """Half-open ranges of cells that differ, close ones joined."""
    before, after = _cells(old), _cells(new)
    if len(before) != len(after):
        return [(0, max(len(before), len(after)))]
    ranges: list[tuple[int, int]] = []
    for x, (was, now) in enumerate(zip(before, after, strict=True)):
        if was != now:
            if ranges and x - ranges[-1][1] <= _GAP:
                ranges[-1] = (ranges[-1][0], x + 1)
            else:
                ranges.append((x, x + 1))
    return ranges


class Painted(Widget):
    """A widget that draws itself as lines. Subclasses write `draw`; `repaint` sends what changed."""

    ALLOW_SELECT: ClassVar[bool] = False
    BASE_TONE: ClassVar[str] = "card"
    """The tone that everything stands on: card or bar."""
    TOPICS: ClassVar[frozenset[str]] = frozenset()
    """First words of the store's topics that this widget shows; «second» is the passing of one."""
    EVERY_SECONDS: ClassVar[float] = 0.0
    """Least time between two repaints by data: scrolling panes are the dearest."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._drawn_size: tuple[int, int] = (-1, -1)
        self._painted_at = -1e9
        self._waiting = False

    @property
    def desk(self) -> PolotuiApp:
        return cast("PolotuiApp", self.app)

    def draw(self, width: int, height: int) -> list[Line]:
        raise NotImplementedError

    def wants(self, dirty: set[str]) -> bool:
        """Whether changes of these topics concern what is shown here."""
        return any(topic.partition(":")[0] in self.TOPICS for topic in dirty)

    def data_changed(self, dirty: set[str], now: float) -> None:
        """Called on each frame with what changed; repaints when it concerns this widget and its turn has come."""
        if self.wants(dirty):
            self._waiting = True
        urgent = bool(dirty & {"link", "view"})
        if self._waiting and (urgent or now - self._painted_at >= self.EVERY_SECONDS):
            self._waiting = False
            self._painted_at = now
            self.repaint()

    def repaint(self) -> None:
        """Draws again and refreshes the cells that differ."""
        width, height = self.size
        if not self.is_attached:
            return
        if not width or not height:
            # Hidden now: what was drawn is outdated when it is shown again.
            self.restyle()
            return
        if self._drawn_size != (width, height):
            self.refresh()
            return
        new = self._drawn(width, height)
        old, self._lines = self._lines, new
        regions: list[Region] = []
        for y, (was, now) in enumerate(zip(old, new, strict=True)):
            if was is now or was == now:
                continue
            self._strips.pop(y, None)
            regions.extend(Region(left, y, right - left, 1) for left, right in changes(was, now))
        if regions:
            self.refresh(*regions)

    def restyle(self) -> None:
        """The theme changed: the same text in new tones."""
        self._strips.clear()
        self._drawn_size = (-1, -1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if self._drawn_size != (width, height):
            self._strips.clear()
            self._lines = self._drawn(width, height)
            self._drawn_size = (width, height)
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strip(self._lines[y] if y < len(self._lines) else [], width)
            self._strips[y] = strip
        return strip

    def _drawn(self, width: int, height: int) -> list[Line]:
        try:
            lines = self.draw(width, height)
        except Exception as error:  # one broken pane must not take the desk down; it says so in its place
            log.exception("pane %s cannot be drawn", self.id)
            self.desk.pane_failed(self, error)
            lines = [[(f" This pane cannot be drawn: {type(error).__name__}. The rest goes on.", "warn")]]
        lines = [crop(line, width) for line in lines[:height]]
        lines.extend([[(" " * width, "")]] * (height - len(lines)))
        return lines

    def _strip(self, line: Line, width: int) -> Strip:
        style = self.desk.tones.style
        base = self.BASE_TONE
        segments: list[Segment] = []
        for text, tone in line:
            found = style(base, tone)
            if segments and segments[-1].style is found:
                segments[-1] = Segment(segments[-1].text + text, found)
            else:
                segments.append(Segment(text, found))
        return Strip(segments, width)
