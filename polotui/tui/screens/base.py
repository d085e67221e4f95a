"""What all screens share: header, tabs, banner, body, footer; moving between panes; zoom; the notice when too small.

Decided here: a screen is made when first opened and kept, so it is found as it was left. Panes are told on each frame
which topics changed; a screen that is not visible is told nothing and repaints whole when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from polotui.tui.widgets.chrome import Banner, FooterBar, HeaderBar, TabBar
from polotui.tui.widgets.painted import Line, Painted, crop
from polotui.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp
    from polotui.tui.themes import Tones

SMALLEST = (80, 24)


class TooSmall(Painted):
    """The notice below 80x24."""

    BASE_TONE = "bar"

    def draw(self, width: int, height: int) -> list[Line]:
        words = [
            f"polotui needs {SMALLEST[0]}x{SMALLEST[1]};",
            f"this is {self.app.size.width}x{self.app.size.height}.",
        ]
        lines: list[Line] = [[] for _ in range(max(0, height // 2 - 1))]
        lines += [crop([(" " * max(0, (width - len(text)) // 2) + text, "warn")], width) for text in words]
        return lines


class DeskScreen(Screen[None], inherit_bindings=False):
    """Base of the screens."""

    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual's own form
        (0, "-too-narrow"),
        (80, "-narrow"),
        (100, "-medium"),
        (116, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-too-low"),
        (24, "-low"),
        (30, "-high"),
    ]
    DEFAULT_CSS = """
    DeskScreen { layout: vertical; background: $background; }
    HeaderBar, TabBar, FooterBar, Banner { height: 1; width: 1fr; }
    Banner { display: none; }
    DeskScreen #body { height: 1fr; width: 1fr; }
    TooSmall { display: none; height: 1fr; width: 1fr; }
    DeskScreen.-too-narrow HeaderBar, DeskScreen.-too-low HeaderBar { display: none; }
    DeskScreen.-too-narrow TabBar, DeskScreen.-too-low TabBar { display: none; }
    DeskScreen.-too-narrow FooterBar, DeskScreen.-too-low FooterBar { display: none; }
    DeskScreen.-too-narrow #body, DeskScreen.-too-low #body { display: none; }
    DeskScreen.-too-narrow TooSmall, DeskScreen.-too-low TooSmall { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._wanted: Pane | None = None
        self._tones: Tones | None = None

    @property
    def desk(self) -> PolotuiApp:
        return cast("PolotuiApp", self.app)

    def body(self) -> Iterable[Widget]:
        """The screen's own content, in one widget with the id `body`."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        yield HeaderBar()
        yield TabBar()
        yield Banner()
        yield from self.body()
        yield TooSmall()
        yield FooterBar()

    def panes(self) -> list[Pane]:
        """All panes in the order of Tab, also those that have no room now."""
        return list(self.query(Pane))

    def first_focus(self) -> Pane:
        return self.panes()[0]

    def topics(self) -> list[str]:
        """What this screen listens to beside the ground topics."""
        return []

    def leaving(self) -> str:
        """The face is about to end: keep what is unsaved, and say so in a sentence."""
        return ""

    def painted(self) -> Iterator[Painted]:
        yield from self.query(Painted)

    def frame(self, dirty: set[str], now: float) -> None:
        """One frame: each visible widget hears what changed."""
        for widget in self.painted():
            if widget.display or isinstance(widget, Banner):
                widget.data_changed(dirty, now)

    def repaint_all(self) -> None:
        for widget in self.painted():
            widget.repaint()

    def on_mount(self) -> None:
        self.query_one(Banner).display = bool(self.query_one(Banner).sentence()[0])
        self.first_focus().focus()

    def on_screen_resume(self) -> None:
        banner = self.query_one(Banner)
        banner.display = bool(banner.sentence()[0])
        if self._tones is not self.desk.tones:
            # The theme changed while another screen was open.
            self._tones = self.desk.tones
            for widget in self.painted():
                widget.restyle()
        self.call_after_refresh(self.repaint_all)

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self.settle()
        self.keep_focus()

    def step_back(self) -> bool:
        """For screens with views: Esc goes to the view before. False when there is none left."""
        return False

    def settle(self) -> None:
        """The room changed, or a pane was opened: decide which panes share frames."""

    def reveal(self, pane: Pane) -> None:
        """Makes room for `pane` when the screen is too small for all."""

    def move_focus(self, step: int) -> None:
        panes = [pane for pane in self.panes() if self.reachable(pane)]
        if not panes:
            return
        here = self._wanted or self.focused
        index = panes.index(here) + step if isinstance(here, Pane) and here in panes else 0
        self.focus_on(panes[index % len(panes)])

    def focus_on(self, pane: Pane) -> None:
        """Makes room for `pane` first: what is not displayed cannot take the focus."""
        self._wanted = pane
        if self.zoomed is not None:
            self._zoom(pane)
        self.reveal(pane)
        self.call_after_refresh(self._arrived, pane)

    def _arrived(self, pane: Pane) -> None:
        if pane is self._wanted:
            self._wanted = None
            self.set_focus(pane)

    def keep_focus(self) -> None:
        """After the room changed: the focus may stand on a pane that has none."""
        focused = self.focused
        if not isinstance(focused, Pane) or not self.reachable(focused):
            self.focus_on(self.first_focus())
        else:
            self.reveal(focused)

    def reachable(self, pane: Pane) -> bool:
        """Whether Tab may go there, given the room."""
        return True

    @property
    def zoomed(self) -> Pane | None:
        return next((pane for pane in self.panes() if pane.has_class("-zoomed")), None)

    def toggle_zoom(self) -> None:
        """The focused pane takes the whole body, or gives the room back."""
        focused = self.focused
        self._zoom(focused if self.zoomed is None and isinstance(focused, Pane) else None)

    def _zoom(self, pane: Pane | None) -> None:
        body = self.query_one("#body")
        kept = set() if pane is None else {pane, *pane.ancestors}
        for widget in body.query("*"):
            widget.set_class(pane is not None and widget not in kept, "-away")
            widget.set_class(widget is pane, "-zoomed")
        for widget in body.query(".column"):
            widget.set_class(widget in kept, "-alone")
        self.settle()
        self.call_after_refresh(self.repaint_all)
