"""Whether the installed libraries are those that polotui was tested with.

Decided here: only what trading stands on counts, that is polotui's own dependencies and theirs, not the tools of its
tests. Reading the installed packages takes a while and does not change while a process runs: look once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_PIN = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*==\s*([^\s;#]+)")
_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Difference:
    name: str
    wanted: str
    found: str


@dataclass(frozen=True)
class Pins:
    """What was compared. `file` "": there is none; `why` says so."""

    file: str = ""
    checked: int = 0
    different: tuple[Difference, ...] = ()
    why: str = "not looked at"


def constraints_file() -> Path | None:
    """The one in the package, else the checkout's."""
    checkout = _PACKAGE.parent
    for file in (_PACKAGE / "_constraints.txt", checkout / "constraints.txt"):
        if file.is_file() and (file.parent == _PACKAGE or (checkout / "pyproject.toml").is_file()):
            return file
    return None


def look() -> Pins:
    """Compares the installed packages with the constraints."""
    file = constraints_file()
    if file is None:
        return Pins(why="this installation has no constraints.txt to compare with")
    try:
        pinned = read_pins(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return Pins(why=f"{file} cannot be read: {error}")
    return compare(str(file), pinned, installed(roots()))


def read_pins(text: str) -> dict[str, str]:
    """Name, in its canonical form, and version of each line `name==version`."""
    return {canonical(match[1]): match[2] for line in text.splitlines() if (match := _PIN.match(line))}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def compare(file: str, pinned: Mapping[str, str], found: Mapping[str, str]) -> Pins:
    """What is installed against what is pinned; only what is both counts."""
    both = sorted(pinned.keys() & found.keys())
    different = tuple(
        Difference(name, pinned[name], found[name]) for name in both if _plain(pinned[name]) != _plain(found[name])
    )
    return Pins(file, len(both), different, "" if both else "none of polotui's libraries is pinned there")


def roots() -> list[str]:
    """polotui's own dependencies: as installed, else as its project file says."""
    try:
        return _names(metadata.requires("polotui") or ())
    except metadata.PackageNotFoundError:
        pass  # a checkout that is run without being installed
    try:
        project = tomllib.loads((_PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
        return _names(project["project"]["dependencies"])
    except (OSError, ValueError, KeyError):
        return []


def installed(names: Iterable[str]) -> dict[str, str]:
    """The versions of these packages and of all they need, as far as they are installed."""
    versions: dict[str, str] = {}
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        versions[name] = found.version
        waiting += _names(found.requires or ())
    return versions


def _names(requirements: Iterable[str]) -> list[str]:
    """Canonical names; what only an extra asks for is left out."""
    kept = [text for text in requirements if "extra" not in text.partition(";")[2]]
    return [canonical(match[1]) for text in kept if (match := _NAME.match(text))]


def _plain(version: str) -> str:
    """1.0 and 1.0.0 are one version; a local build's mark does not count."""
    return re.sub(r"(?:\.0)+$", "", version.partition("+")[0].lower())
