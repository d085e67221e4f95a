"""Orders whose fate is open: asked after by their client id until evidence settles it.

Decided here: nothing is ever sent again, and no time limit turns «unknown» into «failed». Every two seconds the orders
in UNKNOWN are asked after, and those that are for more than five seconds on a way that is short: being sent, being
cancelled, or open though they cannot rest. At most ten a cycle, a tenth of a second apart, those first that waited
longest. A cancel that did not arrive is repeated, which is harmless.
An exchange that does not work is asked more and more slowly, at last every 30 s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.model.account import Order
from polotui.model.orders import FINAL, OrderState
from polotui.poloniex.errors import BadReply, ExchangeDown, RequestRefused
from polotui.trading.exchange import words
from polotui.trading.exchange.evidence import OwnOrders, Standing
from polotui.trading.exchange.venue import NOT_YET, ExchangeVenue
from polotui.trading.venue import VenueListener

log = logging.getLogger("polotui.trading.exchange")

CYCLE_S = 2.0
IN_FLIGHT_MS = 5_000
MOST_QUERIES = 10
APART_S = 0.1
LONGEST_S = 5.0
MAINTENANCE_S = 30.0

_IN_FLIGHT = frozenset({OrderState.SUBMITTING, OrderState.CANCELLING})
_RESTING = frozenset({OrderState.ACCEPTED, OrderState.PARTIAL})


class Resolver:
    """Run `run` in a task you own; `missing` after a listing of what rests."""

    def __init__(
        self, venue: ExchangeVenue, orders: OwnOrders, listener: VenueListener, *, clock: Clock, chance: Chance
    ) -> None:
        self._venue = venue
        self._orders = orders
        self._listener = listener
        self._clock = clock
        self._chance = chance.child("resolve")
        self._asked: dict[str, float] = {}

    async def run(self) -> None:
        """Asks until cancelled."""
        pause = CYCLE_S
        while True:
            await asyncio.sleep(pause * 0.9 + self._chance.jitter(pause * 0.2))
            try:
                await self.cycle()
                pause = CYCLE_S
            except ExchangeError as error:
                pause = slower(pause, error)
                log.info("open orders could not be asked after", extra={"detail": error.cause})

    async def cycle(self) -> int:
        """One round; how many were asked after. Raises ExchangeError when the exchange cannot be asked."""
        due = self._due()
        for number, standing in enumerate(due[:MOST_QUERIES]):
            if number:
                await asyncio.sleep(APART_S)
            await self.ask(standing)
        return min(len(due), MOST_QUERIES)

    async def missing(self, before: Sequence[Standing], listed: frozenset[str]) -> None:
        """Asks after the orders that were open before a listing and are not in it."""
        for standing in before:
            if standing.terms.id not in listed and standing.state is not OrderState.DRAFT:
                await self.ask(standing)

    async def ask(self, standing: Standing) -> None:
        """Looks one order up and tells what is known now."""
        terms = standing.terms
        self._asked[terms.id] = self._clock.monotonic()
        try:
            found = await self._venue.lookup(terms)
        except (RequestRefused, BadReply) as error:
            # About this one order; the others are asked all the same.
            log.warning("an order could not be looked up", extra={"order": terms.id, "detail": error.cause})
            return
        if found.absent:
            await self._tell_absent(terms.id, found.code, found.words)
        elif found.state is OrderState.UNKNOWN:
            await self._tell_unknown(terms.id, found.venue_id, found.code, found.words)
        elif found.state is OrderState.CANCELLING and words.state_of(found.words) is not OrderState.CANCELLING:
            await self._venue.cancel(terms)

    async def stray(self, order: Order) -> None:
        """An order of ours is listed as resting, and ended in our books. If it rests in truth, it is cancelled and
        trading stops: what we believed of it was wrong."""
        fresh = await self._venue.rest.order(order.id)
        if words.state_of(fresh.state) in FINAL:
            return
        text = f"Order {order.client_id} rests at the exchange although it had ended here."
        self._venue.evidence.stop("ORDER-RISEN", order.client_id, text)
        standing = await self._orders.standing(order.client_id)
        if standing is not None:
            await self._venue.cancel(standing.terms)

    async def _tell_absent(self, order_id: str, code: str, text: str) -> None:
        now = await self._orders.standing(order_id)
        if now is not None and now.state not in FINAL:
            await self._listener.on_state(order_id, words.as_refused(now.state), code=code, words=text)

    async def _tell_unknown(self, order_id: str, venue_id: str, code: str, text: str) -> None:
        now = await self._orders.standing(order_id)
        if now is None or now.state is OrderState.UNKNOWN or now.state in FINAL or self._venue.under_way(order_id):
            return
        if now.state is OrderState.CANCELLING and code == NOT_YET:
            # Should it arrive, it is to be cancelled: that wish must not be forgotten.
            return
        await self._listener.on_state(order_id, OrderState.UNKNOWN, venue_id=venue_id, code=code, words=text)

    def _due(self) -> list[Standing]:
        standings = self._orders.not_final(self._venue.account)
        known = {standing.terms.id for standing in standings}
        for gone in [order_id for order_id in self._asked if order_id not in known]:
            del self._asked[gone]
            self._venue.settled(gone)
        now = self._clock.wall_ms()
        due = [standing for standing in standings if self._is_due(standing, now)]
        return sorted(due, key=lambda standing: self._asked.get(standing.terms.id, 0.0))

    def _is_due(self, standing: Standing, now_ms: int) -> bool:
        if standing.state is OrderState.UNKNOWN:
            return True
        # An age below zero means that the clock was set back.
        fresh = 0 <= now_ms - standing.since_ms < IN_FLIGHT_MS
        waits = standing.state in _IN_FLIGHT or (standing.state in _RESTING and words.never_rests(standing.terms))
        return waits and not fresh and not self._venue.under_way(standing.terms.id)


def slower(pause: float, error: ExchangeError) -> float:
    """The next pause after an exchange that could not be asked."""
    if isinstance(error, ExchangeDown) and error.maintenance:
        return MAINTENANCE_S
    return min(pause * 2, MAINTENANCE_S if isinstance(error, ExchangeDown) else LONGEST_S)
