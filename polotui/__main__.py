"""The door: `polotui` and `polotui demo` open the application, everything else is a command.

Decided here: the application's start imports neither typer nor pydantic; which way to go is read off the first word.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polotui.api.link import EngineLink
    from polotui.core.face_settings import FaceSettings
    from polotui.core.paths import Home


def main(arguments: list[str] | None = None) -> int:
    """Runs one command line; returns its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    completing = "_POLOTUI_COMPLETE" in os.environ
    if not completing:
        from polotui.cli import face

        if face.wants_face(words):
            return face.run(words, _run_face)
    from polotui.cli.app import run

    return run(words)


def _run_face(
    *, home: Home, root: str | None, settings: FaceSettings, engine_arguments: list[str], demo: bool, **options: Any
) -> int:
    """Gives the face what it may not know itself: how to reach and start the engine, and where things are kept."""
    from polotui.api.attach import attach_or_start, start_engine
    from polotui.core.settings.edit import set_value, toml_value
    from polotui.tui.run import run_face

    home.make()

    async def connect() -> EngineLink:
        return await attach_or_start(
            home, root, face="tui", read_only=options["read_only"], arguments=engine_arguments
        )

    async def start() -> None:
        start_engine(home, root, engine_arguments)

    def save(key: str, value: object) -> None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        set_value(home.settings_file, key, toml_value(text))

    return run_face(
        settings,
        connect,
        user_themes=home.themes,
        exports=home.exports,
        guides=guides_folder(),
        start_engine=start,
        save_setting=save,
        **options,
    )


def guides_folder() -> Path | None:
    """The documents beside a checkout, or those packaged with a wheel."""
    package = Path(__file__).resolve().parent
    return next((folder for folder in (package / "_docs", package.parent / "docs") if folder.is_dir()), None)


if __name__ == "__main__":
    sys.exit(main())
