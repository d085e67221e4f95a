"""Who is asking? Signatures of REST requests and of the WebSocket's `auth` message.

Decided here: what was sent is what is verified. A body is taken as its raw bytes; query values are accepted in both
spellings that clients sign (percent-encoded and decoded). Comparison takes constant time. A timestamp more than one
second in the future is refused with 400, one older than the caller's own `recvWindow` with 408, one older than a
minute with 401; the last status is not published.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from polotui.simulator.accounts import Account
from polotui.simulator.refusals import Refusal

FUTURE_MS = 1_000
AGE_MS = 60_000
BAD = "Invalid Apikey or Signature"


def sign(secret: str, words: str) -> str:
    """base64(HMAC-SHA256(secret, words))."""
    return base64.b64encode(hmac.new(secret.encode(), words.encode(), hashlib.sha256).digest()).decode()


def strings_to_sign(method: str, path: str, query: str, body: bytes, stamp: str) -> Iterable[str]:
    """The texts a client may have signed for this request."""
    raw = [tuple(part.partition("=")[::2]) for part in query.split("&") if part]
    decoded = [(unquote(name.replace("+", " ")), unquote(value.replace("+", " "))) for name, value in raw]
    extra = [("signTimestamp", stamp)]
    if body:
        extra.append(("requestBody", body.decode("utf-8", "replace")))
    encoded = [(name, quote(value, safe="~()*!'")) for name, value in decoded]
    strict = [(name, quote(value, safe="~")) for name, value in decoded]
    for pairs in (encoded, decoded, raw, strict):
        yield f"{method}\n{path}\n" + "&".join(f"{name}={value}" for name, value in sorted([*pairs, *extra]))


def check_stamp(stamp: str, window: str | None, now_ms: int) -> None:
    """Refuses a timestamp from the future or from too long ago."""
    if not (stamp.isascii() and stamp.isdigit()):
        raise Refusal(401, BAD, status=401)
    age = now_ms - int(stamp)
    if age < -FUTURE_MS:
        raise Refusal(400, "signTimestamp is ahead of the server time", status=400)
    if window is not None and window.isascii() and window.isdigit() and age > int(window):
        raise Refusal(408, "The request is outside of its recvWindow", status=408)
    if age > AGE_MS:
        raise Refusal(401, "The signature has expired", status=401)


def authenticate(
    accounts: Mapping[str, Account],
    headers: Mapping[str, str],
    method: str,
    path: str,
    query: str,
    body: bytes,
    now_ms: int,
) -> Account:
    """The account that signed this request, or a Refusal. Header names are lower case."""
    account = accounts.get(headers.get("key", ""))
    stamp = headers.get("signtimestamp", "")
    given = headers.get("signature", "").encode()
    if account is None or not stamp or not given:
        raise Refusal(401, BAD, status=401)
    check_stamp(stamp, headers.get("recvwindow"), now_ms)
    matched = False
    for words in strings_to_sign(method, path, query, body, stamp):
        matched |= hmac.compare_digest(sign(account.secret, words).encode(), given)
    if not matched:
        raise Refusal(401, BAD, status=401)
    return account


def authenticate_socket(accounts: Mapping[str, Account], params: object, now_ms: int) -> Account | None:
    """The account behind a WebSocket's `auth` message; None when it cannot be believed."""
    if not isinstance(params, dict):
        return None
    account = accounts.get(str(params.get("key", "")))
    stamp = str(params.get("signTimestamp", ""))
    if account is None:
        return None
    try:
        check_stamp(stamp, None, now_ms)
    except Refusal:
        return None
    expected = sign(account.secret, f"GET\n/ws\nsignTimestamp={stamp}")
    given = str(params.get("signature", ""))
    return account if hmac.compare_digest(expected.encode(), given.encode()) else None
