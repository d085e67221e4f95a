"""Cancels everything at the exchange, when nothing else can be relied on.

Decided here: an HTTP client, a measured time and limits of its own, no database, no blotter, no gateway. Orders of
others in the account go too: whoever halts wants nothing to rest. It asks to cancel and then looks, until the list was
empty twice, because an order that was on its way when the halt came may arrive after the first look. It never gives up
before its patience ends, and then says what is left.
"""

from __future__ import annotations

import asyncio

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.poloniex.calls import RestSettings
from polotui.poloniex.limits import Limits
from polotui.poloniex.orders import SpotOrders, loopback_only
from polotui.poloniex.signing import Signer
from polotui.poloniex.transport import HttpTransport
from polotui.trading.exchange.venue import LISTED, open_rest

PATIENCE_S = 30.0
PAUSE_S = 0.25
EMPTY_LISTS = 2
WARM_S = 60.0
SETTINGS = RestSettings(request_s=5.0, overall_s=8.0, tries=2, clock_samples=1)


class Halted(msgspec.Struct, frozen=True, kw_only=True):
    """What a halt achieved. `left` None: the exchange could not be asked. Times count from the call."""

    cancelled: int
    left: int | None
    first_cancel_ms: float | None
    confirmed_ms: float | None
    errors: tuple[str, ...] = ()

    @property
    def confirmed(self) -> bool:
        return self.confirmed_ms is not None


class HaltClient:
    """Keep one `warm` and halting starts with the cancel itself. `close` it when done."""

    def __init__(
        self, url: str, signer: Signer, *, clock: Clock, chance: Chance, http: HttpTransport | None = None
    ) -> None:
        self._clock = clock
        self._rest = open_rest(
            url,
            signer,
            clock=clock,
            chance=chance.child("halt"),
            limits=Limits(clock, share=1.0),
            http=http,
            settings=SETTINGS,
        )
        self._calls = SpotOrders(self._rest)

    async def close(self) -> None:
        await self._rest.close()

    async def keep_warm(self) -> None:
        """Keeps the exchange's time measured, until cancelled. A failure waits for the next turn."""
        while True:
            try:
                await self._rest.keep_time()
            except ExchangeError:
                await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(WARM_S)

    async def cancel_everything(self, patience_s: float = PATIENCE_S) -> Halted:
        """Cancels until nothing rests. Raises RealTradeBlocked and nothing else."""
        for address in self._rest.addresses:
            await loopback_only(address, "A halt")
        started = self._clock.monotonic()
        errors: list[str] = []
        cancelled: set[str] = set()
        left: int | None = None
        first: float | None = None
        empty = 0
        while True:
            try:
                if left is None or left:
                    await self._rest.keep_time()
                    first = self._since(started) if first is None else first
                    rows = await self._calls.cancel_all()
                    cancelled |= {row.order_id for row in rows if row.accepted}
                left = len(await self._rest.open_orders(limit=LISTED))
                empty = 0 if left else empty + 1
            except ExchangeError as error:
                left, empty = None, 0
                errors.append(error.cause)
            if empty == EMPTY_LISTS or self._since(started) > patience_s * 1000:
                confirmed = self._since(started) if empty == EMPTY_LISTS else None
                return Halted(
                    cancelled=len(cancelled),
                    left=left,
                    first_cancel_ms=first,
                    confirmed_ms=confirmed,
                    errors=tuple(dict.fromkeys(errors)),
                )
            await asyncio.sleep(PAUSE_S)

    def _since(self, started: float) -> float:
        return (self._clock.monotonic() - started) * 1000
