"""A pane: a frame with its title in the border, and a body.

Decided here: the frame is part of the drawing, so a title that changes each second costs a few cells and not the
pane. Its shape repeats the mode: square corners for DEMO, round for PAPER, heavy for LIVE; double while trading is
halted. Two panes above each other share one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events

from polotui.tui.numbers import age
from polotui.tui.widgets.painted import Line, Painted, crop, width_of

#: corners clockwise from top left, horizontal, vertical, tees left and right
FRAMES = {"DEMO": "┌┐┘└─│├┤", "PAPER": "╭╮╯╰─│├┤", "LIVE": "┏┓┛┗━┃┣┫"}
#: Trading that stands still has double lines in every mode; while it only reduces, the mode's own lines are broken.
HALTED = "╔╗╝╚═║╠╣"
BROKEN = {"DEMO": "┌┐┘└╌╎├┤", "PAPER": "╭╮╯╰╌╎├┤", "LIVE": "┏┓┛┗╍┇┣┫"}


@dataclass(frozen=True)
class Exported:
    """What a pane gives to `e` and `y`: a table of text."""

    name: str
    columns: list[str]
    rows: list[list[str]]


class Pane(Painted, can_focus=True):
    """A framed widget. Subclasses write `title` and `body`."""

    SCOPES: tuple[str, ...] = ()
    """Groups of the key table that work here, for the footer and the help."""
    NAME: ClassVar[str] = "pane"
    ABOUT: ClassVar[str] = ""
    """What this pane shows, for the help."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._typing = False
        self.joins_above = False
        self.has_bottom = True

    @property
    def typing(self) -> bool:
        """Letters are text now: the desk's single keys are dead, and the footer does not show them."""
        return self._typing

    def frames(self, *, joins_above: bool, has_bottom: bool) -> None:
        """Which lines of the frame are this pane's own; the neighbour draws the shared ones."""
        if (joins_above, has_bottom) != (self.joins_above, self.has_bottom):
            self.joins_above, self.has_bottom = joins_above, has_bottom
            self.repaint()

    def wants(self, dirty: set[str]) -> bool:
        # Once the engine is gone, the age of what is shown grows each second.
        return super().wants(dirty) or ("second" in dirty and bool(self.desk.store.gone_since_ms))

    def title(self, width: int) -> Line:
        return [(self.NAME, "title")]

    def title_right(self) -> Line:
        return []

    def body(self, width: int, height: int) -> list[Line]:
        raise NotImplementedError

    def export(self) -> Exported | None:
        """The pane's content as a table, or None when there is nothing to export."""
        return None

    def exports_itself(self) -> bool:
        """Lets the engine write what only it has whole. False: `export` gives what is shown."""
        return False

    def copies_itself(self) -> bool:
        """Copies what must be asked for first. False: `copied` gives what is shown."""
        return False

    def copied(self) -> tuple[str, str] | None:
        """(what it is, the text) of the thing under the cursor."""
        return None

    def escape(self) -> bool:
        """Leaves what this pane has opened (filter, crosshair). False when there was nothing."""
        return False

    def stale_mark(self, since_ms: int) -> Line:
        """The words beside a value that is true only up to `since_ms`; empty while fresh."""
        if self.desk.store.gone_since_ms:
            since_ms = min(since_ms or self.desk.store.gone_since_ms, self.desk.store.gone_since_ms)
        if not since_ms:
            return []
        return [(f"stale {age(self.desk.clock.wall_ms() - since_ms)}", "stale")]

    def draw(self, width: int, height: int) -> list[Line]:
        frame, quiet = self._frame()
        tl, tr, br, bl, flat, side, tee_left, tee_right = tuple(frame)
        if self.joins_above:
            tl, tr = tee_left, tee_right
        tone = "focus" if self.has_focus else quiet
        inner = width - 2
        rows = height - 1 - int(self.has_bottom)
        if inner < 4 or rows < 1:
            return []
        top = self._border(tl, tr, flat, tone, inner)
        lines = [top]
        content = self.body(inner, rows)
        for y in range(rows):
            line = crop(content[y], inner) if y < len(content) else [(" " * inner, "")]
            lines.append([(side, tone), *line, (side, tone)])
        if self.has_bottom:
            lines.append([(bl + flat * inner + br, tone)])
        return lines

    def _frame(self) -> tuple[str, str]:
        """The lines of the frame, and their tone when the focus is elsewhere."""
        mode, state = self.desk.store.mode, self.desk.trading_word
        if state == "HALTED":
            return HALTED, "bad"
        if state == "REDUCING":
            return BROKEN.get(mode, BROKEN["DEMO"]), "warn"
        return FRAMES.get(mode, FRAMES["DEMO"]), "border"

    def _border(self, left: str, right: str, flat: str, tone: str, inner: int) -> Line:
        title = self.title(inner - 4)
        extra = self.title_right()
        room = inner - 4
        if width_of(title) > room:
            title, extra = crop(title, room), []
        if extra and width_of(title) + width_of(extra) + 4 > room:
            extra = []
        line: Line = [(left + flat + " ", tone), *title, (" ", tone)]
        used = 4 + width_of(title)
        tail: Line = [(" ", tone), *extra, (" " + flat, tone)] if extra else []
        fill = inner + 1 - used - width_of(tail)
        return [*line, (flat * fill, tone), *tail, (right, tone)]

    def on_focus(self, event: events.Focus) -> None:
        self.desk.pane_focused(self)

    def on_blur(self, event: events.Blur) -> None:
        """For subclasses: what ends with the focus."""

    def watch_has_focus(self, has_focus: bool) -> None:
        # The event comes before the state that the frame is drawn by.
        super().watch_has_focus(has_focus)
        self.repaint()
