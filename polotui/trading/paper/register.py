"""The paper venue's orders: those that are open, those on their way, and what became of those that ended.

Decided here: an id that was used once never makes a second order. The last `MOST_ENDED` ends are remembered; an order
from before those is not called absent, because nobody can say so any more.
"""

from __future__ import annotations

from collections.abc import Iterable

from polotui.model.orders import OrderState, OrderTerms, Placement
from polotui.trading.paper import models
from polotui.trading.paper.orders import PaperOrder

MOST_ENDED = 1_000
NEVER = float("inf")


class Register:
    """Orders by their id."""

    def __init__(self) -> None:
        self.next_expiry_ms: float = NEVER
        self._open: dict[str, PaperOrder] = {}
        self._travelling: set[str] = set()
        self._ended: dict[str, tuple[Placement, int]] = {}
        self._forgotten_ms = -1
        self._number = 0

    def next_number(self) -> int:
        self._number += 1
        return self._number

    # On their way

    def depart(self, order_id: str) -> None:
        self._travelling.add(order_id)

    def arrived(self, order_id: str) -> None:
        self._travelling.discard(order_id)

    # Open

    def open(self, order: PaperOrder) -> PaperOrder:
        self._open[order.id] = order
        if order.terms.expire_ms:
            self.next_expiry_ms = min(self.next_expiry_ms, order.terms.expire_ms)
        return order

    def get(self, order_id: str) -> PaperOrder | None:
        return self._open.get(order_id)

    def all_open(self) -> list[PaperOrder]:
        return list(self._open.values())

    def expired(self, now_ms: int) -> list[PaperOrder]:
        """Orders whose time is over. Costs one comparison while none can be."""
        if now_ms < self.next_expiry_ms:
            return []
        timed = [order for order in self._open.values() if order.terms.expire_ms]
        self.next_expiry_ms = min((o.terms.expire_ms for o in timed if o.terms.expire_ms > now_ms), default=NEVER)
        return [order for order in timed if order.terms.expire_ms <= now_ms]

    # Ended

    def end(self, order: PaperOrder, code: str, words: str) -> None:
        del self._open[order.id]
        placement = Placement(state=order.state, venue_id=order.venue_id, code=code, words=words)
        self.remember(order.terms, placement)

    def remember(self, terms: OrderTerms, placement: Placement) -> None:
        self._ended[terms.id] = (placement, terms.created_ms)
        if len(self._ended) > MOST_ENDED:
            _, created_ms = self._ended.pop(next(iter(self._ended)))
            self._forgotten_ms = max(self._forgotten_ms, created_ms)

    def lookup(self, terms: OrderTerms) -> Placement:
        """What is known of an order."""
        order = self._open.get(terms.id)
        if order is not None:
            return Placement(state=order.state, venue_id=order.venue_id)
        ended = self._ended.get(terms.id)
        if ended is not None:
            return ended[0]
        if terms.id in self._travelling:
            return Placement(state=OrderState.UNKNOWN, code=models.ON_ITS_WAY, words="it has not arrived yet")
        if terms.created_ms <= self._forgotten_ms:
            return Placement(state=OrderState.UNKNOWN, code=models.NOT_KNOWN, words="it is too old to be remembered")
        return Placement(state=OrderState.UNKNOWN, code=models.NOT_KNOWN, words="no such order", absent=True)

    def repeated(self, terms: OrderTerms) -> Placement | None:
        """The answer to a placement of an id that was used already."""
        known = self.lookup(terms)
        if known.absent or (known.code == models.NOT_KNOWN):
            return None
        if known.state in (OrderState.REJECTED, OrderState.UNKNOWN):
            return known
        return Placement(state=OrderState.ACCEPTED, venue_id=known.venue_id, code=models.DUPLICATE)

    def of_symbols(self, symbols: Iterable[str]) -> list[PaperOrder]:
        """Open orders of these symbols, or of all when none is named."""
        wanted = set(symbols)
        return [order for order in self._open.values() if not wanted or order.terms.symbol in wanted]
