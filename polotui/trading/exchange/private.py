"""The account's stream: what happens to orders and balances, kept whole across every interruption.

Decided here: a connection counts as live only after the exchange acknowledged both channels and everything that may
have happened before was fetched: own trades since a mark, what rests, and each open order that does not rest any more.
The mark moves only when the trade history was read completely up to it; trades told by the stream never move it,
because one that was lost lies before one that was not. Reading starts a minute before the mark:
told twice is booked once.
The same round is made every minute, so an event lost on a live connection is found too.

Events wait in a bounded queue for the ledger. When it is full the connection is given up, and the round after the next
connect fetches what was dropped. A ledger that fails ends `run`; whoever supervises it starts it again, and the round
makes it whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.model.account import Balance, Fill
from polotui.model.orders import FINAL
from polotui.poloniex.errors import BadReply
from polotui.poloniex.signing import Signer
from polotui.poloniex.sockets import Connector
from polotui.poloniex.stream_wire import Ack, BalanceEvent, OrderEvent
from polotui.poloniex.streams import PRIVATE_URL, Stream, StreamSettings, StreamState
from polotui.trading.exchange import words
from polotui.trading.exchange.evidence import OwnOrders
from polotui.trading.exchange.resolve import CYCLE_S, Resolver, slower
from polotui.trading.exchange.venue import ExchangeVenue

log = logging.getLogger("polotui.trading.exchange")

CHANNELS = frozenset({"orders", "balances"})
SWEEP_S = 60.0
ACK_S = 10.0
OVERLAP_MS = 60_000
#: How long a trade may take to appear in the history.
LAG_MS = 5_000
LONGEST_SPAN_MS = 90 * 86_400_000 - 1
PAGE = 1000
MOST_WAITING = 10_000


class AccountStream:
    """Run `run` in a task you own. Entries are sent only while `live`."""

    def __init__(
        self,
        venue: ExchangeVenue,
        resolver: Resolver,
        orders: OwnOrders,
        signer: Signer,
        *,
        clock: Clock,
        chance: Chance,
        url: str = PRIVATE_URL,
        connector: Connector | None = None,
        settings: StreamSettings | None = None,
    ) -> None:
        self._venue = venue
        self._rest = venue.rest
        self._evidence = venue.evidence
        self._resolver = resolver
        self._orders = orders
        self._clock = clock
        self._watchers: list[Callable[[], None]] = []
        self.stream = Stream(
            url,
            self,
            clock=clock,
            chance=chance.child("account"),
            name="private",
            connector=connector,
            signer=signer,
            sign_ms=venue.rest.sign_ms,
            settings=settings,
        )
        self.stream.subscribe("orders", ["all"])
        self.stream.subscribe("balances")
        self.state = StreamState(phase="closed", since_ms=clock.wall_ms())
        self.live = False
        self.last_message_ms = 0
        self.rounds = 0
        self.balances: dict[str, Balance] = {}
        self._versions: dict[str, int] = {}
        self._acknowledged: set[str] = set()
        self._connection = 0
        self._opened_at = 0.0
        self._events: deque[OrderEvent] = deque()
        self._ending: dict[str, None] = {}
        self._news = asyncio.Event()
        self._due_at = 0.0
        self._pause = CYCLE_S
        self._mark_ms = 0

    def watch(self, changed: Callable[[], None]) -> None:
        """`changed` is called after every news; it must return quickly."""
        self._watchers.append(changed)

    def _changed(self) -> None:
        for changed in self._watchers:
            changed()

    # -- the stream's handler -------------------------------------------------------------------------------------

    def on_stream_state(self, name: str, state: StreamState) -> None:
        self.state = state
        if state.phase == "open":
            self._opened_at = self._clock.monotonic()
        else:
            self._acknowledged.clear()
            self._connection += 1
            self._become_live(False)
        self._news.set()
        self._changed()

    def on_message(self, message: Any, received: float) -> None:
        self.last_message_ms = self._clock.wall_ms()
        if isinstance(message, OrderEvent):
            if len(self._events) >= MOST_WAITING:
                self._events.clear()
                self.stream.reconnect("events came faster than they could be booked")
                return
            self._events.append(message)
        elif isinstance(message, BalanceEvent):
            self._keep_balance(message)
        elif isinstance(message, Ack) and message.event == "subscribe":
            self._acknowledged.add(message.channel)
            if self._acknowledged >= CHANNELS:
                self._due_at = 0.0
        else:
            return
        self._news.set()
        self._changed()

    def _keep_balance(self, event: BalanceEvent) -> None:
        if event.version and event.version <= self._versions.get(event.currency, 0):
            return
        self._versions[event.currency] = event.version
        self.balances[event.currency] = event.value()

    def _become_live(self, live: bool) -> None:
        if live != self.live:
            self.live = live
            self._changed()

    # -- the work -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keeps the stream up and tells what happens, until cancelled."""
        stream = asyncio.create_task(self.stream.run(), name="private-stream")
        work = asyncio.create_task(self._work(), name="private-work")
        try:
            await asyncio.wait((stream, work), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._become_live(False)
            stream.cancel()
            work.cancel()
            await asyncio.gather(stream, work, return_exceptions=True)
        for task in (stream, work):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _work(self) -> None:
        self._due_at = 0.0
        while True:
            self._news.clear()
            if self._acknowledged >= CHANNELS and self._clock.monotonic() >= self._due_at:
                await self._try_round()
            while self._events:
                await self._one_event(self._events.popleft())
            await self._ask_after_ends()
            if not self._news.is_set() and not self._events:
                await self._wait()

    async def _wait(self) -> None:
        """Until there is news, or the next round or the patience for acknowledgements ends."""
        now = self._clock.monotonic()
        confirmed = self._acknowledged >= CHANNELS
        until = self._due_at if confirmed else self._opened_at + ACK_S
        if not confirmed and (self.state.phase != "open" or now >= until):
            if self.state.phase == "open":
                self.stream.reconnect("subscriptions were not acknowledged")
            await self._news.wait()
            return
        try:
            async with asyncio.timeout(max(0.0, until - now)):
                await self._news.wait()
        except TimeoutError:
            return

    async def _one_event(self, event: OrderEvent) -> None:
        try:
            await self._evidence.event(event)
        except ExchangeError as error:
            # What it announced is fetched by the next round.
            log.info("an event waits for the next round", extra={"detail": error.cause})
            self._due_at = min(self._due_at, self._clock.monotonic() + CYCLE_S)
            return
        standing = await self._orders.standing(event.client_order_id or "")
        if standing is not None and standing.state not in FINAL and words.never_rests(standing.terms):
            self._ending[standing.terms.id] = None

    async def _ask_after_ends(self) -> None:
        """Orders that cannot rest and were not told to have ended; the exchange does not always say so."""
        while self._ending and not self._events:
            order_id, _ = self._ending.popitem()
            standing = await self._orders.standing(order_id)
            if standing is None or standing.state in FINAL:
                continue
            try:
                await self._resolver.ask(standing)
            except ExchangeError as error:
                log.info("an order is asked after later", extra={"order": order_id, "detail": error.cause})

    async def _try_round(self) -> None:
        connection = self._connection
        try:
            await self.round()
        except ExchangeError as error:
            self._pause = slower(self._pause, error)
            self._due_at = self._clock.monotonic() + self._pause
            log.info("the account could not be read", extra={"detail": error.cause})
            return
        self._pause = CYCLE_S
        self.rounds += 1
        if connection == self._connection:
            self._due_at = self._clock.monotonic() + SWEEP_S
            self._become_live(True)

    async def round(self) -> None:
        """Fetches and tells everything that may have been missed. Raises ExchangeError."""
        await self._rest.keep_time()
        before = self._orders.not_final(self._venue.account)
        await self._fills_since_mark()
        listed = await self._venue.open_orders()
        strays = [order for order in listed if await self._evidence.order(order) in FINAL]
        for order in strays:
            await self._resolver.stray(order)
        await self._resolver.missing(before, frozenset(order.client_id for order in listed))

    async def _fills_since_mark(self) -> None:
        now = self._rest.exchange_ms() or self._clock.wall_ms()
        if not self._mark_ms:
            self._mark_ms = self._first_mark(now)
        while True:
            start = max(0, self._mark_ms - OVERLAP_MS)
            end = start + LONGEST_SPAN_MS
            fills = await self._fills(start, end)
            await self._evidence.fills(fills)
            newest = max((fill.ts_ms for fill in fills), default=0)
            self._mark_ms = max(self._mark_ms, newest, min(end, now - LAG_MS))
            if end >= now:
                return

    def _first_mark(self, now_ms: int) -> int:
        """An ended order has all its fills, so only what is open can have missed any."""
        ages = [
            self._clock.wall_ms() - standing.terms.created_ms
            for standing in self._orders.not_final(self._venue.account)
        ]
        return now_ms - max(0, *ages, LAG_MS)

    async def _fills(self, start_ms: int, end_ms: int) -> list[Fill]:
        """All pages of the history of that span."""
        filters: dict[str, object] = {"limit": PAGE, "startTime": start_ms, "endTime": end_ms}
        found: list[Fill] = []
        while True:
            page = await self._rest.fills(**filters)
            found += page
            if len(page) < PAGE:
                return found
            last = page[-1].page_id
            if not last or last == filters.get("from"):
                raise BadReply("GET /trades", "its pages do not move on")
            filters |= {"from": last, "direction": "PRE"}
