"""The paper venue of a replay: orders against closed bars, filled by the backtest's fill policy.

Decided here:
* A moment has phases that whoever replays calls in their order: `begin` (the open), then orders as they are placed,
  then `inside` of each symbol (stops and targets).
* A market order fills at the open, an entry by limit or stop where its bar reaches it; both as far as the bar's volume
  lets them. What is left is cancelled at once: whoever placed it asks again at the next open. A stopped protection does
  the same. Only protections rest; a target rests with what is left of it.
* An entry is for an amount. A limit or stop entry says it as its quantity on no grid, at its own price; the quantity
  that is bought follows from the price of the fill, the account's cash and the grid, so at an open beyond the limit it
  may be more than was named, as in the backtest.
* All fills of a moment carry the bar's open as their time: a bar has no clock inside.
* Triggers are compared as they were given, on no grid, as the backtest does; fills lie on the grid.

Deliberate limit: nothing is stored here. A replay that ends begins anew; the ledger has its fills.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from polotui.backtest.settings import Costs
from polotui.execution.exits import (
    DETAIL,
    NOTHING,
    PESSIMISTIC,
    TARGET,
    beyond_stop,
    beyond_target,
    first_exit,
)
from polotui.execution.fees import affordable
from polotui.execution.fills import (
    fillable,
    limit_marketable,
    limit_price,
    limit_reached,
    market_price,
    stop_price,
    stop_reached,
)
from polotui.execution.grid import quantise
from polotui.model.account import Account, Order
from polotui.model.money import ZERO
from polotui.model.orders import Execution, OrderState, OrderTerms, OrderType, Placement
from polotui.model.symbols import base_and_quote
from polotui.strategy.runtime.columns import Bar
from polotui.trading.bots.steps import WIDE, Steps, exact
from polotui.trading.exchange.token import Gate
from polotui.trading.paper.codes import (
    ASKED,
    NO_BAR,
    NO_CASH,
    NO_VOLUME,
    NOT_PASSED,
    NOT_REACHED,
    REST,
    TOO_SMALL,
    WORDS,
)
from polotui.trading.venue import VenueListener


@dataclass(frozen=True)
class Reached:
    """A stop or target that was reached. `filled`: whether anything could be sold at its price."""

    account: str
    symbol: str
    stop: bool
    price: float
    filled: bool


@dataclass
class _Resting:
    """An order to sell, and what is left of it."""

    terms: OrderTerms
    quantity: Decimal


class BarVenue:
    """Matches orders against bars. `cash` says what an account has of a currency; `gate` checks that each order passed
    it (None: whoever replays has no gate)."""

    account = "paper"

    def __init__(
        self,
        listener: VenueListener,
        costs: Costs,
        steps: Mapping[str, Steps],
        policy: int,
        cash: Callable[[str, str], Decimal],
        gate: Gate | None = None,
    ) -> None:
        self._listener = listener
        self._costs = costs
        self._steps = steps
        self._policy = policy
        self._cash = cash
        self._gate = gate
        self._moment = -1
        self._at_ms = 0
        self._bars: Mapping[str, Bar] = {}
        self._lower: Mapping[str, Sequence[Bar]] = {}
        self._resting: dict[str, _Resting] = {}
        self._entered: dict[tuple[str, str], tuple[int, bool]] = {}
        self._trades = 0

    def begin(self, at_ms: int, bars: Mapping[str, Bar], lower: Mapping[str, Sequence[Bar]] | None = None) -> None:
        """A moment opens. `lower` has the shorter bars within these, for the policy «detail»."""
        self._moment += 1
        self._at_ms, self._bars, self._lower = at_ms, bars, lower or {}

    # -- what the gateway asks ------------------------------------------------------------------------------------

    async def place(self, terms: OrderTerms, token: object) -> Placement:
        if self._gate is not None and (why := self._gate.admit(terms, token)):
            return Placement(state=OrderState.REJECTED, code=NOT_PASSED, words=why)
        if terms.reduces and terms.type is not OrderType.MARKET:
            self._resting[terms.id] = _Resting(terms, quantity=terms.quantity or ZERO)
            return Placement(state=OrderState.ACCEPTED, venue_id=terms.id)
        bar = self._bars.get(terms.symbol)
        if bar is None:
            return _rejected(NO_BAR)
        filled, code = await (self._sell_now(terms, bar) if terms.reduces else self._enter(terms, bar))
        if not filled:
            return _rejected(code)
        if code:
            await self._listener.on_state(
                terms.id, OrderState.CANCELLED, code=code, words=WORDS[code], at_ms=self._at_ms
            )
        return Placement(state=OrderState.ACCEPTED, venue_id=terms.id)

    async def cancel(self, terms: OrderTerms) -> Placement:
        if self._resting.pop(terms.id, None) is None:
            return Placement(state=OrderState.REJECTED, code=ASKED, words="there is no such order", absent=True)
        return Placement(state=OrderState.CANCELLED, code=ASKED, words=WORDS[ASKED])

    async def cancel_all(self, symbols: Sequence[str] = ()) -> None:
        for order in list(self._resting.values()):
            if not symbols or order.terms.symbol in symbols:
                await self._end(order, ASKED)

    async def lookup(self, terms: OrderTerms) -> Placement:
        if terms.id in self._resting:
            return Placement(state=OrderState.ACCEPTED, venue_id=terms.id)
        return Placement(state=OrderState.CANCELLED, absent=True)

    async def open_orders(self) -> list[Order]:
        return []

    async def balances(self) -> Account:
        return Account(id=self.account, kind="PAPER", balances=())

    # -- the phases of a moment -----------------------------------------------------------------------------------

    async def inside(self, account: str, symbol: str) -> list[Reached]:
        """Tests what protects the position of an account in a symbol."""
        bar = self._bars.get(symbol)
        if bar is None:
            return []
        orders = [order for order in self._resting.values() if _is(order.terms, account, symbol)]
        reached = [await self._protect(order, bar) for order in orders]
        return [one for one in reached if one is not None]

    # -- entries --------------------------------------------------------------------------------------------------

    async def _enter(self, terms: OrderTerms, bar: Bar) -> tuple[bool, str]:
        """Whether anything was bought, and why nothing more comes ("" when the order is filled)."""
        price, maker, at_open = self._entry_price(terms, bar)
        if math.isnan(price):
            return False, NOT_REACHED
        return await self._buy(terms, price, bar, maker, at_open)

    def _market_price(self, symbol: str, reference: float, side: int) -> float:
        costs = self._costs
        return market_price(reference, side, costs.half_spread, costs.slippage, self._steps[symbol].tick_float)

    def _entry_price(self, terms: OrderTerms, bar: Bar) -> tuple[float, bool, bool]:
        """Price, whether as a maker, and whether at the open. NaN: not reached."""
        costs, steps, side = self._costs, self._steps[terms.symbol], terms.side.sign
        tick = steps.tick_float
        if terms.type is OrderType.MARKET:
            return self._market_price(terms.symbol, bar.open, side), False, True
        if terms.type is OrderType.STOP:
            level = steps.price_float(terms.stop or ZERO)
            if not stop_reached(level, bar.high, bar.low, side):
                return math.nan, False, False
            at_open = bar.open >= level if side > 0 else bar.open <= level
            return stop_price(level, bar.open, side, costs.half_spread, costs.slippage, tick), False, at_open
        level = steps.price_float(terms.price or ZERO)
        at_open = limit_marketable(level, bar.open, side)
        if not at_open and not limit_reached(level, bar.high, bar.low, side, tick):
            return math.nan, False, False
        return limit_price(level, bar.open, side, costs.half_spread, costs.slippage, tick), not at_open, at_open

    async def _buy(self, terms: OrderTerms, price: float, bar: Bar, maker: bool, at_open: bool) -> tuple[bool, str]:
        """Buys what amount, cash, volume and grid allow."""
        costs, steps = self._costs, self._steps[terms.symbol]
        base, quote = base_and_quote(terms.symbol)
        in_received = costs.fee_in == "received"
        rate = costs.maker_fee if maker else costs.taker_fee
        amount, cash = _amount(terms), float(self._cash(terms.account, quote))
        lot = steps.lot_float
        wanted = quantise(affordable(min(amount, cash), price, rate, in_received), lot)
        quantity = quantise(fillable(wanted, bar.volume, costs.volume_share), lot)
        if not (quantity > 0.0 and quantity * price >= costs.least_amount):
            if wanted <= 0.0 or wanted * price < costs.least_amount:
                return False, NO_CASH if cash < amount else TOO_SMALL
            return False, NO_VOLUME
        left = amount - quantity * price
        self._entered[terms.account, terms.symbol] = self._moment, at_open
        bought, at = steps.quantity(quantity), steps.price(price)
        fee = (bought if in_received else bought * at) * exact(rate)
        await self._tell(terms, at, bought, fee, base if in_received else quote, maker)
        done = quantity >= wanted or left < max(costs.least_amount, lot * price)
        return True, REST if done else NO_VOLUME

    # -- exits ----------------------------------------------------------------------------------------------------

    async def _sell_now(self, terms: OrderTerms, bar: Bar) -> tuple[bool, str]:
        order = _Resting(terms, quantity=terms.quantity or ZERO)
        price = self._market_price(terms.symbol, bar.open, terms.side.sign)
        filled = await self._sell(order, price, bar, maker=False)
        return filled, NO_VOLUME if order.quantity else ""

    async def _sell(self, order: _Resting, price: float, bar: Bar, maker: bool) -> bool:
        """Sells what volume and grid allow. Whether anything was."""
        terms, costs, steps = order.terms, self._costs, self._steps[order.terms.symbol]
        held = steps.quantity_float(order.quantity)
        quantity = quantise(fillable(held, bar.volume, costs.volume_share), steps.lot_float)
        if not (quantity > 0.0 and quantity * price >= costs.least_amount):
            return False
        sold, at = steps.quantity(quantity), steps.price(price)
        order.quantity -= sold
        rate = costs.maker_fee if maker else costs.taker_fee
        await self._tell(terms, at, sold, sold * at * exact(rate), base_and_quote(terms.symbol)[1], maker)
        return True

    async def _protect(self, order: _Resting, bar: Bar) -> Reached | None:
        terms, costs = order.terms, self._costs
        direction = -terms.side.sign
        tick = self._steps[terms.symbol].tick_float
        stop = math.nan if terms.stop is None else float(terms.stop)
        limit = terms.target if terms.price is None else terms.price
        target = math.nan if limit is None else self._steps[terms.symbol].price_float(limit)
        found, reference = self._which(terms, bar, direction, stop, target, tick)
        if found == NOTHING:
            return None
        if found == TARGET:
            if filled := await self._sell(order, target, bar, maker=True):
                self._keep_if_left(order)
            return Reached(terms.account, terms.symbol, False, target, filled)
        price = stop_price(stop, reference, -direction, costs.half_spread, costs.slippage, tick)
        self._resting.pop(terms.id, None)
        filled = await self._sell(order, price, bar, maker=False)
        if order.quantity:
            await self._end(order, NO_VOLUME)
        return Reached(terms.account, terms.symbol, True, price, filled)

    def _keep_if_left(self, order: _Resting) -> None:
        if not order.quantity:
            self._resting.pop(order.terms.id, None)

    def _which(
        self, terms: OrderTerms, bar: Bar, direction: int, stop: float, target: float, tick: float
    ) -> tuple[int, float]:
        """STOP, TARGET or NOTHING, and the open that the stop is compared with."""
        moment, at_open = self._entered.get((terms.account, terms.symbol), (-1, True))
        now = moment == self._moment
        worst, best = (bar.low, bar.high) if direction > 0 else (bar.high, bar.low)
        unclear = beyond_target(best, target, direction, tick) and (now or beyond_stop(worst, stop, direction))
        if unclear and self._policy == DETAIL and (at_open or not now):
            for place, lower in enumerate(self._lower.get(terms.symbol, ())):
                found = first_exit(
                    PESSIMISTIC, direction, lower.open, lower.high, lower.low, stop, target, tick,
                    now and place == 0, True,
                )  # fmt: skip
                if found != NOTHING:
                    return found, lower.open
        found = first_exit(self._policy, direction, bar.open, bar.high, bar.low, stop, target, tick, now, at_open)
        # Entered inside the bar: its open was before that and is no price to be stopped at.
        return found, stop if now and not at_open else bar.open

    # -- what is told ---------------------------------------------------------------------------------------------

    async def _tell(
        self, terms: OrderTerms, price: Decimal, quantity: Decimal, fee: Decimal, currency: str, maker: bool
    ) -> None:
        self._trades += 1
        await self._listener.on_fill(
            Execution(
                id=f"{terms.id}/{self._trades}",
                order_id=terms.id,
                symbol=terms.symbol,
                side=terms.side,
                price=price,
                quantity=quantity,
                fee=fee,
                fee_currency=currency,
                maker=maker,
                at_ms=self._at_ms,
                late_ms=terms.late_ms,
            )
        )

    async def _end(self, order: _Resting, code: str) -> None:
        self._resting.pop(order.terms.id, None)
        await self._listener.on_state(
            order.terms.id, OrderState.CANCELLED, code=code, words=WORDS[code], at_ms=self._at_ms
        )


def _is(terms: OrderTerms, account: str, symbol: str) -> bool:
    return terms.account == account and terms.symbol == symbol


def _rejected(code: str) -> Placement:
    return Placement(state=OrderState.REJECTED, code=code, words=WORDS[code])


def _amount(terms: OrderTerms) -> float:
    """The quote amount that an entry is for."""
    if terms.amount is not None:
        return float(terms.amount)
    level = terms.stop if terms.type is OrderType.STOP else terms.price
    return float(WIDE.multiply(terms.quantity or ZERO, level or ZERO))
