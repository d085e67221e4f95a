"""Asking the engine from a command: attach or start, ask, print, leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from polotui.api.attach import attach, attach_or_start
from polotui.api.command import Command
from polotui.api.socket_link import SocketLink
from polotui.cli.where import Where

T = TypeVar("T")
#: An engine that a command started ends a minute after the command, unless somebody else came.
LINGER = ["--linger", "60"]


def with_engine(place: Where, work: Callable[[SocketLink], Awaitable[T]], *, start: bool = True) -> T:
    """`work` with the engine's link. `start` False: raises EngineGone when none runs."""

    async def session() -> T:
        if start:
            link = await attach_or_start(
                place.home, place.root, face="cli", arguments=[*place.engine_arguments, *LINGER]
            )
        else:
            link = await attach(place.home, face="cli")
        try:
            return await work(link)
        finally:
            await link.close()

    return asyncio.run(session())


def ask(place: Where, command: Command, *, start: bool = True) -> object:
    """The reply to one command."""

    async def work(link: SocketLink) -> object:
        reply: object = await link.call(command)
        return reply

    return with_engine(place, work, start=start)
