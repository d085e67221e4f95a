"""Modes and owners of the home's folders and files. Looks, follows no link, changes nothing.

Decided here: folders are 0700 and files 0600. A settings file or a theme may be readable by others, because it holds no
secret and lies in a closed folder, but not writable. What the person exported is theirs and not looked at. A folder
above that strangers may write to lets them put another home in its place, unless it is sticky as /tmp is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from polotui.core.paths import Home

#: More entries than a home ever has; the rest is not looked at and said so.
MOST_ENTRIES = 5_000
Kind = Literal["folder", "state", "settings", "above"]


@dataclass(frozen=True)
class Place:
    """A folder or file as `lstat` shows it. `above`: a folder that a home's folder lies in."""

    path: str
    kind: Kind
    mode: int
    uid: int
    gid: int = 0
    is_link: bool = False


@dataclass(frozen=True)
class Places:
    """All of them. `cut` is True when there were more than one looks at, `unread` names what could not be read."""

    found: tuple[Place, ...] = ()
    cut: bool = False
    unread: tuple[str, ...] = ()


def look(home: Home) -> Places:
    """What is there of the home now; folders that are not made yet are no fault."""
    found: dict[str, Place] = {}
    unread: list[str] = []
    for folder in (home.config, home.data, home.logs, home.runtime):
        if not os.path.lexists(folder):
            continue
        _add(found, unread, folder, "folder")
        for above in folder.parents:
            _add(found, unread, above, "above")
    for path, is_folder in _inside(home, unread):
        if len(found) >= MOST_ENTRIES:
            return Places(tuple(found.values()), True, tuple(unread))
        _add(found, unread, path, _kind(home, path, is_folder))
    return Places(tuple(found.values()), False, tuple(unread))


def _inside(home: Home, unread: list[str]) -> Iterator[tuple[Path, bool]]:
    """Everything below config, data and logs, and the home's socket."""

    def cannot(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            unread.append(str(error.filename))

    for folder in dict.fromkeys((home.config, home.data, home.logs)):
        if folder.is_symlink():
            continue
        for at, folders, files in os.walk(folder, onerror=cannot):
            here = Path(at)
            if here == home.exports:
                folders.clear()
                continue
            yield from ((here / name, True) for name in sorted(folders))
            yield from ((here / name, False) for name in sorted(files))
    if os.path.lexists(home.socket):
        yield home.socket, False


def _kind(home: Home, path: Path, is_folder: bool) -> Kind:
    if is_folder:
        return "folder"
    return "settings" if path == home.settings_file or home.themes in path.parents else "state"


def _add(found: dict[str, Place], unread: list[str], path: Path, kind: Kind) -> None:
    name = str(path)
    if name in found and (kind == "above" or found[name].kind != "above"):
        return
    try:
        info = path.lstat()
    except FileNotFoundError:
        return  # it went meanwhile, as files of a database do
    except OSError:
        unread.append(name)
        return
    found[name] = Place(name, kind, stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, stat.S_ISLNK(info.st_mode))
