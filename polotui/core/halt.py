"""The halt flag: a file that stops every new order, whoever is alive to ask.

Decided here: the file's existence is the halt; what it says (who, when, why) is for people, so a file that cannot be
read halts as well. Writing needs no engine: the face, the command line and the engine itself write it, and the gateway
looks for it before each order. The first note stays when halted again: it says since when.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import StorageError
from polotui.core.files import private_folder, write_private
from polotui.core.paths import Home
from polotui.core.text import clean

NAME = "HALT"
_LONGEST = 400


class HaltNote(msgspec.Struct, frozen=True, kw_only=True):
    """Why trading stands still. `at_ms` 0: the file does not say."""

    at_ms: int = 0
    reason: str = ""
    who: str = ""


def halt(home: Home, reason: str, who: str, clock: Clock) -> HaltNote:
    """Sets the flag; the note that holds. Raises StorageError when it could not be written."""
    note = HaltNote(at_ms=clock.wall_ms(), reason=clean(reason, _LONGEST), who=clean(who, _LONGEST))
    path = flag_of(home)
    try:
        standing = is_halted(home)
        if standing is not None and path.exists():
            return standing
        private_folder(home.data)
        write_private(path, msgspec.json.encode(note))
    except OSError as error:
        raise StorageError(
            f"The halt flag {path} could not be written: {error.strerror}.",
            safe="An engine that was told by its socket halts all the same.",
            next_step=f"By hand: touch {path}",
        ) from error
    return note


def flag_of(home: Home) -> Path:
    return home.data / NAME


def path_is_set(path: Path) -> bool:
    """One look, for use before each order: only «there is no such file» means no halt."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def is_halted(home: Home) -> HaltNote | None:
    """The note of the flag, or None when there is no flag. Anything of that name halts, readable or not."""
    path = flag_of(home)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return HaltNote(reason=f"the flag {path} cannot be read: {error.strerror}")
    try:
        note = msgspec.json.decode(data, type=HaltNote)
    except msgspec.DecodeError:
        return HaltNote(reason="the flag does not say why")
    return HaltNote(at_ms=note.at_ms, reason=clean(note.reason, _LONGEST), who=clean(note.who, _LONGEST))


def clear(home: Home) -> bool:
    """Takes the flag away; False when there was none. Raises StorageError when it stays."""
    path = flag_of(home)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageError(
            f"The halt flag {path} could not be removed: {error.strerror}.",
            safe="Trading stays halted.",
            next_step=f"By hand: rm {path}",
        ) from error
    return True
