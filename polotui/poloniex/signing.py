"""Request signing (reference: the exchange's authentication page; checked against its published vectors).

The string to sign is METHOD, path and parameters, joined by line feeds. Without a body the parameters are the query
and `signTimestamp`, sorted by name in ASCII order and percent-encoded (space is %20). With a body they are
`requestBody=<the exact text sent>&signTimestamp=…`, not encoded. The secret is used as its UTF-8 text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

Params = Mapping[str, str | int]


def encode_query(params: Params) -> str:
    """`params` sorted by name and percent-encoded, as they are signed and sent."""
    return "&".join(f"{name}={quote(str(params[name]), safe='~')}" for name in sorted(params))


def string_to_sign(method: str, path: str, timestamp_ms: int, params: Params | None = None, body: str = "") -> str:
    """The text that is signed. `path` is as sent, a trailing slash included; `body` the raw text, "" for none."""
    if body:
        joined = f"requestBody={body}&signTimestamp={timestamp_ms}"
    else:
        joined = encode_query({**(params or {}), "signTimestamp": timestamp_ms})
    return f"{method.upper()}\n{path}\n{joined}"


def sign(secret: str, text: str) -> str:
    """Base64 of HMAC-SHA256."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def headers(
    key: str, secret: str, method: str, path: str, timestamp_ms: int, params: Params | None = None, body: str = ""
) -> dict[str, str]:
    """The headers of a signed request."""
    return {
        "key": key,
        "signTimestamp": str(timestamp_ms),
        "signature": sign(secret, string_to_sign(method, path, timestamp_ms, params, body)),
        "signatureMethod": "HmacSHA256",
        "signatureVersion": "2",
    }


def stream_auth(key: str, secret: str, timestamp_ms: int) -> dict[str, object]:
    """The frame that authenticates a private stream; it signs the constant request GET /ws."""
    return {
        "event": "subscribe",
        "channel": ["auth"],
        "params": {
            "key": key,
            "signTimestamp": timestamp_ms,
            "signature": sign(secret, string_to_sign("GET", "/ws", timestamp_ms)),
            "signatureMethod": "HmacSHA256",
            "signatureVersion": "2",
        },
    }
