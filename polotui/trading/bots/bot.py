"""A bot: a strategy document on its symbols, with its own account, driven by closed bars and by fills.

Decided here:
* Whoever drives it, a replay or the live desk, calls the same: `begin` (a moment opens), `exits`, `enter` for each
  symbol in the document's order, `on_fill` and `on_order` as they are told, `settle` (stops follow), `on_moment` (bars
  closed). Only `exits`, `enter` and `settle` send.
* What must survive is `state()`: small, plain, good after any close or fill. The stream is built anew from history.
* An entry is sent once. After a restart the orders of the running moment say what was sent already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from polotui.backtest.kernel import shapes as k
from polotui.core.clock import Clock
from polotui.core.errors import PolotuiError
from polotui.core.ids import Chance
from polotui.model.orders import FINAL, OWN, OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.risk.values import Asked
from polotui.strategy.document.bind import Bound
from polotui.strategy.runtime.columns import Bars
from polotui.trading.bots import notes
from polotui.trading.bots.deciding import Deciding
from polotui.trading.bots.hand import Hand, is_entry
from polotui.trading.bots.orders import Keeper, Orders, Protection, Purse, Sent
from polotui.trading.bots.steps import WIDE, Steps, exact
from polotui.trading.bots.terms import BotState, BotTerms, SentOrder, Told

_TYPES = {k.MARKET: OrderType.MARKET, k.LIMIT: OrderType.LIMIT, k.STOP_ENTRY: OrderType.STOP}


class Bot(Deciding):
    """A bot that sends what it decided."""

    def __init__(
        self,
        terms: BotTerms,
        bound: Bound,
        *,
        histories: Mapping[str, Bars],
        steps: Mapping[str, Steps],
        orders: Orders,
        keeper: Keeper,
        purse: Purse,
        clock: Clock,
        chance: Chance,
        listener: notes.BotListener | None = None,
    ) -> None:
        super().__init__(terms, bound, histories=histories, steps=steps, purse=purse, clock=clock, listener=listener)
        self._orders = orders
        self._keeper = keeper
        self._chance = chance

    async def exits(self, *, again: bool = False) -> None:
        """Sends the exits that are decided, in the document's order of symbols; each once a moment. `again`: also those
        that were sent in this moment and ended without having sold everything."""
        for symbol, hand in self.hands.items():
            if not hand.wants_exit(again):
                continue
            if not hand.begin_exit():
                self._after_trade(hand)
                await self.settle(symbol)
                continue
            await self._keeper.drop(self.terms.account, symbol, "the position is being sold")
            try:
                await self._sell(hand)
            finally:
                if self.terms.form == "book":
                    # Not sent: the others' turns may take long, and so may the next try.
                    await self.keep_unsold(symbol)

    async def _sell(self, hand: Hand) -> None:
        quantity = hand.sellable(self._purse.held(hand.symbol))
        if quantity <= 0:
            self._tell.refused(hand, self.bar_ms, notes.REJECTED, "the account has nothing of it to sell")
            return
        words = hand.exit_words or k.REASONS[hand.position.exit_reason]
        terms = self._order(
            hand, Side.SELL, OrderType.MARKET, Purpose.EXIT, quantity=quantity, reason=words, late_ms=hand.late_ms
        )
        hand.exit_id = terms.id
        try:
            sent = await self._orders.submit(Asked(terms=terms, strategy=self.terms.strategy), self._caller)
        except PolotuiError:
            hand.exit_id = ""  # nothing was sent
            raise
        if sent.state in FINAL and hand.exit_id == terms.id:
            hand.exit_id = ""
        if sent.state is OrderState.RISK_DENIED:
            self._tell.refused(hand, self.bar_ms, notes.DENIED, _denial(sent))

    async def enter(self, symbol: str) -> None:
        """Sends the entry that is ordered for a symbol, if places and the bot's state allow it."""
        hand = self.hands[symbol]
        if hand.position.order == 0 or not hand.traded:
            return
        if hand.tried_at == self.shared.index or hand.waits_behind_exit():
            # Tested already: after a restart the places may be taken by those that came behind it.
            return
        if why := self._kept_from_entering(hand):
            self._refuse_entry(hand, *why)
            await self.settle(symbol)
            return
        hand.begin_entry()
        if not hand.order_id:
            await self._buy(hand)

    def _kept_from_entering(self, hand: Hand) -> tuple[str, str] | None:
        if self.state_name != "running":
            return notes.PAUSED, f"the bot is {self.state_name}"
        if not hand.held and sum(other.held for other in self.hands.values()) >= self.shared.rules.max_positions:
            hand.refuse_place()
            return notes.refusal_words(k.NO_PLACE)
        blocked = self.blocked(hand.symbol)
        return (notes.BLOCKED, blocked) if blocked else None

    async def _buy(self, hand: Hand) -> None:
        position = hand.position
        kind = _TYPES[position.order_kind]
        cash = self._purse.cash()
        amount = min(exact(position.order_amount), cash)
        hand.short_of_cash = amount < exact(position.order_amount)
        if amount <= 0:
            self.shared.counts[k.REFUSED + k.NO_CASH] += 1
            self._refuse_entry(hand, *notes.refusal_words(k.NO_CASH))
            return
        level = None if kind is OrderType.MARKET else hand.steps.price(position.order_price)
        quantity = None if level is None else self._quantity(hand, amount, level)
        purpose = Purpose.ADD if position.order_reason == k.ADD else Purpose.ENTRY
        stop, target = self._stated(hand)
        expires = 0
        if level is not None:
            expires = self._moment_ms + (position.order_left + 1) * self.terms.frame_ms
        terms = self._order(
            hand, Side.BUY, kind, purpose,
            quantity=quantity,
            amount=amount if level is None else None,
            price=level if kind is OrderType.LIMIT else None,
            stop=level if kind is OrderType.STOP else None,
            expire_ms=expires,
            reason=self._tell.rule,
        )  # fmt: skip
        hand.order_id, hand.bought = terms.id, False
        asked = Asked(
            terms=terms,
            strategy=self.terms.strategy,
            stop=None if math.isnan(stop) else exact(stop),
            target=None if math.isnan(target) else hand.steps.price(target),
        )
        try:
            sent = await self._orders.submit(asked, self._caller)
        except PolotuiError:
            hand.order_id = ""  # nothing was sent
            raise
        # Any other end is told by `on_order`, perhaps after this.
        if sent.state is OrderState.RISK_DENIED:
            hand.order_id = ""
            self._refuse_entry(hand, notes.DENIED, _denial(sent))

    def _stated(self, hand: Hand) -> tuple[float, float]:
        """Stop and target that the gate is told. The backtest enters also when the open lies beyond one of them, and
        leaves again at once; the gate refuses that, so in bar form it is not told."""
        _, stop, target = hand.planned(hand.position.last_close)
        if self.terms.form == "bar" and hand.position.order_kind == k.MARKET:
            rules = self.shared.rules
            costs = hand.reference * (rules.half_spread + rules.slippage)
            stop = stop if stop < hand.reference - costs else math.nan
            target = target if target > hand.reference + costs else math.nan
        return stop, target

    def _quantity(self, hand: Hand, amount: Decimal, level: Decimal) -> Decimal:
        """The quantity of an entry that waits for its price."""
        wanted = WIDE.divide(amount, level)
        return wanted if self.terms.form == "bar" else hand.steps.sellable(wanted)

    def _order(
        self, hand: Hand, side: Side, kind: OrderType, purpose: Purpose, *, reason: str,
        quantity: Decimal | None = None, amount: Decimal | None = None, price: Decimal | None = None,
        stop: Decimal | None = None, expire_ms: int = 0, late_ms: int = 0,
    ) -> OrderTerms:  # fmt: skip
        return OrderTerms(
            id=self._chance.new_id(OWN.removesuffix("-")),
            account=self.terms.account,
            symbol=hand.symbol,
            side=side,
            type=kind,
            purpose=purpose,
            created_ms=self._clock.wall_ms(),
            bot=self.terms.id,
            quantity=quantity,
            amount=amount,
            price=price,
            stop=stop,
            expire_ms=expire_ms,
            reason=reason,
            signal=hand.signal,
            late_ms=late_ms,
        )

    async def settle(self, symbol: str) -> None:
        """Brings the venue in line with the position: its stop and target, and no entry that is not wanted."""
        hand = self.hands[symbol]
        position = hand.position
        hand.part_from_order()
        while hand.stale:
            await self._orders.cancel(hand.stale[0], "the entry is not wanted any more")
            hand.stale = hand.stale[1:]
        if not hand.held:
            if not self._holds_untold(hand):
                await self._keeper.drop(self.terms.account, symbol, "the position is closed")
            return
        if position.exit_reason == 0:
            await self._protect(hand)

    def _holds_untold(self, hand: Hand) -> bool:
        """Whether a fill is booked that the bot has not heard of yet: until then the stop of its entry counts."""
        return self.terms.form == "book" and hand.steps.sellable(self._purse.held(hand.symbol)) > 0

    async def keep_unsold(self, symbol: str = "") -> None:
        """On a book, after `exits` or when one has failed: what could not be sold has its stop again until the next
        try. Of one symbol or of all."""
        for hand in self.hands.values():
            if symbol in ("", hand.symbol) and hand.held and hand.position.exit_reason != 0 and not hand.exit_id:
                await self._protect(hand)

    async def _protect(self, hand: Hand) -> None:
        symbol = hand.symbol
        stop, target, words = hand.protection()
        quantity = hand.sellable(self._purse.held(symbol))
        if (stop is None and target is None) or quantity <= 0:
            await self._keeper.drop(self.terms.account, symbol, "nothing protects the position")
            return
        await self._keeper.keep(
            Protection(
                self.terms.id,
                self.terms.account,
                self.terms.strategy,
                symbol,
                quantity,
                stop,
                target,
                reason=words,
                signal=hand.signal,
            )
        )

    async def settle_all(self) -> None:
        for symbol in self.hands:
            await self.settle(symbol)

    async def act(self, prices: Mapping[str, float]) -> None:
        """Live: what the close decided is done now, at these prices."""
        self.begin(prices)
        await self.exits()
        for symbol in self.hands:
            await self.enter(symbol)
        await self.settle_all()

    # -- what survives --------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that a restart needs, as plain JSON."""
        kelly = self.shared.rules.size_kind == k.BY_KELLY
        return {
            "state": self.state_name,
            "reason": self.reason,
            "anchor_ms": self.anchor_ms,
            "bar_ms": self.bar_ms,
            "index": self.shared.index,
            "fill": self.fill_number,
            "cash": self.cash,
            "counts": list(self.shared.counts),
            "results": [list(pair) for pair in self.shared.trades.results] if kelly else [],
            "hands": {symbol: hand.state() for symbol, hand in self.hands.items()},
        }

    def restore(self, state: Mapping[str, Any], sent: Sequence[SentOrder] = (), fills: Sequence[Told] = ()) -> None:
        """Goes on where `state` was taken. `sent` are the bot's orders since the last closed bar and all that it still
        had open, `fills` its fills after `state["fill"]`, both in their order. Afterwards `settle_all` brings the venue
        in line."""
        self.state_name, self.reason = state["state"], state["reason"]
        self.anchor_ms, self.bar_ms = state["anchor_ms"], state["bar_ms"]
        self.shared.index, self.fill_number = state["index"], state["fill"]
        self.cash = float(state["cash"])
        self.shared.counts[:] = state["counts"]
        self.shared.trades.results[:] = [(pair[0], pair[1]) for pair in state["results"]]
        for symbol, own in state["hands"].items():
            self.hands[symbol].restore(own)
        for order in sent:
            self._adopt(order)
        for told in fills:
            self.on_fill(told.fill, told.terms, told.at_ms, told.number)
        for order in sent:
            self.on_order(order.terms, order.state, order.code, order.words)

    def _adopt(self, order: SentOrder) -> None:
        """An order that was sent, perhaps after the state was taken."""
        terms = order.terms
        hand = self.hands.get(terms.symbol)
        if hand is None:
            return
        now = terms.created_ms >= self._moment_ms
        if is_entry(terms) and terms.signal == hand.signal and hand.position.order != 0:
            if now or order.state not in FINAL:
                hand.order_id = terms.id
            if now:
                hand.begin_entry()
        elif terms.purpose is Purpose.EXIT:
            if now:
                hand.left_at = self.shared.index
            if order.state not in FINAL:
                hand.exit_id = terms.id

    @property
    def _caller(self) -> str:
        return f"bot {self.terms.id}"


def _denial(sent: Sent) -> str:
    """Why the gate refused, in its own words."""
    first = next((finding for finding in sent.decision.findings if finding.refuses), None)
    return f"{sent.decision.code}: {first.text if first else sent.decision.recommendation}"


__all__ = ["Bot", "BotState", "BotTerms", "SentOrder", "Told"]
