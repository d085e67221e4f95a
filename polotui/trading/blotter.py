"""The blotter: every order that is not final, in memory, with what it may still do.

Decided here:
* An order counts at its worst from the moment the gate let it through, before anything was sent: a second decision in
  the same instant sees it.
* SUBMITTING and UNKNOWN count like resting orders. Only evidence takes an order off.
* Ended orders stay at hand for ten minutes, in which a late fill or state may still name one; the ledger has all.
* Orders that wait locally for a trigger (stops, targets) claim no coins: what they will sell is read when they fire.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from polotui.model.money import ZERO
from polotui.model.orders import FINAL, LEGAL, OrderState, OrderTerms, OrderType, Side
from polotui.model.symbols import base_and_quote
from polotui.risk.values import RestingView

DONE_MS = 600_000
MOST_DONE = 1_000


@dataclass
class LiveOrder:
    """An order with what is known of it. `filled` in the base, `paid` in the quote currency."""

    terms: OrderTerms
    state: OrderState
    strategy: str = ""
    venue_id: str = ""
    code: str = ""
    words: str = ""
    updated_ms: int = 0
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    #: Price that a market order counts at until it fills, for lack of a limit.
    reference: Decimal | None = None
    #: Stop and target that the wish came with: what a trade was entered with.
    stop: Decimal | None = None
    target: Decimal | None = None

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def waits(self) -> bool:
        """Whether it is a trigger that sells what is held when it fires, and claims nothing before."""
        return self.terms.reduces and self.terms.type in (OrderType.OCO, OrderType.STOP)

    @property
    def left(self) -> Decimal:
        """Base quantity that may still fill; for a buy by amount, as much as its amount buys at the reference."""
        if self.terms.quantity is not None:
            return max(ZERO, self.terms.quantity - self.filled)
        price = self.price
        return self.amount_left / price if price else ZERO

    @property
    def amount_left(self) -> Decimal:
        """Quote amount that may still move, at the worst price that is known."""
        if self.terms.amount is not None:
            return max(ZERO, self.terms.amount - self.paid)
        price = self.price
        return self.left * price if price else ZERO

    @property
    def price(self) -> Decimal | None:
        return self.terms.price or self.terms.stop or self.reference

    @property
    def average_price(self) -> Decimal | None:
        return self.paid / self.filled if self.filled else None

    def may_become(self, state: OrderState) -> bool:
        return state in LEGAL[self.state]


class Blotter:
    """All orders of this process that may still fill, and the last ones that ended."""

    def __init__(self) -> None:
        self._orders: dict[str, LiveOrder] = {}
        self._done: dict[str, LiveOrder] = {}

    def add(self, order: LiveOrder) -> None:
        self._orders[order.terms.id] = order

    def drop(self, order_id: str) -> None:
        """Forgets an order that never came to be: its intent was not stored."""
        self._orders.pop(order_id, None)

    def end(self, order: LiveOrder) -> None:
        """Keeps the last ended orders at hand: a late fill may still name one."""
        if self._orders.pop(order.terms.id, None) is not None:
            self._done[order.terms.id] = order
            while self._is_old(oldest := next(iter(self._done.values())), order):
                del self._done[oldest.terms.id]

    def _is_old(self, done: LiveOrder, newest: LiveOrder) -> bool:
        return newest.updated_ms - done.updated_ms > DONE_MS or len(self._done) > MOST_DONE

    def revive(self, order: LiveOrder) -> None:
        """An ended order that turned out to be alive."""
        self._done.pop(order.terms.id, None)
        self._orders[order.terms.id] = order

    def get(self, order_id: str) -> LiveOrder | None:
        return self._orders.get(order_id) or self._done.get(order_id)

    def open(self, root: str = "") -> list[LiveOrder]:
        """Orders that may still fill, of accounts at or below `root`, oldest first."""
        return [order for order in self._orders.values() if not root or below(order.terms.account, root)]

    def of(self, account: str, symbol: str) -> list[LiveOrder]:
        return [o for o in self._orders.values() if o.terms.account == account and o.terms.symbol == symbol]

    def holds(self, account: str) -> dict[str, Decimal]:
        """What the orders of exactly this account claim, by currency."""
        claimed: dict[str, Decimal] = {}
        for order in self._orders.values():
            if order.terms.account != account or order.waits:
                continue
            base, quote = base_and_quote(order.terms.symbol)
            if order.terms.side is Side.BUY:
                claimed[quote] = claimed.get(quote, ZERO) + order.amount_left
            else:
                claimed[base] = claimed.get(base, ZERO) + order.left
        return claimed

    def resting(self, root: str) -> Iterator[RestingView]:
        """What the gate is told: everything that may still fill, at its worst; triggers that wait are not resting."""
        for order in self.open(root):
            if order.waits:
                continue
            terms = order.terms
            yield RestingView(
                id=terms.id,
                account=terms.account,
                bot=terms.bot,
                strategy=order.strategy,
                symbol=terms.symbol,
                side=terms.side,
                quantity=order.left,
                price=terms.price,
                worst_amount=order.amount_left,
                reduces=terms.reduces,
                created_ms=terms.created_ms,
            )


def below(account: str, root: str) -> bool:
    """Whether an account is `root` or belongs to it."""
    return account == root or account.startswith(root + "/")


def root_of(account: str) -> str:
    return account.partition("/")[0]
