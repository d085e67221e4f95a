"""What becomes of paper orders: they arrive, take, rest, are met, are stopped, and end. Synchronous throughout.

Decided here:
* A market order walks the visible book and takes what it shows; what that does not hold is cancelled with the reason.
  A limit order takes up to its limit first and rests with what remains, last in the queue at its price.
* An order needs a fresh book when it arrives, because nobody could say otherwise what it takes and what is ahead of it.
* A stop acts as a market order on the book at its trigger. Without a book that may be traded on it waits for the first
  one, and its executions are marked late with the time it was crossed; they are never dated back.
* FILLED means that executions make up all that was asked. An order whose rest is less than one lot ends CANCELLED with
  that reason.
* A stop that is reached while its coins or money are bound elsewhere ends CANCELLED, as the exchange would refuse it.
* Prints and books of a feed that catches up after an outage count: they happened.
"""

from __future__ import annotations

from collections.abc import Iterable

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.model.market import Trade
from polotui.model.money import ZERO, plain
from polotui.model.orders import OrderState, OrderTerms, OrderType, Placement, Side
from polotui.trading.paper import models
from polotui.trading.paper.checks import need, on_grid, refused, rules_refused, terms_refused
from polotui.trading.paper.grid import EXACT, Grid
from polotui.trading.paper.liquidity import Piece, walk_amount, walk_lots
from polotui.trading.paper.models import LiveBook, Markets, OpenOrder, PaperSettings
from polotui.trading.paper.news import Moved, News
from polotui.trading.paper.orders import PaperOrder
from polotui.trading.paper.pit import Pit
from polotui.trading.paper.register import Register
from polotui.trading.paper.till import Till


class Matching:
    """All pits, driven by the feed's calls and by arriving orders."""

    def __init__(
        self,
        markets: Markets,
        till: Till,
        news: News,
        register: Register,
        settings: PaperSettings,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._markets = markets
        self._till = till
        self._news = news
        self._register = register
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._pits: dict[str, Pit] = {}

    # An order arrives

    def arrive(self, terms: OrderTerms) -> Placement:
        market = self._markets.market(terms.symbol)
        if market is None:
            return refused(models.UNKNOWN_SYMBOL, f"{terms.symbol[:40]!r} is not a market")
        if not market.tradable:
            return refused(models.NOT_TRADABLE, f"{terms.symbol} is {market.state[:40]}")
        if terms.expire_ms and terms.expire_ms <= self._clock.wall_ms():
            return refused(models.TIME_OVER, "its time was over before it arrived")
        answer = terms_refused(terms)
        if answer is not None:
            return answer
        terms = on_grid(terms, market)
        book = self._markets.book(terms.symbol)
        if book is None or not book.ready or not self._markets.fresh(terms.symbol):
            return refused(models.STALE_BOOK, f"the book of {terms.symbol} is not fresh")
        pit = self._pits.get(terms.symbol) or Pit(Grid(market))
        answer = (
            terms_refused(terms)
            or self._book_refuses(terms, book)
            or rules_refused(terms, pit.grid, book)
            or self._unpaid(terms, pit.grid)
        )
        if answer is not None:
            return answer
        order = self._register.open(
            PaperOrder(terms, pit.grid, self._chance.new_id("pv"), self._register.next_number())
        )
        self._pits[terms.symbol] = pit
        self._carry_in(order, pit, book)
        self._tidy(pit)
        return Placement(state=OrderState.ACCEPTED, venue_id=order.venue_id)

    def _unpaid(self, terms: OrderTerms, grid: Grid) -> Placement | None:
        currency, amount = need(terms, grid)
        stop = terms.type is OrderType.STOP
        has = (self._till.booked if stop else self._till.available)(terms.account, currency)
        if amount <= has:
            return None
        return refused(models.FUNDS, f"it needs {plain(amount)} {currency}, {plain(max(has, ZERO))} is available")

    @staticmethod
    def _book_refuses(terms: OrderTerms, book: LiveBook) -> Placement | None:
        bid, ask = book.best_bid(), book.best_ask()
        if terms.type is OrderType.MARKET and (bid is None or ask is None):
            return refused(models.EMPTY_BOOK, f"one side of the book of {terms.symbol} is empty")
        if terms.type is OrderType.LIMIT_MAKER and terms.price is not None:
            limit = float(terms.price)
            if (
                (ask is not None and ask[0] <= limit)
                if terms.side is Side.BUY
                else (bid is not None and bid[0] >= limit)
            ):
                return refused(models.WOULD_TAKE, "it would take at once instead of resting")
        return None

    def _carry_in(self, order: PaperOrder, pit: Pit, book: LiveBook) -> None:
        if order.terms.type is OrderType.MARKET:
            self._at_market(order, pit, book)
            return
        if order.rests and not self._up_to_limit(order, pit, book):
            return
        pit.add(order, book)
        self._till.bind(order)
        if order.watched and pit.stopped_by_book(book):
            self._act(pit, book)

    # Taking

    def _at_market(self, order: PaperOrder, pit: Pit, book: LiveBook) -> None:
        view, slippage = book.view(self._settings.most_levels), self._settings.slippage_bp
        terms, levels, taken = order.terms, (view.asks if order.buy else view.bids), pit.taken(asks=order.buy)
        if order.buy and terms.amount is not None and terms.type is OrderType.MARKET:
            pieces, whole = walk_amount(pit.grid, levels, taken, terms.amount, slippage_bp=slippage)
        else:
            pieces = walk_lots(pit.grid, terms.side, levels, taken, order.left, slippage_bp=slippage)
            whole = sum(piece.lots for piece in pieces) == order.left
        if terms.time_in_force == "FOK" and not whole:
            self.end(order, OrderState.CANCELLED, models.NOT_WHOLE, "the visible book does not hold all of it")
            return
        if not self._affordable(order, pieces):
            self.end(order, OrderState.CANCELLED, models.FUNDS, "what it would trade is not available any more")
            return
        self._take(order, pit, pieces)
        if whole and order.filled:
            self.end(order, OrderState.FILLED)
            return
        words = f"the visible book gave {plain(pit.grid.quantity(order.filled))} {pit.grid.market.base}"
        self.end(order, OrderState.CANCELLED, models.BOOK_EXHAUSTED, words)

    def _affordable(self, order: PaperOrder, pieces: list[Piece]) -> bool:
        """A stop bound nothing when it was placed, and a stop that buys may meet any price."""
        market, account = order.grid.market, order.terms.account
        if not order.buy:
            return order.grid.quantity(order.left) <= self._till.available(account, market.base)
        cost = ZERO
        for piece in pieces:
            cost = EXACT.add(cost, order.grid.amount(piece.lots, piece.price))
        return cost <= self._till.available(account, market.quote)

    def _up_to_limit(self, order: PaperOrder, pit: Pit, book: LiveBook) -> bool:
        """Takes what the book has up to the limit. True when the order rests with what remains."""
        best = book.best_ask() if order.buy else book.best_bid()
        pieces: list[Piece] = []
        if best is not None and (best[0] <= order.price if order.buy else best[0] >= order.price):
            view = book.view(self._settings.most_levels)
            pieces = walk_lots(
                pit.grid,
                order.terms.side,
                view.asks if order.buy else view.bids,
                pit.taken(asks=order.buy),
                order.left,
                slippage_bp=self._settings.slippage_bp,
                limit=order.limit,
            )
        in_force = order.terms.time_in_force
        if in_force == "FOK" and sum(piece.lots for piece in pieces) < order.left:
            self.end(order, OrderState.CANCELLED, models.NOT_WHOLE, "the visible book does not hold all of it")
            return False
        self._take(order, pit, pieces)
        if order.left == 0:
            self.end(order, OrderState.FILLED)
            return False
        if in_force == "IOC":
            self.end(order, OrderState.CANCELLED, models.BOOK_EXHAUSTED, "the book has no more up to its limit")
            return False
        if pieces:
            self._partial(order)
        return True

    def _take(self, order: PaperOrder, pit: Pit, pieces: Iterable[Piece]) -> None:
        taken = pit.taken(asks=order.buy)
        for piece in pieces:
            taken.add(piece.level, piece.lots)
            self._news.put(self._till.execute(order, piece.lots, piece.price, maker=False))

    # The feed's calls

    def on_book(self, symbol: str) -> None:
        pit = self._pits.get(symbol)
        if pit is None:
            return
        book = self._markets.book(symbol)
        if book is None or not book.ready:
            return
        if pit.see(book) and self._markets.fresh(symbol):
            self.expire_due()
            self._act(pit, book)
        self._tidy(pit)

    def on_trades(self, symbol: str, trades: Iterable[Trade]) -> None:
        pit = self._pits.get(symbol)
        if pit is None:
            return
        self.expire_due()
        for trade in trades:
            for order, lots in pit.print_meets(trade):
                self._meet(order, lots)
            for order in pit.stopped_by_print(trade):
                fresh = self._markets.fresh(symbol)
                pit.mark_reached(order, self._clock.wall_ms() if fresh else trade.ts_ms, late=not fresh)
        if pit.reached:
            book = self._markets.book(symbol)
            if book is not None and book.ready and self._markets.fresh(symbol):
                self._carry_out_stops(pit, book)
        self._tidy(pit)

    def _act(self, pit: Pit, book: LiveBook) -> None:
        """The book may be traded on, and something in the pit meets it."""
        joined = pit.join(book)
        for order in pit.stopped_by_book(book):
            # One that was restored was crossed while nobody watched; when, nobody knows.
            pit.mark_reached(order, self._clock.wall_ms(), late=order in joined)
        self._carry_out_stops(pit, book)
        for order, lots in pit.book_meets(book.view(self._settings.most_levels)):
            self._meet(order, lots)

    def _carry_out_stops(self, pit: Pit, book: LiveBook) -> None:
        for order in list(pit.reached):
            if (book.best_ask() if order.buy else book.best_bid()) is None:
                continue
            self._till.free(order)
            pit.remove(order)
            self._at_market(order, pit, book)

    def _meet(self, order: PaperOrder, lots: int) -> None:
        assert order.limit is not None
        self._news.put(self._till.execute(order, lots, order.limit, maker=True))
        if order.left == 0:
            self.end(order, OrderState.FILLED)
        else:
            self._till.bind(order)
            self._partial(order)

    # Ends

    def expire_due(self) -> None:
        for order in self._register.expired(self._clock.wall_ms()):
            self.end(order, OrderState.EXPIRED, models.TIME_OVER, "its time is over")

    def end(self, order: PaperOrder, state: OrderState, code: str = "", words: str = "") -> None:
        if state is OrderState.FILLED and not order.complete:
            state, code, words = OrderState.CANCELLED, models.REST, "what is left of it is less than one lot"
        pit = self._pits.get(order.terms.symbol)
        if pit is not None:
            pit.remove(order)
        self._till.free(order)
        order.state = state
        self._register.end(order, code, words)
        self._tell(order, code, words)

    def _partial(self, order: PaperOrder) -> None:
        order.state = OrderState.PARTIAL
        self._tell(order)

    def _tell(self, order: PaperOrder, code: str = "", words: str = "") -> None:
        self._news.put(Moved(order.id, order.state, order.venue_id, code, words, self._clock.wall_ms()))

    def _tidy(self, pit: Pit) -> None:
        if pit.idle:
            self._pits.pop(pit.grid.market.symbol, None)

    # After a restart

    def take_up(self, given: OpenOrder) -> str:
        """An order of the ledger is open again. Says why not, when it can't be; empty otherwise. One that could not
        have stayed open ends, and is told as always."""
        terms = given.terms
        market = self._markets.market(terms.symbol)
        if market is None:
            return f"{terms.symbol[:40]!r} is not a market"
        pit = self._pits.setdefault(terms.symbol, Pit(Grid(market)))
        order = PaperOrder(
            on_grid(terms, market), pit.grid, given.venue_id or self._chance.new_id("pv"), self._register.next_number()
        )
        order.take_up(given.left, given.crossed_ms)
        self._register.open(order)
        if order.left == 0 and terms.quantity is not None:
            self.end(order, OrderState.FILLED)
        elif not (order.rests or order.watched or order.crossed_ms) or terms.time_in_force != "GTC":
            self.end(order, OrderState.CANCELLED, models.RESTARTED, "what it did before the restart was not booked")
        else:
            pit.add(order, None)
            self._till.bind(order)
        self._tidy(pit)
        return ""
