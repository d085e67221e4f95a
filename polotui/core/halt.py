"""The halt flag: a file that stops every new order, written and read without an engine, a database or a network.

Decided here: the file's being there is the halt; what it says is only for people, so a damaged one halts all the same.
It is looked at before each order leaves. Nothing but `clear` removes it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from polotui.core.clock import Clock
from polotui.core.files import private_folder, write_private
from polotui.core.paths import Home
from polotui.core.text import clean


@dataclass(frozen=True)
class HaltNote:
    """Who halted, when and why; times in ms, 0 when the file does not say."""

    reason: str
    who: str
    at_ms: int


def flag_of(home: Home) -> Path:
    return home.data / "HALT"


def halt(home: Home, reason: str, who: str, clock: Clock) -> HaltNote:
    """Sets the flag. A halt that stands already keeps its first reason."""
    standing = is_halted(home)
    if standing is not None:
        return standing
    note = HaltNote(clean(reason, 200), clean(who, 80), clock.wall_ms())
    private_folder(home.data)
    write_private(flag_of(home), json.dumps(note.__dict__).encode())
    return note


def is_halted(home: Home) -> HaltNote | None:
    """The halt that stands, or None. A flag that cannot be read is a halt."""
    path = flag_of(home)
    if not path_is_set(path):
        return None
    try:
        found = json.loads(path.read_bytes())
        return HaltNote(clean(str(found["reason"]), 200), clean(str(found["who"]), 80), int(found["at_ms"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return HaltNote("the halt flag is there but cannot be read", "", 0)


def path_is_set(path: Path) -> bool:
    """One look, for use before each order: only «there is no such file» means no halt."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def clear(home: Home) -> None:
    """Takes the flag away. Who may do so is the caller's business."""
    flag_of(home).unlink(missing_ok=True)
