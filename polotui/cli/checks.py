"""What the doctor looks at. Each function is one concern and returns its lines; none changes anything."""

from __future__ import annotations

import asyncio
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
from polotui.cli.where import Where
from polotui.core.errors import EngineGone, PolotuiError
from polotui.core.paths import Home

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


def all_checks(place: Where) -> list[Check]:
    """Every line, in the order of the report."""
    home = place.home
    return [
        *versions(),
        *folders(home),
        *configuration(home),
        *secrets(os.environ),
        *terminal(os.environ, sys.stdout.encoding or ""),
        *disk(home),
        *asyncio.run(engine(home)),
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
    """SQLite before 3.51.3 can corrupt a database when two connections write in WAL mode."""
    name = ".".join(str(part) for part in version[:3])
    sound = version >= (3, 51, 3) or (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
    if version < (3, 37):
        return Check("sqlite", "fail", f"{name} is too old: strict tables need 3.37", "Install a newer Python build.")
    if sound:
        return Check("sqlite", "ok", name)
    return Check(
        "sqlite", "ok", f"{name} has the WAL-reset fault; polotui writes through one connection, which avoids it"
    )


def folders(home: Home) -> list[Check]:
    """Modes and owners: all private to this user."""
    lines = []
    for name in ("config", "data", "logs", "runtime"):
        folder: Path = getattr(home, name)
        lines.append(_folder(name, folder))
    return lines


def _folder(name: str, folder: Path) -> Check:
    quoted = shlex.quote(str(folder))
    try:
        if not folder.exists():
            return Check(name, "ok", f"{folder}, not made yet")
        info = folder.stat()
        if info.st_uid != os.getuid():
            remedy = f"sudo chown -R {os.getuid()} {quoted}, or choose another --home"
            return Check(name, "fail", f"{folder} belongs to another user (uid {info.st_uid})", remedy)
        if info.st_mode & 0o077:
            return Check(name, "fail", f"{folder} is open to others ({info.st_mode & 0o777:o})", f"chmod 700 {quoted}")
        if not os.access(folder, os.W_OK | os.X_OK):
            return Check(name, "fail", f"{folder} cannot be written", f"chmod 700 {quoted}")
        open_files = sorted(file for file in folder.rglob("*") if file.is_file() and file.stat().st_mode & 0o077)
    except OSError as error:
        return Check(name, "fail", f"{folder}: {error.strerror}", f"sudo chown -R {os.getuid()} {quoted}")
    if open_files:
        remedy = f"find {quoted} -type f -exec chmod 600 {{}} +"
        return Check(name, "fail", f"{open_files[0]} is open to others ({len(open_files)} such files)", remedy)
    return Check(name, "ok", f"{folder}, private")


def configuration(home: Home) -> list[Check]:
    """Whether it is valid, which exchange it names, and whether real money is locked out."""
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
    source = loaded.source("safety.simulation_only")
    if loaded.settings.safety.simulation_only:
        lines.append(Check("real money", "ok", f"locked out: TRADING_SIMULATION_ONLY is true (from {source})"))
    else:
        remedy = "unset TRADING_SIMULATION_ONLY, or polotui config set safety.simulation_only true"
        lines.append(
            Check("real money", "warn", f"not locked out: TRADING_SIMULATION_ONLY is false ({source})", remedy)
        )
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


async def engine(home: Home) -> list[Check]:
    """The running engine's own word; none running is fine."""
    try:
        link = await attach(home, face="doctor", read_only=True)
    except EngineGone as error:
        if home.socket.exists() and "does not answer" in error.cause:
            return [Check("engine", "fail", error.cause, error.next_step)]
        return [Check("engine", "ok", "none is running")]
    except PolotuiError as error:
        return [Check("engine", "fail", error.cause, error.next_step)]
    try:
        status: Status = await link.call(GetStatus(), seconds=5)
        health: Health = await link.call(GetHealth(), seconds=5)
    except PolotuiError as error:
        return [Check("engine", "fail", error.cause, error.next_step)]
    finally:
        await link.close()
    return [*_engine_lines(status), *_health_lines(health)]


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
