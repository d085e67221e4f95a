"""What the parts of the shell may rely on: the app's attributes, declared once for all mixins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App

from polotui.api.command import Command
from polotui.core.clock import Clock
from polotui.core.errors import PolotuiError
from polotui.core.face_settings import FaceSettings
from polotui.core.paths import Home
from polotui.core.text import clean
from polotui.tui.store import Store
from polotui.tui.view import View

if TYPE_CHECKING:
    from polotui.tui.screens.base import DeskScreen
    from polotui.tui.screens.registry import Entry
    from polotui.tui.session import Session
    from polotui.tui.themes import ThemeSpec, Tones


class ShellBase(App[int]):
    """State of the shell. `PolotuiApp` fills it in its constructor."""

    clock: Clock
    settings: FaceSettings
    store: Store
    session: Session
    view: View
    tones: Tones
    specs: dict[str, ThemeSpec]
    screens: tuple[Entry, ...]
    keymap: dict[str, str]
    read_only: bool
    paused_since_ms: int
    frame_rate: float
    exports: Path | None
    guides: Path | None
    drafts: Path | None
    """Where unsaved texts are kept."""
    current_name: str
    start_engine: Callable[[], Awaitable[None]] | None
    save_setting: Callable[[str, object], None] | None
    home: Home | None
    """Where the halt flag is written; None: this face runs on no home of its own."""
    caller: str
    """Who asks, for the audit."""

    @property
    def halt_armed(self) -> bool:
        raise NotImplementedError

    @property
    def trading_word(self) -> str:
        """ACTIVE, REDUCING or HALTED."""
        raise NotImplementedError

    @property
    def desk_screen(self) -> DeskScreen:
        """The screen of the desk that is open, also under a dialog."""
        raise NotImplementedError

    def tell(self, text: str, level: str = "info", *, title: str = "") -> None:
        """A short message to the person: a toast, kept in the notification centre. Never parsed as markup."""
        text = clean(text, 600)
        severity: Any = {"warning": "warning", "error": "error"}.get(level, "information")
        self.store.note(self.clock.wall_ms(), level, text)
        self.notify(text, title=clean(title, 60), severity=severity, timeout=8 if level == "error" else 4, markup=False)

    def tell_error(self, error: PolotuiError) -> None:
        self.tell(error.record().sentence(), "error")

    def ask(self, command: Command, then: Callable[[Any], None], *, group: str = "ask") -> None:
        """Sends a command; `then` gets the reply. An error is told in its own words."""

        async def send() -> None:
            try:
                reply = await self.session.call(command)
            except PolotuiError as error:
                self.tell_error(error)
                return
            then(reply)

        self.run_worker(send(), group=group, exclusive=False, exit_on_error=True)

    def paint_frame(self) -> None:
        """Paints what is dirty now instead of at the next frame: keys must answer at once."""
        raise NotImplementedError

    def refresh_frame(self) -> None:
        """Header, tabs and footer after a change that no event announces."""
        self.store.mark("face")

    def may_change(self) -> bool:
        """False, with a word, when this face was started with --read-only."""
        if self.read_only:
            self.tell("This face is read-only: nothing was changed. Start polotui without --read-only.", "warning")
        return not self.read_only
