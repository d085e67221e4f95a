"""One order before the gate: what it would do to the account at its worst, worked out once for all checks.

Decided here:
* Everything that may still fill counts as filled, in full, at its worst price. What cannot be known is None, and a
  check that needs it refuses.
* An order only reduces when the figures say so: it closes no more than its account holds less what other exits already
  claim. Its purpose alone proves nothing; a sale by hand of what is held reduces.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from polotui.model.orders import OrderTerms, OrderType, Purpose, Side
from polotui.risk.limits import Limits
from polotui.risk.values import AccountView, Asked, MarketView, PositionView, RestingView

ZERO = Decimal(0)


def positive(value: Decimal | None) -> bool:
    return value is not None and value.is_finite() and value > 0


class Case:
    """Plain attributes; a check reads them and changes nothing.

    `price` is the worst price of the order, `entry` the one it expects, `amount` the most quote currency it moves,
    `quantity` the most base currency. `held` is what its account holds (below 0: short), `claimed` what resting exits
    of that account already close. `symbol_exposure` and `gross` are all accounts together, without this order.
    """

    __slots__ = (
        "amount",
        "asked",
        "base",
        "claimed",
        "entry",
        "equity",
        "gross",
        "held",
        "limits",
        "market",
        "mid",
        "places",
        "price",
        "quantity",
        "quote",
        "reduces",
        "strategy_places",
        "symbol_exposure",
        "symbols",
        "terms",
        "view",
        "waiting_account",
        "waiting_all",
    )

    def __init__(self, asked: Asked, view: AccountView, market: MarketView, limits: Limits) -> None:
        self.asked = asked
        self.terms = terms = asked.terms
        self.view = view
        self.market = market
        self.limits = limits
        self.base, _, self.quote = terms.symbol.rpartition("_")
        bid, ask = market.bid, market.ask
        self.mid = (bid + ask) / 2 if bid is not None and ask is not None and positive(bid) and positive(ask) else None
        self.equity = view.equity if positive(view.equity) else None
        self.entry = _expected(terms, market)
        self.price = _worst(terms, self.entry, limits)
        self.amount, self.quantity = _size(terms, self.price, self.entry)
        self.held: Decimal | None = ZERO
        self.claimed: Decimal | None = ZERO
        self.gross: Decimal | None = ZERO
        self.symbol_exposure: Decimal | None = ZERO
        self.waiting_account: Decimal | None = ZERO
        self.waiting_all: Decimal | None = ZERO
        self.symbols: set[str] = set()
        self.places: set[tuple[str, str]] = set()
        self.strategy_places: set[tuple[str, str]] = set()
        self._positions(view.positions)
        self._resting(view.resting)
        self.reduces = terms.reduces or self._closes()

    def _positions(self, positions: Iterable[PositionView]) -> None:
        symbol, account, strategy = self.terms.symbol, self.terms.account, self.asked.strategy
        ending = "_" + self.view.currency
        held, gross, here = self.held, self.gross, self.symbol_exposure
        for position in positions:
            quantity, mark, name = position.quantity, position.mark, position.symbol
            known = quantity.is_finite()
            if known and not quantity:
                continue
            place = (position.account, name)
            self.places.add(place)
            self.symbols.add(name)
            if position.strategy == strategy:
                self.strategy_places.add(place)
            if place == (account, symbol):
                held = held + quantity if held is not None and known else None
            value = None
            if known and mark is not None and mark.is_finite() and mark > 0 and name.endswith(ending):
                value = abs(quantity) * mark
            gross = gross + value if gross is not None and value is not None else None
            if name == symbol:
                here = here + value if here is not None and value is not None else None
        self.held, self.gross, self.symbol_exposure = held, gross, here

    def _resting(self, resting: Iterable[RestingView]) -> None:
        symbol, account, strategy = self.terms.symbol, self.terms.account, self.asked.strategy
        for order in resting:
            if order.side is Side.SELL:
                if order.symbol == symbol and order.account == account:
                    self.claimed = _plus(self.claimed, order.quantity) if _sane(order.quantity) else None
                continue
            # A buy counts as an entry whatever it calls itself: nothing here is sold short.
            worst = order.worst_amount
            place = (order.account, order.symbol)
            self.places.add(place)
            self.symbols.add(order.symbol)
            if order.strategy == strategy:
                self.strategy_places.add(place)
            self.gross = _plus(self.gross, worst)
            if order.symbol == symbol:
                self.symbol_exposure = _plus(self.symbol_exposure, worst)
            if order.symbol.rpartition("_")[2] == self.quote:
                self.waiting_all = _plus(self.waiting_all, worst)
                if order.account == account:
                    self.waiting_account = _plus(self.waiting_account, worst)

    def _closes(self) -> bool:
        quantity = self.quantity
        if self.terms.side is not Side.SELL or quantity is None or self.held is None or self.claimed is None:
            return False
        return quantity <= self.held - self.claimed

    @property
    def place(self) -> tuple[str, str]:
        return (self.terms.account, self.terms.symbol)

    @property
    def manual(self) -> bool:
        return self.terms.bot == 0 or self.terms.purpose is Purpose.MANUAL


def _sane(value: Decimal) -> bool:
    """Not so small that a sum would lose it in rounding."""
    return not value or (value.is_finite() and value.adjusted() > -25)


def _plus(total: Decimal | None, more: Decimal) -> Decimal | None:
    return total + more if total is not None and more.is_finite() and more >= 0 else None


def _expected(terms: OrderTerms, market: MarketView) -> Decimal | None:
    """The price at which the order counts on being filled."""
    if terms.type is OrderType.MARKET:
        price = market.ask if terms.side is Side.BUY else market.bid
    elif terms.type in (OrderType.STOP, OrderType.OCO):
        price = terms.stop
    else:
        price = terms.price
    return price if positive(price) else None


def _worst(terms: OrderTerms, entry: Decimal | None, limits: Limits) -> Decimal | None:
    """The most that a buy may pay. A trigger sends a market order, which may run as far as the band allows."""
    if entry is None or terms.side is Side.SELL or terms.type not in (OrderType.STOP, OrderType.OCO):
        return entry
    run = limits.price_collar
    worst = entry * (1 + Decimal(str(run))) if run == run and abs(run) < 10 else None
    if worst is not None and terms.target is not None and positive(terms.target):
        return max(worst, terms.target)
    return worst


def _size(terms: OrderTerms, worst: Decimal | None, entry: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """The most quote and the most base currency that the order moves."""
    amount, quantity = terms.amount, terms.quantity
    if quantity is not None and positive(quantity):
        return (quantity * worst if worst is not None else None), quantity
    if amount is not None and positive(amount):
        return amount, (amount / entry if entry is not None else None)
    return None, None
