"""What the checks judge: plain facts, gathered here. Gathering reads files and the environment; it changes nothing.

Decided here: values of secrets never become facts, only their names and places do. What only a running engine knows
comes in `EngineFacts`; without an engine those checks say so. `gather` may block on a slow disk: not for the loop.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from polotui.core.paths import Home
from polotui.security import leaks, pins, places
from polotui.security.score import Mode, State

#: Of each file that may hold a secret, this much of its end is read.
TAIL_BYTES = 64 * 1024
_MOST_FILES = 50


@dataclass(frozen=True)
class Finding:
    """What somebody who knows says about one check."""

    state: State
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Simulation:
    """The setting that locks real money out. `value` None: the settings cannot be read."""

    value: bool | None
    source: str = ""


@dataclass(frozen=True)
class NamedSecret:
    """A variable that should not be there: its name and where it was seen."""

    name: str
    where: str


@dataclass(frozen=True)
class Written:
    """Something that looks like a secret, in `file`. `line` 0: only the file's end was read."""

    file: str
    line: int
    what: str


@dataclass(frozen=True)
class EngineFacts:
    """What only a running engine knows."""

    lock: Literal["held", "lost", "embedded"]
    """embedded: the engine runs inside another program, which answers for its being the only one."""
    core_limit: int | None = None
    """Most bytes of a core dump; None: not known."""
    dumpable: bool | None = None
    """Whether the process's memory can be read by others of this user; None: this system has no such switch."""
    clock_known: bool = False
    clock_offset_ms: float | None = None
    clock_error_ms: float | None = None
    has_keys: bool = False
    host: str = ""
    host_is_here: bool = False
    """The exchange is on this machine."""
    home_is_demo: bool = False
    told: Mapping[str, Finding] = field(default_factory=dict)
    """By check: what another part of the engine says about it."""


@dataclass(frozen=True)
class Facts:
    """Everything the sixteen checks look at."""

    mode: Mode
    demo: bool
    uid: int
    simulation: Simulation
    sqlite: tuple[int, ...]
    places: places.Places
    named: tuple[NamedSecret, ...] = ()
    written: tuple[Written, ...] = ()
    pins: pins.Pins = field(default_factory=pins.Pins)
    engine: EngineFacts | None = None


def gather(
    home: Home,
    *,
    mode: Mode,
    demo: bool,
    simulation: Simulation,
    sqlite: tuple[int, ...],
    engine: EngineFacts | None = None,
    environment: Mapping[str, str] | None = None,
    known_pins: pins.Pins | None = None,
) -> Facts:
    """Looks at this process's environment and the home's files. `known_pins`: what an earlier look at them gave."""
    return Facts(
        mode=mode,
        demo=demo,
        uid=os.getuid(),
        simulation=simulation,
        sqlite=sqlite,
        places=places.look(home),
        named=named_secrets(os.environ if environment is None else environment, env_files(home)),
        written=written_secrets(home),
        pins=known_pins if known_pins is not None else pins.look(),
        engine=engine,
    )


def env_files(home: Home) -> list[Path]:
    """Where a .env file would be read by other programs, or be put by mistake."""
    try:
        here = [Path.cwd() / ".env"]
    except OSError:
        here = []  # the working folder was removed
    return [*here, home.config / ".env"]


def named_secrets(environment: Mapping[str, str], files: list[Path]) -> tuple[NamedSecret, ...]:
    """Dangerous names that have a value, in the environment and in the files."""
    found = [NamedSecret(name, "the environment") for name in leaks.dangerous(environment)]
    for file in files:
        text = _tail(file)[0]
        found += [NamedSecret(name, str(file)) for name in leaks.dangerous(leaks.assignments(text))]
    return tuple(sorted(set(found), key=lambda secret: (secret.where, secret.name)))


def written_secrets(home: Home) -> tuple[Written, ...]:
    """Secret-like strings in the configuration's files and at the ends of the logs."""
    found = []
    for file in [*_configuration(home), *_files(home.logs, {".log", ".out"})]:
        text, whole = _tail(file)
        found += [Written(str(file), line if whole else 0, what) for line, what in leaks.suspicious(text)]
    return tuple(found)


def _configuration(home: Home) -> list[Path]:
    """The files of the configuration folder itself. A .env is judged by its names."""
    words = {".toml", ".yaml", ".yml", ".json", ".ini", ".cfg", ".conf", ".txt", ""}
    return [file for file in _files(home.config, words) if file.name != ".env"]


def _files(folder: Path, suffixes: set[str]) -> list[Path]:
    """The plain files of a folder with one of these endings, sorted; none when it is not there."""
    try:
        files = [entry for entry in folder.iterdir() if entry.suffix in suffixes]
        return sorted(file for file in files if file.is_file() and not file.is_symlink())[:_MOST_FILES]
    except OSError:
        return []


def _tail(file: Path) -> tuple[str, bool]:
    """The file's end as text, and whether that is all of it. Empty when it cannot be read."""
    try:
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, size - TAIL_BYTES))
            return stream.read(TAIL_BYTES).decode("utf-8", "replace"), size <= TAIL_BYTES
    except OSError:
        return "", True
