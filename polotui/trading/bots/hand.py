"""One bot on one symbol: its position, what it is about to do, and how fills and closes change both.

Decided here:
* The position is the kernel's, as a plain object. Only `closing.decide` at a bar's close and `booking` on a fill
  write to it, so decisions and levels have the backtest's bits.
* A wish (an entry in `position.order`, an exit in `position.exit_reason`) is carried out at the next open, once a
  moment; what the moment could not fill is tried at the next one.
* Nothing in here sends anything or waits.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

from polotui.backtest.kernel import shapes as k
from polotui.backtest.kernel.booking import book_entry, book_exit, close_trade, direction_of, place_levels
from polotui.backtest.kernel.closing import decide
from polotui.backtest.kernel.inside import leaves_at_open, nearest_stop
from polotui.backtest.kernel.opening import sellable, unsellable
from polotui.execution.fills import market_price
from polotui.execution.grid import quantise
from polotui.model.money import ZERO
from polotui.model.orders import OrderTerms, Purpose, Side
from polotui.strategy.document.bind import Bound
from polotui.strategy.runtime.columns import Bar, Bars
from polotui.strategy.runtime.stream import Moment
from polotui.trading.bots.inputs import Inputs
from polotui.trading.bots.memory import NoLog, TradeLog, new_position, position_of, position_state
from polotui.trading.bots.steps import Steps, exact

#: How far the fee of a fill may lie from the reckoned one and count as it.
_FEE_NEAR = Decimal("1e-9")
#: An entry is sent when its bar opens, and takes a moment: the first tenth of the bar still counts as its beginning.
_NEARLY = 10
_ENTRIES = frozenset({Purpose.ENTRY, Purpose.ADD, Purpose.MANUAL})


class Fill(Protocol):
    """A trade of an order, as a venue tells it or as the ledger has it."""

    @property
    def side(self) -> Side | str: ...
    @property
    def price(self) -> Decimal: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def fee(self) -> Decimal: ...
    @property
    def fee_currency(self) -> str: ...
    @property
    def maker(self) -> bool: ...


@dataclass
class Shared:
    """What all hands of a bot have in common: the numbers, the trades, the counts."""

    rules: Any
    trades: TradeLog
    #: A list; the kernel's functions are typed for arrays and ask no more of them than their places.
    counts: Any
    #: Number of the moment that is forming.
    index: int = 0


@dataclass(frozen=True)
class Closing:
    """What a close decided."""

    moment: Moment
    asked: bool
    refusals: tuple[int, ...]
    exits: bool
    trail: float | None


class Hand:
    """A position in one symbol."""

    def __init__(self, symbol: str, bound: Bound, steps: Steps, shared: Shared, history: Bars) -> None:
        self.symbol = symbol
        self.steps = steps
        self.position: Any = new_position()
        self.inputs = Inputs(bound, shared.rules, history)
        self._shared = shared
        #: Open of the newest bar that the stream has seen; 0 before the first.
        self.bar_ms = int(history.time[-1]) if len(history) else 0
        #: The open of the forming bar, or the last price; NaN when the symbol is not traded now.
        self.reference = math.nan
        #: Moments in which an exit and an entry were sent last.
        self.left_at = -1
        self.tried_at = -1
        #: The entry that is at the venue, and those that are not wanted any more and have to be cancelled.
        self.order_id = ""
        self.stale: list[str] = []
        #: The exit that is on its way.
        self.exit_id = ""
        self.signal = ""
        self.entered_ms = 0
        #: When a person moved the stop last.
        self.edited_ms = 0
        self.late_ms = 0
        self.exit_words = ""
        #: Of the entry that is at the venue: whether cash cut it, and whether something of it was bought.
        self.short_of_cash = self.bought = False

    # -- a bar closes ---------------------------------------------------------------------------------------------

    def end_bar(self, bar: Bar, number: int) -> list[int]:
        """What the bar of the moment `number` did to an open position and a waiting entry. Returns the refusals that
        follow."""
        position = self.position
        self.bar_ms = bar.time
        if position.quantity != 0.0 and not self.entered_after(number):
            position.highest = max(position.highest, bar.high)
            position.lowest = min(position.lowest, bar.low)
        # When the bar comes late, the entry may have been tested in the moment after its own already.
        left = position.order_left + (1 if self.tried_at > number else 0)
        expired = position.order != 0 and left <= 0
        if expired:
            position.order = 0
        # Before the close may order anew: what is at the venue belongs to the old wish.
        self.part_from_order()
        return self._refused(k.EXPIRED) if expired and position.quantity == 0.0 else []

    def entered_after(self, number: int) -> bool:
        """Whether the position was opened after the moment `number`, whose bar then says nothing of it."""
        return self.held and bool(self.position.entered > number)

    def stood_in(self, bar: Bar, frame_ms: int) -> bool:
        """Whether position and stop stood in the bar from its beginning, or nearly: else its low may be older."""
        return self.edited_ms <= bar.time and self.entered_ms <= bar.time + frame_ms // _NEARLY

    def part_from_order(self) -> None:
        """An order at the venue that no wish stands behind any more has to go."""
        if self.order_id and self.position.order == 0:
            self.stale.append(self.order_id)
            self.order_id = ""

    def _refused(self, place: int) -> list[int]:
        self._shared.counts[k.REFUSED + place] += 1
        return [place]

    def decide(self, bar: Bar, equity: float, number: int) -> Closing:
        """The kernel's decision at the close of the bar, which is one of the moment `number`."""
        shared, position, inputs = self._shared, self.position, self.inputs
        moment = inputs.moment
        assert moment is not None
        before = list(shared.counts)
        order, exits, trail = position.order, position.exit_reason, position.trail
        with np.errstate(all="ignore"):
            decide(
                position, shared.trades, shared.counts, shared.rules, inputs.signals, inputs.levels, inputs.code,
                inputs.constants, inputs.values, inputs.facts, inputs.stack, 0, number, bar.close, equity,
                self.steps.tick_float,
            )  # fmt: skip
        return Closing(
            moment,
            position.order != 0 and order == 0,
            tuple(i for i in range(len(k.REFUSALS)) if shared.counts[k.REFUSED + i] > before[k.REFUSED + i]),
            position.exit_reason != 0 and exits == 0,
            position.trail if position.trail == position.trail and position.trail != trail else None,
        )

    def planned(self, close: float) -> tuple[float, float, float]:
        """Where the entry that is ordered waits, and its stop and target reckoned from there."""
        rules, position = self._shared.rules, self.position
        entry = close if position.order_kind == k.MARKET else position.order_price
        sketch = copy.copy(position)
        sketch.entry_price = entry
        sketch.stop = sketch.trail = sketch.first_stop = sketch.first_target = math.nan
        sketch.target = math.nan
        place_levels(sketch, rules, 1, self.steps.tick_float)
        return entry, sketch.stop, sketch.target

    # -- wishes ---------------------------------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        return bool(self.position.quantity != 0.0)

    @property
    def traded(self) -> bool:
        """Whether the symbol has a price now."""
        return not math.isnan(self.reference)

    def wants_exit(self, again: bool) -> bool:
        """Whether an exit is to be sent: once a moment, or `again` when none is on its way."""
        if not (self.held and self.position.exit_reason != 0 and self.traded) or self.exit_id:
            return False
        return again or self.left_at != self._shared.index

    def begin_exit(self) -> bool:
        """The exit is carried out now. False when nothing of it can be sold: then the trade ends here, as dust."""
        rules, position, index = self._shared.rules, self.position, self._shared.index
        self.left_at = index
        price = market_price(
            self.reference, -direction_of(position), rules.half_spread, rules.slippage, self.steps.tick_float
        )
        position.highest = max(position.highest, self.reference)
        position.lowest = min(position.lowest, self.reference)
        if unsellable(position, rules, price, self.steps.lot_float):
            self._close_as_dust(price, position.exit_reason)
            return False
        return True

    def sellable(self, held: Decimal) -> Decimal:
        """What can be sold of the coins that the ledger says are held.

        Coins that lie exactly on a lot are a hair less in the backtest's floats once they have been added up often
        enough, and it leaves that lot as dust. So does the bot; otherwise the ledger counts, and never more than it.
        """
        whole = self.steps.sellable(held)
        own = self.steps.quantity(quantise(sellable(self.position), self.steps.lot_float))
        return own if 0 <= whole - own <= self.steps.lot else whole

    def waits_behind_exit(self) -> bool:
        """Whether the open has passed the stop or the target: then nothing is added before that."""
        return self.held and bool(
            leaves_at_open(self.position, self._shared.rules, self.reference, self.steps.tick_float)
        )

    def refuse_place(self) -> None:
        self.position.order = 0
        self._refused(k.NO_PLACE)

    def begin_entry(self) -> None:
        """The entry is tested in this moment."""
        if self.tried_at != self._shared.index:
            self.tried_at = self._shared.index
            self.position.order_left -= 1

    def drop_entry(self) -> bool:
        """Forgets the entry that is ordered. Whether there was one."""
        there = bool(self.position.order != 0)
        self.position.order = 0
        return there

    def protection(self) -> tuple[Decimal | None, Decimal | None, str]:
        """Stop, target and the stop's reason, as they should stand at the venue now."""
        position = self.position
        level, reason = nearest_stop(position, self._shared.rules, 1)
        stop = None if math.isnan(level) else exact(level)
        target = None if math.isnan(position.target) else self.steps.price(position.target)
        return stop, target, k.REASONS[reason] if stop is not None else ""

    # -- fills ----------------------------------------------------------------------------------------------------

    def book(self, fill: Fill, terms: OrderTerms) -> float:
        """Books a fill and returns the change of cash."""
        price, quantity = self.steps.price_float(fill.price), self.steps.quantity_float(fill.quantity)
        if fill.side == Side.BUY:
            return self._book_entry(fill, terms, price, quantity)
        if not self.held:
            # A sale of what an earlier trade left.
            self.position.dust = max(0.0, self.position.dust - quantity)
            return float(fill.price * fill.quantity - _in_quote(fill))
        return self._book_exit(fill, terms, price, quantity)

    def _book_entry(self, fill: Fill, terms: OrderTerms, price: float, quantity: float) -> float:
        shared, position = self._shared, self.position
        at_open = position.order_kind == k.MARKET or (
            not fill.maker
            if position.order_kind == k.LIMIT
            else math.isnan(self.reference) or self.reference >= position.order_price
        )
        position.at_open = 1 if at_open else 0
        self.bought = self.bought or terms.id == self.order_id
        position.order_reason = k.ADD if terms.purpose is Purpose.ADD else k.ENTRY
        change = book_entry(
            position, NoLog(), shared.counts, self._rules_of(fill), shared.index, 0, 1, price, quantity, fill.maker,
            self.steps.tick_float,
        )  # fmt: skip
        position.order_amount -= quantity * price
        return float(change)

    def _book_exit(self, fill: Fill, terms: OrderTerms, price: float, quantity: float) -> float:
        position, reason, stopped = self.position, self.position.exit_reason, False
        if terms.purpose in (Purpose.PROTECT, Purpose.STOP, Purpose.TARGET):
            stopped, reason = self._leg(fill, terms, price)
            self._touched(stopped, price)
        change = book_exit(
            position, NoLog(), self._shared.trades, self._shared.counts, self._rules_of(fill), self._shared.index, 0,
            price, quantity, self.steps.lot_float, fill.maker, reason or k.BY_RULE,
        )  # fmt: skip
        if stopped and self.held:
            self._leave_later(reason)
        return float(change)

    def _leg(self, fill: Fill, terms: OrderTerms, price: float) -> tuple[bool, int]:
        """Whether the stop was it, and the reason."""
        target = math.nan if terms.target is None else self.steps.price_float(terms.target)
        passed = terms.purpose is Purpose.PROTECT and (fill.maker or price >= target)
        if terms.purpose is Purpose.TARGET or passed:
            return False, k.BY_TARGET
        return True, nearest_stop(self.position, self._shared.rules, 1)[1]

    def _touched(self, stopped: bool, price: float) -> None:
        """The price that ended the position counts to its highest and lowest; what came after it does not."""
        position, touched = self.position, price
        position.order = 0
        if stopped:
            level, _ = nearest_stop(position, self._shared.rules, 1)
            inside = position.filled == self._shared.index and position.at_open == 0
            touched = level if inside or math.isnan(self.reference) else min(level, self.reference)
        position.highest = max(position.highest, touched)
        position.lowest = min(position.lowest, touched)

    def unsold(self, stopped: bool, price: float) -> None:
        """A stop or target was reached, and nothing could be sold at its price."""
        position = self.position
        if not self.held:
            return
        reason = nearest_stop(position, self._shared.rules, 1)[1] if stopped else k.BY_TARGET
        self._touched(stopped, price)
        if unsellable(position, self._shared.rules, price, self.steps.lot_float):
            self._close_as_dust(price, reason)
        elif stopped:
            self._leave_later(reason)

    def _leave_later(self, reason: int) -> None:
        """The rest of a stopped position leaves at the next opens; this moment has had its share."""
        self.position.exit_reason = reason
        self.left_at = self._shared.index

    def _close_as_dust(self, price: float, reason: int) -> None:
        shared = self._shared
        close_trade(self.position, shared.trades, shared.counts, shared.rules, shared.index, 0, 1, price, reason)

    def _rules_of(self, fill: Fill) -> Any:
        """The numbers with the fee that this fill did cost; the very ones when it is as reckoned."""
        rules = self._shared.rules
        amount = fill.price * fill.quantity
        in_coin = rules.fee_in_received != 0
        buys = fill.side == Side.BUY
        rate = exact(rules.maker_fee if fill.maker else rules.taker_fee)
        whole = fill.quantity if buys and fill.fee_currency == self.symbol.partition("_")[0] else amount
        as_reckoned = abs(fill.fee - whole * rate) <= _FEE_NEAR * max(whole * rate, _FEE_NEAR)
        if as_reckoned and (not buys or in_coin == (whole is fill.quantity)):
            return rules
        other = copy.copy(rules)
        other.maker_fee = other.taker_fee = float(fill.fee / whole) if whole else 0.0
        other.fee_in_received = int(whole is fill.quantity) if buys else rules.fee_in_received
        return other

    # -- what survives --------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        return {
            "position": position_state(self.position),
            "bar_ms": self.bar_ms,
            "left_at": self.left_at,
            "tried_at": self.tried_at,
            "order": self.order_id,
            "stale": list(self.stale),
            "exit": self.exit_id,
            "signal": self.signal,
            "entered_ms": self.entered_ms,
            "edited_ms": self.edited_ms,
            "late_ms": self.late_ms,
            "exit_words": self.exit_words,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.position = position_of(state["position"])
        self.bar_ms = state.get("bar_ms", self.bar_ms)
        self.left_at, self.tried_at = state["left_at"], state["tried_at"]
        self.order_id, self.signal, self.stale = state["order"], state["signal"], list(state["stale"])
        self.exit_id = state["exit"]
        self.entered_ms, self.late_ms = state["entered_ms"], state["late_ms"]
        self.edited_ms = state.get("edited_ms", 0)
        self.exit_words = state["exit_words"]


def _in_quote(fill: Fill) -> Decimal:
    return fill.fee if fill.side != Side.BUY else ZERO


def is_entry(terms: OrderTerms) -> bool:
    return terms.purpose in _ENTRIES
