"""Finding the engine of a home, or starting it.

Decided here: a face starts the engine as a process of its own and never imports it. Two faces that start one at the
same moment are no problem: the second engine finds the lock taken and ends, and both faces meet on the socket.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from polotui.api.commands import StopEngine
from polotui.api.socket_link import SocketLink
from polotui.core import spawn
from polotui.core.errors import EngineGone
from polotui.core.paths import Home
from polotui.core.text import clean

START_SECONDS = 15.0


def start_engine(home: Home, root: str | None, arguments: Sequence[str] = ()) -> int:
    """Starts an engine for `home` in the background; returns its pid at once.

    `root` is what the user gave as --home, None for the platform's folders. `arguments` go to `polotui.engine`.
    """
    home.make()
    where = ["--home", root] if root is not None else []
    return spawn.start_detached("polotui.engine", ["run", *where, *arguments], log=home.logs / "engine.out")


async def attach(home: Home, *, face: str, read_only: bool = False) -> SocketLink:
    """The running engine's link. Raises EngineGone when there is none."""
    return await SocketLink.connect(home.socket, face=face, read_only=read_only)


async def attach_or_start(
    home: Home, root: str | None, *, face: str, read_only: bool = False, arguments: Sequence[str] = ()
) -> SocketLink:
    """The engine's link; starts the engine when there is none and waits until it answers."""
    try:
        link = await attach(home, face=face, read_only=read_only)
        if not _other_demo(home, arguments):
            return link
        await _stop(home, link)
        raise EngineGone("The demo is started with other options.")
    except EngineGone:
        pid = start_engine(home, root, arguments)
    pause = 0.02
    waited = 0.0
    while waited < START_SECONDS:
        await asyncio.sleep(pause)
        waited += pause
        pause = min(pause * 1.5, 0.2)
        try:
            return await attach(home, face=face, read_only=read_only)
        except EngineGone:
            if spawn.ended(pid):
                # Another engine may have won the race for the lock; only silence of both is a failure.
                pid = 0
                waited = max(waited, START_SECONDS - 2.0)
    raise EngineGone(
        f"The engine did not start. {_last_words(home)}".strip(),
        safe="Nothing was changed.",
        next_step=f"Its last words are in {home.logs / 'engine.out'}; polotui engine run shows them here.",
    )


def _last_words(home: Home) -> str:
    """What the engine said before it ended, safe to print; "" when it said nothing."""
    try:
        lines = (home.logs / "engine.out").read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return clean(lines[-1], 300) if lines else ""


#: Options of `polotui.engine run` that choose the demo's market, each followed by its value.
_MARKET_OPTIONS = ("--data", "--speed", "--seed", "--symbols")


def _other_demo(home: Home, arguments: Sequence[str]) -> bool:
    """True when the caller names a demo market and the running one is another."""
    wanted = [word for at, word in enumerate(arguments) if {word, arguments[at - 1] if at else ""} & {*_MARKET_OPTIONS}]
    if "--demo" not in arguments or not wanted:
        return False
    try:
        return bool(json.loads(home.demo_file.read_text()) != wanted)
    except (OSError, ValueError):
        return True


async def _stop(home: Home, link: SocketLink) -> None:
    """Ends the demo's engine: its market is virtual, and so is everything it would go on with."""
    await link.call(StopEngine(force=True))
    await link.close()
    waited = 0.0
    while home.socket.exists() and waited < START_SECONDS:
        await asyncio.sleep(0.05)
        waited += 0.05
