"""Starts the full-screen face from the command line and ends it with the right exit code.

Decided here: nothing of Textual is imported before the terminal is known to be fit and the colour depth is set,
because Textual reads its environment when it is imported. Textual draws on stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from io import TextIOWrapper
from pathlib import Path

import msgspec

from polotui.api.attach import attach, attach_or_start, start_engine
from polotui.api.link import EngineLink
from polotui.core.clock import Clock, SystemClock
from polotui.core.errors import UsageError
from polotui.core.face_settings import FaceSettings
from polotui.core.log import logging_to
from polotui.core.paths import Home
from polotui.core.settings.edit import set_value, toml_value
from polotui.core.who import who_asks

_HEADLESS = "Without a screen: polotui market book SYMBOL, polotui balance, polotui health, each also with --json."


def check_terminal() -> None:
    """Raises UsageError, naming the commands that need no screen, when this is no terminal to draw on."""
    if os.environ.get("TERM", "") == "dumb":
        raise UsageError("This terminal (TERM=dumb) cannot show a full screen.", next_step=_HEADLESS)
    if os.environ.get("TEXTUAL_DRIVER"):
        return  # textual-serve: the screen is a browser
    for stream, name in ((sys.__stdin__, "input"), (sys.__stderr__, "screen output (stderr)")):
        if stream is None or stream.closed or not stream.isatty():
            raise UsageError(f"The {name} is not a terminal.", next_step=_HEADLESS)


def prepare(settings: FaceSettings) -> FaceSettings:
    """Sets what Textual reads at import: colour depth. With 16 colours the terminal's own theme is the default."""
    depth = {"truecolor": "truecolor", "256": "256", "16": "standard"}.get(settings.colors)
    if depth:
        os.environ["TEXTUAL_COLOR_SYSTEM"] = depth
    if settings.colors == "none":
        os.environ["NO_COLOR"] = "1"
    poor = os.environ.get("TERM", "") in {"xterm", "screen", "linux", "vt100"} and not os.environ.get("COLORTERM")
    if (settings.colors == "16" or (settings.colors == "auto" and poor)) and settings.theme == FaceSettings().theme:
        return msgspec.structs.replace(settings, theme="terminal")
    return settings


def run_face(
    *,
    home: Home,
    root: str | None,
    settings: FaceSettings,
    read_only: bool = False,
    screen: str | None = None,
    symbol: str | None = None,
    engine_arguments: Sequence[str] = (),
    demo: bool = False,
    clock: Clock | None = None,
) -> int:
    """The desk on the engine of `home`, which is started when none runs; the exit code.

    An engine that ends later is attached to again but not started again by itself: ctrl+r does that.
    """
    home.make()
    clock = clock or SystemClock()
    starting = True

    async def connect() -> EngineLink:
        nonlocal starting
        first, starting = starting, False
        if first:
            return await attach_or_start(home, root, face="tui", read_only=read_only, arguments=engine_arguments)
        return await attach(home, face="tui", read_only=read_only)

    async def start_again() -> None:
        start_engine(home, root, engine_arguments)

    def save(key: str, value: object) -> None:
        set_value(home.settings_file, key, toml_value(str(value)))

    with logging_to(home.logs / "face.log", clock):
        return show_desk(
            settings,
            connect,
            clock=clock,
            read_only=read_only,
            screen=screen,
            symbol=symbol,
            user_themes=home.themes,
            exports=home.exports,
            guides=guides_folder(),
            drafts=home.drafts,
            start_engine=start_again,
            save_setting=save,
            home=home,
        )


def guides_folder() -> Path | None:
    """The documentation, in the wheel or in the checkout; None when it was not installed."""
    package = Path(__file__).resolve().parents[1]
    return next((folder for folder in (package / "_docs", package.parent / "docs") if folder.is_dir()), None)


def show_desk(
    settings: FaceSettings,
    connect: Callable[[], Awaitable[EngineLink]],
    *,
    clock: Clock | None = None,
    read_only: bool = False,
    screen: str | None = None,
    symbol: str | None = None,
    user_themes: Path | None = None,
    exports: Path | None = None,
    guides: Path | None = None,
    drafts: Path | None = None,
    start_engine: Callable[[], Awaitable[None]] | None = None,
    save_setting: Callable[[str, object], None] | None = None,
    home: Home | None = None,
) -> int:
    """Shows the desk until the person leaves; the exit code. Raises UsageError when there is no terminal."""
    check_terminal()
    stream = sys.__stderr__
    if isinstance(stream, TextIOWrapper) and (stream.encoding or "").lower().replace("-", "") != "utf8":
        stream.reconfigure(encoding="utf-8")
    settings = prepare(settings)
    from polotui.tui.app import PolotuiApp

    app = PolotuiApp(
        connect,
        clock=clock or SystemClock(),
        settings=settings,
        read_only=read_only,
        screen=screen,
        symbol=symbol,
        ssh=bool(os.environ.get("SSH_CONNECTION")),
        user_themes=user_themes,
        exports=exports,
        guides=guides,
        drafts=drafts,
        start_engine=start_engine,
        save_setting=save_setting,
        home=home,
        caller=who_asks(),
    )
    app.run(mouse=settings.mouse)
    code = app.return_code or 0
    if app.farewell and code == 0:
        sys.__stdout__.write(app.farewell + "\n") if sys.__stdout__ is not None else None
    return code
