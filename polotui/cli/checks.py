"""What the doctor looks at. Each function is one concern and returns its lines; none changes anything."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from polotui import __version__
from polotui.api.attach import attach
from polotui.api.commands import GetHealth, GetStatus
from polotui.api.replies import Health, Status
from polotui.api.safety import GetSafety, SafetyReport
from polotui.core.errors import EngineGone, PolotuiError
from polotui.core.paths import Home
from polotui.security.checks.private_files import fault_of
from polotui.security.checks.sqlite import OLDEST
from polotui.security.places import Place, look

#: Names under which keys and secrets are commonly left in an environment.
_SECRET = re.compile(
    r"(POLONIEX|POLOTUI|POLO|ANTHROPIC|OPENAI|GEMINI|GOOGLE|MISTRAL|DEEPSEEK|GROQ|OPENROUTER)_?\w*"
    r"(API_?KEY|SECRET|PASSPHRASE|PASSWORD|TOKEN)\w*"
)
LITTLE_DISK = 1024**3
NO_DISK = 100 * 1024**2
OFFSET_WARN_MS = 1_000.0
OFFSET_FAIL_MS = 5_000.0


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report."""

    name: str
    state: Literal["ok", "warn", "fail"]
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Asked:
    """What the running engine said. Everything None: none is running, or it did not answer; `lines` say which."""

    lines: list[Check]
    status: Status | None = None
    health: Health | None = None
    safety: SafetyReport | None = None


def own_checks(home: Home) -> list[Check]:
    """Every line that needs no engine, in the order of the report."""
    return [
        *versions(),
        *folders(home),
        *configuration(home),
        *secrets(os.environ),
        *terminal(os.environ, sys.stdout.encoding or ""),
        *disk(home),
    ]


def versions() -> list[Check]:
    """polotui, Python, Textual, SQLite."""
    from importlib.metadata import PackageNotFoundError, version

    lines = [Check("polotui", "ok", __version__), Check("python", "ok", platform.python_version())]
    try:
        lines.append(Check("textual", "ok", version("textual")))
    except PackageNotFoundError:
        lines.append(Check("textual", "fail", "not installed", "make install, or pip install -e ."))
    return [*lines, sqlite(sqlite3.sqlite_version_info)]


def sqlite(version: tuple[int, ...]) -> Check:
    """Its version; whether it has a known fault is a matter of the safety score."""
    name = ".".join(str(part) for part in version[:3])
    if version < OLDEST:
        return Check("sqlite", "fail", f"{name} is too old: strict tables need 3.37", "Install a newer Python build.")
    return Check("sqlite", "ok", name)


def folders(home: Home) -> list[Check]:
    """Where they are, and whether they can be used: all private to this user."""
    places = look(home).found
    return [_folder(name, getattr(home, name), places) for name in ("config", "data", "logs", "runtime")]


def _folder(name: str, folder: Path, places: Iterable[Place]) -> Check:
    inside = [place for place in places if place.kind != "above" and Path(place.path).is_relative_to(folder)]
    if not inside:
        return Check(name, "ok", f"{folder}, not made yet")
    faults = [fault for place in inside if (fault := fault_of(place, os.getuid())) is not None]
    if faults:
        text, remedy = faults[0]
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        return Check(name, "fail", f"{text}{more}", remedy)
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check(name, "fail", f"{folder} cannot be written", f"chmod 700 {shlex.quote(str(folder))}")
    return Check(name, "ok", f"{folder}, private")


def configuration(home: Home) -> list[Check]:
    """Whether it is valid, and which exchange it names."""
    from polotui.core.settings.schema import OFFICIAL_PRIVATE, OFFICIAL_PUBLIC, OFFICIAL_REST, load

    try:
        loaded = load(home)
    except PolotuiError as error:
        return [Check("settings", "fail", error.cause, error.next_step)]
    exists = home.settings_file.exists()
    lines = [Check("settings", "ok", f"{home.settings_file}, valid" if exists else "defaults, no file yet")]
    exchange = loaded.settings.exchange
    urls = {"rest_url": OFFICIAL_REST, "public_url": OFFICIAL_PUBLIC, "private_url": OFFICIAL_PRIVATE}
    other = [name for name, official in urls.items() if getattr(exchange, name) != official]
    host = urlsplit(exchange.rest_url).hostname or exchange.rest_url
    if other:
        names = ", ".join(f"{urlsplit(getattr(exchange, name)).hostname} ({name})" for name in other)
        source = loaded.source(f"exchange.{other[0]}")
        lines.append(Check("exchange", "warn", f"not Poloniex's own: {names}", f"Meant so? It comes from {source}."))
    else:
        lines.append(Check("exchange", "ok", f"{host}, Poloniex's own"))
    return lines


def secrets(environment: Iterable[str]) -> list[Check]:
    """Names of variables that look like keys; polotui reads none of them, others may."""
    names = sorted(name for name in environment if _SECRET.fullmatch(name))
    if not names:
        return [Check("environment", "ok", "no keys or secrets in it")]
    remedy = f"unset {' '.join(names)}, and take them out of your shell's profile"
    return [Check("environment", "warn", f"every program you start can read {', '.join(names)}", remedy)]


def terminal(environment: Mapping[str, str], encoding: str) -> list[Check]:
    """Terminal type, colours, encoding."""
    term = environment.get("TERM", "")
    lines = []
    if term in ("", "dumb"):
        lines.append(Check("terminal", "warn", f"TERM is {term or 'not set'}", "export TERM=xterm-256color"))
    else:
        lines.append(Check("terminal", "ok", f"TERM={term}"))
    lines.append(Check("colours", "ok", colours(environment)))
    if encoding.lower().replace("-", "").startswith("utf8"):
        lines.append(Check("encoding", "ok", encoding))
    else:
        lines.append(
            Check("encoding", "warn", f"{encoding or 'unknown'}: lines and signs may break", "export LANG=C.UTF-8")
        )
    return lines


def colours(environment: Mapping[str, str]) -> str:
    """How many colours the terminal says it has, and how one knows."""
    if environment.get("NO_COLOR"):
        return "none, because NO_COLOR is set"
    kind = environment.get("COLORTERM", "")
    if kind in ("truecolor", "24bit"):
        return f"truecolor (COLORTERM={kind})"
    term = environment.get("TERM", "")
    return f"256 (TERM={term})" if "256" in term else "16; COLORTERM=truecolor says when there are more"


def disk(home: Home) -> list[Check]:
    """Free space where the data is."""
    folder = home.data
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**3:.1f} GiB free at {folder}"
    if free < NO_DISK:
        return [Check("disk", "fail", text, "Make room: the ledger must be able to write.")]
    if free < LITTLE_DISK:
        return [Check("disk", "warn", text, "Make room: a year of one symbol's candles takes about 50 MB.")]
    return [Check("disk", "ok", text)]


async def engine(home: Home) -> Asked:
    """The running engine's own word; none running is fine."""
    try:
        link = await attach(home, face="doctor", read_only=True)
    except EngineGone as error:
        if home.socket.exists() and "does not answer" in error.cause:
            return Asked([Check("engine", "fail", error.cause, error.next_step)])
        return Asked([Check("engine", "ok", "none is running")])
    except PolotuiError as error:
        return Asked([Check("engine", "fail", error.cause, error.next_step)])
    try:
        status: Status = await link.call(GetStatus(), seconds=5)
        health: Health = await link.call(GetHealth(), seconds=5)
        lines = [*_engine_lines(status), *_health_lines(health)]
        try:
            safety: SafetyReport | None = await link.call(GetSafety(refresh=True), seconds=10)
        except PolotuiError as error:
            safety = None
            lines.append(Check("safety", "warn", f"the engine did not say: {error.cause}", error.next_step))
    except PolotuiError as error:
        return Asked([Check("engine", "fail", error.cause, error.next_step)])
    finally:
        await link.close()
    return Asked(lines, status, health, safety)


def _engine_lines(status: Status) -> list[Check]:
    state = status.engine
    lines = [Check("engine", "ok", f"{state.version}, pid {state.pid}, {state.mode}, prices from {state.venue}")]
    if state.version != __version__:
        remedy = "polotui engine stop, then polotui engine start"
        lines = [Check("engine", "warn", f"{state.version}, but this is polotui {__version__}", remedy)]
    offset = state.clock_offset_ms
    if offset is None:
        lines.append(Check("clock", "warn", "its offset to the exchange is not known yet", "Wait for the connection."))
    else:
        far = abs(offset)
        standing: Literal["ok", "warn", "fail"] = (
            "fail" if far > OFFSET_FAIL_MS else "warn" if far > OFFSET_WARN_MS else "ok"
        )
        remedy = (
            ""
            if standing == "ok"
            else "Set the clock: sudo timedatectl set-ntp true (macOS: sudo sntp -sS time.apple.com)"
        )
        lines.append(Check("clock", standing, f"{offset:+.0f} ms to the exchange", remedy))
    for stream in state.streams:
        live = stream.phase in ("live", "off")
        remedy = "" if live else stream.detail or "polotui health says more."
        lines.append(Check("stream", "ok" if live else "warn", f"{stream.name}: {stream.phase}", remedy))
    return lines


def _health_lines(health: Health) -> list[Check]:
    states: dict[str, Literal["ok", "warn", "fail"]] = {"online": "ok", "degraded": "warn", "offline": "fail"}
    return [
        Check(part.name, states[part.state], part.text, "" if part.state == "online" else f"polotui health {part.name}")
        for part in health.parts
    ]
