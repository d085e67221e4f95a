"""The socket: hello first, roles, errors as records, conflation towards a face that does not read, no leftovers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from polotui.api import wire
from polotui.api.command import Command
from polotui.api.commands import GetStatus, GetTickers, StopEngine
from polotui.api.events import Fact, Notice, TradesBatch, WatchState
from polotui.api.replies import Done, Source, Tickers
from polotui.api.socket_link import SocketLink
from polotui.api.values import WatchRow
from polotui.core.clock import SystemClock
from polotui.core.errors import EngineGone, PolotuiError, UsageError
from polotui.engine.hub import Hub
from polotui.engine.server import Server
from polotui.model.market import Trade


class Backend:
    """The smallest engine: two use cases and a list of facts."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.hub = Hub(SystemClock(), self.store)
        self.hub.provide("watch", lambda topic, key: WatchState(row=WatchRow(symbol=key, last=self.price)))
        self.price = 1.0
        self.gate = asyncio.Event()

    def store(self, kind: str, level: Any, text: str, symbol: str) -> None:
        self.facts.append(Fact(number=len(self.facts) + 1, kind=kind, level=level, text=text, symbol=symbol))
        self.hub.facts_stored()

    async def handle(self, command: Command) -> Any:
        if isinstance(command, StopEngine):
            return Done(text="stopping")
        if isinstance(command, GetTickers):
            await self.gate.wait()
            return Tickers(tickers=[], source=Source(name="cache"))
        if isinstance(command, GetStatus):
            raise ZeroDivisionError("a planted bug")
        raise UsageError("no such thing", next_step="try another")

    async def facts_after(self, number: int, limit: int) -> list[Fact]:
        return self.facts[number : number + limit]

    def last_fact(self) -> int:
        return len(self.facts)

    def mode(self) -> str:
        return "PAPER"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Backend, Path, Server]]:
    backend = Backend()
    # A socket's path must be short; pytest's folders are not.
    path = Path(os.path.relpath(tmp_path / "e.sock"))
    server = Server(path, backend, lambda count: None)
    await server.start()
    yield backend, path, server
    await server.close()


async def test_socket_is_private(served: tuple[Backend, Path, Server]) -> None:
    _, path, _ = served
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_a_slow_call_does_not_hold_up_others(served: tuple[Backend, Path, Server]) -> None:
    backend, path, _ = served
    link = await SocketLink.connect(path, face="test")
    slow = asyncio.create_task(link.call(GetTickers()))
    assert (await link.call(StopEngine())).text == "stopping"
    assert not slow.done()
    backend.gate.set()
    assert (await slow).source.name == "cache"
    await link.close()


async def test_errors_are_records_and_bugs_do_not_end_the_connection(served: tuple[Backend, Path, Server]) -> None:
    _, path, _ = served
    link = await SocketLink.connect(path, face="test")
    with pytest.raises(PolotuiError) as caught:
        await link.call(GetStatus())
    record = caught.value.record()
    assert record.code == "internal"
    assert record.request_id.startswith("test-")
    assert (await link.call(StopEngine())).text == "stopping"
    await link.close()


async def test_read_only_face_may_not_change_anything(served: tuple[Backend, Path, Server]) -> None:
    _, path, _ = served
    link = await SocketLink.connect(path, face="test", read_only=True)
    with pytest.raises(PolotuiError) as caught:
        await link.call(StopEngine())
    assert caught.value.record().exit_code == 5
    await link.close()


async def test_events_arrive_conflated_and_facts_complete(served: tuple[Backend, Path, Server]) -> None:
    backend, path, _ = served
    link = await SocketLink.connect(path, face="test")
    for number in range(450):
        backend.hub.fact("engine", "info", f"fact {number}")
    backend.hub.touch("watch", "BTC_USDT")
    facts: list[int] = []
    rows: list[WatchState] = []
    async with asyncio.timeout(20):
        async for batch in link.events(["watch", "facts"], facts_after=0):
            facts += [event.number for event in batch if isinstance(event, Fact)]
            rows += [event for event in batch if isinstance(event, WatchState)]
            if len(facts) >= 450 and rows:
                break
    assert facts == list(range(1, 451))
    assert rows[-1].row.symbol == "BTC_USDT"
    await link.close()


async def test_a_face_that_does_not_read_costs_bounded_memory_and_misses_are_told(
    served: tuple[Backend, Path, Server],
) -> None:
    backend, path, _ = served
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1024)
    writer.write(wire.encode(wire.Request(1, _hello())))
    writer.write(wire.encode(wire.Subscribe(["trades:X"], 10.0, 0)))
    await wire.read_frame(reader)
    backend.hub.add("trades:X", [Trade(0, 0, 1.0, 1.0, True)])
    await wire.read_frame(reader)
    writer.write(wire.encode(wire.Taken(1)))
    sent = 1
    connection = next(iter(served[2]._connections))
    # The face reads nothing; the engine goes on publishing and its buffer stays bounded.
    for _ in range(400):
        backend.hub.add("trades:X", [Trade(sent + n, 0, 1.0, 1.0, True) for n in range(500)])
        sent += 500
        await asyncio.sleep(0)
    assert connection._writer.transport.get_write_buffer_size() <= 2 * 1024 * 1024
    got, missed = 1, 0
    async with asyncio.timeout(20):
        while got + missed < sent:
            frame = wire.decode_from_engine(await wire.read_frame(reader))
            assert isinstance(frame, wire.Batch)
            writer.write(wire.encode(wire.Taken(1)))
            for event in frame.events:
                assert isinstance(event, TradesBatch)
                got += len(event.trades)
                missed += event.missed
    assert got + missed == sent
    assert missed > 0
    writer.close()


async def test_broken_frames_end_the_connection_only(served: tuple[Backend, Path, Server]) -> None:
    _, path, _ = served
    for garbage in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x05hello", b"\x00\x00\x00\x01\xc1"):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(garbage)
        assert await reader.read() == b""
        writer.close()
    link = await SocketLink.connect(path, face="test")
    assert (await link.call(StopEngine())).text == "stopping"
    await link.close()


async def test_closing_tells_faces_and_leaves_nothing(tmp_path: Path) -> None:
    backend = Backend()
    path = Path(os.path.relpath(tmp_path / "e.sock"))
    server = Server(path, backend, lambda count: None)
    await server.start()
    link = await SocketLink.connect(path, face="test")
    events = link.events(["watch"])
    backend.hub.touch("watch", "A")
    await anext(events)
    await server.close("the engine ends")
    (notice,) = await anext(events)
    assert isinstance(notice, Notice)
    with pytest.raises(EngineGone):
        await anext(events)
    with pytest.raises(EngineGone):
        await link.call(StopEngine())
    await link.close()
    assert not path.exists()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others


def _hello() -> Any:
    from polotui.api.commands import Hello

    return Hello(version="0", face="raw")
