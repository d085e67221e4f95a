"""One guarded position: its levels, whether a price reached them, and the orders that carry it out.

situation                                     what is done
the stop is reached                           it stays reached, wherever the price goes afterwards
…and the target's order is open               it is cancelled first, and asked after until it has ended
…and other orders rest to sell these coins     they are cancelled first: a stop counts more than a better price
…and a stop order was sent before             it is asked after; only when it has ended, or never was, another is sent
…then                                         a market order sells what is held then; again while something is held
the target is reached, or rests from the start   a limit order at the target for what is held then
what is held cannot be sold (nothing, dust)   the guard ends; what still rests of it is cancelled
…only at the bid of this moment               it stays, told once, and sells when the bids are back
…and it is dropped                            the guard ends: it has nothing to sell
coins are bought while its sale waits         levels of their own count for what is held once no sale is open
an order is refused, or its fate unknown      the guard stays armed and tries again after a growing pause

Decided here:
* The functions that say what a price reaches are those of `execution.exits`.
* An order's id is remembered before it is sent, and no second order for the same end goes out while `ask` does not say
  that the first has ended or never was.
* What a finished order has sold and the books do not show yet is waited for, a while: a person or a bot may have bought
  in between.
* A stop that was reached is for what was held then. What is bought after its sale came to wait for bids, or after it
  was dropped, has the levels that are asked for with it. Without any it has the stop of its position, and none when
  that was dropped.
* A fixed stop is never loosened by the trailing one; the tighter of the two counts.
* What is held is dust when it is worth less than may be sold at every price there is: the best bid, the newest trade,
  and the guard's own level. On a thin book the bids are gone for a moment, and one far below is the best; that makes a
  whole position look like nothing, and nobody would protect it afterwards.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from polotui.execution.exits import beyond_stop, beyond_target, ratchet, stop_level, trail_active
from polotui.model.money import ZERO, plain, price_on_tick, quantity_down, step_of
from polotui.model.orders import FINAL, OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.model.symbols import Market
from polotui.risk.values import Asked
from polotui.trading.protection import Holdings, OrderNow, Orders, Protection, Quotes, Stored

#: How long a sale that is done may take to show in the books before what is held counts as it stands.
BOOKING_S = 5.0
#: While only the bids are missing the pause grows as after so many failures: they may be back at any moment.
_MOST_WAITS = 4
_REFUSED = frozenset({OrderState.RISK_DENIED, OrderState.REJECTED})
_LONG = 1


@dataclass(slots=True)
class Reached:
    """A stop was reached: at which price, when, and whether late."""

    price: float
    at: float
    at_ms: int
    late_ms: int
    source: str


@dataclass(slots=True, eq=False)
class Guard:
    """A protection and how far it is. Prints count only after the exchange's time `armed_ms`."""

    protection: Protection
    tick: float
    armed_ms: int
    stop: float = math.nan
    target: float = math.nan
    best: float = math.nan
    trailed: float = math.nan
    #: Nobody has looked at a price since a restart, or since the watching was stopped.
    unwatched: bool = False
    late_ms: int = 0
    reached: Reached | None = None
    target_wanted: bool = False
    replace_target: bool = False
    dropping: str = ""
    stop_order: str = ""
    target_order: str = ""
    sold_from: Decimal | None = None
    sold_at: float = 0.0
    held_once: bool = False
    #: It was told that what is held is too little at the best bid.
    told_little: bool = False
    #: What was held since its sale came to wait for bids, or since it was dropped: anything above was bought later.
    had: Decimal | None = None
    #: Since when something is there that was bought later.
    bought_at: float | None = None
    #: Levels of what was bought later; they replace this guard when no sale of it is open.
    after: Protection | None = None
    tried: int = 0
    failures: int = 0
    busy: bool = False
    ended: bool = False
    doing: str = ""
    #: Set when it should look again before its pause is over.
    poked: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.levels(self.protection)

    @property
    def key(self) -> tuple[str, str]:
        return self.protection.account, self.protection.symbol

    @property
    def wanted(self) -> Protection:
        """What protects the position from now on."""
        return self.after or self.protection

    @property
    def due(self) -> bool:
        """Something is to be done."""
        wants_target = self.target_wanted and not self.target_order
        return not self.ended and bool(self.reached or self.dropping or self.replace_target or wants_target)

    @property
    def armed(self) -> bool:
        """It waits for its levels; the venue does not."""
        return not (self.ended or self.dropping or self.reached or self.protection.venue_order)

    def levels(self, protection: Protection) -> None:
        """Takes over stop, target and trail. A trailing stop keeps what it has reached."""
        if protection.trail is None or protection.trail != self.protection.trail:
            self.best = self.trailed = math.nan
        if protection.target != self.protection.target:
            self.replace_target = bool(self.target_order)
            self.target_wanted = False
        self.protection = protection
        self.target_wanted = self.target_wanted or (protection.target_rests and protection.target is not None)
        self.target = math.nan if protection.target is None else float(protection.target)
        self._tighten()

    def _tighten(self) -> None:
        fixed = math.nan if self.protection.stop is None else float(self.protection.stop)
        self.stop = ratchet(fixed, self.trailed, _LONG)

    def take_up(self, stored: Stored) -> None:
        """What it knew before a restart."""
        self.unwatched = True
        self.stop_order, self.target_order = stored.stop_order, stored.target_order
        self.best = math.nan if stored.best is None else stored.best
        self.trailed = math.nan if stored.trailed is None else stored.trailed
        self.late_ms = stored.crossed_ms
        self._tighten()

    def stored(self) -> Stored:
        return Stored(
            protection=self.wanted,
            stop_order=self.stop_order,
            target_order=self.target_order,
            best=None if math.isnan(self.best) else self.best,
            trailed=None if math.isnan(self.trailed) else self.trailed,
            crossed_ms=0 if self.after else self.late_ms or (self.reached.at_ms if self.reached else 0),
        )

    def adopt(self, terms: OrderTerms) -> None:
        """An order of its own that is open after a restart. One of its stop says that the stop was reached."""
        if terms.purpose is Purpose.STOP:
            self.stop_order = terms.id
            self.late_ms = self.late_ms or terms.late_ms or terms.created_ms
        elif terms.purpose is Purpose.TARGET:
            self.target_order = terms.id

    # Prices

    def reach(self, reached: Reached) -> None:
        self.reached = reached
        self.failures = 0
        self.poked.set()

    def follow(self, price: float) -> bool:
        """A price for the trailing stop. True when its level moved."""
        trail = self.protection.trail
        # NaN, before the first price, is below every price.
        if trail is None or price <= self.best:
            return False
        self.best = price
        entry = float(trail.entry)
        if not trail_active(entry, price, _LONG, trail.from_fraction):
            return False
        distance = trail.fraction * price if trail.fraction else trail.distance
        before, self.trailed = self.trailed, ratchet(self.trailed, stop_level(price, _LONG, distance), _LONG)
        self._tighten()
        return self.trailed != before

    def stops_at(self, price: float) -> bool:
        return beyond_stop(price, self.stop, _LONG)

    def targets_at(self, price: float) -> bool:
        return beyond_target(price, self.target, _LONG, self.tick)


class Desk(Protocol):
    """What carrying out needs of the protector."""

    orders: Orders
    holdings: Holdings
    quotes: Quotes

    def new_id(self) -> str: ...

    def now(self) -> float: ...

    def wall_ms(self) -> int: ...

    def submitting(self, guard: Guard) -> None:
        """A stop's order goes out now."""
        ...

    def alert(self, code: str, text: str, symbol: str) -> None: ...

    def end(self, guard: Guard, why: str) -> None: ...

    def renew(self, guard: Guard) -> None:
        """Another guard with its wanted levels takes its place."""
        ...


async def carry_out(guard: Guard, desk: Desk) -> bool:
    """One attempt at what is due. True when nothing is due any more; False: wait, then again."""
    if guard.ended:
        return True
    if guard.reached is not None:
        return await _stop_out(guard, desk)
    if guard.dropping:
        if not await _part_with_target(guard, desk, guard.dropping):
            return False
        desk.end(guard, guard.dropping)
        return True
    if guard.replace_target:
        if not await _part_with_target(guard, desk, "its target was changed"):
            return False
        guard.replace_target = False
    if guard.target_wanted:
        return await _take_target(guard, desk)
    return True


async def _stop_out(guard: Guard, desk: Desk) -> bool:
    if not await _part_with_target(guard, desk, "its stop is reached"):
        return False
    if guard.stop_order:
        now = await desk.orders.ask(guard.stop_order)
        if now is not None and now.state not in FINAL:
            guard.doing = f"its stop order is {now.state}"
            return False
        _sold(guard, desk, now)
        guard.stop_order = ""
    quantity = quantity_of(guard, desk)
    if guard.sold_from is not None:
        if quantity > guard.sold_from and desk.now() - guard.sold_at < BOOKING_S:
            guard.doing = "the books do not show its sale yet"
            return False
        guard.sold_from = None
    if guard.had is not None:
        guard.had = min(guard.had, desk.holdings.held(*guard.key))
    if not quantity:
        desk.end(guard, "stopped out" if guard.tried else "nothing was held when its stop was reached")
        return True
    if guard.after is not None:
        desk.renew(guard)
        return True
    if _too_little(guard, desk, quantity):
        if guard.dropping:
            desk.end(guard, guard.dropping)
        return guard.ended
    if bought_since(guard, desk):
        if guard.dropping:
            desk.end(guard, guard.dropping)
            return True
        guard.bought_at = desk.now() if guard.bought_at is None else guard.bought_at
        if desk.now() - guard.bought_at < BOOKING_S:
            guard.doing = "something was bought since; its levels are waited for"
            return False
    else:
        guard.bought_at = None
    if not await desk.orders.free(*guard.key, "the stop of these coins is reached"):
        guard.doing = "other orders on these coins are being cancelled"
        return False
    if guard.after is not None:
        return False
    await _sell(guard, desk, quantity)
    return False


def _sold(guard: Guard, desk: Desk, now: OrderNow | None) -> None:
    """A stop order ended, or never was."""
    if now is None or not now.filled or guard.sold_from is None:
        guard.sold_from = None
        if now is not None and not now.filled:
            _refused(guard, desk, now.code or now.state, now.words)
        return
    guard.failures = 0
    guard.sold_from, guard.sold_at = guard.sold_from - now.filled, desk.now()


async def _sell(guard: Guard, desk: Desk, quantity: Decimal) -> None:
    reached = guard.reached
    assert reached is not None
    words = f"stop {guard.stop:g} reached by {reached.source} at {reached.price:g}"
    if reached.late_ms:
        words += ", late"
    guard.stop_order = order_id = desk.new_id()
    guard.sold_from = quantity
    guard.tried += 1
    desk.submitting(guard)
    guard.doing = "its stop order is on its way"
    await _send(guard, desk, _terms(guard, desk, order_id, quantity, None, Purpose.STOP, words, reached.late_ms))


async def _take_target(guard: Guard, desk: Desk) -> bool:
    """Sends the target's limit order, unless one is open already."""
    if guard.target_order:
        now = await desk.orders.ask(guard.target_order)
        if now is not None and now.state not in FINAL:
            known = now.state is not OrderState.UNKNOWN
            guard.doing = "its target rests" if known else "the fate of its target's order is unknown"
            return known
        guard.target_order = ""
        if now is not None and not now.filled:
            _refused(guard, desk, now.code or now.state, now.words)
    market, target = desk.quotes.market(guard.protection.symbol), guard.protection.target
    quantity = quantity_of(guard, desk)
    if guard.reached is not None or guard.dropping or guard.replace_target:
        return False
    if not quantity or market is None or target is None:
        guard.target_wanted = False
        if guard.held_once and not quantity:
            desk.end(guard, "nothing is held any more")
        return True
    price = price_on_tick(target, market.price_scale, buy=False)
    guard.target_order = order_id = desk.new_id()
    terms = _terms(guard, desk, order_id, quantity, price, Purpose.TARGET, f"target {plain(target)}", 0)
    await _send(guard, desk, terms)
    return False


async def _part_with_target(guard: Guard, desk: Desk, why: str) -> bool:
    """Cancels the target's order if one may be open. True when none is any more."""
    if not guard.target_order:
        return True
    now = await desk.orders.ask(guard.target_order)
    if now is not None and now.state not in FINAL:
        guard.doing = "its target is being cancelled"
        await desk.orders.cancel(guard.target_order, why)
        now = await desk.orders.ask(guard.target_order)
        if now is not None and now.state not in FINAL:
            return False
    guard.target_order = ""
    return True


async def _send(guard: Guard, desk: Desk, terms: OrderTerms) -> None:
    """Sends an order. Whatever is not a clear refusal leaves its id standing, to be asked after."""
    sent = await desk.orders.submit(Asked(terms=terms, strategy=guard.protection.strategy), "protector")
    if sent.state is OrderState.RISK_DENIED:
        _forget(guard, terms.id)
        finding = next((found for found in sent.decision.findings if found.refuses), None)
        _refused(guard, desk, sent.decision.code, finding.text if finding else "")
    elif sent.state is OrderState.UNKNOWN:
        guard.failures += 1
        desk.alert("PROTECT-UNKNOWN", "Whether its exit was taken is not known; it is asked after.", terms.symbol)


def _forget(guard: Guard, order_id: str) -> None:
    if guard.stop_order == order_id:
        guard.stop_order, guard.sold_from = "", None
    if guard.target_order == order_id:
        guard.target_order = ""


def _refused(guard: Guard, desk: Desk, code: str, words: str) -> None:
    guard.failures += 1
    guard.doing = f"refused: {code}"
    text = f"Its exit was not carried out ({code}); it stays armed and is tried again. {words}".strip()
    desk.alert("PROTECT-REFUSED", text, guard.protection.symbol)


def _too_little(guard: Guard, desk: Desk, quantity: Decimal) -> bool:
    """Whether a sale at the best bid of this moment would be below the market's least amount."""
    symbol = guard.protection.symbol
    market, bid = desk.quotes.market(symbol), desk.quotes.best_bid(symbol)
    if market is None or bid is None or _enough(quantity, bid, market):
        guard.told_little = False
        return False
    if guard.had is None:
        guard.had = desk.holdings.held(*guard.key)
    guard.failures = min(guard.failures + 1, _MOST_WAITS)
    guard.doing = f"worth too little at the best bid of {bid:g}"
    if not guard.told_little:
        guard.told_little = True
        text = f"Its stop is reached, but at the best bid of {bid:g} it is worth less than may be sold; it is tried on."
        desk.alert("PROTECT-TOO-LITTLE", text, symbol)
    return True


def bought_since(guard: Guard, desk: Desk) -> bool:
    """Whether something was bought after its sale came to wait, or after it was dropped."""
    return guard.had is not None and desk.holdings.held(*guard.key) > guard.had


def quantity_of(guard: Guard, desk: Desk) -> Decimal:
    """What is held, down to the lot; nothing when that is less than may be sold at any ordinary price."""
    held = desk.holdings.held(guard.protection.account, guard.protection.symbol)
    market = desk.quotes.market(guard.protection.symbol)
    quantity = max(ZERO, held)
    if market is not None:
        quantity = quantity_down(quantity, market.quantity_scale)
        least = max(market.min_quantity, step_of(market.quantity_scale))
        if quantity < least or _dust(guard, desk, quantity, market):
            quantity = ZERO
    guard.held_once = guard.held_once or quantity > 0
    return quantity


def _dust(guard: Guard, desk: Desk, quantity: Decimal, market: Market) -> bool:
    """Whether it is worth too little everywhere. The guard's own level is its stop, and its target only without one: a
    target lies above all prices, and beside a stop it would keep a rest that nobody can sell."""
    symbol = guard.protection.symbol
    seen = [price for price in (desk.quotes.best_bid(symbol), desk.quotes.last(symbol)) if price is not None]
    if not seen:
        return False
    own = guard.target if math.isnan(guard.stop) else guard.stop
    return not any(_enough(quantity, price, market) for price in (*seen, own) if not math.isnan(price))


def _enough(quantity: Decimal, price: float, market: Market) -> bool:
    return quantity * Decimal(repr(price)) >= market.min_amount


def _terms(
    guard: Guard,
    desk: Desk,
    order_id: str,
    quantity: Decimal,
    price: Decimal | None,
    purpose: Purpose,
    words: str,
    late_ms: int,
) -> OrderTerms:
    asked = guard.protection
    return OrderTerms(
        id=order_id,
        account=asked.account,
        symbol=asked.symbol,
        side=Side.SELL,
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        purpose=purpose,
        created_ms=desk.wall_ms(),
        bot=asked.bot,
        quantity=quantity,
        price=price,
        reason=words if price is not None or not asked.reason else f"{words}: {asked.reason}",
        signal=asked.signal,
        parent=asked.parent,
        late_ms=late_ms,
    )
