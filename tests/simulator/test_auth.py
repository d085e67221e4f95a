"""Signatures: published vectors, both spellings of a query, the window of a timestamp."""

from __future__ import annotations

import pytest

from polotui.simulator.auth import authenticate, authenticate_socket, sign, strings_to_sign
from polotui.simulator.refusals import Refusal
from tests.simulator.client import Client
from tests.simulator.stage import Stage, rich

SECRET = "test-secret-do-not-use"
STAMP = "1700000000000"
ORDER = (
    '{"symbol":"BTC_USDT","side":"BUY","type":"LIMIT","quantity":"0.01","price":"30000","timeInForce":"GTC",'
    '"clientOrderId":"v4-1"}'
)
VECTORS = [
    ("GET", "/accounts/balances", "", "", "9UqJz3allNfwa+qfTh8dh4kx5ckMzbC+2ZLitXitHQs="),
    ("GET", "/orders", "symbol=ETH_USDT&side=BUY&limit=5", "", "N0qAoRvG46RqnT6dxJad5CDkCTjSWnRi3GFJGsBOanw="),
    ("GET", "/trades", "symbols=BTC_USDT%2CETH_USDT&limit=10", "", "9D6Lo/YtHkw1UccHxW2WzQRfup8jUqTJM5KkjwC52jA="),
    ("GET", "/trades", "symbols=BTC_USDT,ETH_USDT&limit=10", "", "9D6Lo/YtHkw1UccHxW2WzQRfup8jUqTJM5KkjwC52jA="),
    ("POST", "/orders", "", ORDER, "qRJ6e8EIvhRNToT+UuZTaNOht9gzSzw+t7cMhrB/zSw="),
    (
        "POST",
        "/orders",
        "",
        ORDER.replace(",", ", ").replace(":", ": "),
        "gBvtpLTvjG7J7v6vwE5NTu+va3NeuDs+bf9oV7ZbPlQ=",
    ),
    ("DELETE", "/orders/1234567890", "", "", "gxKYduahDg/kFvf/bycRMJ52fhhfDbA5JnwAzNqpYww="),
    ("DELETE", "/orders/1234567890", "", "{}", "QjUulKl35F6HQZ1OGQv6Y1kSgqRp8g/Pv8JJ84cvoTI="),
    (
        "DELETE",
        "/orders/cancelByIds",
        "",
        '{"orderIds":["1234567890"],"clientOrderIds":["myId-1"]}',
        "hr2o1rRMCzBlU/q5Q1b6S8Tsjb/Sv6KAwpVZMQ8j5N8=",
    ),
    (
        "PUT",
        "/orders/29772698821328896",
        "",
        '{"price":"18000","clientOrderId":"1234Abc"}',
        "zNrIAF4I3pexFqo5Pc1GsLLpxiA3GoTK9VLRNgRjagQ=",
    ),
    ("GET", "/orders/cid:my-1", "", "", "udzxh+5RM5RG0mflCskRLFwcxbXcjk4W5wW/ZupW0Tc="),
]


def _headers(signature: str, stamp: str = STAMP, **more: str) -> dict[str, str]:
    return {"key": "k", "signtimestamp": stamp, "signature": signature, **more}


@pytest.fixture
def stage() -> Stage:
    stage = Stage(rich("k"))
    stage.account("k").secret = SECRET
    return stage


@pytest.mark.parametrize(("method", "path", "query", "body", "signature"), VECTORS)
def test_published_vectors_are_accepted(
    stage: Stage, method: str, path: str, query: str, body: str, signature: str
) -> None:
    accounts = stage.exchange.ledger.accounts
    found = authenticate(accounts, _headers(signature), method, path, query, body.encode(), int(STAMP) + 100)
    assert found is stage.account("k")
    with pytest.raises(Refusal):
        authenticate(accounts, _headers(signature), method, path + "x", query, body.encode(), int(STAMP) + 100)


def test_a_decoded_query_may_have_been_signed(stage: Stage) -> None:
    words = f"GET\n/trades\nsignTimestamp={STAMP}&symbols=BTC_USDT,ETH_USDT"
    query = "symbols=BTC_USDT%2CETH_USDT"
    assert words in set(strings_to_sign("GET", "/trades", query, b"", STAMP))
    headers = _headers(sign(SECRET, words))
    assert authenticate(stage.exchange.ledger.accounts, headers, "GET", "/trades", query, b"", int(STAMP))


def test_a_body_is_verified_as_it_was_sent(stage: Stage) -> None:
    headers = _headers(VECTORS[4][4])
    spaced = ORDER.replace(",", ", ").encode()
    with pytest.raises(Refusal) as refused:
        authenticate(stage.exchange.ledger.accounts, headers, "POST", "/orders", "", spaced, int(STAMP))
    assert (refused.value.status, refused.value.message) == (401, "Invalid Apikey or Signature")


@pytest.mark.parametrize(
    ("age", "window", "status"),
    [
        (-1000, None, 200),
        (-1001, None, 400),
        (60_000, None, 200),
        (60_001, None, 401),
        (501, "500", 408),
        (500, "500", 200),
    ],
)
def test_a_timestamp_is_good_for_a_minute(stage: Stage, age: int, window: str | None, status: int) -> None:
    headers = _headers(VECTORS[0][4], **({"recvwindow": window} if window else {}))
    now = int(STAMP) + age
    try:
        authenticate(stage.exchange.ledger.accounts, headers, "GET", "/accounts/balances", "", b"", now)
        seen = 200
    except Refusal as refusal:
        seen = refusal.status
    assert seen == status


def test_the_socket_signs_a_constant_path(stage: Stage) -> None:
    good = {"key": "k", "signTimestamp": int(STAMP), "signature": "8feAzbEmPi+Rfhvnab5gpA3A9/aafkfLL4YkuTkn93Y="}
    accounts = stage.exchange.ledger.accounts
    assert authenticate_socket(accounts, good, int(STAMP)) is stage.account("k")
    assert authenticate_socket(accounts, good | {"signTimestamp": STAMP}, int(STAMP)) is stage.account("k")
    assert authenticate_socket(accounts, good | {"key": "other"}, int(STAMP)) is None
    assert authenticate_socket(accounts, good | {"signature": "x"}, int(STAMP)) is None
    assert authenticate_socket(accounts, good, int(STAMP) + 61_000) is None
    assert authenticate_socket(accounts, "nonsense", int(STAMP)) is None


async def test_an_unsigned_or_wrongly_signed_request_is_refused(client: Client) -> None:
    reply = await client.http.get("/accounts/balances")
    assert (reply.status_code, reply.json()) == (401, {"code": 401, "message": "Invalid Apikey or Signature"})
    assert (await client.signed("GET", "/accounts/balances", _secret="wrong")).status_code == 401
    assert (await client.signed("GET", "/accounts/balances")).status_code == 200


async def test_a_trailing_slash_is_signed_as_sent(client: Client) -> None:
    assert (await client.signed("GET", "/accounts/")).status_code == 200
    assert (await client.http.get("/markets/")).status_code == 200


async def test_skewed_server_time_refuses_honest_clients(client: Client) -> None:
    stamp = client.simulator.exchange.time.wall_ms()
    await client.control("clock", {"skew_ms": -5000})
    assert (await client.signed("GET", "/accounts", _stamp=stamp)).status_code == 400
    assert (await client.get("/timestamp"))["serverTime"] < stamp
    await client.control("clock", {"skew_ms": 120_000})
    assert (await client.signed("GET", "/accounts", _stamp=stamp)).status_code == 401
