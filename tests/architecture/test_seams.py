"""Nothing goes around the seams: clock, chance, network, database, processes, signals have one reader each.

Without this the virtual-time rig would be a fiction: one `time.time()` in the engine, and a seed no longer replays.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.imports import PACKAGE, ROOT, modules

#: What may not be used, what to use instead, and the files that are the seam (or only name its type).
RULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "time": ("polotui.core.clock", ("core/clock.py",)),
    "datetime.datetime.now": ("polotui.core.clock", ()),
    "datetime.datetime.utcnow": ("polotui.core.clock", ()),
    "datetime.datetime.today": ("polotui.core.clock", ()),
    "datetime.date.today": ("polotui.core.clock", ()),
    "random": ("polotui.core.ids.Chance", ("core/ids.py", "simulator/market_model.py")),
    "secrets": ("polotui.core.ids.Chance", ("core/ids.py",)),
    "uuid": ("polotui.core.ids.Chance", ()),
    "os.urandom": ("polotui.core.ids.Chance", ()),
    # Arrays of draws, seeded with words drawn from Chance.
    "numpy.random": ("polotui.core.ids.Chance", ("simulator/history.py", "metrics/monte_carlo.py")),
    "subprocess": ("polotui.core.spawn", ("core/spawn.py",)),
    "multiprocessing": ("polotui.core.spawn", ()),
    "asyncio.create_subprocess_exec": ("polotui.core.spawn", ("core/spawn.py", "tui/shell/")),
    "asyncio.create_subprocess_shell": ("polotui.core.spawn", ()),
    "os.system": ("polotui.core.spawn", ()),
    "threading": ("the event loop, or core.threads for computing", ("core/threads.py",)),
    "concurrent.futures": ("the event loop", ()),
    "asyncio.to_thread": ("storage's transact, or write small files inline", ()),
    "signal": ("polotui.core.signals", ("core/signals.py", "core/spawn.py", "tui/")),
    "socket": ("the event loop's own connections", ("engine/server.py",)),
    "select": ("the event loop", ()),
    "requests": ("httpx in polotui.poloniex.transport", ()),
    "urllib.request": ("httpx in polotui.poloniex.transport", ()),
    "aiosqlite": ("polotui.storage.database", ("storage/",)),
    "sqlite3": ("polotui.storage.database", ("storage/", "cli/checks.py", "cli/safety.py")),
    "httpx": ("polotui.poloniex.transport", ("poloniex/",)),
    "websockets": ("polotui.poloniex.sockets", ("poloniex/", "simulator/")),
}


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def uses(source: str) -> list[tuple[int, str]]:
    """Every dotted name a module imports or reads, with imported aliases resolved."""
    tree = ast.parse(source)
    aliases: dict[str, str] = {}
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                aliases[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
                found.append((node.lineno, alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                found.append((node.lineno, f"{node.module}.{alias.name}"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := dotted(node)):
            head, _, rest = name.partition(".")
            if head in aliases:
                found.append((node.lineno, f"{aliases[head]}.{rest}"))
    return found


def around_the_seams(path: Path, source: str) -> list[str]:
    inside = path.relative_to(PACKAGE).as_posix()
    wrong = []
    for line, name in uses(source):
        for forbidden, (instead, seams) in RULES.items():
            if (name == forbidden or name.startswith(forbidden + ".")) and not inside.startswith(seams or ("\0",)):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {name}; use {instead}")
    return wrong


def test_nothing_goes_around_the_seams() -> None:
    wrong = [finding for path in modules() for finding in around_the_seams(path, path.read_text())]
    assert not wrong, "\n".join(wrong)


def copies_of_beside(source: str) -> list[int]:
    """Lines that take `beside` out of its module: the rig replaces it there, and would not reach the copy."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module == "polotui.core.threads"
        and any(alias.name == "beside" for alias in node.names)
    ]  # fmt: skip


def test_threads_are_started_through_their_module() -> None:
    wrong = [f"{path}:{line}" for path in modules() for line in copies_of_beside(path.read_text())]
    assert not wrong, "\n".join(wrong)
    assert copies_of_beside("import os\nfrom polotui.core.threads import beside, Lock") == [2]


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "from time import monotonic",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime as d\nd.now()",
        "import random",
        "from uuid import uuid4",
        "import os\nos.urandom(8)",
        "import numpy as np\nnp.random.rand()",
        "import subprocess",
        "import asyncio\nasyncio.create_subprocess_exec('x')",
        "import asyncio\nasyncio.to_thread(print)",
        "import threading",
        "import sqlite3",
        "import aiosqlite",
        "import socket",
        "import signal",
        "def late():\n    import secrets",
    ],
)
def test_the_lint_bites(source: str) -> None:
    assert around_the_seams(PACKAGE / "market" / "planted.py", source)


def test_the_clock_itself_may_be_used() -> None:
    source = "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)\nimport asyncio\nasyncio.sleep(1)"
    assert not around_the_seams(PACKAGE / "market" / "fine.py", source)
