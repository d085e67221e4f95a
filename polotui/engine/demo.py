"""The demo's exchange: the simulator as a process of its own, found again after the engine was killed.

Decided here: the simulator belongs to the home, not to an engine. It writes where it listens into a file, outlives a
killed engine, so that prices, orders and balances of the demo go on, and ends by itself when nobody has been connected
for a while. Another exchange process, or other options, is another market: candles of the old one are removed with it,
because a chart must not mix two. Only a demo's home is ever treated so; it holds no real money and no downloads.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from polotui.core import spawn
from polotui.core.errors import Refused, Unreachable
from polotui.core.files import write_private
from polotui.core.paths import Home

log = logging.getLogger("polotui.engine.demo")

KEY = "demo-key"
SECRET = "demo-secret"  # noqa: S105 - the simulator's documented account; it opens nothing else
IDLE_EXIT_SECONDS = 75
_START_SECONDS = 20.0


@dataclass(frozen=True)
class DemoExchange:
    """Where the simulated exchange of a home listens."""

    port: int
    pid: int
    title: str

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def public_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/public"

    @property
    def private_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/private"


def announce_file(home: Home) -> Path:
    return home.data / "simulator.json"


def running(home: Home) -> DemoExchange | None:
    """The simulator of this home if its process is alive."""
    try:
        found = json.loads(announce_file(home).read_text())
        exchange = DemoExchange(int(found["port"]), int(found["pid"]), str(found.get("title", "built-in exchange")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return exchange if spawn.alive(exchange.pid) else None


async def ensure(home: Home, arguments: Sequence[str]) -> DemoExchange:
    """The running simulator of this home, or a new one started with `arguments`. None given: whatever runs is right."""
    if home.ledger.exists() and not home.demo_file.exists():
        raise Refused(
            f"The home {home.data} is not a demo's: it holds a ledger of its own.",
            safe="Nothing in it was touched.",
            next_step="Start the demo without --home, or with an empty folder.",
            code="not-a-demo-home",
        )
    exchange = running(home)
    same = not arguments or list(arguments) == started_with(home)
    if exchange is not None and same and await _answers(exchange.port):
        return exchange
    if exchange is not None:
        spawn.terminate(exchange.pid)
    _forget_market(home)
    write_private(home.demo_file, json.dumps(list(arguments)).encode())
    pid = spawn.start_detached(
        "polotui.simulator",
        ["--port", "0", "--announce", str(announce_file(home)), "--idle-exit", str(IDLE_EXIT_SECONDS), *arguments],
        log=home.logs / "simulator.out",
    )
    waited, pause = 0.0, 0.02
    while waited < _START_SECONDS:
        await asyncio.sleep(pause)
        waited += pause
        pause = min(pause * 1.5, 0.2)
        exchange = running(home)
        if exchange is not None and exchange.pid == pid:
            return exchange
        if spawn.ended(pid):
            break
    raise Unreachable(
        "The built-in exchange did not start.",
        safe="No other exchange was contacted.",
        next_step=f"Its last words are in {home.logs / 'simulator.out'}.",
    )


def started_with(home: Home) -> list[str]:
    """The options of the last start; none when there was none."""
    try:
        found = json.loads(home.demo_file.read_text())
    except (OSError, ValueError):
        return []
    return [str(word) for word in found] if isinstance(found, list) else []


def _forget_market(home: Home) -> None:
    announce_file(home).unlink(missing_ok=True)
    for suffix in ("", "-wal", "-shm"):
        home.market.with_name(home.market.name + suffix).unlink(missing_ok=True)


async def _answers(port: int) -> bool:
    try:
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
