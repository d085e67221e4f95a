"""One call to the exchange: its turn, its signature, its deadline, and what its answer means.

situation                              call that only reads              call that changes something
no connection, nothing sent            tried again, then NotReached      NotReached
sent, no usable answer                 tried again, then NotReached      OutcomeUnknown, never sent again
5xx, «internal timeout»                tried again, then ExchangeDown    OutcomeUnknown
429, 418                               its bucket waits; tried again     ExchangeBusy (it was not carried out)
timestamp refused                      clock measured, tried once more   ClockSkewed
malformed or oversized answer          BadReply                          OutcomeUnknown

Decided here: only reads are repeated, with full jitter and within one overall deadline. Maintenance is not hammered:
it is reported at once, and whoever asks chooses a slow pace. A wait that would outlast the deadline is not begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.poloniex.backoff import Backoff
from polotui.poloniex.clock_offset import ClockOffset
from polotui.poloniex.errors import (
    AuthRefused,
    BadReply,
    ClockSkewed,
    ExchangeBusy,
    ExchangeDown,
    NotReached,
    OutcomeUnknown,
    RequestRefused,
    Withheld,
)
from polotui.poloniex.limits import Bucket, Limits, Pool
from polotui.poloniex.signing import Signer, query_text, signed_headers
from polotui.poloniex.transport import HttpReply, HttpTransport, TransportFailed
from polotui.poloniex.wire import decode

MAINTENANCE = 21340
T = TypeVar("T")

#: Codes that say «the exchange had trouble», after which the fate of a changing call is open.
TROUBLE = frozenset({415, 500, 603, 24201})


class RestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What may be tuned. The waits without a Retry-After and the words of a clock error are not documented."""

    request_s: float = 30.0
    overall_s: float = 60.0
    tries: int = 5
    retry_base_s: float = 0.25
    retry_cap_s: float = 5.0
    busy_s: float = 1.0
    ban_s: float = 60.0
    longest_block_s: float = 3600.0
    recv_window_ms: int | None = 5_000
    #: How old the measured time may be; 0 measures before every signature (a simulator that runs fast needs it).
    remeasure_s: float = 300.0
    #: Readings of the exchange's time, of which the quickest counts.
    clock_samples: int = 5
    clock_words: tuple[str, ...] = ("timestamp", "recvwindow", "recv window")


class _ErrorWire(msgspec.Struct):
    code: int = 0
    message: str | None = None
    msg: str | None = None

    @property
    def words(self) -> str:
        return self.message or self.msg or ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request as data. `body` is the JSON text exactly as it is signed and sent."""

    method: str
    path: str
    pool: Pool
    params: Mapping[str, str] = {}
    body: str = ""
    signed: bool = False
    urgent: bool = False
    #: How long it may wait for its turn; None: as long as the whole call may take.
    patience_s: float | None = None
    #: Asked when it is handed to the transport, after every wait of ours: why it must not go after all; empty: it may.
    #: Connecting may still take its time; whoever halts looks twice for what arrives late.
    withheld: Callable[[], str] | None = None

    @property
    def reads(self) -> bool:
        return self.method == "GET"

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def target(self) -> str:
        return f"{self.path}?{query_text(self.params)}" if self.params else self.path


class Caller:
    """Carries out calls: waits for the bucket, signs, sends, judges the answer, repeats reads."""

    def __init__(
        self,
        http: HttpTransport,
        *,
        clock: Clock,
        chance: Chance,
        limits: Limits,
        offset: ClockOffset,
        signer: Signer | None,
        settings: RestSettings,
    ) -> None:
        self._http = http
        self._clock = clock
        self._chance = chance
        self._limits = limits
        self._offset = offset
        self._signer = signer
        self._settings = settings

    async def run(self, call: Call, form: type[T]) -> T:
        """The decoded answer. Raises an ExchangeError of the table above."""
        give_up_at = self._clock.monotonic() + self._settings.overall_s
        reply = await (self._read(call, give_up_at) if call.reads else self._once(call, give_up_at))
        try:
            return decode(reply.body, form, call.name)
        except BadReply as error:
            self._refuse_error_body(call, reply)
            if call.reads:
                raise
            raise OutcomeUnknown(call.name, error.cause) from error

    async def _read(self, call: Call, give_up_at: float) -> HttpReply:
        backoff = Backoff(
            self._clock,
            self._chance,
            base_s=self._settings.retry_base_s,
            cap_s=self._settings.retry_cap_s,
            per_minute=self._settings.tries + 1,
        )
        clock_was_measured = False
        for turn in range(1, self._settings.tries + 1):
            try:
                return await self._once(call, give_up_at)
            except (NotReached, ExchangeDown, ExchangeBusy, ClockSkewed) as error:
                repeated_clock = isinstance(error, ClockSkewed) and clock_was_measured
                if turn == self._settings.tries or repeated_clock or not self._worth_repeating(error):
                    raise
                clock_was_measured = clock_was_measured or isinstance(error, ClockSkewed)
                wait = self.retry_wait_s(error, backoff)
                if self._clock.monotonic() + wait >= give_up_at:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("a read ends with an answer or an error")

    def retry_wait_s(self, error: Exception, backoff: Backoff) -> float:
        """The pause before a read is repeated. After «busy» the bucket itself waits."""
        return 0.0 if isinstance(error, ExchangeBusy | ClockSkewed) else backoff.next_wait_s()

    def _worth_repeating(self, error: Exception) -> bool:
        if isinstance(error, ExchangeDown):
            return not error.maintenance
        return not (isinstance(error, ExchangeBusy) and (error.banned or error.own_limit))

    async def _once(self, call: Call, give_up_at: float) -> HttpReply:
        if call.signed:
            await self._offset.ensure()
        bucket = self._limits.bucket(call.pool)
        left_s = give_up_at - self._clock.monotonic()
        patience_s = left_s if call.patience_s is None else min(left_s, call.patience_s)
        await bucket.take(call.name, patience_s=patience_s, urgent=call.urgent)
        headers = self._headers(call)
        if call.withheld is not None and (why := call.withheld()):
            raise Withheld(call.name, why)
        deadline_s = max(0.001, min(self._settings.request_s, give_up_at - self._clock.monotonic()))
        try:
            reply = await self._http.send(call.method, call.target, headers, call.body, deadline_s)
        except TransportFailed as failure:
            if not call.reads and failure.maybe_sent:
                raise OutcomeUnknown(call.name, failure.why) from failure
            if failure.malformed:
                raise BadReply(call.name, failure.why) from failure
            raise NotReached(call.name, failure.why) from failure
        self._judge(call, reply, bucket)
        return reply

    def _headers(self, call: Call) -> dict[str, str]:
        if not call.signed:
            return {}
        if self._signer is None:
            raise AuthRefused(call.name, "no API key is loaded")
        return signed_headers(
            self._signer,
            call.method,
            call.path,
            self._offset.sign_ms(),
            call.params,
            call.body,
            self._settings.recv_window_ms,
        )

    def _judge(self, call: Call, reply: HttpReply, bucket: Bucket) -> None:
        """Returns for a success, raises for everything else."""
        if 200 <= reply.status < 300:
            return
        if reply.status in (429, 418):
            raise self._busy(call, reply, bucket)
        error = _error_of(reply)
        words = error.words or f"HTTP {reply.status}"
        if error.code == MAINTENANCE or (reply.status == 503 and "maintenance" in words.lower()):
            raise ExchangeDown(
                call.name,
                words,
                maintenance=True,
                retry_after_ms=self._stated_wait_ms(reply),
                exchange_code=error.code,
            )
        if reply.status >= 500 or error.code in TROUBLE:
            if not call.reads:
                raise OutcomeUnknown(call.name, words)
            raise ExchangeDown(call.name, words, retry_after_ms=self._stated_wait_ms(reply))
        if reply.status in (401, 403):
            raise AuthRefused(call.name, words)
        if reply.status == 408 or (call.signed and reply.status == 400 and self._speaks_of_time(words)):
            self._offset.forget()
            raise ClockSkewed(f"Poloniex refused {call.name} because of its time.")
        if 400 <= reply.status < 500:
            raise RequestRefused(call.name, error.code or reply.status, words)
        if not call.reads:
            raise OutcomeUnknown(call.name, f"unexpected HTTP {reply.status}")
        raise BadReply(call.name, f"unexpected HTTP {reply.status}")

    def _refuse_error_body(self, call: Call, reply: HttpReply) -> None:
        """An error body under HTTP 200, which the futures half of the exchange is known for."""
        error = _error_of(reply)
        if error.code not in (0, 200) and error.words:
            raise RequestRefused(call.name, error.code, error.words)

    def _speaks_of_time(self, words: str) -> bool:
        return any(word in words.lower() for word in self._settings.clock_words)

    def _busy(self, call: Call, reply: HttpReply, bucket: Bucket) -> ExchangeBusy:
        banned = reply.status == 418
        stated = self.retry_after_s(reply)
        seconds = stated if stated is not None else (self._settings.ban_s if banned else self._settings.busy_s)
        if banned:
            self._limits.block_all(seconds)
        else:
            bucket.block(seconds)
        return ExchangeBusy(call.name, retry_after_ms=round(seconds * 1000), banned=banned)

    def _stated_wait_ms(self, reply: HttpReply) -> int | None:
        stated = self.retry_after_s(reply)
        return None if stated is None else round(stated * 1000)

    def retry_after_s(self, reply: HttpReply) -> float | None:
        """What Retry-After says, as seconds from now; None when it is absent or unreadable."""
        text = reply.headers.get("retry-after", "").strip()
        if not text:
            return None
        if text.isascii() and text.replace(".", "", 1).isdigit():
            return min(float(text), self._settings.longest_block_s)
        try:
            until = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
        known_ms = self._offset.now_ms()
        now_ms = self._clock.wall_ms() if known_ms is None else known_ms
        seconds = until.replace(tzinfo=until.tzinfo or UTC).timestamp() - now_ms / 1000
        return min(max(0.0, seconds), self._settings.longest_block_s)


def _error_of(reply: HttpReply) -> _ErrorWire:
    """The error body, or an empty one when the body is something else (an edge's HTML page)."""
    try:
        return msgspec.json.decode(reply.body, type=_ErrorWire, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _ErrorWire()
