"""Why the paper venue would refuse an order: its terms, the rules of its market, and the market as it stands. Pure.

Decided here: a quantity below the least that may be traded is refused and never rounded up. Quantities are taken down
to the lot and a limit to the tick on the safe side before they are compared, because that is what would be sent.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from polotui.model.money import ZERO, plain, price_on_tick
from polotui.model.orders import OrderState, OrderTerms, OrderType, Placement, Side
from polotui.model.symbols import Market
from polotui.trading.paper import models
from polotui.trading.paper.grid import EXACT, Grid
from polotui.trading.paper.models import LiveBook

#: No price, quantity or amount is this large; beyond it arithmetic on a grid would have to round.
_TOO_LARGE = Decimal(10) ** 15


def refused(code: str, words: str) -> Placement:
    return Placement(state=OrderState.REJECTED, code=code, words=words)


def on_grid(terms: OrderTerms, market: Market) -> OrderTerms:
    """The terms with their limit on the tick, never worse than asked."""
    buy = terms.side is Side.BUY
    changed = {
        name: price_on_tick(price, market.price_scale, buy=buy)
        for name in ("price", "target")
        if (price := getattr(terms, name)) is not None
    }
    return msgspec.structs.replace(terms, **changed) if changed else terms


def terms_refused(terms: OrderTerms) -> Placement | None:
    """What no market could carry out."""
    buys_amount = terms.type is OrderType.MARKET and terms.side is Side.BUY
    wanted = {
        "amount": buys_amount,
        "quantity": not buys_amount,
        "price": terms.type in (OrderType.LIMIT, OrderType.LIMIT_MAKER),
        "stop": terms.type in (OrderType.STOP, OrderType.OCO),
        "target": terms.type is OrderType.OCO,
    }
    for name, needed in wanted.items():
        value: Decimal | None = getattr(terms, name)
        if needed and (value is None or not value.is_finite() or not 0 < value < _TOO_LARGE):
            return refused(models.TERMS, f"a {terms.side.value.lower()} {terms.type.value} order needs its {name}")
    if terms.time_in_force not in ("GTC", "IOC", "FOK"):
        return refused(models.TERMS, f"time in force {terms.time_in_force[:20]!r} is not known")
    return None


def rules_refused(terms: OrderTerms, grid: Grid, book: LiveBook) -> Placement | None:
    """What the market's least and most forbid. `terms` are on the grid."""
    market = grid.market
    if terms.amount is not None and terms.type is OrderType.MARKET and terms.side is Side.BUY:
        best = book.best_ask()
        lots = grid.lots_for(terms.amount, grid.taking(best[0], buy=True, slippage_bp=ZERO)) if best else 0
        if best and grid.quantity(lots) < max(market.min_quantity, grid.lot):
            least = plain(max(market.min_quantity, grid.lot))
            words = f"{plain(terms.amount)} {market.quote} buys less than the least, {least} {market.base}"
            return refused(models.MIN_QUANTITY, words)
        return _amount_refused(terms.amount, market)
    assert terms.quantity is not None
    quantity = grid.quantity(grid.lots_of(terms.quantity))
    if quantity <= 0 or quantity < market.min_quantity:
        least = plain(max(market.min_quantity, grid.lot))
        return refused(models.MIN_QUANTITY, f"{plain(terms.quantity)} {market.base} is less than the least, {least}")
    if market.max_quantity is not None and quantity > market.max_quantity:
        return refused(models.MAX_QUANTITY, f"more than the most, {plain(market.max_quantity)} {market.base}")
    price = terms.price or terms.target or terms.stop
    if price is None:
        best = book.best_ask() if terms.side is Side.BUY else book.best_bid()
        price = Decimal(repr(best[0])) if best else Decimal(0)
    return _amount_refused(EXACT.multiply(price, quantity), market)


def _amount_refused(amount: Decimal, market: Market) -> Placement | None:
    if amount < market.min_amount:
        least = plain(market.min_amount)
        return refused(models.MIN_AMOUNT, f"{plain(amount)} {market.quote} is less than the least, {least}")
    if market.max_amount is not None and amount > market.max_amount:
        return refused(models.MAX_AMOUNT, f"more than the most, {plain(market.max_amount)} {market.quote}")
    return None


def need(terms: OrderTerms, grid: Grid) -> tuple[str, Decimal]:
    """The currency and the amount that an order needs when it is placed."""
    market = grid.market
    if terms.type is OrderType.MARKET and terms.side is Side.BUY:
        return market.quote, terms.amount or ZERO
    lots = grid.lots_of(terms.quantity or ZERO)
    if terms.side is Side.SELL:
        return market.base, grid.quantity(lots)
    return market.quote, grid.amount(lots, terms.price or terms.target or terms.stop or ZERO)
