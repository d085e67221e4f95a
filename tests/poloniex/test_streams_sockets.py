"""The stream against real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.poloniex.fast_sockets import PicowsConnector
from polotui.poloniex.sockets import WebsocketsConnector
from polotui.poloniex.stream_wire import Ack, TradeMessage
from polotui.poloniex.streams import Stream, StreamSettings
from tests.poloniex.peers import Heard

TRADE = (
    '{"channel":"trades","data":[{"symbol":"BTC_USDT","amount":"1399.4373582","quantity":"0.021964","takerSide":"buy",'
    '"createTime":1786614232189,"price":"63715.05","id":"232648447","ts":1786614232198}]}'
)


@asynccontextmanager
async def running(stream: Stream) -> AsyncIterator[None]:
    task = asyncio.create_task(stream.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True, params=[WebsocketsConnector, PicowsConnector])
def either_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of this file runs on both transports."""
    monkeypatch.setattr("polotui.poloniex.streams.best_connector", request.param)


async def test_it_subscribes_and_hands_on_every_message() -> None:
    async def peer(connection: ServerConnection) -> None:
        async for text in connection:
            frame = json.loads(text)
            if frame["event"] == "subscribe":
                await connection.send(json.dumps({**frame, "channel": frame["channel"][0]}))
                await connection.send(TRADE)

    async with serve(peer, "127.0.0.1", 0) as server:
        heard = Heard()
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/public"
        stream = Stream(url, heard, clock=SystemClock(), chance=Chance(1))
        stream.subscribe("trades", ["BTC_USDT"])
        async with running(stream):
            await heard.until(lambda: len(heard.messages) == 2)

    assert heard.messages[0] == Ack("subscribe", "trades", ("BTC_USDT",))
    assert isinstance(heard.messages[1], TradeMessage)
    assert heard.messages[1].id == 232648447
    assert heard.phases == ["connecting", "open", "closed"]


async def test_it_reconnects_and_subscribes_again_after_the_server_drops_it() -> None:
    connections = []

    async def peer(connection: ServerConnection) -> None:
        connections.append(connection)
        await connection.recv()
        await connection.send(TRADE)
        if len(connections) == 1:
            connection.transport.abort()
        await connection.wait_closed()

    async with serve(peer, "127.0.0.1", 0) as server:
        heard = Heard()
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/public"
        stream = Stream(url, heard, clock=SystemClock(), chance=Chance(1), settings=StreamSettings(base_s=0.01))
        stream.subscribe("trades", ["BTC_USDT"])
        async with running(stream):
            await heard.until(lambda: len(connections) == 2 and len(heard.messages) >= 1 and heard.phases[-1] == "open")

    assert "waiting" in heard.phases


async def test_a_half_open_socket_is_found_and_left() -> None:
    connections = []

    async def peer(connection: ServerConnection) -> None:
        connections.append(connection)
        if len(connections) == 1:
            # It reads nothing and says nothing, but the socket stays open.
            connection.transport.pause_reading()
        await connection.wait_closed()

    async with serve(peer, "127.0.0.1", 0, ping_interval=None) as server:
        heard = Heard()
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/public"
        settings = StreamSettings(ping_s=0.05, pong_s=0.05, silence_s=1.0, base_s=0.01)
        stream = Stream(url, heard, clock=SystemClock(), chance=Chance(1), settings=settings)
        async with running(stream):
            await heard.until(lambda: heard.phases.count("open") >= 2)
        for connection in connections:
            connection.transport.abort()

    assert any("no pong" in state.reason for state in heard.states)


async def test_a_refused_port_and_a_refused_handshake_are_reasons_and_not_crashes() -> None:
    def deny(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(403, "no")

    async with serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0, process_request=deny) as server:
        port = server.sockets[0].getsockname()[1]
        reason = await first_reason(f"ws://127.0.0.1:{port}/ws/public")
        assert "403" in reason
    reason = await first_reason(f"ws://127.0.0.1:{port}/ws/public")
    assert reason.startswith(("ConnectionRefusedError", "OSError"))


async def test_a_frame_beyond_the_limit_ends_the_connection() -> None:
    async def peer(connection: ServerConnection) -> None:
        await connection.send("x" * 100_000)
        await connection.wait_closed()

    async with serve(peer, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/public"
        reason = await first_reason(url, WebsocketsConnector(max_frame=10_000))
    assert "1009" in reason


async def test_a_peer_that_never_answers_the_handshake_is_left() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/public"
        assert "no connection within" in await first_reason(url, WebsocketsConnector(open_timeout_s=0.1))


async def first_reason(url: str, connector: WebsocketsConnector | None = None) -> str:
    """Why the first connection failed."""
    heard = Heard()
    stream = Stream(url, heard, clock=SystemClock(), chance=Chance(1), connector=connector)
    async with running(stream):
        await heard.until(lambda: heard.phase == "waiting")
    return next(state.reason for state in heard.states if state.phase == "waiting")
