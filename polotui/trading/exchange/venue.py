"""Orders at Poloniex, behind the words of every venue. The only place in the program that sends one.

what came back                                   placement
accepted, with the exchange's id                 ACCEPTED
a business code, 4xx, 429, «our key»             REJECTED: the exchange said no
nothing was sent (no connection, own limit)      REJECTED: it cannot exist
«client id repeat»                               looked up: ACCEPTED when it is this order, else trading stops
timeout, reset, 5xx, an answer of no sense       UNKNOWN: it may exist; only asking settles it

Decided here: «not found» is final only when the exchange itself would refuse the order if it came now: its time must be
past the latest possible signature plus the window plus two seconds, and nothing of the order may be under way in this
process. An older order is searched in the history too, because the exchange forgets ended orders.
The answer to a cancel is a hint. A token is used up before the first byte, and after the clock was measured, so that an
approval never grows old while something else is waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.model.account import Account, Order
from polotui.model.orders import OrderState, OrderTerms, OrderType, Placement, Purpose
from polotui.model.symbols import Market
from polotui.poloniex.calls import MAINTENANCE, TROUBLE, RestSettings
from polotui.poloniex.errors import (
    AuthRefused,
    BadReply,
    ClockSkewed,
    ExchangeBusy,
    ExchangeDown,
    NotOnGrid,
    NotReached,
    RequestRefused,
    Withheld,
)
from polotui.poloniex.limits import Limits
from polotui.poloniex.orders import NewOrder, SpotOrders, loopback_only
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import Signer
from polotui.poloniex.transport import HttpTransport
from polotui.trading.exchange.evidence import Evidence, OwnOrders, StopTrading
from polotui.trading.exchange.token import Gate
from polotui.trading.venue import VenueListener

log = logging.getLogger("polotui.trading.exchange")

NOT_FOUND = 21301
DUPLICATE = 21312
#: The exchange does not know the order, and could still take it.
NOT_YET = "not-found-yet"
SIGNATURE_MS = 60_000
MARGIN_MS = 2_000
#: Orders older than this may have been forgotten by the exchange's list of orders.
RECENT_MS = 600_000
DAY_MS = 86_400_000
HISTORY_PAGE = 1000
CANCEL_ROUNDS = 10
CANCEL_PAUSE_S = 0.3
LISTED = 2000

#: An order that is answered after this many seconds is answered too late to wait for.
SETTINGS = RestSettings(request_s=10.0, overall_s=20.0)

MarketOf = Callable[[str], Market | None]


def open_rest(
    url: str,
    signer: Signer,
    *,
    clock: Clock,
    chance: Chance,
    limits: Limits | None = None,
    http: HttpTransport | None = None,
    settings: RestSettings = SETTINGS,
) -> SpotRest:
    """A client that may send orders; its timeouts are those of orders."""
    return SpotRest(
        clock=clock,
        chance=chance.child("orders"),
        base_url=url,
        signer=signer,
        read_only=False,
        settings=settings,
        limits=limits,
        http=http,
    )


class NotAllCancelled(ExchangeError):
    """Orders still rest after everything was asked to go."""

    code = "not-all-cancelled"

    def __init__(self, left: int) -> None:
        super().__init__(
            f"{left} order(s) still rest after the cancel.",
            safe="Cancelling may be repeated as often as wanted.",
            next_step="Cancel again; if they stay, cancel them on the exchange's own site.",
        )


class ExchangeVenue:
    """Implements `polotui.trading.venue.Venue`. `close` the client it was given yourself."""

    account = "spot"

    def __init__(
        self,
        rest: SpotRest,
        *,
        gate: Gate,
        orders: OwnOrders,
        listener: VenueListener,
        market_of: MarketOf,
        stop: StopTrading,
        halted: Callable[[], bool],
    ) -> None:
        """`halted` is asked when an order is handed to the transport: the way to there has waits of its own."""
        self.rest = rest
        self._halted = halted
        self.evidence = Evidence(rest, orders, listener, stop)
        self._calls = SpotOrders(rest)
        self._gate = gate
        self._orders = orders
        self._market_of = market_of
        self._under_way: set[str] = set()
        #: The exchange's latest possible time under an order's signature, for orders that may or may not exist.
        self._signed_by: dict[str, int] = {}

    # -- placing --------------------------------------------------------------------------------------------------

    async def place(self, terms: OrderTerms, token: object) -> Placement:
        """Sends the order, once. Raises Refused (RealTradeBlocked, TokenRefused, NotOnGrid) before a byte leaves."""
        for address in self.rest.addresses:
            await loopback_only(address, f"Order {terms.id}")
        order, market = self._wire_order(terms)
        self._under_way.add(terms.id)
        try:
            try:
                await self.rest.keep_time()
            except ExchangeError as error:
                return _placement(OrderState.REJECTED, error)
            self._gate.redeem(token, terms)
            return await self._send_order(terms, order, market)
        finally:
            self._under_way.discard(terms.id)

    def _wire_order(self, terms: OrderTerms) -> tuple[NewOrder, Market]:
        market = self._market_of(terms.symbol)
        if market is None:
            raise NotOnGrid(f"The rules of {terms.symbol} are not known.")
        order = NewOrder(
            symbol=terms.symbol,
            side=terms.side.value,
            type=terms.type.value,
            client_id=terms.id,
            quantity=terms.quantity,
            amount=terms.amount,
            price=terms.price if terms.type is not OrderType.MARKET else None,
            time_in_force=terms.time_in_force,
        )
        order.body(market)
        return order, market

    async def _send_order(self, terms: OrderTerms, order: NewOrder, market: Market) -> Placement:
        """The one sender of orders."""
        try:
            placed = await self._calls.place(order, market, lambda: self._withheld(terms))
        except Withheld as error:
            return Placement(state=OrderState.REJECTED, code="HALTED", words=error.cause)
        except RequestRefused as error:
            if error.exchange_code == DUPLICATE:
                return await self._already_there(terms)
            if not _says_no(error.exchange_code):
                return self._unknown(terms, error)
            return _placement(OrderState.REJECTED, error)
        except ExchangeDown as error:
            if error.exchange_code == MAINTENANCE:
                return _placement(OrderState.REJECTED, error)
            return self._unknown(terms, error)
        except (NotReached, ExchangeBusy, AuthRefused, ClockSkewed) as error:
            # Not sent, or turned away before it was looked at.
            return _placement(OrderState.REJECTED, error)
        except ExchangeError as error:
            return self._unknown(terms, error)
        except asyncio.CancelledError:
            self._note_signed(terms.id)
            raise
        if not placed.accepted or placed.client_id not in ("", terms.id):
            odd = BadReply(f"order {terms.id}", f"an answer for {placed.client_id or 'no order'}")
            return self._unknown(terms, odd)
        return Placement(state=OrderState.ACCEPTED, venue_id=placed.order_id)

    def _withheld(self, terms: OrderTerms) -> str:
        return "the desk was halted" if self._halted() and terms.purpose is not Purpose.FLATTEN else ""

    async def _already_there(self, terms: OrderTerms) -> Placement:
        """The exchange has an order under this id: is it this one?"""
        self._note_signed(terms.id)
        try:
            found = await self.rest.order_by_client_id(terms.id)
        except ExchangeError as error:
            return self._unknown(terms, error)
        if difference := self.evidence.differs(terms, found):
            return Placement(state=OrderState.UNKNOWN, venue_id=found.id, code=str(DUPLICATE), words=difference)
        return Placement(state=OrderState.ACCEPTED, venue_id=found.id, code=str(DUPLICATE), words="already there")

    def _unknown(self, terms: OrderTerms, error: ExchangeError) -> Placement:
        self._note_signed(terms.id)
        log.warning("the fate of an order is open", extra={"order": terms.id, "detail": error.cause})
        return _placement(OrderState.UNKNOWN, error)

    def _note_signed(self, order_id: str) -> None:
        """Nothing of this order is signed later than now."""
        now = self.rest.exchange_ms()
        if now is not None:
            self._signed_by[order_id] = max(now, self._signed_by.get(order_id, 0))

    # -- cancelling -----------------------------------------------------------------------------------------------

    async def cancel(self, terms: OrderTerms) -> Placement:
        """Always CANCELLING: what came of it is told through the listener. `code` and `words` say how it was taken."""
        try:
            reply = await self._calls.cancel_by_client_id(terms.id)
        except ExchangeError as error:
            return _placement(OrderState.CANCELLING, error)
        code = "" if reply.accepted else str(reply.code)
        return Placement(state=OrderState.CANCELLING, venue_id=reply.order_id, code=code, words=reply.message)

    async def cancel_all(self, symbols: Sequence[str] = ()) -> None:
        """Cancels until the exchange lists nothing that rests. Raises NotAllCancelled when orders stay."""
        wanted = frozenset(symbols)
        left = 0
        for turn in range(CANCEL_ROUNDS):
            # Repeated now and then: an order that was on its way came after the first cancel.
            if turn % 3 == 0:
                await self._calls.cancel_all(symbols)
            await asyncio.sleep(CANCEL_PAUSE_S)
            left = sum(1 for order in await self.open_orders() if not wanted or order.symbol in wanted)
            if not left:
                return
        raise NotAllCancelled(left)

    # -- asking ---------------------------------------------------------------------------------------------------

    async def lookup(self, terms: OrderTerms) -> Placement:
        """What the exchange knows of an order. Its fills and state are told to the listener first.

        Raises ExchangeError when the exchange could not be asked: that is no news about the order.
        """
        await self.rest.keep_time()
        final = self._not_found_is_final(terms.id)
        found = await self._find(terms)
        if found is None and final:
            found = await self._find_in_history(terms)
        if found is None:
            return await self._missing(terms, final)
        self._signed_by.pop(terms.id, None)
        state = await self.evidence.order(found) or OrderState.UNKNOWN
        return Placement(state=state, venue_id=found.id, words=found.state)

    async def _missing(self, terms: OrderTerms, final: bool) -> Placement:
        if not final:
            return Placement(state=OrderState.UNKNOWN, code=NOT_YET, words="not found yet; it could still arrive")
        standing = await self._orders.standing(terms.id)
        if standing is not None and (standing.venue_id or standing.filled):
            # It was there once. What became of it only a person can say.
            text = f"The exchange does not know order {standing.venue_id or terms.id} any more."
            return Placement(state=OrderState.UNKNOWN, venue_id=standing.venue_id, code=str(NOT_FOUND), words=text)
        self._signed_by.pop(terms.id, None)
        text = "the exchange never had it, and could not take it any more"
        return Placement(state=OrderState.REJECTED, code="never-arrived", words=text, absent=True)

    def _not_found_is_final(self, order_id: str) -> bool:
        """Asked before the query leaves, so that the answer is younger than the bound."""
        now, error = self.rest.exchange_ms(), self.rest.offset.error_ms
        if order_id in self._under_way or now is None or error is None:
            return False
        signed_by = self._signed_by.setdefault(order_id, now)
        window = self.rest.recv_window_ms or SIGNATURE_MS
        return now - error > signed_by + window + MARGIN_MS

    async def _find(self, terms: OrderTerms) -> Order | None:
        try:
            return await self.rest.order_by_client_id(terms.id)
        except RequestRefused as error:
            if error.exchange_code != NOT_FOUND:
                raise
            return None

    async def _find_in_history(self, terms: OrderTerms) -> Order | None:
        """Ended orders, newest first, back to a day before this one was made; only for an order that is not recent."""
        now = self.rest.exchange_ms()
        if now is None or now - terms.created_ms < RECENT_MS:
            return None
        filters: dict[str, object] = {"symbol": terms.symbol, "limit": HISTORY_PAGE}
        while True:
            page = await self.rest.order_history(**filters)
            for order in page:
                if order.client_id == terms.id:
                    return order
            if len(page) < HISTORY_PAGE or page[-1].created_ms < terms.created_ms - DAY_MS:
                return None
            filters |= {"from": page[-1].id, "direction": "PRE"}

    async def open_orders(self) -> list[Order]:
        """Everything that rests, ours and others'."""
        return await self.rest.open_orders(limit=LISTED)

    async def balances(self) -> Account:
        """The spot account."""
        for account in await self.rest.balances():
            if account.kind == "SPOT":
                return account
        return Account(id="", kind="SPOT", balances=())

    def under_way(self, order_id: str) -> bool:
        """Is the order being sent at this moment?"""
        return order_id in self._under_way

    def settled(self, order_id: str) -> None:
        """The order has ended; nothing more is kept of it here."""
        self._signed_by.pop(order_id, None)


def _says_no(code: int) -> bool:
    """A code by which the exchange says that it did not take the order; a fault of its own says nothing."""
    return code not in TROUBLE and (400 <= code < 500 or code in (601, 602) or code >= 10_000)


def _placement(state: OrderState, error: ExchangeError) -> Placement:
    code = str(error.exchange_code) if isinstance(error, RequestRefused) else error.instance_code
    return Placement(state=state, code=code, words=error.cause)
