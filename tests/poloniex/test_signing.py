"""Signatures against every published vector."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polotui.poloniex.signing import SecretSigner, signed_headers, string_to_sign, websocket_auth

VECTORS = json.loads((Path(__file__).parent / "sign_vectors.json").read_text())
AT = int(VECTORS["signTimestamp"])


def _parts(vector: dict[str, str]) -> tuple[dict[str, str], str]:
    """The query parameters and the body that a caller would have given for a vector."""
    rest = vector["string_to_sign"].split("\n", 2)[2]
    if rest.startswith("requestBody="):
        return {}, rest.removeprefix("requestBody=").rpartition("&signTimestamp=")[0]
    pairs = dict(pair.split("=", 1) for pair in rest.split("&"))
    del pairs["signTimestamp"]
    return {key: value.replace("%2C", ",") for key, value in pairs.items()}, ""


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["id"])
def test_a_published_vector_is_reproduced(vector: dict[str, str]) -> None:
    params, body = _parts(vector)
    signer = SecretSigner(VECTORS["key"], VECTORS["secret"].encode())

    headers = signed_headers(signer, vector["method"], vector["path"], AT, params, body)

    assert string_to_sign(vector["method"], vector["path"], AT, params, body) == vector["string_to_sign"]
    assert headers["signature"] == vector["signature"]
    assert headers["key"] == VECTORS["key"]
    assert headers["signTimestamp"] == str(AT)
    assert ("Content-Type" in headers) == bool(body)


def test_the_unrelated_published_vector() -> None:
    signer = SecretSigner("any", b"poloniex-api-secret")
    headers = signed_headers(signer, "DELETE", "/some/path", 1674197467415, None, '{"a":1,"b":["2",null]}')
    assert headers["signature"] == "rCahSwbMNIzxQRUSqzxdMvYP9CDWfRUDNIFDVABxHQQ="


def test_the_socket_is_authenticated_with_vector_13() -> None:
    signer = SecretSigner(VECTORS["key"], VECTORS["secret"].encode())
    frame = json.loads(websocket_auth(signer, AT))
    assert frame["channel"] == ["auth"]
    assert frame["params"]["signTimestamp"] == AT
    assert frame["params"]["signature"] == "8feAzbEmPi+Rfhvnab5gpA3A9/aafkfLL4YkuTkn93Y="


def test_query_and_body_together_are_refused() -> None:
    with pytest.raises(ValueError, match="together"):
        string_to_sign("POST", "/orders", AT, {"a": "b"}, "{}")


def test_a_non_ascii_value_is_encoded_as_utf8_and_a_blank_as_percent_20() -> None:
    text = string_to_sign("GET", "/orders", AT, {"symbol": "币安人生_USDT", "note": "a b"})
    assert "note=a%20b" in text
    assert "symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT" in text


def test_a_wiped_secret_signs_nothing_and_is_never_printed() -> None:
    signer = SecretSigner("key", b"canary-secret")
    assert "canary" not in repr(signer)
    signer.wipe()
    with pytest.raises(ValueError, match="wiped"):
        signer.sign("text")
