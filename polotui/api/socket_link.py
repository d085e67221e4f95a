"""`SocketLink`: the engine over its Unix socket.

Decided here: one reader task per connection owns the socket's input and hands replies to their callers and batches
to a bounded queue. Each batch that the face takes is acknowledged; the engine keeps two on their way and conflates
meanwhile, so a slow face sees the newest state and not a queue of old ones. No fact is lost, because facts are
numbered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from polotui import __version__
from polotui.api import PROTOCOL, wire
from polotui.api.command import Command
from polotui.api.commands import Hello
from polotui.api.events import AnyEvent
from polotui.api.replies import Welcome
from polotui.core.errors import EngineGone, RemoteError, Unreachable

CALL_SECONDS = 60.0
_QUEUE = 8


class SocketLink:
    """One connection. Make it with `await SocketLink.connect(path, face="tui")`; it does not reconnect by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next = 0
        self._waiting: dict[int, asyncio.Future[wire.Reply]] = {}
        self._batches: asyncio.Queue[list[AnyEvent] | None] = asyncio.Queue(_QUEUE)
        self._gone: EngineGone | None = None
        self._ended = False
        self._task: asyncio.Task[None] | None = None
        self.welcome: Welcome | None = None

    @classmethod
    async def connect(cls, path: Path, *, face: str, read_only: bool = False, seconds: float = 3.0) -> SocketLink:
        """Connects and says hello. Raises EngineGone when nobody answers, RemoteError when the engine refuses."""
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_unix_connection(str(path))
        except (OSError, TimeoutError) as error:
            raise EngineGone(
                "No engine is running here.", safe="Nothing was changed.", next_step="Start it: polotui engine start."
            ) from error
        link = cls(reader, writer)
        link._task = asyncio.create_task(link._read(), name="socket-link")
        try:
            async with asyncio.timeout(seconds):
                link.welcome = await link.call(Hello(version=__version__, face=face, read_only=read_only))
        except TimeoutError as error:
            await link.close()
            raise EngineGone(
                "The engine does not answer on its socket.",
                next_step="See its log: polotui logs. Restart it: polotui engine stop, then polotui engine start.",
            ) from error
        except BaseException:
            await link.close()
            raise
        if link.welcome is not None and link.welcome.protocol != PROTOCOL:
            theirs = link.welcome.version
            await link.close()
            raise Unreachable(
                f"The engine is version {theirs}, this face is {__version__}; they do not understand each other.",
                safe="The engine goes on.",
                next_step="Restart the engine: polotui engine stop, then polotui engine start.",
            )
        return link

    async def call(self, command: Command, *, seconds: float = CALL_SECONDS) -> Any:
        if self._gone is not None:
            raise self._gone
        self._next += 1
        number = self._next
        future: asyncio.Future[wire.Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._writer.write(wire.encode(wire.Request(number, command)))  # type: ignore[arg-type]
            async with asyncio.timeout(seconds):
                reply = await future
        except TimeoutError as error:
            raise Unreachable(
                f"The engine gave no answer within {seconds:.0f} s.",
                safe="Whether it was done is not known.",
                next_step="Look at polotui health, then try again.",
            ) from error
        except OSError as error:
            raise self._lost() from error
        finally:
            self._waiting.pop(number, None)
        if reply.error is not None:
            raise RemoteError(reply.error)
        return msgspec.msgpack.decode(reply.body, type=type(command).reply)

    async def events(
        self, topics: Sequence[str], *, rate: float = 10.0, facts_after: int = -1
    ) -> AsyncIterator[list[AnyEvent]]:
        if self._gone is not None:
            raise self._gone
        self._writer.write(wire.encode(wire.Subscribe(list(topics), rate, facts_after)))
        while True:
            if self._ended and self._batches.empty():
                raise self._lost()
            batch = await self._batches.get()
            if batch is None:
                raise self._lost()
            if not self._ended:
                self._writer.write(wire.encode(wire.Taken(1)))
            yield batch

    async def retopic(self, topics: Sequence[str], *, rate: float = 10.0) -> None:
        if self._gone is not None:
            raise self._gone
        self._writer.write(wire.encode(wire.Subscribe(list(topics), rate, -2)))

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass  # the other side was faster; the socket is closed either way

    async def _read(self) -> None:
        try:
            while True:
                frame = wire.decode_from_engine(await wire.read_frame(self._reader))
                if isinstance(frame, wire.Reply):
                    future = self._waiting.get(frame.id)
                    if future is not None and not future.done():
                        future.set_result(frame)
                else:
                    await self._batches.put(frame.events)
        except (OSError, asyncio.IncompleteReadError, wire.BrokenFrame):
            pass  # told to every caller below
        finally:
            gone = self._lost()
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(gone)
                    future.exception()  # a caller that has gone away needs no report of its own
            # What arrived before the end is still taken, in order; a full queue needs no wake-up.
            self._ended = True
            if not self._batches.full():
                self._batches.put_nowait(None)

    def _lost(self) -> EngineGone:
        if self._gone is None:
            self._gone = EngineGone(
                "The connection to the engine ended.",
                safe="What was acknowledged is stored; figures on the screen are as of that moment.",
                next_step="polotui engine start starts it again.",
            )
        return self._gone
