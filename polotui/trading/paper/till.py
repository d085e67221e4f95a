"""The money of paper orders: what they bind, what their executions cost, and what is left to spend.

Decided here:
* A resting buy binds its limit times what is left of it, a resting sell the coins. A stop binds nothing until it is
  reached, as at the exchange; a pair of stop and target (OCO) binds once.
* The fee is taken in what is received, as an exact product that is never rounded.
* An execution's spending counts from the moment it happens until its news was taken by the listener; what it brings
  counts only when it is booked. While the booking runs it is counted twice for a moment, on the safe side.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.model.account import Account, Balance
from polotui.model.money import ZERO
from polotui.model.orders import Execution, OrderType
from polotui.trading.paper.grid import EXACT
from polotui.trading.paper.models import Funds, PaperSettings
from polotui.trading.paper.orders import PaperOrder

_Bound = tuple[str, str, Decimal]


class Till:
    """Bound money by account and currency, and the executions that are not booked yet."""

    def __init__(self, funds: Funds, settings: PaperSettings, clock: Clock, chance: Chance) -> None:
        self._funds = funds
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._bound: dict[str, dict[str, Decimal]] = {}
        self._orders: dict[str, _Bound] = {}
        self._untold: dict[str, _Bound] = {}

    # What can be spent

    def holds(self, account: str) -> dict[str, Decimal]:
        """Everything bound of an account, by currency; nothing that is zero."""
        return dict(self._bound.get(account, {}))

    def booked(self, account: str, currency: str) -> Decimal:
        return self._funds.booked(account, currency)

    def available(self, account: str, currency: str) -> Decimal:
        bound = self._bound.get(account, {}).get(currency, ZERO)
        return EXACT.subtract(self._funds.booked(account, currency), bound)

    def whole_account(self, name: str) -> Account:
        """All accounts below the root as one."""
        total: Mapping[str, Decimal] = self._funds.total()
        bound: dict[str, Decimal] = {}
        for held in self._bound.values():
            for currency, amount in held.items():
                bound[currency] = EXACT.add(bound.get(currency, ZERO), amount)
        balances = tuple(
            Balance(
                currency=currency,
                available=EXACT.subtract(total.get(currency, ZERO), bound.get(currency, ZERO)),
                hold=bound.get(currency, ZERO),
            )
            for currency in sorted(total.keys() | bound.keys())
        )
        return Account(id=name, kind="PAPER", balances=balances)

    # Orders

    def bind(self, order: PaperOrder) -> None:
        """Binds what is left of a resting order, instead of what it bound before."""
        self.free(order)
        if order.terms.type is OrderType.STOP or order.left == 0:
            return
        grid, account = order.grid, order.terms.account
        if not order.buy:
            bound = (account, grid.market.base, grid.quantity(order.left))
        else:
            assert order.limit is not None
            bound = (account, grid.market.quote, grid.amount(order.left, order.limit))
        self._orders[order.id] = bound
        self._change(*bound)

    def free(self, order: PaperOrder) -> None:
        bound = self._orders.pop(order.id, None)
        if bound is not None:
            account, currency, amount = bound
            self._change(account, currency, -amount)

    # Executions

    def execute(self, order: PaperOrder, lots: int, price: Decimal, *, maker: bool) -> Execution:
        """So much of an order trades now: the execution, its fee, and what it spends."""
        terms, market = order.terms, order.grid.market
        quantity, amount = order.grid.quantity(lots), order.grid.amount(lots, price)
        received, spent = (quantity, amount) if order.buy else (amount, quantity)
        execution = Execution(
            id=self._chance.new_id("pf"),
            order_id=terms.id,
            symbol=terms.symbol,
            side=terms.side,
            price=price,
            quantity=quantity,
            fee=EXACT.multiply(received, self._settings.maker_fee if maker else self._settings.taker_fee),
            fee_currency=market.base if order.buy else market.quote,
            maker=maker,
            at_ms=self._clock.wall_ms(),
            late_ms=order.crossed_ms if order.late else terms.late_ms,
        )
        bound = (terms.account, market.quote if order.buy else market.base, spent)
        self._untold[execution.id] = bound
        self._change(*bound)
        order.filled_by(lots, amount, execution.at_ms)
        return execution

    def told(self, execution: Execution) -> None:
        """The listener has booked it: the ledger's balance knows of it now."""
        account, currency, spent = self._untold.pop(execution.id)
        self._change(account, currency, -spent)

    def _change(self, account: str, currency: str, amount: Decimal) -> None:
        bound = self._bound.setdefault(account, {})
        total = EXACT.add(bound.get(currency, ZERO), amount)
        if total:
            bound[currency] = total
        else:
            bound.pop(currency, None)
            if not bound:
                del self._bound[account]
