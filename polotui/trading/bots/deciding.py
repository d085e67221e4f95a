"""What a bot decides: its hands, their common cash, places and trades, and how closes and fills change them.

Decided here:
* All of it is synchronous and touches nothing but the bot. What has to be sent is `Bot`'s.
* A bar whose moment was decided without it is followed: it moves its own position on and may end it, in the moment that
  it belongs to, but it is no moment more, and nothing is entered on it.
* Nor is anything entered on a bar when the one after it has closed too: its next open is over.
* Money is the ledger's. The bot keeps the cash that its own fills make as a float, because that has the backtest's
  bits; where the ledger says otherwise by more than rounding, the ledger counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from polotui.backtest.kernel import shapes as k
from polotui.backtest.kernel.inside import nearest_stop
from polotui.backtest.rules import record
from polotui.core.clock import Clock
from polotui.core.errors import UsageError
from polotui.execution.exits import beyond_stop
from polotui.model.orders import FINAL, OrderState, OrderTerms
from polotui.strategy.document.bind import Bound
from polotui.strategy.runtime.columns import Bar, Bars
from polotui.trading.bots import notes
from polotui.trading.bots.fitness import unsupported
from polotui.trading.bots.hand import Closing, Fill, Hand, Shared, is_entry
from polotui.trading.bots.memory import TradeLog, new_counts, plain_rules
from polotui.trading.bots.orders import Purse
from polotui.trading.bots.steps import Steps
from polotui.trading.bots.telling import Telling
from polotui.trading.bots.terms import BotState, BotTerms
from polotui.trading.paper import codes

#: What float and exact cash may differ by, in quote currency, and still be the same money.
_SAME_CASH = 1e-6
_MISSED_WORDS = "its bar was over before it could be decided"


class Deciding:
    """Several hands with common cash, places and trades. `histories` begin at the anchor and end with the last closed
    bar that the state knows, or before the first one to be traded."""

    def __init__(
        self,
        terms: BotTerms,
        bound: Bound,
        *,
        histories: Mapping[str, Bars],
        steps: Mapping[str, Steps],
        purse: Purse,
        clock: Clock,
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
        #: Whether the bar after the one that opened then has closed too. Asked at each close.
        self.over: Callable[[int], bool] = lambda at_ms: False
        #: Whether an entry is at the venue that may still fill.
        self.enters: Callable[[], bool] = lambda: False
        self._purse = purse
        self._clock = clock
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

    def _refuse_entry(self, hand: Hand, code: str, reason: str, bar_ms: int = 0) -> None:
        hand.drop_entry()
        self._tell.refused(hand, bar_ms or self.bar_ms, code, reason)

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
            if self.state_name == "stopping":
                self._leave_for_good(hand)
        self.fill_number = max(number, self.fill_number)
        self._after_trade(hand, at_ms)
        return True

    def _after_trade(self, hand: Hand, at_ms: int = 0) -> None:
        row = self.shared.trades.take()
        if row is not None:
            self._tell.traded(hand, row, at_ms or self._clock.wall_ms())
            hand.late_ms, hand.exit_words = 0, ""
        self.end_if_over()

    def on_order(self, terms: OrderTerms, state: OrderState, code: str = "", words: str = "") -> None:
        """An order of this bot moved."""
        hand = self.hands.get(terms.symbol)
        if hand is None or state not in FINAL:
            return
        if hand.exit_id == terms.id:
            hand.exit_id = ""
        if not is_entry(terms) or hand.order_id != terms.id:
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
        elif hand.drop_entry() and state is not OrderState.RISK_DENIED and not hand.bought:
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

    def _number(self, at_ms: int) -> int:
        """The number of the moment that began at `at_ms`: the one that is forming, or one that was decided already."""
        if at_ms > self.bar_ms:
            return self.shared.index
        return max(0, self.shared.index - 1 - (self.bar_ms - at_ms) // self.terms.frame_ms)

    def on_moment(self, at_ms: int, bars: Mapping[str, Bar], *, missed: bool = False) -> None:
        """The bars that opened at `at_ms` closed: decides for the next open. `missed`: too late to enter on it, as for
        every bar of a moment that was decided without it."""
        number, late = self._number(at_ms), at_ms <= self.bar_ms
        closed = [(hand, bars[symbol]) for symbol, hand in self.hands.items() if symbol in bars]
        for hand, bar in closed:
            for place in hand.end_bar(bar, number):
                self._tell.refused(hand, self.bar_ms, *notes.refusal_words(place))
            hand.inputs.close(bar)
            hand.position.last_close = bar.close
        self.bar_ms = max(self.bar_ms, at_ms)
        self._mark()
        for hand, bar in closed:
            if not hand.entered_after(number):
                self._told(hand, bar, hand.decide(bar, self.equity, number), missed or late)
        if not late:
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
            self._refuse_entry(hand, notes.MISSED, _MISSED_WORDS, bar.time)
        elif closing.asked and self.state_name != "running":
            self._refuse_entry(hand, notes.PAUSED, f"the bot is {self.state_name}")
        if closing.exits:
            self._tell.decision(hand, bar.time, "exit", k.REASONS[hand.position.exit_reason], bar.close)
        elif closing.trail is not None:
            self._tell.decision(hand, bar.time, "trail", k.REASONS[k.BY_TRAIL], closing.trail)

    def catch_up(self, moments: Sequence[tuple[int, Mapping[str, Bar]]], *, watched: bool = False) -> None:
        """Bars that closed, oldest first: while nothing ran, or with `watched` as they came. Exits they decide are
        carried out now; an entry only if the newest of them asks for it and the one after it has not closed. A stop
        that they crossed unwatched is an exit at the first price there is, marked late."""
        newest_ms = moments[-1][0] if moments else self.bar_ms
        if (moments and not watched) or (newest_ms and self.over(newest_ms)):
            for hand in self.hands.values():
                if hand.position.order != 0 and not hand.order_id:
                    self._refuse_entry(hand, notes.MISSED, _MISSED_WORDS)
        for place, (at_ms, bars) in enumerate(moments):
            over = self.over(at_ms)
            if over or not watched:
                for symbol, bar in bars.items():
                    if symbol in self.hands:
                        self._crossed(self.hands[symbol], bar)
            self.on_moment(at_ms, bars, missed=over or place < len(moments) - 1)

    def _crossed(self, hand: Hand, bar: Bar) -> None:
        position = hand.position
        if not hand.held or position.exit_reason != 0 or not hand.stood_in(bar, self.terms.frame_ms):
            return
        level, reason = nearest_stop(position, self.shared.rules, 1)
        if beyond_stop(bar.low, level, 1):
            position.exit_reason = reason
            position.order = 0
            hand.late_ms = bar.time
            hand.exit_words = f"{k.REASONS[reason]}, crossed while nobody watched"
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
        """Ends the bot: its positions are sold at the next `exits`, or kept as they are with their stops. One that
        sells ends when nothing is held and no entry may fill any more."""
        self.state_name, self.reason = ("stopping" if close else "stopped"), reason
        for hand in self.hands.values():
            if hand.position.order != 0:
                self._refuse_entry(hand, notes.PAUSED, "the bot was stopped")
            if close and hand.held and hand.position.exit_reason == 0:
                self._leave_for_good(hand)
        self.end_if_over()

    def _leave_for_good(self, hand: Hand) -> None:
        hand.position.exit_reason = k.BY_RULE
        hand.exit_words = f"stopped: {self.reason}" if self.reason else "stopped"

    def end_if_over(self) -> None:
        """One that was to sell everything has stopped when it has, and nothing more can come."""
        if self.state_name == "stopping" and not self.enters() and not any(h.held for h in self.hands.values()):
            self.state_name = "stopped"

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
            hand.edited_ms = self._clock.wall_ms()
        if target is not None:
            position.target = hand.steps.price_float(target)
