"""The door: `polotui` and `polotui demo` open the application, everything else is a command.

Decided here: the application's start imports neither typer nor pydantic; which way to go is read off the first word.
"""

from __future__ import annotations

import os
import sys
from typing import Any


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


def _run_face(**arguments: Any) -> int:
    from polotui.tui.run import run_face

    code: int = run_face(**arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
