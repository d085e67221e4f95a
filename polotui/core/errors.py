"""Every error that a person may meet, with what happened, what is safe and what to do.

    PolotuiError                    exit code 1: it failed
    ├── UsageError                  exit code 2: the call, file or configuration is wrong
    │   └── ConfigError
    ├── Unreachable                 exit code 3: engine or exchange cannot be reached
    │   └── EngineGone              the engine's socket does not answer, or closed
    ├── Refused                     exit code 4: a risk or safety rule said no
    │   └── RealTradeBlocked        an order with real money while that is locked out
    ├── Locked                      exit code 5: locked, or the caller may not
    ├── StorageError                a database could not be read or written
    └── ExchangeError               (polotui.poloniex.errors draws the rest)

Decided here: an error is data (`ErrorRecord`) as soon as it leaves a function that a face can call, so that
screen, command line and scripts show the same words. `cause` says what happened, `safe` what did not happen or
still holds, `next_step` what to do.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class ErrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it crosses the socket and as `--json` prints it. `retry_after_ms` is None when waiting won't help."""

    code: str
    cause: str
    safe: str = ""
    next_step: str = ""
    retry_after_ms: int | None = None
    request_id: str = ""
    exit_code: int = 1

    def sentence(self) -> str:
        """The three parts as one line for a person."""
        return " ".join(part for part in (self.cause, self.safe, self.next_step) if part)


class PolotuiError(Exception):
    """Base of all errors with advice. Anything else that reaches a person is a bug."""

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, cause: str, *, safe: str = "", next_step: str = "", retry_after_ms: int | None = None, code: str = ""
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.safe = safe
        self.next_step = next_step
        self.retry_after_ms = retry_after_ms
        self.instance_code = code or type(self).code

    def record(self, request_id: str = "") -> ErrorRecord:
        return ErrorRecord(
            code=self.instance_code,
            cause=self.cause,
            safe=self.safe,
            next_step=self.next_step,
            retry_after_ms=self.retry_after_ms,
            request_id=request_id,
            exit_code=self.exit_code,
        )

    def __str__(self) -> str:
        return self.record().sentence()


class UsageError(PolotuiError):
    """The call is wrong: a bad argument, an unknown name, a file of the wrong form."""

    code = "usage"
    exit_code = 2


class ConfigError(UsageError):
    """A setting is wrong; the message names the key and where its value came from."""

    code = "config"


class Unreachable(PolotuiError):
    """The other side does not answer."""

    code = "unreachable"
    exit_code = 3


class EngineGone(Unreachable):
    """No engine answers on the socket, or the connection to it ended."""

    code = "engine-gone"


class Refused(PolotuiError):
    """A risk or safety rule said no."""

    code = "refused"
    exit_code = 4


class RealTradeBlocked(Refused):
    """An order to a host that is not this machine was stopped. Only the gateway's audit writer may catch it by name; a
    test sees to it."""

    code = "real-trade-blocked"

    def __init__(self, what: str, host: str) -> None:
        self.host = host
        super().__init__(
            f"{what} to {host or 'a host without a name'} is blocked: orders go to the simulator only.",
            safe="Nothing was sent.",
            next_step="Start `polotui simulate` and use its address; live orders are not part of this version.",
        )


class Locked(PolotuiError):
    """Something is locked, or the caller is not allowed to."""

    code = "locked"
    exit_code = 5


class StorageError(PolotuiError):
    """A database or a state file could not be read or written."""

    code = "storage"


class ExchangeError(PolotuiError):
    """Something went wrong between polotui and an exchange."""

    code = "exchange"


class RemoteError(PolotuiError):
    """An error that the engine reported over the socket, with its own code and exit code."""

    def __init__(self, record: ErrorRecord) -> None:
        super().__init__(
            record.cause,
            safe=record.safe,
            next_step=record.next_step,
            retry_after_ms=record.retry_after_ms,
            code=record.code,
        )
        self.remote = record

    def record(self, request_id: str = "") -> ErrorRecord:
        return self.remote
