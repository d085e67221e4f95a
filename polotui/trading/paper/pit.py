"""The open orders of one symbol, and which of them the book or a print meets. Pure: no time, no money, no news.

Decided here:
* Price first, then the order of arrival. One print, and one level, is shared: the first takes what it needs.
* A print meets the orders that its taker would have met: a taker who sold meets our buys at and above the print's
  price, one who bought our sells at and below it.
* Only prints later than the book that an order joined count for it; what is older is in that book already.
* A book whose best price crosses a resting order's price fills it at its own price, as far as the levels that cross
  go: those orders came to it.
* A stop is reached by a print, and by the best price that its market order would get (bid for a sell, ask for a buy).
"""

from __future__ import annotations

from bisect import insort

from polotui.execution.exits import beyond_stop
from polotui.model.market import BookView, Trade
from polotui.trading.paper.grid import Grid
from polotui.trading.paper.liquidity import Taken
from polotui.trading.paper.models import LiveBook
from polotui.trading.paper.orders import PaperOrder

Met = tuple[PaperOrder, int]


def _turn(order: PaperOrder) -> tuple[float, int]:
    """Best price first: the highest buy, the lowest sell; then who came first."""
    return (-order.price if order.buy else order.price, order.number)


class Pit:
    """Resting orders and stops of one symbol, and what was taken from its book."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.taken_bids = Taken(grid, bids=True)
        self.taken_asks = Taken(grid, bids=False)
        #: Stops that were reached and wait for a book that may be traded on.
        self.reached: list[PaperOrder] = []
        self._buys: list[PaperOrder] = []
        self._sells: list[PaperOrder] = []
        self._stops: list[PaperOrder] = []
        self._queued: list[PaperOrder] = []
        self._unseen: list[PaperOrder] = []
        self._printed_ms = 0
        self._edges()

    @property
    def idle(self) -> bool:
        """Nothing here can be met by anything, and nothing needs to be remembered."""
        return not (self._buys or self._sells or self._stops or self.reached or self.taken_bids or self.taken_asks)

    def taken(self, *, asks: bool) -> Taken:
        return self.taken_asks if asks else self.taken_bids

    # Orders come and go

    def add(self, order: PaperOrder, book: LiveBook | None) -> None:
        """Takes an order in. Without a book it joins at the first one that is shown to `join`."""
        if order.rests and not order.crossed_ms:
            insort(self._buys if order.buy else self._sells, order, key=_turn)
        if order.watched:
            self._stops.append(order)
        if order.crossed_ms:
            self.reached.append(order)
        if book is None:
            self._unseen.append(order)
        else:
            self._join(order, book)
        self._edges()

    def remove(self, order: PaperOrder) -> None:
        for orders in (self._buys, self._sells, self._stops, self._queued, self._unseen, self.reached):
            if order in orders:
                orders.remove(order)
        self._edges()

    def join(self, book: LiveBook) -> list[PaperOrder]:
        """Orders that were restored see their first book: all that stands at their price is ahead of them."""
        joined, self._unseen = self._unseen, []
        for order in joined:
            self._join(order, book)
        return joined

    def _join(self, order: PaperOrder, book: LiveBook) -> None:
        order.joined_ms = max(book.ts_ms, self._printed_ms)
        if order.rests:
            order.place.see(book.size_at(order.price, bids=order.buy), book.ts_ms)
            if not order.place.first:
                self._queued.append(order)

    def _edges(self) -> None:
        """The prices at which something happens, so that most books are judged by four comparisons."""
        inf = float("inf")
        self._top_buy = self._buys[0].price if self._buys else -inf
        self._low_sell = self._sells[0].price if self._sells else inf
        self._sell_stop = max((order.stop for order in self._stops if not order.buy), default=-inf)
        self._buy_stop = min((order.stop for order in self._stops if order.buy), default=inf)

    # What the market does

    def see(self, book: LiveBook) -> bool:
        """Looks at a changed book. True when orders are met by it, or a stop waits, so that `fresh` must be asked."""
        if self.taken_bids:
            self.taken_bids.see(book)
        if self.taken_asks:
            self.taken_asks.see(book)
        if self._queued:
            self._see_queues(book)
        if self._unseen or self.reached:
            return True
        bid, ask = book.best_bid(), book.best_ask()
        if bid is not None and (bid[0] >= self._low_sell or bid[0] <= self._sell_stop):
            return True
        return ask is not None and (ask[0] <= self._top_buy or ask[0] >= self._buy_stop)

    def _see_queues(self, book: LiveBook) -> None:
        now_ms, passed = book.ts_ms, False
        for order in self._queued:
            place = order.place
            place.see(book.size_at(order.price, bids=order.buy), now_ms)
            passed = passed or place.first
        if passed:
            self._queued = [order for order in self._queued if not order.place.first]

    def stopped_by_book(self, book: LiveBook) -> list[PaperOrder]:
        """Stops that the best prices reach."""
        bid, ask = book.best_bid(), book.best_ask()
        return [
            order
            for order in self._stops
            if (best := ask if order.buy else bid) is not None and self._beyond(order, best[0])
        ]

    def stopped_by_print(self, trade: Trade) -> list[PaperOrder]:
        if not (trade.price <= self._sell_stop or trade.price >= self._buy_stop):
            return []
        return [order for order in self._stops if trade.ts_ms > order.joined_ms and self._beyond(order, trade.price)]

    def mark_reached(self, order: PaperOrder, at_ms: int, *, late: bool) -> None:
        """Its stop was reached: it rests no more and waits to be carried out."""
        order.crossed_ms = at_ms
        order.late = late
        for orders in (self._buys, self._sells, self._stops, self._queued):
            if order in orders:
                orders.remove(order)
        self.reached.append(order)
        self._edges()

    def print_meets(self, trade: Trade) -> list[Met]:
        """Which resting orders a print fills, and by how many lots."""
        self._printed_ms = max(self._printed_ms, trade.ts_ms)
        orders = self._sells if trade.buy else self._buys
        if not orders:
            return []
        met: list[Met] = []
        room = self.grid.lots_shown(trade.quantity)
        for order in orders:
            if room <= 0 or (trade.price < order.price if trade.buy else trade.price > order.price):
                break
            if trade.ts_ms <= order.joined_ms:
                continue
            at_price = trade.price == order.price
            reaches = order.place.at_price(room, trade.ts_ms) if at_price else order.place.beyond_price(room)
            lots = min(reaches, order.left)
            if lots > 0:
                met.append((order, lots))
                room -= lots
        return met

    def book_meets(self, view: BookView) -> list[Met]:
        """Which resting orders the book crosses, and by how many lots. What they take is remembered."""
        met: list[Met] = []
        for orders, levels, taken in (
            (self._buys, view.asks, self.taken_asks),
            (self._sells, view.bids, self.taken_bids),
        ):
            for order in orders:
                lots = self._cross(order, levels, taken)
                if lots > 0:
                    met.append((order, lots))
        return met

    def _cross(self, order: PaperOrder, levels: list[tuple[float, float]], taken: Taken) -> int:
        left = order.left
        for level, size in levels:
            if left <= 0 or (level > order.price if order.buy else level < order.price):
                break
            here = min(left, self.grid.lots_shown(size) - taken.at(level))
            if here > 0:
                taken.add(level, here)
                left -= here
        return order.left - left

    @staticmethod
    def _beyond(order: PaperOrder, price: float) -> bool:
        # A stop that sells protects what was bought, so it has the direction of that.
        return beyond_stop(price, order.stop, -1 if order.buy else 1)
