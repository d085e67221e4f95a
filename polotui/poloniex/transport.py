"""HTTP to the exchange: deadlines, size caps, errors with advice. Knows nothing of what the answers mean.

Decided here: a request has one deadline for everything (waiting for the bucket not included); the body is read in pieces
and given up at 8 MiB; redirects are not followed; no proxy is taken from the environment; a User-Agent is always sent,
because the exchange's edge refuses requests without one.
"""

from __future__ import annotations

import asyncio

import httpx

from polotui import __version__
from polotui.poloniex.errors import BadReply, not_reached

MAX_BODY = 8 * 1024 * 1024
USER_AGENT = f"polotui/{__version__}"


class Answer:
    """Status, the headers that matter, the body."""

    __slots__ = ("body", "retry_after_s", "status")

    def __init__(self, status: int, body: bytes, retry_after_s: float | None) -> None:
        self.status = status
        self.body = body
        self.retry_after_s = retry_after_s


class HttpTransport:
    """One connection pool to one host."""

    def __init__(self, base_url: str, deadline_s: float = 30.0) -> None:
        self._base = base_url.rstrip("/")
        self.host = httpx.URL(self._base).netloc.decode()
        self._deadline = deadline_s
        self._client = httpx.AsyncClient(
            timeout=deadline_s,
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": USER_AGENT},
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=8),
        )

    async def send(self, method: str, target: str, headers: dict[str, str], body: str) -> Answer:
        """`target` is path and query as signed. Raises NotReached and BadReply."""
        try:
            async with (
                asyncio.timeout(self._deadline),
                self._client.stream(
                    method, self._base + target, headers=headers, content=body.encode() if body else None
                ) as response,
            ):
                return Answer(response.status_code, await _limited(response), _retry_after(response))
        except TimeoutError as error:
            raise not_reached(self.host, f"no answer within {self._deadline:.0f} s") from error
        except (httpx.HTTPError, OSError) as error:
            raise not_reached(self.host, f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        await self._client.aclose()


async def _limited(response: httpx.Response) -> bytes:
    # Counted after decompression, so a compressed bomb meets the same cap.
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_BODY:
            raise BadReply(
                f"An answer of more than {MAX_BODY >> 20} MiB was given up.", safe="Nothing of it was used."
            )
        parts.append(part)
    return b"".join(parts)


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    try:
        return min(max(float(text), 0.0), 3600.0)
    except ValueError:
        return None
