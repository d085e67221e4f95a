"""A bot: a strategy document on its symbols, with its own account, driven by closed bars and by fills.

Decided here:
* Whoever drives it, a replay or the live desk, calls the same: `begin` (a moment opens), `exits`, `enter` for each
  symbol in the document's order, `on_fill` and `on_order` as they are told, `settle` (stops follow), `on_moment` (bars
  closed). What decides is synchronous and touches nothing but the bot; only `exits`, `enter` and `settle` send.
* Money is the ledger's. The bot keeps the cash that its own fills make as a float, because that has the backtest's
  bits; where the ledger says otherwise by more than rounding, the ledger counts.
* What must survive is `state()`: small, plain, good after any close or fill. The stream is built anew from history.
* An entry is sent once. After a restart the orders of the running moment say what was sent already.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from polotui.backtest.kernel import shapes as k
from polotui.backtest.kernel.inside import nearest_stop
from polotui.backtest.rules import record
from polotui.backtest.settings import Settings
from polotui.core.clock import Clock
from polotui.core.errors import UsageError
from polotui.core.ids import Chance
from polotui.execution.exits import beyond_stop
from polotui.model.orders import FINAL, OWN, OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.risk.values import Asked
from polotui.strategy.document.bind import Bound
from polotui.strategy.runtime.columns import Bar, Bars
from polotui.trading.bots import notes
from polotui.trading.bots.fitness import unsupported
from polotui.trading.bots.hand import Closing, Fill, Hand, Shared, is_entry
from polotui.trading.bots.memory import TradeLog, new_counts, plain_rules
from polotui.trading.bots.orders import Keeper, Orders, Protection, Purse
from polotui.trading.bots.steps import WIDE, Steps, exact
from polotui.trading.bots.telling import Telling
from polotui.trading.paper import codes

BotState = Literal["running", "paused", "stopping", "stopped", "failed"]
_TYPES = {k.MARKET: OrderType.MARKET, k.LIMIT: OrderType.LIMIT, k.STOP_ENTRY: OrderType.STOP}
#: What float and exact cash may differ by, in quote currency, and still be the same money.
_SAME_CASH = 1e-6
_MISSED_WORDS = "its bar closed while the engine was down"


@dataclass(frozen=True)
class BotTerms:
    """What a bot is started with. `settings` has capital, costs and policy; its span is not read.

    `form` is that of its venue. `bar`: an entry is an order of one moment, asked anew at the next, and a limit or stop
    entry is an unrounded quantity. `book`: it rests until it expires, with a quantity on the grid.
    """

    id: int
    strategy: str
    account: str
    symbols: tuple[str, ...]
    frame_ms: int
    settings: Settings
    form: Literal["bar", "book"] = "bar"


@dataclass(frozen=True)
class SentOrder:
    """An order of the bot as the ledger has it after a restart."""

    terms: OrderTerms
    state: OrderState
    code: str = ""
    words: str = ""


@dataclass(frozen=True)
class Told:
    """A fill as the ledger has it."""

    number: int
    fill: Fill
    terms: OrderTerms
    at_ms: int


class Bot:
    """Several hands with common cash, places and trades. `histories` begin at the anchor and end with the last closed
    bar that the state knows, or before the first one to be traded."""

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
        if why := unsupported(bound):
            raise UsageError(f"{terms.strategy} cannot run as a bot. {why}", safe="Nothing was started.")
        self.terms = terms
        self.bound = bound
        self.state_name: BotState = "running"
        self.reason = ""
        #: Why a symbol may not be entered now ("" when it may): stale data, a lock. Asked before each entry.
        self.blocked: Callable[[str], str] = lambda symbol: ""
        self._orders = orders
        self._keeper = keeper
        self._purse = purse
        self._clock = clock
        self._chance = chance
        numbers = plain_rules(record(bound, terms.settings, len(terms.symbols), 0, 1, terms.frame_ms))
        self.shared = Shared(numbers, TradeLog(), new_counts())
        self.hands = {
            symbol: Hand(symbol, bound, steps[symbol], self.shared, histories[symbol]) for symbol in terms.symbols
        }
        self.cash = float(terms.settings.capital)
        self.equity = self.cash
        #: Open of the bar whose close was decided last; 0 before the first.
        self.bar_ms = 0
        self.anchor_ms = min((int(bars.time[0]) for bars in histories.values() if len(bars)), default=0)
        self.fill_number = 0
        self._tell = Telling(terms, bound, listener or notes.Silence(), clock)

    # -- a moment opens -------------------------------------------------------------------------------------------

    def begin(self, prices: Mapping[str, float]) -> None:
        """A moment opens: the price of each symbol that is traded now (its open, or the last one)."""
        for symbol, hand in self.hands.items():
            hand.reference = float(prices.get(symbol, float("nan")))

    async def exits(self) -> None:
        """Sends the exits that are decided, in the document's order of symbols."""
        for symbol, hand in self.hands.items():
            if not hand.wants_exit():
                continue
            if not hand.begin_exit():
                self._after_trade(hand)
                await self.settle(symbol)
                continue
            await self._keeper.drop(self.terms.account, symbol, "the position is being sold")
            await self._sell(hand)

    async def _sell(self, hand: Hand) -> None:
        quantity = hand.sellable(self._purse.held(hand.symbol))
        if quantity <= 0:
            self._tell.refused(hand, self.bar_ms, notes.REJECTED, "the account has nothing of it to sell")
            return
        words = hand.exit_words or k.REASONS[hand.position.exit_reason]
        terms = self._order(
            hand, Side.SELL, OrderType.MARKET, Purpose.EXIT, quantity=quantity, reason=words, late_ms=hand.late_ms
        )
        sent = await self._orders.submit(Asked(terms=terms, strategy=self.terms.strategy), self._caller)
        if sent.state is OrderState.RISK_DENIED:
            self._tell.refused(hand, self.bar_ms, notes.DENIED, f"{sent.decision.code}: {sent.decision.recommendation}")

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

    def _refuse_entry(self, hand: Hand, code: str, reason: str) -> None:
        hand.drop_entry()
        self._tell.refused(hand, self.bar_ms, code, reason)

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
        hand.order_id = terms.id
        asked = Asked(
            terms=terms,
            strategy=self.terms.strategy,
            stop=None if math.isnan(stop) else exact(stop),
            target=None if math.isnan(target) else hand.steps.price(target),
        )
        sent = await self._orders.submit(asked, self._caller)
        if sent.state is OrderState.RISK_DENIED:
            hand.order_id = ""
            self._refuse_entry(hand, notes.DENIED, f"{sent.decision.code}: {sent.decision.recommendation}")
        elif sent.state in FINAL and hand.order_id == terms.id:
            hand.order_id = ""

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
            await self._keeper.drop(self.terms.account, symbol, "the position is closed")
            return
        if position.exit_reason != 0:
            return
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
            )  # fmt: skip
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

    # -- what is told ---------------------------------------------------------------------------------------------

    def on_fill(self, fill: Fill, terms: OrderTerms, at_ms: int, number: int = 0) -> bool:
        """Books a fill of an order of this bot. `number` is the ledger's; what was booked before is left out."""
        if number and number <= self.fill_number:
            return False
        hand = self.hands.get(terms.symbol)
        if hand is None:
            return False
        was_held = hand.held
        self.cash += hand.book(fill, terms)
        if not was_held and hand.held:
            hand.entered_ms = at_ms
        self.fill_number = max(number, self.fill_number)
        self._after_trade(hand, at_ms)
        return True

    def _after_trade(self, hand: Hand, at_ms: int = 0) -> None:
        row = self.shared.trades.take()
        if row is not None:
            self._tell.traded(hand, row, at_ms or self._clock.wall_ms())
            hand.late_ms, hand.exit_words = 0, ""
        if self.state_name == "stopping" and not any(other.held for other in self.hands.values()):
            self.state_name = "stopped"

    def on_order(self, terms: OrderTerms, state: OrderState, code: str = "", words: str = "") -> None:
        """An order of this bot moved."""
        hand = self.hands.get(terms.symbol)
        if hand is None or state not in FINAL or not is_entry(terms) or hand.order_id != terms.id:
            return
        hand.order_id = ""
        if state is OrderState.FILLED or code == codes.REST:
            hand.drop_entry()
        elif code in (codes.NO_VOLUME, codes.NOT_REACHED, codes.NO_BAR):
            return  # it is asked for again at the next open, as long as it has not expired
        elif code in (codes.NO_CASH, codes.TOO_SMALL):
            place = k.NO_CASH if hand.short_of_cash or code == codes.NO_CASH else k.TOO_SMALL
            self.shared.counts[k.REFUSED + place] += 1
            self._refuse_entry(hand, *notes.refusal_words(place))
        elif hand.drop_entry() and state is not OrderState.RISK_DENIED:
            self._tell.refused(hand, self.bar_ms, notes.REJECTED, f"{state}: {code} {words}".strip())

    def on_reached(self, symbol: str, *, stop: bool, price: float) -> None:
        """A stop or target was reached, and nothing could be sold at its price."""
        hand = self.hands[symbol]
        hand.unsold(stop, price)
        self._after_trade(hand)

    # -- bars close -----------------------------------------------------------------------------------------------

    @property
    def _moment_ms(self) -> int:
        """When the moment began that is forming."""
        return self.bar_ms + self.terms.frame_ms if self.bar_ms else self._clock.wall_ms()

    def on_moment(self, at_ms: int, bars: Mapping[str, Bar], *, missed: bool = False) -> None:
        """The bars that opened at `at_ms` closed: decides for the next open. `missed`: too late to enter on it."""
        closed = [(hand, bars[symbol]) for symbol, hand in self.hands.items() if symbol in bars]
        for hand, bar in closed:
            for place in hand.end_bar(bar):
                self._tell.refused(hand, self.bar_ms, *notes.refusal_words(place))
            hand.inputs.close(bar)
            hand.position.last_close = bar.close
        self.bar_ms = at_ms
        self._mark()
        for hand, bar in closed:
            closing = hand.decide(bar, self.equity)
            self._told(hand, bar, closing, missed)
        self.shared.index += 1
        for hand in self.hands.values():
            hand.reference = float("nan")

    def _mark(self) -> None:
        """Cash and equity as the backtest marks them."""
        ledger = float(self._purse.cash())
        if abs(ledger - self.cash) > _SAME_CASH + 1e-9 * abs(ledger):
            self.cash = ledger
        worth = 0.0
        for hand in self.hands.values():
            position = hand.position
            if position.quantity != 0.0 or position.dust != 0.0:
                worth += (position.quantity + position.dust) * position.last_close
        self.equity = self.cash + worth

    def _told(self, hand: Hand, bar: Bar, closing: Closing, missed: bool) -> None:
        if closing.asked:
            hand.signal = self._tell.signal(hand, bar, closing)
        for place in closing.refusals:
            self._tell.refused(hand, bar.time, *notes.refusal_words(place))
        if closing.asked and missed:
            self._refuse_entry(hand, notes.MISSED, _MISSED_WORDS)
        elif closing.asked and self.state_name != "running":
            self._refuse_entry(hand, notes.PAUSED, f"the bot is {self.state_name}")
        if closing.exits:
            self._tell.decision(hand, bar.time, "exit", k.REASONS[hand.position.exit_reason], bar.close)
        elif closing.trail is not None:
            self._tell.decision(hand, bar.time, "trail", k.REASONS[k.BY_TRAIL], closing.trail)

    def catch_up(self, moments: Sequence[tuple[int, Mapping[str, Bar]]]) -> None:
        """Bars that closed while nothing ran, oldest first. Exits they decide are carried out now; an entry only if the
        newest of them asks for it; a stop that they crossed is an exit at the first price there is, marked late."""
        if moments:
            for hand in self.hands.values():
                if hand.position.order != 0 and not hand.order_id:
                    self._refuse_entry(hand, notes.MISSED, _MISSED_WORDS)
        for place, (at_ms, bars) in enumerate(moments):
            for symbol, bar in bars.items():
                if symbol in self.hands:
                    self._crossed(self.hands[symbol], bar)
            self.on_moment(at_ms, bars, missed=place < len(moments) - 1)

    def _crossed(self, hand: Hand, bar: Bar) -> None:
        position = hand.position
        if not hand.held or position.exit_reason != 0:
            return
        level, reason = nearest_stop(position, self.shared.rules, 1)
        if beyond_stop(bar.low, level, 1):
            position.exit_reason = reason
            position.order = 0
            hand.late_ms = bar.time
            hand.exit_words = f"{k.REASONS[reason]}, crossed while the engine was down"
            self._tell.decision(hand, bar.time, "late", hand.exit_words, level)

    # -- what a person does ---------------------------------------------------------------------------------------

    def pause(self, reason: str) -> None:
        """No new entries; exits and stops go on."""
        self._leave("running", "paused", reason)
        for hand in self.hands.values():
            if hand.position.order != 0:
                self._refuse_entry(hand, notes.PAUSED, "the bot was paused")

    def resume(self) -> None:
        self._leave("paused", "running", "")

    def stop(self, reason: str, *, close: bool) -> None:
        """Ends the bot: its positions are sold at the next `exits`, or kept as they are with their stops."""
        for hand in self.hands.values():
            if hand.position.order != 0:
                self._refuse_entry(hand, notes.PAUSED, "the bot was stopped")
            if close and hand.held and hand.position.exit_reason == 0:
                hand.position.exit_reason = k.BY_RULE
                hand.exit_words = f"stopped: {reason}" if reason else "stopped"
        held = any(hand.held for hand in self.hands.values())
        self.state_name, self.reason = ("stopping" if close and held else "stopped"), reason

    def fail(self, reason: str) -> None:
        self.state_name, self.reason = "failed", reason

    def _leave(self, wanted: BotState, to: BotState, reason: str) -> None:
        if self.state_name != wanted:
            raise UsageError(f"The bot is {self.state_name}, not {wanted}.", safe="Nothing was changed.")
        self.state_name, self.reason = to, reason

    def edit_levels(self, symbol: str, *, stop: Decimal | None = None, target: Decimal | None = None) -> None:
        """A person moves the stop or the target of an open position; what is None stays."""
        hand = self.hands.get(symbol)
        if hand is None or not hand.held:
            raise UsageError(f"The bot holds nothing of {symbol}.", safe="Nothing was changed.")
        position, price = hand.position, hand.position.last_close
        wrong = (stop is not None and float(stop) >= price) or (target is not None and float(target) <= price)
        if wrong:
            raise UsageError(
                f"The stop must lie below the price of {price:g}, and the target above it.", safe="Nothing was changed."
            )
        if stop is not None:
            # The trailing stop gives way too: the nearer of the two would count otherwise.
            position.stop, position.trail = float(stop), float("nan")
        if target is not None:
            position.target = hand.steps.price_float(target)

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
        elif terms.purpose is Purpose.EXIT and now:
            hand.left_at = self.shared.index

    @property
    def _caller(self) -> str:
        return f"bot {self.terms.id}"
