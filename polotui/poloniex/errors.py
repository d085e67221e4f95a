"""What can go wrong between us and Poloniex.

    ExchangeError
    ├── NotReached          no answer: refused, reset, DNS, timeout; a read may be asked again
    ├── ExchangeBusy        429 or 418: too many requests; nothing goes out before `retry_after_ms`
    ├── ExchangeDown        5xx or maintenance
    ├── AuthRefused         the key or signature was refused
    ├── ClockSkewed         the exchange refused our timestamp, or its time is not known yet
    ├── RequestRefused      the exchange answered with a code: it understood and said no
    ├── BadReply            an answer that is too large, malformed or of the wrong shape
    └── ReadOnly            this client may not change anything
"""

from __future__ import annotations

from polotui.core.errors import ExchangeError
from polotui.core.text import clean


class NotReached(ExchangeError):
    code = "exchange-not-reached"
    exit_code = 3


class ExchangeBusy(ExchangeError):
    code = "exchange-busy"
    exit_code = 3


class ExchangeDown(ExchangeError):
    code = "exchange-down"
    exit_code = 3


class AuthRefused(ExchangeError):
    code = "exchange-auth"
    exit_code = 5


class ClockSkewed(ExchangeError):
    code = "exchange-clock"


class RequestRefused(ExchangeError):
    """`exchange_code` is Poloniex's own number, such as 21301 for an unknown order."""

    code = "exchange-refused"

    def __init__(self, exchange_code: int, message: str, status: int) -> None:
        self.exchange_code = exchange_code
        self.status = status
        super().__init__(
            f"Poloniex refused the request ({status}, code {exchange_code}): {clean(message, 160)}.",
            safe="Nothing was changed.",
        )


class BadReply(ExchangeError):
    code = "exchange-reply"


class ReadOnly(ExchangeError):
    code = "read-only"
    exit_code = 4


def not_reached(host: str, detail: str) -> NotReached:
    return NotReached(
        f"No answer from {host} ({clean(detail, 80)}).",
        safe="Nothing was changed; shown figures keep their age.",
        next_step="polotui tries again by itself; polotui doctor checks the connection.",
    )


def of_status(status: int, exchange_code: int, message: str, retry_after_ms: int | None) -> ExchangeError:
    """The error for a non-200 answer."""
    if status in (418, 429):
        return ExchangeBusy(
            f"Poloniex says: too many requests ({status}).",
            safe="Nothing was changed.",
            next_step="polotui waits and asks again by itself.",
            retry_after_ms=retry_after_ms if retry_after_ms is not None else 1_000,
        )
    if status >= 500 or exchange_code in (21340, 24201):
        return ExchangeDown(
            f"Poloniex does not work at the moment ({status}, {clean(message, 80)}).",
            safe="Nothing was changed.",
            next_step="polotui tries again by itself.",
            retry_after_ms=retry_after_ms,
        )
    if "timestamp" in message.lower() or status == 408:
        return ClockSkewed(
            f"Poloniex refused the time of the request ({status}): {clean(message, 80)}.",
            safe="Nothing was changed.",
            next_step="The clock offset is measured again; check this machine's clock: polotui doctor.",
        )
    if status in (401, 403):
        return AuthRefused(
            f"Poloniex refused the key ({status}, code {exchange_code}): {clean(message, 80)}.",
            safe="Nothing was sent but the request itself.",
            next_step="Check the key, its rights and its IP list at Poloniex.",
        )
    return RequestRefused(exchange_code, message, status)
