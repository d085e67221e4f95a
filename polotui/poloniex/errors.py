"""What can go wrong between polotui and Poloniex.

    ExchangeError                     exit code 1
    ├── NotReached                    exit code 3: no connection, no name, no answer in time
    ├── ExchangeDown                  exit code 3: it answered that it does not work (5xx, maintenance)
    ├── ExchangeBusy                  too many requests (429) or a ban (418); `retry_after_ms` says until when
    ├── AuthRefused                   key, signature or address not accepted (401, 403)
    ├── ClockSkewed                   the two clocks disagree, or the exchange's time is not known
    ├── RequestRefused                a business rule said no; `exchange_code`, `exchange_message`
    ├── OutcomeUnknown                a call that changes something got no answer: it may have happened
    └── BadReply                      the answer is malformed, oversized or of the wrong form
    Refused                           exit code 4
    ├── RealTradeBlocked              (core) an order call to a host that is not this machine
    └── NotOnGrid                     an order that the symbol's rules cannot express; nothing was sent

Decided here: an order call that gets no answer is never «failed». It is `OutcomeUnknown`, and only asking the exchange
settles it. `NotReached` is raised for such a call only when not one byte of it was sent.
Text from the exchange is cut and stripped of control characters before it becomes part of a sentence.
"""

from __future__ import annotations

from polotui.core.errors import ExchangeError, RealTradeBlocked, Refused

__all__ = [
    "AuthRefused",
    "BadReply",
    "ClockSkewed",
    "ExchangeBusy",
    "ExchangeDown",
    "ExchangeError",
    "NotOnGrid",
    "NotReached",
    "OutcomeUnknown",
    "RealTradeBlocked",
    "RequestRefused",
    "foreign_text",
]

READ_ONLY_SAFE = "Nothing was changed at the exchange."


def foreign_text(text: str, limit: int = 200) -> str:
    """Text from outside as a short printable line."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:limit]).strip()


class NotReached(ExchangeError):
    """No connection, no name or no answer in time, and nothing that could change anything was sent."""

    code = "exchange-not-reached"
    exit_code = 3

    def __init__(self, what: str, why: str, *, safe: str = READ_ONLY_SAFE) -> None:
        super().__init__(
            f"Poloniex could not be reached for {what}: {foreign_text(why)}.",
            safe=safe,
            next_step="Check the network connection; polotui tries again by itself.",
        )


class Withheld(ExchangeError):
    """What was about to be sent must not go any more. Nothing was sent."""

    code = "withheld"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} was not sent: {why}.", safe="Nothing was sent.")


class ExchangeDown(ExchangeError):
    """The exchange answered that it does not work at the moment."""

    code = "exchange-down"
    exit_code = 3

    def __init__(
        self,
        what: str,
        why: str,
        *,
        maintenance: bool = False,
        retry_after_ms: int | None = None,
        exchange_code: int = 0,
    ) -> None:
        self.maintenance = maintenance
        self.exchange_code = exchange_code
        state = "is in maintenance" if maintenance else "has a fault of its own"
        super().__init__(
            f"Poloniex {state} ({what}: {foreign_text(why)}).",
            safe=READ_ONLY_SAFE,
            next_step="Wait; polotui asks again at a slow pace.",
            retry_after_ms=retry_after_ms,
        )


class ExchangeBusy(ExchangeError):
    """Too many requests, by the exchange's word or our own limit. `retry_after_ms` says when the class opens again."""

    code = "exchange-busy"

    def __init__(self, what: str, retry_after_ms: int, *, banned: bool = False, own_limit: bool = False) -> None:
        self.banned = banned
        self.own_limit = own_limit
        cause = "Poloniex blocked this address for a while" if banned else "Poloniex asks for fewer requests"
        super().__init__(
            f"{'Too many requests of this kind are waiting' if own_limit else cause} ({what}).",
            safe="The request was not carried out.",
            next_step=f"Wait {retry_after_ms / 1000:.1f} s; requests of this kind are held back until then.",
            retry_after_ms=retry_after_ms,
        )


class AuthRefused(ExchangeError):
    """The exchange does not accept the key, the signature or the address it is used from."""

    code = "auth-refused"

    def __init__(self, what: str, message: str) -> None:
        from_address = "ip" in message.lower().split()
        super().__init__(
            f"Poloniex refused the API key for {what}: {foreign_text(message)}.",
            safe="The request was not carried out.",
            next_step=(
                "Add this machine's address to the key's allow list."
                if from_address
                else "Check that the key exists, is active and was copied whole."
            ),
        )


class ClockSkewed(ExchangeError):
    """The exchange's time is unknown, or it refused a request because of its time."""

    code = "clock-skewed"

    def __init__(self, cause: str) -> None:
        super().__init__(
            cause,
            safe="The request was not carried out.",
            next_step="polotui measures the exchange's time again; if this stays, check this machine's clock.",
        )


class RequestRefused(ExchangeError):
    """The exchange understood the request and said no."""

    code = "request-refused"

    def __init__(self, what: str, exchange_code: int, exchange_message: str) -> None:
        self.exchange_code = exchange_code
        self.exchange_message = foreign_text(exchange_message)
        super().__init__(
            f"Poloniex refused {what}: {self.exchange_message or 'no reason given'} (code {exchange_code}).",
            safe="The request was not carried out.",
            next_step="Change the request; sending it again as it is will be refused again.",
        )


class OutcomeUnknown(ExchangeError):
    """A call that changes something got no usable answer. It may or may not have happened."""

    code = "outcome-unknown"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"No answer to {what}: {foreign_text(why)}. It may have been carried out.",
            safe="It was sent once and is not sent again.",
            next_step="Ask the exchange by the client order id before anything else is decided.",
        )


class BadReply(ExchangeError):
    """The answer cannot be trusted: not JSON, not of the documented form, not finite, or too large."""

    code = "bad-reply"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"Poloniex's answer to {what} cannot be used: {foreign_text(why)}.",
            safe="Nothing of it was taken over.",
            next_step="Try again; if it stays, the exchange has changed its format.",
        )


class NotOnGrid(Refused):
    """A price, quantity or amount that the symbol's scales cannot express. Rounding it would be another order."""

    code = "not-on-grid"

    def __init__(self, cause: str) -> None:
        super().__init__(cause, safe="Nothing was sent.", next_step="Put the number on the symbol's grid first.")
