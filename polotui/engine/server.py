"""The API's server on the Unix socket.

Decided here: the folder is 0700, the socket 0600 and the peer's uid must be ours; requests of one connection run side
by side (a slow one does not hold up the rest), at most 64 at once; a connection's events are written only while its
buffer is below 1 MiB, so a face that does not read costs a bounded amount of memory and nobody any time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from polotui import __version__
from polotui.api import PROTOCOL, wire
from polotui.api.command import Command
from polotui.api.commands import Hello
from polotui.api.events import AnyEvent, Event, Fact, Notice
from polotui.api.replies import Welcome
from polotui.core.errors import ErrorRecord, Locked, PolotuiError, Refused
from polotui.core.files import private_folder
from polotui.engine.hub import Hub, Subscriber

log = logging.getLogger("polotui.engine.server")

BUFFER_LIMIT = 1024 * 1024
MAX_CALLS = 64
BATCHES_UNDER_WAY = 2
MAX_FACES = 1_000
_STRENGTH = {"viewer": 0, "operator": 1, "trader": 2, "admin": 3}


class Backend(Protocol):
    """What the server needs of the engine."""

    hub: Hub

    async def handle(self, command: Command) -> Any:
        """The reply struct of `command`; raises PolotuiError."""
        ...

    async def facts_after(self, number: int, limit: int) -> list[Fact]: ...

    def last_fact(self) -> int: ...

    def mode(self) -> str: ...


class Server:
    """Listens on `path` and serves every connection until `close`."""

    def __init__(self, path: Path, backend: Backend, on_faces: Callable[[int], None]) -> None:
        self._path = path
        self._backend = backend
        self._on_faces = on_faces
        self._server: asyncio.Server | None = None
        self._connections: dict[_Connection, asyncio.Task[None]] = {}

    @property
    def faces(self) -> int:
        return len(self._connections)

    async def start(self) -> None:
        """Binds the socket. The caller holds the instance lock, so a leftover socket belongs to a dead engine."""
        private_folder(self._path.parent)
        self._path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, str(self._path))
        finally:
            os.umask(old)

    async def close(self, notice: str = "") -> None:
        """Tells every face that the engine ends, then closes all."""
        if self._server is not None:
            self._server.close()
        for connection, task in list(self._connections.items()):
            if notice:
                connection.send(wire.Batch([Notice(kind="ending", text=notice)]))
            task.cancel()
        await asyncio.gather(*self._connections.values(), return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not _is_ours(writer) or len(self._connections) >= MAX_FACES:
            writer.close()
            return
        connection = _Connection(reader, writer, self._backend)
        self._connections[connection] = asyncio.create_task(self._serve(connection, writer), name="face")
        self._on_faces(self.faces)

    async def _serve(self, connection: _Connection, writer: asyncio.StreamWriter) -> None:
        try:
            await connection.run()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the face left; that is how connections end
        except wire.BrokenFrame as error:
            log.warning("connection closed: broken frame", extra={"detail": str(error)[:200]})
        finally:
            del self._connections[connection]
            self._on_faces(self.faces)
            writer.close()


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, backend: Backend) -> None:
        self._reader = reader
        self._writer = writer
        self._backend = backend
        self._subscriber = Subscriber(backend.hub)
        self._role = ""
        self._face = "unknown"
        self._calls = asyncio.Semaphore(MAX_CALLS)
        self._answering: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._room = asyncio.Event()
        self._room.set()

    async def run(self) -> None:
        """Serves until the face leaves or this task is cancelled; no task of the connection outlives it.

        Plain tasks and no TaskGroup: on Python 3.11 a group can lose a cancellation that meets a child's failure.
        """
        pump = asyncio.create_task(self._pump(), name="face-events")
        listening = asyncio.create_task(self._listen(), name="face-requests")
        try:
            done, _ = await asyncio.wait({pump, listening}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            tasks = [pump, listening, *self._answering]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._backend.hub.unsubscribe(self._subscriber)

    async def _listen(self) -> None:
        while True:
            frame = wire.decode_from_face(await wire.read_frame(self._reader))
            if isinstance(frame, wire.Subscribe):
                self._subscribe(frame)
            elif isinstance(frame, wire.Taken):
                self._taken(frame.batches)
            elif isinstance(frame.command, Hello):
                # At once and not in a task: what follows on the connection counts on it.
                self.send(wire.Reply(frame.id, wire.encode_body(self._hello(frame.command))))
            else:
                await self._calls.acquire()
                task = asyncio.create_task(self._answer(frame), name="face-call")
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)

    def send(self, frame: wire.FromEngine) -> None:
        if not self._writer.is_closing():
            self._writer.write(wire.encode(frame))

    def _taken(self, batches: int) -> None:
        self._under_way = max(0, self._under_way - batches)
        if self._under_way < BATCHES_UNDER_WAY:
            self._room.set()

    def _subscribe(self, frame: wire.Subscribe) -> None:
        if not self._role:
            return  # nothing before hello
        after = self._backend.last_fact() if frame.facts_after == -1 else frame.facts_after
        self._backend.hub.subscribe(self._subscriber, frame.topics, rate=frame.rate, facts_after=after)

    async def _answer(self, request: wire.Request) -> None:
        try:
            reply = await self._reply(request.command)
            self.send(wire.Reply(request.id, wire.encode_body(reply)))
        except PolotuiError as error:
            self.send(wire.Reply(request.id, error=error.record(f"{self._face}-{request.id}")))
        except Exception as error:
            log.exception("use case failed", extra={"command": type(request.command).__name__})
            self.send(wire.Reply(request.id, error=_bug(error, f"{self._face}-{request.id}")))
        finally:
            self._calls.release()

    async def _reply(self, command: Command) -> Any:
        if not self._role:
            raise Refused("The first command on a connection must be hello.", code="no-hello")
        if _STRENGTH[self._role] < _STRENGTH[command.role]:
            raise Locked(
                f"This needs the role {command.role}; this face is a {self._role}.",
                safe="Nothing was changed.",
                next_step="Start the face without --read-only.",
            )
        return await self._backend.handle(command)

    def _hello(self, command: Hello) -> Welcome:
        self._face = command.face[:20]
        # Different protocols get the welcome too: the face words the advice, and may do nothing else.
        if command.protocol == PROTOCOL:
            self._role = "viewer" if command.read_only else "admin"
        return Welcome(
            protocol=PROTOCOL,
            version=__version__,
            pid=os.getpid(),
            mode=self._backend.mode(),
            last_fact=self._backend.last_fact(),
            role=self._role,
        )

    async def _pump(self) -> None:
        transport = self._writer.transport
        subscriber = self._subscriber
        while True:
            await subscriber.wake.wait()
            await self._room.wait()
            if transport.get_write_buffer_size() > BUFFER_LIMIT:
                await asyncio.sleep(0.1)
                continue
            events: list[Event] = subscriber.collect()
            events += await self._facts()
            if events:
                self.send(wire.Batch(_typed(events)))
                self._under_way += 1
                if self._under_way >= BATCHES_UNDER_WAY:
                    self._room.clear()
            await asyncio.sleep(1.0 / subscriber.rate)

    async def _facts(self) -> list[Fact]:
        subscriber = self._subscriber
        if not subscriber.wants_facts or subscriber.facts_after >= self._backend.last_fact():
            return []
        facts = await self._backend.facts_after(subscriber.facts_after, 200)
        if facts:
            subscriber.facts_after = facts[-1].number
            if subscriber.facts_after < self._backend.last_fact():
                subscriber.wake.set()
        return facts


def _typed(events: list[Event]) -> list[AnyEvent]:
    return events  # type: ignore[return-value]


def _bug(error: Exception, request_id: str) -> ErrorRecord:
    return ErrorRecord(
        code="internal",
        cause=f"A fault in the engine: {type(error).__name__}.",
        safe="The engine goes on; this request was not finished.",
        next_step="polotui logs shows the details; please report them.",
        request_id=request_id,
    )


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """True when the peer runs as our user. The folder's mode says the same; this is the second lock."""
    peer: Any = writer.get_extra_info("socket")
    if peer is None:
        return False
    if sys.platform == "linux":
        _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    else:
        # LOCAL_PEERCRED of macOS and the BSDs: struct xucred starts with a version and the uid.
        _, uid = struct.unpack("Ii", peer.getsockopt(0, 0x001, 76)[:8])
    return bool(uid == os.getuid())
