"""The REST client against a real HTTP server: what is on the wire, and peers that misbehave."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import msgspec
import pytest

from polotui import __version__
from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.poloniex.calls import RestSettings
from polotui.poloniex.errors import BadReply, NotReached, OutcomeUnknown
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import SecretSigner, string_to_sign
from polotui.poloniex.transport import HttpxTransport
from tests.poloniex.peers import Answer, Asked, HttpPeer, as_json, http_peer

SIGNER = SecretSigner("key-1", b"secret-1")


@asynccontextmanager
async def talking(
    answer: Answer, max_body: int = 8 << 20, **settings: object
) -> AsyncIterator[tuple[SpotRest, HttpPeer]]:
    async def with_time(asked: Asked) -> bytes | tuple[int, dict[str, str], bytes]:
        if asked.path == "/timestamp":
            return as_json({"serverTime": SystemClock().wall_ms()})
        return await answer(asked)

    async with http_peer(with_time) as peer:
        rest = SpotRest(
            clock=SystemClock(),
            chance=Chance(3),
            http=HttpxTransport(peer.url, max_body=max_body),
            signer=SIGNER,
            read_only=False,
            settings=RestSettings(**{"tries": 1, **settings}),
        )
        try:
            yield rest, peer
        finally:
            await rest.close()


async def test_what_is_sent_is_what_was_signed() -> None:
    async def answer(asked: Asked) -> bytes:
        return b"[]"

    async with talking(answer) as (rest, peer):
        await rest.fills(symbols="BTC_USDT,币安人生_USDT", limit=5, startTime=7)
        await rest._signed(
            "DELETE", "/orders/cancelByIds", body={"orderIds": ["1"], "clientOrderIds": ["币"]}, form=list
        )
        await rest._signed("DELETE", "/orders/1234567890", form=list)

    for asked in [asked for asked in peer.asked if asked.path != "/timestamp"]:
        params = dict(parse_qsl(asked.query))
        text = string_to_sign(
            asked.method, asked.path, int(asked.headers["signtimestamp"]), params, asked.body.decode()
        )
        assert asked.headers["signature"] == SIGNER.sign(text)
        assert asked.headers["key"] == "key-1"
        assert asked.headers["recvwindow"] == "5000"
    last = peer.asked[-3:]
    assert "symbols=BTC_USDT%2C%E5%B8%81" in last[0].query
    assert last[1].body.decode() == '{"orderIds":["1"],"clientOrderIds":["币"]}'
    assert last[1].headers["content-type"] == "application/json"
    assert last[2].body == b""


async def test_a_symbol_of_any_script_and_a_client_id_keep_their_path() -> None:
    async def answer(asked: Asked) -> bytes:
        if "price" in asked.path:
            return as_json({"symbol": "币安人生_USDT", "price": "2"})
        return as_json({"id": "1", "symbol": "A_B", "side": "BUY", "type": "LIMIT", "state": "NEW"})

    async with talking(answer) as (rest, peer):
        assert (await rest.price("币安人生_USDT")).price == 2
        await rest.order_by_client_id("my-1")
    assert peer.asked[0].path == "/markets/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT/price"
    assert peer.asked[-1].path == "/orders/cid:my-1"


async def test_every_request_names_its_program() -> None:
    async def answer(asked: Asked) -> bytes:
        return b"[]"

    async with talking(answer) as (rest, peer):
        await rest.markets()
    assert peer.asked[0].headers["user-agent"] == f"polotui/{__version__}"


async def test_proxy_settings_of_the_environment_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(asked: Asked) -> bytes:
        return b"[]"

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with talking(answer) as (rest, _):
        assert await rest.markets() == []


async def test_a_peer_that_dribbles_is_left_at_the_deadline() -> None:
    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(dribble, "127.0.0.1", 0)
    async with server:
        rest = _client(server, request_s=0.2)
        with pytest.raises(NotReached, match="no complete answer within"):
            await rest.markets()
        rest = _client(server, request_s=0.2, overall_s=2.0)
        rest._caller._offset._ask = _now  # the peer cannot tell the time
        with pytest.raises(OutcomeUnknown):
            await rest._signed("POST", "/orders", body={}, form=msgspec.Raw)
        await rest.close()


async def _now() -> int:
    return SystemClock().wall_ms()


def _client(server: asyncio.Server, **settings: object) -> SpotRest:
    port = server.sockets[0].getsockname()[1]
    return SpotRest(
        clock=SystemClock(),
        chance=Chance(3),
        base_url=f"http://127.0.0.1:{port}",
        signer=SIGNER,
        read_only=False,
        settings=RestSettings(**{"tries": 1, **settings}),
    )


@pytest.mark.parametrize("ending", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[1,"])
async def test_a_connection_that_breaks_leaves_a_changing_call_open_and_a_read_unanswered(ending: bytes) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ending)
        writer.close()

    server = await asyncio.start_server(break_off, "127.0.0.1", 0)
    async with server:
        rest = _client(server)
        rest._caller._offset._ask = _now
        with pytest.raises(OutcomeUnknown):
            await rest._signed("DELETE", "/orders/1", form=msgspec.Raw)
        with pytest.raises(NotReached):
            await rest.markets()
        await rest.close()


async def test_a_port_where_nobody_listens_means_that_nothing_was_sent() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    rest = _client(server)
    server.close()
    await server.wait_closed()
    rest._caller._offset._ask = _now
    with pytest.raises(NotReached):
        await rest._signed("POST", "/orders", body={}, form=msgspec.Raw)
    await rest.close()


async def test_size_and_compression_have_a_limit() -> None:
    bomb = gzip.compress(b" " * (64 << 20))

    async def answer(asked: Asked) -> bytes | tuple[int, dict[str, str], bytes]:
        kind = asked.query
        if kind.endswith("limit=1"):
            return 200, {"content-encoding": "gzip"}, bomb
        if kind.endswith("limit=2"):
            return b"[" + b" " * 300_000 + b"]"
        if kind.endswith("limit=3"):
            return 200, {"content-encoding": "br"}, b"[]"
        if kind.endswith("limit=4"):
            return 200, {"content-encoding": "gzip"}, gzip.compress(b"[]" * 100)[:-9]
        if kind.endswith("limit=5"):
            return 302, {"location": "http://127.0.0.1:1/"}, b""
        if kind.endswith("limit=6"):
            return 200, {"content-encoding": "gzip"}, gzip.compress(b" " * 900_000 + b"[]")
        return 200, {"content-encoding": "gzip"}, gzip.compress(b"[]")

    async with talking(answer, max_body=200_000) as (rest, _):
        for limit, why in ((1, "larger than"), (2, "larger than"), (3, "encoding"), (4, "ended early"), (5, "302")):
            with pytest.raises(BadReply, match=why):
                await rest.trades("BTC_USDT", limit=limit)
        assert await rest.trades("BTC_USDT", limit=7) == []
    async with talking(answer) as (rest, _):
        with pytest.raises(BadReply, match="beyond reason"):
            await rest.trades("BTC_USDT", limit=6)
