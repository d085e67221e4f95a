"""A small signing client and a running simulator, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.simulator.auth import sign
from polotui.simulator.config import Config
from polotui.simulator.serve import Simulator

# Seconds after which a silent simulator is a failed test and not a hanging one.
PATIENCE = 10


class Client:
    """Talks to one simulator as one user."""

    def __init__(self, simulator: Simulator, port: int, key: str = "demo-key", secret: str = "demo-secret") -> None:
        self.simulator = simulator
        self.port = port
        self.key, self.secret = key, secret
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False)

    async def get(self, path: str, **params: Any) -> Any:
        return (await self.http.get(path, params=params)).json()

    async def control(self, verb: str, body: Any) -> Any:
        reply = await self.http.post(f"/_simulator/{verb}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def signed(self, method: str, path: str, body: Any = None, **params: Any) -> httpx.Response:
        raw = b"" if body is None else json.dumps(body).encode()
        stamp = str(params.pop("_stamp", self.simulator.exchange.time.wall_ms()))
        headers = dict(params.pop("_headers", {}))
        if raw:
            words = f"requestBody={raw.decode()}&signTimestamp={stamp}"
            headers["content-type"] = "application/json"
        else:
            pairs = sorted(
                [*((name, quote(str(value), safe="~")) for name, value in params.items()), ("signTimestamp", stamp)]
            )
            words = "&".join(f"{name}={value}" for name, value in pairs)
        headers |= {
            "key": self.key,
            "signTimestamp": stamp,
            "signature": sign(params.pop("_secret", self.secret), f"{method}\n{path}\n{words}"),
        }
        return await self.http.request(method, path, params=params, content=raw or None, headers=headers)

    async def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        return (await self.signed(method, path, body, **params)).json()

    @asynccontextmanager
    async def socket(self, kind: str = "public") -> AsyncIterator[Ear]:
        address = f"ws://127.0.0.1:{self.port}/ws/{kind}"
        async with websockets.connect(address, ping_interval=None, compression=None, proxy=None) as connection:
            ear = Ear(connection, self)
            if kind == "private":
                await ear.sign_in()
            yield ear


class Ear:
    """One WebSocket of a client."""

    def __init__(self, connection: ClientConnection, client: Client) -> None:
        self.connection = connection
        self._client = client

    async def say(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, str) else json.dumps(message))

    async def hear(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            return json.loads(await self.connection.recv())

    async def until_closed(self) -> None:
        """Reads until the connection ends, which raises."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await self.connection.recv()

    async def until(self, channel: str, limit: int = 500) -> Any:
        """The next data frame of a channel; everything before it is dropped."""
        for _ in range(limit):
            message = await self.hear()
            if message.get("channel") == channel and "data" in message:
                return message
        raise AssertionError(f"no frame of {channel} among {limit}")

    async def ask(self, message: Any) -> Any:
        await self.say(message)
        return await self.hear()

    async def subscribe(self, *channels: str, symbols: list[str] | None = None, **more: Any) -> None:
        request = {"event": "subscribe", "channel": list(channels), **more}
        await self.say(request | ({"symbols": symbols} if symbols else {}))

    async def sign_in(self) -> None:
        stamp = self._client.simulator.exchange.time.wall_ms()
        signature = sign(self._client.secret, f"GET\n/ws\nsignTimestamp={stamp}")
        params = {"key": self._client.key, "signTimestamp": stamp, "signature": signature}
        reply = await self.ask({"event": "subscribe", "channel": ["auth"], "params": params})
        assert reply["data"]["success"] is True


@asynccontextmanager
async def running(symbols: int = 3, **config: Any) -> AsyncIterator[Client]:
    """A simulator of its own on a free port; the background stands still unless told otherwise."""
    config.setdefault("quiet_market", True)
    simulator = Simulator(Config(seed=5, **config), SystemClock(), Chance(5), symbols)
    port = await simulator.start()
    client = Client(simulator, port)
    try:
        yield client
    finally:
        await client.http.aclose()
        await simulator.stop()
        assert simulator.connections == {}
