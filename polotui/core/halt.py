"""The halt flag: a file that stops every new order, whoever is alive to ask.

Decided here: the file's existence is the halt; what it says (who, when, why) is for people, so a file that cannot be
read halts as well. Writing needs no engine: the face, the command line and the engine itself write it, and the gateway
looks for it before each order. The first note stays when halted again: it says since when.
"""

from __future__ import annotations

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import StorageError
from polotui.core.files import private_folder, write_private
from polotui.core.paths import Home

NAME = "HALT"
_LONGEST = 400


class HaltNote(msgspec.Struct, frozen=True, kw_only=True):
    """Why trading stands still. `at_ms` 0: the file does not say."""

    at_ms: int = 0
    reason: str = ""
    who: str = ""


def halt(home: Home, reason: str, who: str, clock: Clock) -> HaltNote:
    """Sets the flag; the note that holds. Raises StorageError when it could not be written."""
    note = HaltNote(at_ms=clock.wall_ms(), reason=reason[:_LONGEST], who=who[:_LONGEST])
    path = home.data / NAME
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


def is_halted(home: Home) -> HaltNote | None:
    """The note of the flag, or None when there is no flag. Anything of that name halts, readable or not."""
    path = home.data / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return HaltNote(reason=f"the flag {path} cannot be read: {error.strerror}")
    try:
        return msgspec.json.decode(data, type=HaltNote)
    except msgspec.DecodeError:
        return HaltNote(reason="the flag does not say why")


def clear(home: Home) -> bool:
    """Takes the flag away; False when there was none. Raises StorageError when it stays."""
    path = home.data / NAME
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
