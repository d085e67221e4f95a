"""Finding the engine of a home, or starting it.

Decided here: a face starts the engine as a process of its own and never imports it. Two faces that start one at the
same moment are no problem: the second engine finds the lock taken and ends, and both faces meet on the socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from polotui.api.socket_link import SocketLink
from polotui.core import spawn
from polotui.core.errors import EngineGone
from polotui.core.paths import Home

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
        return await attach(home, face=face, read_only=read_only)
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
        "The engine did not start.",
        safe="Nothing was changed.",
        next_step=f"Its last words are in {home.logs / 'engine.out'}; polotui engine run shows them here.",
    )
