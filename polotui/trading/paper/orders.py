"""An order at the paper venue while it is open."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal

from polotui.model.account import Order
from polotui.model.money import ZERO
from polotui.model.orders import OrderState, OrderTerms, OrderType, Side
from polotui.trading.paper.grid import EXACT, Grid
from polotui.trading.paper.models import OpenOrder
from polotui.trading.paper.queue import QueuePlace

#: Prints count for an order only after this exchange time; before its first look at the book none does.
NEVER_MS = 2**62


@dataclass(slots=True, eq=False)
class PaperOrder:
    """What is left of an order, in lots, and where it stands.

    `price` and `stop` are floats for the comparisons with the stream; NaN when it has none. `joined_ms` is the
    exchange's time of the book that it joined. `crossed_ms` is when its stop was reached, 0 before; `late` says that it
    could not be carried out then.
    """

    terms: OrderTerms
    grid: Grid
    venue_id: str
    number: int
    left: int = 0
    filled: int = 0
    filled_amount: Decimal = ZERO
    state: OrderState = OrderState.ACCEPTED
    limit: Decimal | None = None
    price: float = math.nan
    stop: float = math.nan
    joined_ms: int = NEVER_MS
    crossed_ms: int = 0
    late: bool = False
    updated_ms: int = 0
    place: QueuePlace = field(init=False)

    def __post_init__(self) -> None:
        self.place = QueuePlace(self.grid)
        terms = self.terms
        if terms.quantity is not None:
            self.left = self.grid.lots_of(terms.quantity)
        if terms.type is not OrderType.STOP and terms.type is not OrderType.MARKET:
            self.limit = terms.target if terms.type is OrderType.OCO else terms.price
            if self.limit is not None:
                self.price = float(self.limit)
        if terms.stop is not None and terms.type in (OrderType.STOP, OrderType.OCO):
            self.stop = float(terms.stop)

    def take_up(self, left: Decimal, crossed_ms: int) -> None:
        """It was open before a restart, with so much left."""
        whole, self.left = self.left, self.grid.lots_of(left)
        self.filled = max(0, whole - self.left)
        self.crossed_ms, self.late = crossed_ms, bool(crossed_ms)
        if self.filled:
            self.state = OrderState.PARTIAL

    def filled_by(self, lots: int, amount: Decimal, at_ms: int) -> None:
        # An order by amount has no quantity of its own.
        self.left = max(0, self.left - lots)
        self.filled += lots
        self.filled_amount = EXACT.add(self.filled_amount, amount)
        self.updated_ms = at_ms

    @property
    def id(self) -> str:
        return self.terms.id

    @property
    def buy(self) -> bool:
        return self.terms.side is Side.BUY

    @property
    def complete(self) -> bool:
        """Executions make up all that was asked."""
        terms = self.terms
        if terms.quantity is not None:
            return self.grid.quantity(self.filled) >= terms.quantity
        return terms.amount is not None and self.filled_amount >= terms.amount

    @property
    def rests(self) -> bool:
        """It stands in the book as a limit order."""
        return self.limit is not None

    @property
    def watched(self) -> bool:
        """It has a stop that was not reached yet."""
        return not math.isnan(self.stop) and not self.crossed_ms

    def stated(self) -> Order:
        """The order as the venue states it."""
        filled = self.grid.quantity(self.filled)
        return Order(
            id=self.venue_id,
            client_id=self.id,
            symbol=self.terms.symbol,
            side=self.terms.side.value,
            type=self.terms.type.value,
            state=self.state.value,
            time_in_force=self.terms.time_in_force,
            price=self.limit or self.terms.stop or ZERO,
            quantity=self.grid.quantity(self.filled + self.left),
            amount=self.terms.amount or ZERO,
            filled_quantity=filled,
            filled_amount=self.filled_amount,
            average_price=self.filled_amount / filled if filled else ZERO,
            created_ms=self.terms.created_ms,
            updated_ms=self.updated_ms,
            source="paper",
        )


def stated(given: OpenOrder) -> Order:
    """An order of the ledger whose market is not known yet."""
    terms = given.terms
    return Order(
        id=given.venue_id,
        client_id=terms.id,
        symbol=terms.symbol,
        side=terms.side.value,
        type=terms.type.value,
        state=OrderState.ACCEPTED.value,
        time_in_force=terms.time_in_force,
        price=terms.price or terms.stop or ZERO,
        quantity=terms.quantity or ZERO,
        amount=terms.amount or ZERO,
        filled_quantity=ZERO if terms.quantity is None else terms.quantity - given.left,
        filled_amount=ZERO,
        average_price=ZERO,
        created_ms=terms.created_ms,
        updated_ms=0,
        source="paper",
    )
