"""The document in the person's own editor ($VISUAL or $EDITOR), and back.

Decided here: the text goes into a private file of a private folder that is removed afterwards; a text that cannot be
taken back stays there, and its place is told. The face stands still meanwhile; the engine does not.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from polotui.core.errors import PolotuiError, UsageError
from polotui.core.files import write_private
from polotui.core.spawn import run_here
from polotui.tui.widgets.lab.buffer import LIMIT


def editor_command() -> list[str]:
    """Raises UsageError that names the variables."""
    words = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        command = shlex.split(words)
    except ValueError as error:
        raise UsageError(
            f"VISUAL or EDITOR cannot be read: {error}.", next_step="Example: export EDITOR=nano"
        ) from error
    if not command:
        raise UsageError(
            "No editor is named.", next_step="Set VISUAL or EDITOR before starting, such as: export EDITOR=nano"
        )
    if shutil.which(command[0]) is None:
        raise UsageError(f"The editor {command[0]} of VISUAL or EDITOR is not found.", safe="Nothing was changed.")
    return command


def edited_outside(text: str, suffix: str, suspended: AbstractContextManager[None]) -> str:
    """What the person made of `text`. Raises PolotuiError; the text in the desk is untouched then."""
    command = editor_command()
    folder = Path(tempfile.mkdtemp(prefix="polotui-"))
    file = folder / f"strategy{suffix}"
    write_private(file, text.encode())
    with suspended:
        code = run_here([*command, str(file)])
    try:
        if code:
            raise PolotuiError(f"The editor {command[0]} ended with {code}.", safe="The text in the desk is as it was.")
        made = _read(file)
    except PolotuiError as error:
        changed = file.exists() and file.read_bytes() != text.encode()
        if not changed:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        raise PolotuiError(error.cause, safe=error.safe, next_step=f"What you wrote is in {file}.") from error
    shutil.rmtree(folder, ignore_errors=True)
    return made


def _read(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PolotuiError(
            f"The editor left no file: {error.strerror}.", safe="The text in the desk is as it was."
        ) from error
    if len(data) > LIMIT * 4:
        raise PolotuiError("The text is too large for a document.", safe="The text in the desk is as it was.")
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise PolotuiError("The text is not UTF-8.", safe="The text in the desk is as it was.") from error
    if len(text) > LIMIT:
        raise PolotuiError(f"A document has at most {LIMIT // 1024} KiB.", safe="The text in the desk is as it was.")
    return text
