"""The paper venue on the live book: orders matched against what others really bid, ask and trade.

Decided here:
* Matching is synchronous, inside the feed's calls (`on_book`, `on_trades`) and when an order arrives; telling is not:
  news goes to the listener by the task that runs `run`, each order's in its order (see `news`).
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
from polotui.core.ids import Chance
from polotui.model.money import ZERO, plain
from polotui.model.orders import Execution, OrderState, OrderTerms, OrderType, Placement, Side
from polotui.trading.paper import models
from polotui.trading.paper.checks import need, on_grid, refused, rules_refused, terms_refused
from polotui.trading.paper.grid import EXACT, Grid
from polotui.trading.paper.holds import Holds
from polotui.trading.paper.liquidity import Piece, walk_amount, walk_lots
from polotui.trading.paper.models import Funds, LiveBook, Markets, OpenOrder, PaperSettings
from polotui.trading.paper.news import Moved, News
from polotui.trading.paper.orders import PaperOrder
from polotui.trading.paper.pit import Pit
from polotui.trading.venue import VenueListener

ROOT = "paper"
#: How many ended orders are remembered for lookups.
MOST_ENDED = 10_000
#: The wall clock may be set while we wait for an order to expire.
_LOOK_AGAIN_S = 30.0
_NEVER = float("inf")


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
        admit: Callable[[OrderTerms, object], str] = lambda terms, token: "",
    ) -> None:
        """`admit` checks the gate's token for an order and says why it is not good; empty: it is."""
        self.settings = settings or PaperSettings()
        self._markets = markets
        self._funds = funds
        self._clock = clock
        self._chance = chance
        self._admit = admit
        self._news = News(listener, clock, chance.child("news"), self._told)
        self._holds = Holds()
        self._pits: dict[str, Pit] = {}
        self._orders: dict[str, PaperOrder] = {}
        self._travelling: set[str] = set()
        self._ended: dict[str, Placement] = {}
        self._untold: dict[str, tuple[str, str, Decimal]] = {}
        self._restored = False
        self._number = 0
        self._next_expiry: float = _NEVER
        self._expiry_changed = asyncio.Event()

    # The venue's calls

    async def place(self, terms: OrderTerms, token: object) -> Placement:
        known = self._known(terms.id)
        if known is not None:
            return known
        if not self._restored:
            return refused(models.NOT_READY, "the paper venue has not taken up its open orders yet")
        if why := self._admit(terms, token):
            return refused(models.NOT_ADMITTED, why)
        self._travelling.add(terms.id)
        try:
            await self._travel()
        finally:
            self._travelling.discard(terms.id)
        placement = self._arrive(terms)
        if placement.state is OrderState.REJECTED:
            self._remember(terms.id, placement)
        return placement

    def _known(self, order_id: str) -> Placement | None:
        """An id that was used is never used for a second order."""
        order = self._orders.get(order_id)
        if order is not None:
            return Placement(state=order.state, venue_id=order.venue_id, code=models.DUPLICATE)
        if order_id in self._travelling:
            return Placement(state=OrderState.UNKNOWN, code=models.ON_ITS_WAY, words="it has not arrived yet")
        return self._ended.get(order_id)

    async def _travel(self) -> None:
        delay_ms = self.settings.latency_ms + self._chance.jitter(self.settings.jitter_ms)
        await asyncio.sleep(delay_ms / 1000)

    # An order arrives

    def _arrive(self, terms: OrderTerms) -> Placement:
        if terms.account != ROOT and not terms.account.startswith(ROOT + "/"):
            return refused(models.OTHER_ACCOUNT, f"{terms.account[:40]!r} is not a paper account")
        if self._news.trouble and not terms.reduces:
            return refused(models.NOT_READY, f"what happened before can't be booked: {self._news.trouble}")
        market = self._markets.market(terms.symbol)
        if market is None:
            return refused(models.UNKNOWN_SYMBOL, f"{terms.symbol[:40]!r} is not a market")
        if not market.tradable:
            return refused(models.NOT_TRADABLE, f"{terms.symbol} is {market.state[:40]}")
        if terms.expire_ms and terms.expire_ms <= self._clock.wall_ms():
            return refused(models.TIME_OVER, "it expired before it arrived")
        answer = terms_refused(terms)
        if answer is not None:
            return answer
        terms = on_grid(terms, market)
        book = self._markets.book(terms.symbol)
        if book is None or not book.ready or not self._markets.fresh(terms.symbol):
            return refused(models.STALE_BOOK, f"the book of {terms.symbol} is not fresh")
        pit = self._pits.get(terms.symbol) or Pit(Grid(market))
        answer = terms_refused(terms) or rules_refused(terms, pit.grid, book) or self._unpaid(terms, pit.grid)
        if answer is not None:
            return answer
        self._pits[terms.symbol] = pit
        placement = self._accept(terms, pit, book)
        self._tidy(pit, terms.symbol)
        return placement

    def _unpaid(self, terms: OrderTerms, grid: Grid) -> Placement | None:
        currency, amount = need(terms, grid)
        # A stop binds nothing until it is reached, as at the exchange: its coins may be in a target meanwhile.
        stop = terms.type is OrderType.STOP
        has = self._funds.booked(terms.account, currency) if stop else self.available(terms.account, currency)
        if amount <= has:
            return None
        return refused(models.FUNDS, f"it needs {plain(amount)} {currency}, {plain(max(has, ZERO))} is available")

    def _accept(self, terms: OrderTerms, pit: Pit, book: LiveBook) -> Placement:
        best = book.best_ask() if terms.side is Side.BUY else book.best_bid()
        if terms.type is OrderType.MARKET:
            if book.best_ask() is None or book.best_bid() is None:
                return refused(models.EMPTY_BOOK, f"one side of the book of {terms.symbol} is empty")
            order = self._open(terms, pit)
            self._take_at_market(order, pit, book)
            return Placement(state=OrderState.ACCEPTED, venue_id=order.venue_id)
        raise NotImplementedError(best)

    def _open(self, terms: OrderTerms, pit: Pit) -> PaperOrder:
        self._number += 1
        order = PaperOrder(terms, pit.grid, self._chance.new_id("pv"), self._number)
        order.left = pit.grid.lots_of(terms.quantity) if terms.quantity is not None else 0
        order.updated_ms = self._clock.wall_ms()
        self._orders[order.id] = order
        return order

    # Taking

    def _take_at_market(self, order: PaperOrder, pit: Pit, book: LiveBook) -> None:
        terms, view, slippage = order.terms, book.view(self.settings.most_levels), self.settings.slippage_bp
        if order.buy:
            assert terms.amount is not None
            pieces, whole = walk_amount(pit.grid, view.asks, pit.taken_asks, terms.amount, slippage_bp=slippage)
        else:
            pieces = walk_lots(pit.grid, terms.side, view.bids, pit.taken_bids, order.left, slippage_bp=slippage)
            whole = sum(piece.lots for piece in pieces) == order.left
        if terms.time_in_force == "FOK" and not whole:
            self._end(order, OrderState.CANCELLED, models.NOT_WHOLE, "the visible book does not hold all of it")
            return
        self._take(order, pit, pieces)
        if whole:
            self._end(order, OrderState.FILLED)
            return
        words = f"the visible book gave {plain(pit.grid.quantity(order.filled))} {pit.grid.market.base}"
        self._end(order, OrderState.CANCELLED, models.BOOK_EXHAUSTED, words)

    def _take(self, order: PaperOrder, pit: Pit, pieces: Iterable[Piece]) -> None:
        taken = pit.taken(asks=order.buy)
        for piece in pieces:
            taken.add(piece.level, piece.lots)
            self._execute(order, piece.lots, piece.price, maker=False)

    def _execute(self, order: PaperOrder, lots: int, price: Decimal, *, maker: bool) -> None:
        terms, market = order.terms, order.grid.market
        quantity, amount = order.grid.quantity(lots), order.grid.amount(lots, price)
        rate = self.settings.maker_fee if maker else self.settings.taker_fee
        received, spent = (quantity, amount) if order.buy else (amount, quantity)
        execution = Execution(
            id=self._chance.new_id("pf"),
            order_id=terms.id,
            symbol=terms.symbol,
            side=terms.side,
            price=price,
            quantity=quantity,
            fee=EXACT.multiply(received, rate),
            fee_currency=market.base if order.buy else market.quote,
            maker=maker,
            at_ms=self._clock.wall_ms(),
            late_ms=order.crossed_ms if order.late else 0,
        )
        currency = market.quote if order.buy else market.base
        self._holds.spend(terms.account, currency, spent)
        self._untold[execution.id] = (terms.account, currency, spent)
        order.left -= lots
        order.filled += lots
        order.filled_amount = EXACT.add(order.filled_amount, amount)
        order.updated_ms = execution.at_ms
        self._news.put(execution)

    # Ends and news

    def _end(self, order: PaperOrder, state: OrderState, code: str = "", words: str = "") -> None:
        pit = self._pits.get(order.terms.symbol)
        if pit is not None:
            pit.remove(order)
        self._holds.order(order.id, order.terms.account, "", ZERO)
        del self._orders[order.id]
        order.state = state
        self._remember(order.id, Placement(state=state, venue_id=order.venue_id, code=code, words=words))
        self._tell(order, code, words)

    def _tell(self, order: PaperOrder, code: str = "", words: str = "") -> None:
        at_ms = self._clock.wall_ms()
        self._news.put(Moved(order.id, order.state, order.venue_id, code, words, at_ms))

    def _told(self, item: Moved | Execution) -> None:
        if isinstance(item, Execution):
            account, currency, spent = self._untold.pop(item.id)
            self._holds.spend(account, currency, -spent)

    def _remember(self, order_id: str, placement: Placement) -> None:
        self._ended[order_id] = placement
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]

    def _tidy(self, pit: Pit, symbol: str) -> None:
        if pit.idle:
            self._pits.pop(symbol, None)

    # Money

    def holds(self, account: str) -> dict[str, Decimal]:
        """What open orders and untold executions bind of an account, by currency."""
        return dict(self._holds.of(account))

    def available(self, account: str, currency: str) -> Decimal:
        return EXACT.subtract(self._funds.booked(account, currency), self._holds.bound(account, currency))

    async def settled(self) -> None:
        """Waits until the listener knows all that happened."""
        await self._news.settled()

    def restore(self, orders: Sequence[OpenOrder] = ()) -> None:
        self._restored = True

    async def run(self) -> None:
        await self._news.run()
