"""The application: what it is made of, and the frame timer that is its only painter of data.

Decided here: events of any rate change the store; at most `frame_rate` times a second the panes of the visible screen
hear what changed, and not at all while the terminal still has frames to take. Keys repaint at once. Its parts are in
`shell/`, one concern each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from rich.segment import Segments
from textual import constants
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.timer import Timer

from polotui.api.link import EngineLink
from polotui.core.clock import Clock
from polotui.core.face_settings import FaceSettings
from polotui.core.paths import Home
from polotui.core.text import is_plain_symbol
from polotui.tui import keys
from polotui.tui.driver import PacedDriver
from polotui.tui.safety import NoControls
from polotui.tui.screens.base import DeskScreen
from polotui.tui.screens.registry import SCREENS
from polotui.tui.session import Session
from polotui.tui.shell.verbs import Verbs
from polotui.tui.store import Store
from polotui.tui.themes import DEFAULT, load_themes
from polotui.tui.view import View
from polotui.tui.widgets.painted import Painted


class PolotuiApp(Verbs, inherit_bindings=False):
    """The desk. `run()` returns when the person leaves; `return_code` is the exit code."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "polotui"
    MODES = {entry.name: entry.make for entry in SCREENS}  # noqa: RUF012 - Textual's own form
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings("global"),
        *(Binding(entry.digit, f"go('{entry.name}')", entry.title, show=False) for entry in SCREENS if entry.digit),
    ]
    CSS = "Toast { max-width: 70; }"

    def __init__(
        self,
        connect: Callable[[], Awaitable[EngineLink]],
        *,
        clock: Clock,
        settings: FaceSettings | None = None,
        read_only: bool = False,
        screen: str | None = None,
        symbol: str | None = None,
        ssh: bool = False,
        user_themes: Path | None = None,
        exports: Path | None = None,
        guides: Path | None = None,
        drafts: Path | None = None,
        start_engine: Callable[[], Awaitable[None]] | None = None,
        save_setting: Callable[[str, object], None] | None = None,
        home: Home | None = None,
        caller: str = "",
    ) -> None:
        names = [entry.name for entry in SCREENS]
        # A mode is a screen with its own stack of dialogs; the first one opened may be any of them.
        self.DEFAULT_MODE = screen if screen in names else names[0]  # type: ignore[misc]
        # In a browser textual-serve names its own driver in the environment.
        super().__init__(driver_class=None if constants.DRIVER else PacedDriver)
        self.clock = clock
        self.settings = settings or FaceSettings()
        self.read_only = read_only
        self.exports = exports
        self.guides = guides
        self.drafts = drafts
        self.start_engine = start_engine
        self.save_setting = save_setting
        self.home = home
        self.caller = caller
        self.halt_note = None
        self.store = Store()
        self.session = Session(connect, clock, self.store, self._heard)
        self.view = View()
        self.account_name = ""
        self.show_dust = False
        self.screens = SCREENS
        self.current_name = self.DEFAULT_MODE
        self.history = []
        self.failed_panes = {}
        self.farewell = ""
        self.paused_since_ms = 0
        self.frame_rate = self.settings.rate_ssh if ssh else self.settings.frame_rate
        self.mouse_on = self.settings.mouse
        self.frames = 0
        self.skipped_frames = 0
        self._complaints: list[str] = []
        if screen is not None and screen not in names:
            self._complaints.append(f"There is no screen {screen!r}. There are: {', '.join(names)}.")
        if symbol:
            self._start_symbol(symbol)
        self._held: set[str] = set()
        self._second = 0
        self._timer: Timer | None = None
        self._interrupted_at = -1e9
        self._halt_pressed_at = -1e9
        self._framed_for = ""
        self._signals = ExitStack()
        self._guard = NoControls()
        self.specs, faults = load_themes(user_themes)
        self._complaints += faults
        for spec in self.specs.values():
            self.register_theme(spec.textual())
        if not self.use_theme(self.settings.theme):
            self.use_theme(DEFAULT)
            self._complaints.append(f"There is no theme {self.settings.theme!r}; this is {DEFAULT}.")
        self.keymap, faults = keys.checked_keymap(
            dict(self.settings.keymap), [entry.digit for entry in SCREENS if entry.digit]
        )
        self._complaints += faults
        self.set_keymap(self.keymap)

    def _start_symbol(self, symbol: str) -> None:
        if is_plain_symbol(symbol.upper()):
            self.view.symbol = symbol.upper()
        else:
            self._complaints.append(f"{symbol!r} is not a symbol like BTC_USDT.")

    # life

    @property
    def desk_screen(self) -> DeskScreen:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, DeskScreen):
                return screen
        raise LookupError("no screen of the desk is open")

    def on_mount(self) -> None:
        self.watch_signals()
        self.watch_terminal()
        self.app_resume_signal.subscribe(self, lambda _: self.resumed())
        self._timer = self.set_interval(1 / self.frame_rate, self.frame)
        for complaint in self._complaints:
            self.tell(complaint, "warning")
        self.listen()
        # After the first frame: starting an engine costs the time in which the shell could be on the screen.
        self.call_after_refresh(self._begin_link)

    def _begin_link(self) -> None:
        self.run_worker(self.session.run(), group="link", exit_on_error=True)

    def on_unmount(self) -> None:
        self._signals.close()

    def _fatal_error(self) -> None:
        """Textual's crash screen shows local variables in clear; secrets could be among them."""
        import rich
        from rich.traceback import Traceback

        self.bell()
        traceback = Traceback(show_locals=False, width=None, suppress=[rich])
        self._exit_renderables.append(Segments(self.console.render(traceback, self.console.options)))
        self._close_messages_no_wait()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [self._guard, *super().get_line_filters()]

    # frames

    def set_rate(self, rate: float) -> None:
        self.frame_rate = rate
        if self._timer is not None:
            self._timer.stop()
            self._timer = self.set_interval(1 / rate, self.frame)
        self.listen()

    def _heard(self) -> None:
        """The session changed the store. A fresh link needs its chart."""
        store = self.store
        series = store.charts.get(self.view.topic)
        if series is None:
            return
        if store.link == "live":
            self.ensure_chart()
        elif store.link == "gone":
            # What is drawn stays, marked stale; what comes after the gap is loaded anew.
            series.loaded = False
            series.retry_at = 0.0

    def market_ms(self) -> int:
        """The market's own time, which a simulated exchange may run faster than the wall clock, Unix ms."""
        return self.clock.wall_ms() + self.store.trading.ahead_ms

    def frame(self) -> None:
        """One turn of the frame timer."""
        if not self.is_running:
            return
        self.session.check_heartbeat()
        second = self.clock.wall_ms() // 1000
        if second != self._second:
            self._second = second
            self.store.mark("second")
            self.look_for_flag()
            self.ensure_chart()
        if not self.store.is_dirty:
            return
        if getattr(self._driver, "backlog", 0):
            self.skipped_frames += 1
            return
        self.paint_frame()

    def paint_frame(self) -> None:
        """Tells the visible panes what changed since the last time."""
        dirty = self.store.take_dirty()
        reload, self.store.reload = self.store.reload, set()
        if reload:
            self.load_again(reload)
        if self.store.alerts:
            self.show_alerts()
        if self._framed_for != self.trading_word:
            # The frames of all panes say it.
            self._framed_for = self.trading_word
            for screen in self.screen_stack:
                for widget in screen.query(Painted):
                    widget.repaint()
        if self.paused_since_ms:
            self._held |= dirty
            dirty &= {"face", "second", "link", "engine", "trading"}
            for bar in self.desk_screen.painted():
                if bar.BASE_TONE == "bar":
                    bar.data_changed(dirty, self.clock.monotonic())
            return
        dirty |= self._held
        self._held.clear()
        self.frames += 1
        self.desk_screen.frame(dirty, self.clock.monotonic())
