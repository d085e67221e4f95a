"""How a request is signed. Pure functions: the same inputs give the same text, so every published vector is a test.

Decided here: what is signed is byte for byte what is sent, so query text and JSON body are built in this module and
handed on unchanged. The set of characters left alone in a query is RFC 3986's unreserved set: the sources disagree
about `()*!'`, and these never occur in a value that polotui sends. The secret is used by a `Signer`; nothing else
in the package sees it, and a `Signer` may live where it can be wiped.

Deliberate limit: query parameters together with a body are refused. No known call needs both.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

import msgspec

METHOD_NAME = "HmacSHA256"
WEBSOCKET_PATH = "/ws"

Params = Mapping[str, str]


class Signer(Protocol):
    """Who can sign: an API key's public name, and HMAC-SHA256 with its secret."""

    @property
    def key(self) -> str: ...

    def sign(self, text: str) -> str:
        """Base64 of the HMAC-SHA256 of `text`."""
        ...


class SecretSigner:
    """A signer that holds the secret in memory that `wipe` can overwrite. It never prints the secret."""

    def __init__(self, key: str, secret: bytes | bytearray) -> None:
        self._key = key
        self._secret = bytearray(secret)

    @property
    def key(self) -> str:
        return self._key

    def sign(self, text: str) -> str:
        if not self._secret:
            raise ValueError("the secret was wiped")
        digest = hmac.new(self._secret, text.encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def wipe(self) -> None:
        """Overwrites the secret; every later `sign` raises."""
        for index in range(len(self._secret)):
            self._secret[index] = 0
        self._secret.clear()

    def __repr__(self) -> str:
        return "SecretSigner(…)"


def encode(value: str) -> str:
    """One query value or path part, percent-encoded as UTF-8: blank is %20, comma %2C."""
    return quote(value, safe="")


def path_part(value: str) -> str:
    """A value inside a path; the colon of `cid:my-1` stays as it is."""
    return quote(value, safe=":")


def query_text(params: Params) -> str:
    """The query as sent, sorted by key."""
    return "&".join(f"{key}={encode(params[key])}" for key in sorted(params))


def string_to_sign(method: str, path: str, timestamp_ms: int, params: Params | None = None, body: str = "") -> str:
    """The three signed parts. `path` is exactly what is sent, without host and query."""
    if body and params:
        raise ValueError("query parameters and a body cannot be signed together")
    if body:
        rest = f"requestBody={body}&signTimestamp={timestamp_ms}"
    else:
        rest = query_text({**(params or {}), "signTimestamp": str(timestamp_ms)})
    return f"{method.upper()}\n{path}\n{rest}"


def signed_headers(
    signer: Signer,
    method: str,
    path: str,
    timestamp_ms: int,
    params: Params | None = None,
    body: str = "",
    recv_window_ms: int | None = None,
) -> dict[str, str]:
    """The headers that authenticate one request."""
    headers = {
        "key": signer.key,
        "signatureMethod": METHOD_NAME,
        "signatureVersion": "2",
        "signTimestamp": str(timestamp_ms),
        "signature": signer.sign(string_to_sign(method, path, timestamp_ms, params, body)),
    }
    if recv_window_ms is not None:
        headers["recvWindow"] = str(recv_window_ms)
    if body:
        headers["Content-Type"] = "application/json"
    return headers


def websocket_auth(signer: Signer, timestamp_ms: int) -> str:
    """The frame that authenticates a private socket, whatever its real address."""
    return msgspec.json.encode(
        {
            "event": "subscribe",
            "channel": ["auth"],
            "params": {
                "key": signer.key,
                "signTimestamp": timestamp_ms,
                "signatureMethod": METHOD_NAME,
                "signatureVersion": "2",
                "signature": signer.sign(string_to_sign("GET", WEBSOCKET_PATH, timestamp_ms)),
            },
        }
    ).decode()
