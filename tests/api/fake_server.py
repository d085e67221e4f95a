"""A scripted engine on a real Unix socket, for tests of faces: it says what it was told to say, and remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from polotui import __version__
from polotui.api import PROTOCOL, wire
from polotui.api.command import Command
from polotui.api.commands import Hello
from polotui.api.events import AnyEvent
from polotui.api.replies import Welcome
from polotui.core.errors import PolotuiError

#: Instead of an answer: nothing at all, or the end of the connection.
SILENCE = object()
HANG_UP = object()
#: No process has this id, so whoever waits for the fake's end need not wait.
NOBODY = 2**22 + 12345

Answer = Any | Callable[[Any], Any]


class FakeEngine:
    """`answers` maps a command's type to a reply, a PolotuiError, SILENCE, HANG_UP, or a function giving one."""

    def __init__(
        self,
        socket: Path,
        answers: Mapping[type, Answer] | None = None,
        *,
        batches: Sequence[list[AnyEvent]] = (),
        protocol: int = PROTOCOL,
        last_fact: int = 0,
    ) -> None:
        self._socket = socket
        self.answers = dict(answers or {})
        self._batches = batches
        self._welcome = Welcome(
            protocol=protocol, version=__version__, pid=NOBODY, mode="DEMO", last_fact=last_fact, role="admin"
        )
        self.heard: list[Command] = []
        self.subscribed: list[wire.Subscribe] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> FakeEngine:
        self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self._socket))
        self._socket.chmod(0o600)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()
        self._socket.unlink(missing_ok=True)

    def hang_up(self) -> None:
        """Ends every connection."""
        for writer in self._writers:
            writer.close()

    async def send(self, *events: AnyEvent) -> None:
        """One batch to every connection."""
        await self.send_raw(wire.encode(wire.Batch(list(events))))

    async def send_raw(self, data: bytes) -> None:
        for writer in self._writers:
            if not writer.is_closing():
                writer.write(data)
                await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while True:
                frame = wire.decode_from_face(await wire.read_frame(reader))
                if isinstance(frame, wire.Taken):
                    continue
                if isinstance(frame, wire.Subscribe):
                    self.subscribed.append(frame)
                    for batch in self._batches:
                        writer.write(wire.encode(wire.Batch(batch)))
                    continue
                self.heard.append(frame.command)
                answer = self._answer(frame.command)
                if answer is HANG_UP:
                    break
                if answer is not SILENCE:
                    writer.write(wire.encode(_reply(frame.id, answer)))
        except (OSError, asyncio.IncompleteReadError):
            pass  # the face left
        finally:
            writer.close()

    def _answer(self, command: Command) -> Any:
        if isinstance(command, Hello):
            return self.answers.get(Hello, self._welcome)
        answer = self.answers[type(command)]
        return answer(command) if callable(answer) and answer is not SILENCE else answer


def _reply(number: int, answer: Any) -> wire.Reply:
    if isinstance(answer, PolotuiError):
        return wire.Reply(number, error=answer.record(f"fake-{number}"))
    return wire.Reply(number, wire.encode_body(answer))


async def until(condition: Callable[[], bool], steps: int = 2_000) -> None:
    """Lets the loop turn until `condition` holds; fails when it never does."""
    for _ in range(steps):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("the condition never came true")
