"""Keeps a bot's stop and target as one order at the venue; to change it, it is cancelled and placed anew.

Decided here: between cancel and new order there is no protection, which is nothing in a replay, where no price comes in
between. Live positions are kept by the desk's protector, which closes that gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.model.orders import FINAL, OWN, OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.risk.values import Asked
from polotui.trading.bots.orders import Orders, Protection


@dataclass
class _Placed:
    order_id: str
    has: Protection


class OcoKeeper:
    """A `Keeper` through orders."""

    def __init__(self, orders: Orders, clock: Clock, chance: Chance) -> None:
        self._orders = orders
        self._clock = clock
        self._chance = chance
        self._placed: dict[tuple[str, str], _Placed] = {}

    async def keep(self, wanted: Protection) -> None:
        place = wanted.account, wanted.symbol
        now = self._placed.get(place)
        if now is not None and _same(now.has, wanted):
            return
        await self.drop(*place, "replaced")
        kind, purpose = OrderType.OCO, Purpose.PROTECT
        if wanted.target is None:
            kind, purpose = OrderType.STOP, Purpose.STOP
        elif wanted.stop is None:
            kind, purpose = OrderType.LIMIT, Purpose.TARGET
        terms = OrderTerms(
            id=self._chance.new_id(OWN.removesuffix("-")),
            account=wanted.account,
            symbol=wanted.symbol,
            side=Side.SELL,
            type=kind,
            purpose=purpose,
            created_ms=self._clock.wall_ms(),
            bot=wanted.bot,
            quantity=wanted.quantity,
            price=wanted.target if kind is OrderType.LIMIT else None,
            stop=wanted.stop,
            target=wanted.target if kind is OrderType.OCO else None,
            reason=wanted.reason,
            signal=wanted.signal,
        )
        self._placed[place] = _Placed(terms.id, wanted)
        sent = await self._orders.submit(Asked(terms=terms, strategy=wanted.strategy))
        if sent.state in FINAL:
            self._forget(terms.id)

    async def drop(self, account: str, symbol: str, reason: str) -> None:
        now = self._placed.pop((account, symbol), None)
        if now is not None:
            await self._orders.cancel(now.order_id, reason)

    def on_fill(self, terms: OrderTerms, quantity: Decimal) -> None:
        """A target that was filled in part rests with what is left."""
        now = self._placed.get((terms.account, terms.symbol))
        if now is not None and now.order_id == terms.id:
            now.has = replace(now.has, quantity=now.has.quantity - quantity)

    def on_order(self, terms: OrderTerms, state: OrderState) -> None:
        if state in FINAL:
            self._forget(terms.id)

    def adopt(self, terms: OrderTerms, left: Decimal) -> None:
        """After a restart: an order that still stands."""
        target = terms.price if terms.type is OrderType.LIMIT else terms.target
        has = Protection(
            terms.bot, terms.account, "", terms.symbol, left, terms.stop, target, terms.reason, terms.signal
        )  # fmt: skip
        self._placed[terms.account, terms.symbol] = _Placed(terms.id, has)

    def _forget(self, order_id: str) -> None:
        for place, placed in list(self._placed.items()):
            if placed.order_id == order_id:
                del self._placed[place]


def _same(one: Protection, other: Protection) -> bool:
    return (one.quantity, one.stop, one.target) == (other.quantity, other.stop, other.target)
