"""One HTTP request and its whole answer, within one deadline and one size.

Decided here: an interface of two functions (`send`, `close`), so that tests and a faster client fit behind it. The
deadline covers name, connection, sending and the last byte, so a peer that dribbles cannot hold a request open.
Bodies are inflated here and not in httpx, because only the inflater itself can stop before a compressed bomb has
grown: 8 MiB at most, and at most 100 times what came over the wire. No redirects, no proxy or certificate settings
from the environment. `maybe_sent` tells whether a byte of the request can have reached the other side.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from typing import Any, Protocol

import httpx
import msgspec

from polotui import __version__

MAX_BODY = 8 * 1024 * 1024
MAX_RATIO = 100
#: Below this size any ratio is allowed: short repetitive answers shrink well.
_RATIO_FROM = 256 * 1024
USER_AGENT = f"polotui/{__version__}"


class HttpReply(msgspec.Struct, frozen=True):
    """Status, headers (lower-case names) and inflated body."""

    status: int
    headers: dict[str, str]
    body: bytes


class TransportFailed(Exception):
    """No usable answer. `malformed` when one came but broke the rules of size, form or encoding."""

    def __init__(self, why: str, *, maybe_sent: bool, malformed: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.maybe_sent = maybe_sent
        self.malformed = malformed


class HttpTransport(Protocol):
    """Sends one request and returns the whole answer, or raises TransportFailed."""

    @property
    def base_url(self) -> str:
        """Where every request goes."""
        ...

    async def send(
        self, method: str, target: str, headers: dict[str, str], body: str, deadline_s: float
    ) -> HttpReply: ...

    async def close(self) -> None: ...


class _Inflater:
    """Undoes gzip or deflate and stops at the size and ratio limits."""

    def __init__(self, encoding: str, max_body: int) -> None:
        self._max_body = max_body
        self._received = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._unzip = None if encoding in ("", "identity") else zlib.decompressobj(zlib.MAX_WBITS | 32)
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise TransportFailed(f"unknown content encoding {encoding[:20]!r}", maybe_sent=True, malformed=True)

    def feed(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._unzip is None:
            self._keep(chunk)
            return
        try:
            while chunk:
                self._keep(self._unzip.decompress(chunk, self._max_body - self._size + 1))
                chunk = self._unzip.unconsumed_tail
        except zlib.error as error:
            raise TransportFailed(f"damaged compression: {error}", maybe_sent=True, malformed=True) from error
        if self._size > _RATIO_FROM and self._size > MAX_RATIO * self._received:
            raise TransportFailed("compressed beyond reason", maybe_sent=True, malformed=True)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_body:
            raise TransportFailed(f"larger than {self._max_body} bytes", maybe_sent=True, malformed=True)
        self._parts.append(part)

    def body(self) -> bytes:
        if self._unzip is not None and self._received and not self._unzip.eof:
            raise TransportFailed("compressed answer ended early", maybe_sent=True, malformed=True)
        return b"".join(self._parts)


class HttpxTransport:
    """The default transport: httpx over the event loop's own connections."""

    def __init__(self, base_url: str, *, max_body: int = MAX_BODY, ssl_context: ssl.SSLContext | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._max_body = max_body
        self._ssl_context = ssl_context
        self._client: httpx.AsyncClient | None = None

    @property
    def base_url(self) -> str:
        return self._base_url

    def _open(self) -> httpx.AsyncClient:
        # Opened on the first request: the connection pool belongs to the loop that runs then.
        if self._client is None:
            secure = self._base_url.startswith("https:")
            self._client = httpx.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                timeout=None,  # noqa: S113 - one deadline covers the whole request, see send()
                verify=self._ssl_context or secure,
                headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"},
                limits=httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=20.0),
            )
        return self._client

    async def send(self, method: str, target: str, headers: dict[str, str], body: str, deadline_s: float) -> HttpReply:
        sent = False

        async def watch(event: str, info: dict[str, Any]) -> None:
            nonlocal sent
            sent = sent or event.endswith("send_request_headers.started")

        request = self._open().build_request(
            method,
            self._base_url + target,
            headers=headers,
            content=body.encode() if body else None,
            extensions={"trace": watch},
        )
        try:
            async with asyncio.timeout(deadline_s):
                return await self._exchange(request)
        except TimeoutError as error:
            raise TransportFailed(f"no complete answer within {deadline_s:.1f} s", maybe_sent=sent) from error
        except httpx.RemoteProtocolError as error:
            # A connection that closed too early is a network fault; an answer that is no HTTP is a broken answer.
            ended = any(words in str(error) for words in ("disconnected", "closed connection"))
            raise TransportFailed(_words(error), maybe_sent=sent, malformed=not ended) from error
        except (httpx.TransportError, OSError) as error:
            raise TransportFailed(_words(error), maybe_sent=sent) from error

    async def _exchange(self, request: httpx.Request) -> HttpReply:
        reply = await self._open().send(request, stream=True)
        try:
            inflater = _Inflater(reply.headers.get("content-encoding", "").strip().lower(), self._max_body)
            async for chunk in reply.aiter_raw():
                inflater.feed(chunk)
        finally:
            await reply.aclose()
        return HttpReply(
            reply.status_code, {name.lower(): value for name, value in reply.headers.items()}, inflater.body()
        )

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
