"""The paper venue on the live book: orders matched against what others really bid, ask and trade.

Decided here:
* Matching (see `matching`) is synchronous, inside the feed's calls `on_book` and `on_trades` and when an order arrives;
  telling (see `news`) is not: the task that runs `run` tells the listener, each order's news in its order.
* An order arrives after the latency and meets the book as it stands then. So does a cancel, which may come too late.
* A refusal is the answer of `place` and is not told again; what happens after ACCEPTED comes through the listener.
* Orders meet the real book and real prints only, never each other, and share them: what one took, the next can't have.
* What was not told and booked before a crash did not happen: `restore` begins with what the ledger has.

Nothing here can sign or send an order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from polotui.core.clock import Clock
from polotui.core.errors import Refused
from polotui.core.ids import Chance
from polotui.model.account import Account, Order
from polotui.model.market import Trade
from polotui.model.orders import Execution, OrderState, OrderTerms, Placement
from polotui.trading.paper import models
from polotui.trading.paper.checks import refused
from polotui.trading.paper.matching import Matching
from polotui.trading.paper.models import Funds, Markets, OpenOrder, PaperSettings
from polotui.trading.paper.news import Moved, News
from polotui.trading.paper.orders import stated
from polotui.trading.paper.register import NEVER, Register
from polotui.trading.paper.till import Till
from polotui.trading.venue import VenueListener

ROOT = "paper"
#: The wall clock may be set while we wait for an order's time to be over.
_LOOK_AGAIN_S = 30.0


class BookVenue:
    """Fills paper orders. Call `restore` once, run `run` in a task you own, and hand it the feed's calls."""

    account = ROOT

    def __init__(
        self,
        markets: Markets,
        funds: Funds,
        listener: VenueListener,
        *,
        clock: Clock,
        chance: Chance,
        settings: PaperSettings | None = None,
        redeem: Callable[[object, OrderTerms], None] | None = None,
    ) -> None:
        """`redeem` uses up the gate's token for an order, and raises Refused when it does not hold."""
        self.settings = settings or PaperSettings()
        self._clock = clock
        self._chance = chance
        self._redeem = redeem
        self._news = News(listener, clock, chance.child("news"), self._told)
        self._till = Till(funds, self.settings, clock, chance)
        self._register = Register()
        self._matching = Matching(markets, self._till, self._news, self._register, self.settings, clock, chance)
        self._ready = False
        #: Orders of the ledger whose market is not known yet: they are open, and nothing can meet them.
        self._without_market: dict[str, OpenOrder] = {}
        self._expiry_changed = asyncio.Event()

    # What the gateway asks

    async def place(self, terms: OrderTerms, token: object) -> Placement:
        repeated = self._register.repeated(terms)
        if repeated is not None:
            return repeated
        if self._redeem is not None:
            try:
                self._redeem(token, terms)
            except Refused as error:
                return refused(models.NOT_ADMITTED, error.cause)
        self._register.depart(terms.id)
        try:
            await self._travel()
        finally:
            self._register.arrived(terms.id)
        placement = self._arrive(terms)
        if placement.state is OrderState.REJECTED:
            self._register.remember(terms, placement)
        elif terms.expire_ms:
            self._expiry_changed.set()
        return placement

    def _arrive(self, terms: OrderTerms) -> Placement:
        if not self._ready:
            return refused(models.NOT_READY, "the paper venue has not taken up its open orders yet")
        if terms.account != ROOT and not terms.account.startswith(ROOT + "/"):
            return refused(models.OTHER_ACCOUNT, f"{terms.account[:40]!r} is not a paper account")
        if self._news.trouble and not terms.reduces:
            return refused(models.NOT_READY, f"what happened before can't be booked: {self._news.trouble}")
        return self._matching.arrive(terms)

    async def cancel(self, terms: OrderTerms) -> Placement:
        await self._travel()
        order = self._register.get(terms.id)
        if order is not None:
            self._matching.end(order, OrderState.CANCELLED, models.ASKED, "cancelled as asked")
        self._end_without_market([terms.symbol], terms.id)
        return await self.lookup(terms)

    async def cancel_all(self, symbols: Sequence[str] = ()) -> None:
        await self._travel()
        for order in self._register.of_symbols(symbols):
            self._matching.end(order, OrderState.CANCELLED, models.ASKED, "cancelled as asked, with all others")
        self._end_without_market(symbols)

    def _end_without_market(self, symbols: Sequence[str], order_id: str = "") -> None:
        for order in list(self._without_market.values()):
            terms = order.terms
            if (symbols and terms.symbol not in symbols) or (order_id and terms.id != order_id):
                continue
            del self._without_market[terms.id]
            ended = Placement(
                state=OrderState.CANCELLED, venue_id=order.venue_id, code=models.ASKED, words="cancelled as asked"
            )
            self._register.remember(terms, ended)
            self._news.put(Moved(terms.id, ended.state, ended.venue_id, ended.code, ended.words, self._clock.wall_ms()))

    async def lookup(self, terms: OrderTerms) -> Placement:
        waiting = self._without_market.get(terms.id)
        if waiting is not None:
            return Placement(state=OrderState.ACCEPTED, venue_id=waiting.venue_id, words="its market is not known yet")
        known = self._register.lookup(terms)
        if known.absent and not self._ready:
            return Placement(state=OrderState.UNKNOWN, code=models.NOT_READY, words="open orders are not taken up yet")
        return known

    async def open_orders(self) -> list[Order]:
        waiting = [stated(order) for order in self._without_market.values()]
        return waiting + [order.stated() for order in self._register.all_open()]

    async def balances(self) -> Account:
        return self._till.whole_account(ROOT)

    async def _travel(self) -> None:
        delay_ms = self.settings.latency_ms + self._chance.jitter(self.settings.jitter_ms)
        await asyncio.sleep(delay_ms / 1000)

    # What the feed tells

    def on_book(self, symbol: str) -> None:
        """The book of a symbol changed."""
        self._matching.on_book(symbol)

    def on_trades(self, symbol: str, trades: Iterable[Trade]) -> None:
        """Public trades, each once and in their order."""
        self._matching.on_trades(symbol, trades)

    # Money

    def holds(self, account: str) -> dict[str, Decimal]:
        """What open orders and untold executions bind of an account, by currency."""
        return self._till.holds(account)

    def available(self, account: str, currency: str) -> Decimal:
        """What an account has booked and nothing binds."""
        return self._till.available(account, currency)

    # Start and run

    def restore(self, orders: Sequence[OpenOrder] = ()) -> dict[str, str]:
        """Takes up the orders that the ledger has as open, before the first is placed. Their place in the queue is
        lost: all that stands at their price when they see it first is ahead of them. Returns those whose market is not
        known yet, with the reason: they wait for `on_rules`."""
        left_out = {order.terms.id: why for order in orders if (why := self._matching.take_up(order))}
        self._without_market = {order.terms.id: order for order in orders if order.terms.id in left_out}
        self._ready = True
        self._expiry_changed.set()
        return left_out

    def on_rules(self) -> None:
        """The markets are known anew: orders that waited for theirs rest from now on."""
        for order in list(self._without_market.values()):
            if not self._matching.take_up(order):
                del self._without_market[order.terms.id]
                self._expiry_changed.set()

    async def run(self) -> None:
        """Tells the listener what happens, and ends orders whose time is over, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._news.run(), name="paper-news")
            group.create_task(self._expire(), name="paper-expiry")

    async def settled(self) -> None:
        """Waits until the listener knows all that happened."""
        await self._news.settled()

    async def _expire(self) -> None:
        while True:
            self._expiry_changed.clear()
            self._matching.expire_due()
            due_ms = self._register.next_expiry_ms
            wait = None if due_ms == NEVER else min(_LOOK_AGAIN_S, max(0.001, (due_ms - self._clock.wall_ms()) / 1000))
            try:
                async with asyncio.timeout(wait):
                    await self._expiry_changed.wait()
            except TimeoutError:
                continue

    def _told(self, item: Moved | Execution) -> None:
        if isinstance(item, Execution):
            self._till.told(item)
