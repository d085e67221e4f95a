"""Stops, targets and trailing stops that the engine keeps itself, and all that can come in between. Virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from polotui.core.errors import StorageError, Unreachable, UsageError
from polotui.model.market import Ticker, Trade
from polotui.model.money import ZERO
from polotui.model.orders import FINAL, OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.model.symbols import Market
from polotui.risk.values import Asked, Finding, RiskDecision
from polotui.trading.protection import OrderNow, Protection, Stored, Trail
from polotui.trading.protector import STOP_WORDS, Protector
from tests.rig.world import World, rig
from tests.trading.paper.world import BTC

D = Decimal
S = OrderState
BTCS = "BTC_USDT"


@dataclass
class Kept:
    terms: OrderTerms
    state: OrderState
    filled: Decimal = ZERO
    code: str = ""


@dataclass
class Reply:
    state: OrderState
    decision: RiskDecision


def decision(code: str = "") -> RiskDecision:
    findings = (Finding(code=code, refuses=True, text="no"),) if code else ()
    return RiskDecision(approved=not code, code=code, findings=findings, warnings=(), checks=(), recommendation="")


@dataclass
class Desk:
    """Gateway, books and market in one. Each submit follows the next line of `script`, then `usual`."""

    world: World
    held_now: dict[str, Decimal] = field(default_factory=lambda: {BTCS: D(1)})
    bid: float | None = 100.0
    traded: float | None = None
    is_fresh: bool = True
    stamp: int = 0
    swept: dict[str, float] = field(default_factory=dict)
    sweep_error: Exception | None = None
    sweeps: int = 0
    script: list[str] = field(default_factory=list)
    usual: str = "fill"
    orders: dict[str, Kept] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    kept: list[Stored] = field(default_factory=list)
    on_cancel: Callable[[Kept], None] | None = None
    delay_s: float = 0.01

    def __post_init__(self) -> None:
        self.protector = Protector(
            self, self, self, self, clock=self.world.clock, chance=self.world.chance.child("protector")
        )

    # Orders

    async def submit(self, asked: Asked, caller: str = "") -> Reply:
        terms = asked.terms
        assert terms.side is Side.SELL
        assert terms.reduces
        what = self.script.pop(0) if self.script else self.usual
        self.log.append(f"{terms.type} {terms.quantity} {what}")
        await asyncio.sleep(self.delay_s)
        if what == "lost before":
            raise StorageError("the intent could not be stored")
        if what == "denied":
            return Reply(S.RISK_DENIED, decision("RISK-STATE"))
        kept = self.orders[terms.id] = Kept(terms, S.ACCEPTED)
        if what == "fill":
            self.fill(kept)
        elif what.startswith("part "):
            self.fill(kept, D(what[5:]))
            kept.state = S.CANCELLED
        elif what == "reject":
            kept.state, kept.code = S.REJECTED, "PAPER-STALE-BOOK"
        elif what == "unknown":
            kept.state = S.UNKNOWN
        elif what == "lost after":
            raise Unreachable("the answer did not come")
        return Reply(kept.state, decision())

    async def cancel(self, order_id: str, reason: str = "") -> object:
        kept = self.orders[order_id]
        self.log.append(f"cancel {kept.terms.purpose}")
        await asyncio.sleep(self.delay_s)
        if self.on_cancel is not None:
            self.on_cancel(kept)
        elif kept.state not in FINAL:
            self.move(kept, S.CANCELLED)
        return None

    async def free(self, account: str, symbol: str, reason: str) -> bool:
        for kept in self.open():
            if kept.terms.purpose is Purpose.MANUAL:
                await self.cancel(kept.terms.id, reason)
        return not any(kept.terms.purpose is Purpose.MANUAL for kept in self.open())

    async def ask(self, order_id: str) -> OrderNow | None:
        kept = self.orders.get(order_id)
        return None if kept is None else OrderNow(state=kept.state, filled=kept.filled, code=kept.code)

    def fill(self, kept: Kept, quantity: Decimal | None = None) -> None:
        assert kept.terms.quantity is not None
        quantity = kept.terms.quantity - kept.filled if quantity is None else quantity
        kept.filled += quantity
        self.held_now[kept.terms.symbol] -= quantity
        assert self.held_now[kept.terms.symbol] >= 0, "more was sold than was held"
        self.move(kept, S.FILLED if kept.filled == kept.terms.quantity else S.PARTIAL)

    def move(self, kept: Kept, state: OrderState) -> None:
        kept.state = state
        self.protector.on_order(kept.terms.id, state)

    def open(self) -> list[Kept]:
        return [kept for kept in self.orders.values() if kept.state not in FINAL]

    # Books and market

    def held(self, account: str, symbol: str) -> Decimal:
        return self.held_now.get(symbol, ZERO)

    def market(self, symbol: str) -> Market | None:
        return BTC

    def best_bid(self, symbol: str) -> float | None:
        return self.bid

    def last(self, symbol: str) -> float | None:
        return self.traded

    def fresh(self, symbol: str) -> bool:
        return self.is_fresh

    def stamp_ms(self, symbol: str) -> int:
        return self.stamp

    async def prices(self, symbols: Sequence[str]) -> Mapping[str, float]:
        self.sweeps += 1
        if self.sweep_error is not None:
            raise self.sweep_error
        return {symbol: self.swept[symbol] for symbol in symbols if symbol in self.swept}

    # What is told

    def alert(self, code: str, text: str, symbol: str) -> None:
        self.alerts.append(code)

    def ended(self, protection: Protection, why: str) -> None:
        self.endings.append(why)

    def changed(self, stored: Stored) -> None:
        self.kept.append(stored)

    # What a test does

    def protect(self, stop: str | None = "95", target: str | None = None, **more: Any) -> None:
        self.protector.protect(
            Protection(
                account="paper",
                symbol=BTCS,
                stop=D(stop) if stop else None,
                target=D(target) if target else None,
                **more,
            )
        )

    def trade(self, price: float, ts_ms: int = 10) -> None:
        self.traded = price
        self.protector.on_trades(BTCS, [Trade(1, ts_ms, price, 1.0, False)])

    def show(self, bid: float | None) -> None:
        self.bid = bid
        self.protector.on_book(BTCS)


def on_desk(main: Callable[[Desk], Awaitable[None]], seed: int = 0) -> None:
    async def run(world: World) -> None:
        desk = Desk(world)
        task = asyncio.create_task(desk.protector.run())
        await asyncio.sleep(0)
        try:
            await main(desk)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    rig(run, seed)


# A stop is reached


@pytest.mark.parametrize("how", ["trade", "book", "ticker", "bid of the ticker", "sweep"])
def test_a_stop_is_reached_by_every_kind_of_price(how: str) -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        last, bid = (94.0, None) if how == "ticker" else (100.0, 94.0 if how == "bid of the ticker" else 99.0)
        ticker = Ticker(symbol=BTCS, last=100, open=1, high=1, low=1, volume=1, amount=1, ts_ms=5)
        desk.protector.on_ticker(ticker)
        assert not desk.orders
        if how == "trade":
            desk.trade(95.0)
        elif how == "book":
            desk.show(95.0)
        elif how == "sweep":
            desk.swept[BTCS] = 95.0
        else:
            values = {"symbol": BTCS, "open": 1, "high": 1, "low": 1, "volume": 1, "amount": 1, "ts_ms": 9}
            desk.protector.on_ticker(Ticker(last=last, bid=bid, **values))
        await asyncio.sleep(6)
        assert desk.log == ["MARKET 1.0000 fill"]
        assert desk.endings == ["stopped out"]
        (kept,) = desk.orders.values()
        assert (kept.terms.purpose, kept.terms.late_ms) == (Purpose.STOP, 0)

    on_desk(main)


def test_nothing_is_sold_above_the_stop_and_other_symbols_do_not_matter() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95", "110")
        for price in (95.01, 100.0, 110.0, 109.99):
            desk.trade(price)
            desk.show(price)
        desk.protector.on_trades("ETH_USDT", [Trade(1, 9, 1.0, 1.0, False)])
        await asyncio.sleep(20)
        assert not desk.log

    on_desk(main)


def test_a_stop_that_is_reached_a_hundred_times_sells_once() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.delay_s = 0.5
        for step in range(100):
            desk.trade(94.0 - step / 100)
            desk.show(93.0)
            await asyncio.sleep(0.003)
        await asyncio.sleep(5)
        assert desk.log == ["MARKET 1.0000 fill"]

    on_desk(main)


def test_a_price_of_a_stale_stream_is_no_reason_to_sell_but_the_sweep_finds_a_real_gap() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.is_fresh = False
        desk.swept[BTCS] = 100.0
        desk.trade(1.0)
        desk.show(1.0)
        await asyncio.sleep(6)
        assert not desk.log
        desk.swept[BTCS] = 40.0
        await asyncio.sleep(6)
        assert desk.log == ["MARKET 1.0000 fill"]

    on_desk(main)


def test_a_real_gap_on_a_fresh_stream_is_not_taken_for_a_bad_print() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.trade(20.0)
        await asyncio.sleep(1)
        assert desk.log == ["MARKET 1.0000 fill"]

    on_desk(main)


def test_prints_and_tickers_from_before_it_was_armed_say_nothing() -> None:
    async def main(desk: Desk) -> None:
        desk.stamp = 50
        desk.protect("95")
        desk.trade(90.0, ts_ms=50)
        for _ in range(3):
            desk.protector.on_ticker(Ticker(symbol=BTCS, last=90, open=1, high=1, low=1, volume=1, amount=1, ts_ms=99))
        await asyncio.sleep(1)
        assert not desk.log
        desk.trade(90.0, ts_ms=51)
        await asyncio.sleep(1)
        assert len(desk.log) == 1

    on_desk(main)


def test_a_last_price_from_before_says_nothing_to_a_second_position_of_its_symbol_either() -> None:
    async def main(desk: Desk) -> None:
        def tick(last: float) -> None:
            values = {"symbol": BTCS, "open": 1, "high": 1, "low": 1, "volume": 1, "amount": 1, "ts_ms": 99}
            desk.protector.on_ticker(Ticker(last=last, **values))

        desk.protect("80")
        tick(100)
        desk.protector.protect(Protection(account="paper/bot-1", symbol=BTCS, stop=D(95)))
        tick(94)
        await asyncio.sleep(1)
        assert not desk.log
        tick(93)
        await asyncio.sleep(1)
        assert [kept.terms.account for kept in desk.orders.values()] == ["paper/bot-1"]

    on_desk(main)


def test_what_was_reached_stays_reached_when_the_price_comes_back() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.script = ["reject", "reject"]
        desk.trade(94.0)
        desk.trade(120.0)
        desk.protect("50")  # Too late to change.
        await asyncio.sleep(5)
        assert desk.log == ["MARKET 1.0000 reject", "MARKET 1.0000 reject", "MARKET 1.0000 fill"]
        assert "PROTECT-REFUSED" in desk.alerts

    on_desk(main)


# The target


def test_the_target_is_a_limit_order_that_is_sent_when_it_is_reached() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95", "110")
        desk.usual = "rest"
        desk.trade(110.0)  # Touched is not traded through.
        await asyncio.sleep(1)
        assert not desk.log
        for _ in range(5):
            desk.trade(110.5)
            await asyncio.sleep(1)
        assert desk.log == ["LIMIT 1.0000 rest"]
        (kept,) = desk.open()
        assert (kept.terms.price, kept.terms.purpose) == (D("110.00"), Purpose.TARGET)
        desk.fill(kept)
        await asyncio.sleep(6)
        assert desk.endings == ["nothing is held any more"]
        assert len(desk.log) == 1

    on_desk(main)


def test_a_target_may_rest_from_the_start() -> None:
    async def main(desk: Desk) -> None:
        desk.usual = "rest"
        desk.protect("95", "110", target_rests=True)
        await asyncio.sleep(1)
        assert desk.log == ["LIMIT 1.0000 rest"]

    on_desk(main)


def test_a_stop_cancels_the_resting_target_first_and_sells_what_is_left() -> None:
    async def main(desk: Desk) -> None:
        desk.script = ["rest"]
        desk.protect("95", "110", target_rests=True)
        await asyncio.sleep(1)
        desk.fill(desk.open()[0], D("0.4"))
        desk.trade(95.0)
        await asyncio.sleep(1)
        assert desk.log == ["LIMIT 1.0000 rest", "cancel target", "MARKET 0.6000 fill"]
        assert desk.endings == ["stopped out"]

    on_desk(main)


def test_a_stop_counts_more_than_what_else_rests_to_sell_the_coins() -> None:
    """A person's limit sale above binds coins; without its end the exchange would refuse the stop for ever."""

    async def main(desk: Desk) -> None:
        desk.protect("95")
        terms = OrderTerms(
            id="pt-by-hand", account="paper", symbol=BTCS, side=Side.SELL, type=OrderType.LIMIT,
            purpose=Purpose.MANUAL, created_ms=0, quantity=D("0.4"), price=D(120),
        )  # fmt: skip
        by_hand = desk.orders["pt-by-hand"] = Kept(terms, S.ACCEPTED)
        answered: list[Kept] = []
        desk.on_cancel = answered.append
        desk.trade(94.0)
        await asyncio.sleep(3)
        assert answered
        assert not [entry for entry in desk.log if entry.startswith("MARKET")]
        desk.fill(by_hand, D("0.1"))
        desk.move(by_hand, S.CANCELLED)
        await asyncio.sleep(6)
        assert desk.log[-1] == "MARKET 0.9000 fill"
        assert desk.endings == ["stopped out"]

    on_desk(main)


def test_a_target_that_fills_while_it_is_being_cancelled_leaves_nothing_to_sell() -> None:
    async def main(desk: Desk) -> None:
        desk.script = ["rest"]
        desk.protect("95", "110", target_rests=True)
        await asyncio.sleep(1)
        desk.on_cancel = desk.fill
        desk.trade(95.0)
        await asyncio.sleep(1)
        assert desk.log == ["LIMIT 1.0000 rest", "cancel target"]
        assert desk.endings == ["nothing was held when its stop was reached"]

    on_desk(main)


def test_a_target_whose_cancel_is_not_answered_is_asked_after_before_anything_is_sold() -> None:
    async def main(desk: Desk) -> None:
        desk.script = ["rest"]
        desk.protect("95", "110", target_rests=True)
        await asyncio.sleep(1)
        desk.on_cancel = lambda kept: desk.move(kept, S.UNKNOWN)
        desk.trade(95.0)
        await asyncio.sleep(3)
        assert "MARKET 1.0000 fill" not in desk.log
        desk.on_cancel = None
        await asyncio.sleep(5)
        assert desk.log[-1] == "MARKET 1.0000 fill"

    on_desk(main)


def test_a_stop_that_is_reached_while_the_target_is_on_its_way_comes_first() -> None:
    async def main(desk: Desk) -> None:
        desk.script = ["rest"]
        desk.delay_s = 1.0
        desk.protect("95", "110")
        desk.trade(111.0)
        await asyncio.sleep(0.5)
        desk.trade(94.0)
        await asyncio.sleep(6)
        assert desk.log == ["LIMIT 1.0000 rest", "cancel target", "MARKET 1.0000 fill"]

    on_desk(main)


def test_a_target_that_somebody_cancelled_is_sent_again_and_a_changed_one_is_replaced() -> None:
    async def main(desk: Desk) -> None:
        desk.usual = "rest"
        desk.protect("95", "110", target_rests=True)
        await asyncio.sleep(1)
        desk.move(desk.open()[0], S.CANCELLED)
        await asyncio.sleep(6)
        assert [kept.terms.price for kept in desk.open()] == [D(110)]
        desk.protect("95", "120", target_rests=True)
        await asyncio.sleep(2)
        assert [kept.terms.price for kept in desk.open()] == [D(120)]
        assert desk.log.count("cancel target") == 1

    on_desk(main)


# What can go wrong with an order


@pytest.mark.parametrize("first", ["denied", "reject", "lost before"])
def test_what_was_refused_or_never_sent_is_tried_again(first: str) -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.script = [first] * 3
        desk.trade(94.0)
        await asyncio.sleep(10)
        assert desk.log == [f"MARKET 1.0000 {first}"] * 3 + ["MARKET 1.0000 fill"]
        assert desk.endings == ["stopped out"]

    on_desk(main)


@pytest.mark.parametrize("first", ["unknown", "lost after"])
@pytest.mark.parametrize("truth", [S.FILLED, S.CANCELLED])
def test_an_order_of_unknown_fate_gets_no_second_one_before_its_fate_is_known(first: str, truth: OrderState) -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.script = [first]
        desk.trade(94.0)
        await asyncio.sleep(60)
        assert len(desk.log) == 1
        (kept,) = desk.orders.values()
        if truth is S.FILLED:
            desk.fill(kept)
        else:
            desk.move(kept, truth)
        await asyncio.sleep(10)
        assert len(desk.log) == (1 if truth is S.FILLED else 2)
        assert desk.held_now[BTCS] == 0

    on_desk(main)


def test_what_a_market_order_could_not_sell_is_sold_by_another() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.script = ["part 0.3", "part 0.2"]
        desk.trade(94.0)
        await asyncio.sleep(5)
        assert desk.log == ["MARKET 1.0000 part 0.3", "MARKET 0.7000 part 0.2", "MARKET 0.5000 fill"]

    on_desk(main)


def test_the_quantity_is_what_is_held_when_it_fires() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.held_now[BTCS] = D("0.25")
        desk.trade(94.0)
        await asyncio.sleep(1)
        assert desk.log == ["MARKET 0.2500 fill"]

    on_desk(main)


def test_what_was_bought_while_it_sold_is_sold_too() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.delay_s = 1.0
        desk.trade(94.0)
        await asyncio.sleep(0.5)
        desk.held_now[BTCS] += D(3)
        await asyncio.sleep(15)
        assert desk.log == ["MARKET 1.0000 fill", "MARKET 3.0000 fill"]

    on_desk(main)


def test_a_sale_that_the_books_do_not_show_yet_is_waited_for() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.script = ["rest"]
        desk.trade(94.0)
        await asyncio.sleep(1)
        (kept,) = desk.open()
        kept.filled = D(1)
        desk.move(kept, S.FILLED)
        await asyncio.sleep(3)
        assert len(desk.log) == 1
        desk.held_now[BTCS] = ZERO
        await asyncio.sleep(10)
        assert (len(desk.log), desk.endings) == (1, ["stopped out"])

    on_desk(main)


def test_dust_is_not_sold() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.held_now[BTCS] = D("0.00099")
        desk.trade(94.0)
        await asyncio.sleep(1)
        assert not desk.log
        assert len(desk.endings) == 1

    on_desk(main)


@pytest.mark.parametrize("printed", [False, True])
@pytest.mark.parametrize("seconds", [0.2, 300.0])
def test_a_far_bid_of_a_moment_does_not_end_a_stop(seconds: float, printed: bool) -> None:
    """The bids of a thin book are pulled, and the best one left makes the whole position look like dust."""

    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.trade(100.0)
        await asyncio.sleep(6)
        desk.show(0.5)
        if printed:
            desk.trade(0.5)
        await asyncio.sleep(seconds)
        assert (desk.log, desk.endings) == ([], [])
        assert desk.alerts == ["PROTECT-TOO-LITTLE"]
        desk.show(100.0)
        await asyncio.sleep(6)
        assert desk.log == ["MARKET 1.0000 fill"]
        assert desk.endings == ["stopped out"]

    on_desk(main)


def test_missing_bids_are_waited_for_ever_longer_but_never_long() -> None:
    async def main(desk: Desk) -> None:
        looks: list[float] = []
        free = desk.protector.quotes.best_bid

        def best_bid(symbol: str) -> float | None:
            looks.append(desk.world.clock.monotonic())
            return free(symbol)

        desk.best_bid = best_bid  # type: ignore[method-assign]
        desk.protect("95")
        desk.show(0.5)
        await asyncio.sleep(300)
        # One look asks for the bid more than once, in the same moment.
        moments = sorted(set(looks))
        pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
        assert pauses[1] < 1
        assert all(1.9 < pause < 4.1 for pause in pauses[6:])
        assert len(moments) < 170

    on_desk(main)


@pytest.mark.parametrize(("stop", "target"), [("95", None), (None, "110"), ("95", "110")])
def test_a_far_bid_of_a_stale_book_does_not_end_a_guard_either(stop: str | None, target: str | None) -> None:
    """No tick reaches the guard then; the sweep alone looks at what is held."""

    async def main(desk: Desk) -> None:
        desk.protect(stop, target)
        await asyncio.sleep(6)
        desk.bid = desk.traded = 0.5
        await asyncio.sleep(60)
        desk.bid = desk.traded = 100.0
        await asyncio.sleep(6)
        assert (desk.endings, len(desk.protector.stored())) == ([], 1)

    on_desk(main)


def test_a_far_bid_in_the_midst_of_a_sale_leaves_no_rest_unsold() -> None:
    """A market order sells a part, down to a far bid, and its own print is the newest price: the rest is no dust."""

    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.script = ["part 0.3"]
        desk.trade(94.0)
        await asyncio.sleep(desk.delay_s / 2)
        desk.bid = desk.traded = 0.5
        await asyncio.sleep(20)
        assert (desk.log, desk.endings) == (["MARKET 1.0000 part 0.3"], [])
        desk.bid = 96.0
        await asyncio.sleep(5)
        assert desk.log == ["MARKET 1.0000 part 0.3", "MARKET 0.7000 fill"]
        assert desk.alerts.count("PROTECT-TOO-LITTLE") == 1

    on_desk(main)


@pytest.mark.parametrize("rest", ["0.0009", "0.005"])
def test_a_rest_that_can_be_sold_at_no_price_ends_its_guard(rest: str) -> None:
    """Below the least quantity, or worth less than the least amount at the stop as well."""

    async def main(desk: Desk) -> None:
        desk.protect("95", "110")
        await asyncio.sleep(6)
        desk.held_now[BTCS] = D(rest)
        await asyncio.sleep(6)
        assert desk.endings == ["nothing is held any more"]
        desk.held_now[BTCS] = D(1)
        desk.protect("95")
        desk.script = [f"part {1 - D(rest)}"]
        desk.trade(94.0)
        await asyncio.sleep(6)
        assert desk.endings[1:] == ["stopped out"]
        assert len(desk.log) == 1
        assert "PROTECT-TOO-LITTLE" not in desk.alerts

    on_desk(main)


# What is bought after its stop was reached


def test_what_is_done_about_a_reached_stop_is_known() -> None:
    async def main(desk: Desk) -> None:
        said = desk.protector.carrying_out
        assert said("paper", BTCS) == ""
        desk.protect("95")
        assert said("paper", BTCS) == ""
        desk.show(0.5)
        assert said("paper", BTCS)
        await asyncio.sleep(3)
        assert said("paper", BTCS) == "worth too little at the best bid of 0.5"
        desk.held_now[BTCS] += D(1)
        assert said("paper", BTCS) == ""

    on_desk(main)


def test_a_stop_that_was_crossed_before_a_restart_counts_as_reached() -> None:
    async def main(desk: Desk) -> None:
        desk.protector.restore([Stored(protection=Protection(account="paper", symbol=BTCS, stop=D(95)), crossed_ms=7)])
        assert desk.protector.carrying_out("paper", BTCS) == "a price is waited for"

    on_desk(main)


async def leave_a_rest(desk: Desk) -> None:
    """A stop at 95 is reached at 90; what is left is worth less than may be sold at the bid, but not at the stop."""
    desk.protect("95")
    desk.trade(100.0)
    await asyncio.sleep(6)
    desk.held_now[BTCS] = D("0.0106")
    desk.show(90.0)
    desk.trade(90.0)
    await asyncio.sleep(3)
    assert (desk.log, desk.alerts) == ([], ["PROTECT-TOO-LITTLE"])


def test_a_rest_that_waits_for_better_bids_ends_when_it_is_dropped() -> None:
    async def main(desk: Desk) -> None:
        await leave_a_rest(desk)
        began = desk.world.clock.monotonic()
        await desk.protector.drop("paper", BTCS, "the position is closed")
        assert desk.world.clock.monotonic() - began < 1
        assert desk.endings == ["the position is closed"]
        assert desk.alerts == ["PROTECT-TOO-LITTLE"]
        desk.held_now[BTCS] += D(1)
        desk.protect("80")
        await asyncio.sleep(60)
        assert not desk.log
        desk.trade(80.0)
        await asyncio.sleep(6)
        assert desk.log == ["MARKET 1.0106 fill"]

    on_desk(main)


def test_what_is_bought_while_a_rest_waits_has_its_own_stop() -> None:
    async def main(desk: Desk) -> None:
        await leave_a_rest(desk)
        desk.held_now[BTCS] += D(1)
        # Its fill is told a moment after it is booked.
        await asyncio.sleep(3)
        desk.protect("80", "110")
        kept = desk.protector.protection_of("paper", BTCS)
        assert kept is not None
        assert kept.stop == 80
        await asyncio.sleep(60)
        assert (desk.log, desk.endings) == ([], [])
        (stored,) = desk.protector.stored()
        assert (stored.protection.stop, stored.crossed_ms) == (80, 0)
        desk.trade(80.0)
        await asyncio.sleep(6)
        assert desk.log == ["MARKET 1.0106 fill"]

    on_desk(main)


def test_levels_that_come_without_a_purchase_do_not_call_a_reached_stop_off() -> None:
    """A bot brings its levels at every close."""

    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.show(0.5)
        await asyncio.sleep(10)
        desk.protect("40")
        await asyncio.sleep(10)
        desk.show(100.0)
        await asyncio.sleep(6)
        assert desk.log == ["MARKET 1.0000 fill"]

    on_desk(main)


def test_what_is_bought_without_levels_has_the_stop_of_its_position() -> None:
    async def main(desk: Desk) -> None:
        await leave_a_rest(desk)
        desk.held_now[BTCS] += D(1)
        await asyncio.sleep(15)
        assert desk.log == ["MARKET 1.0106 fill"]

    on_desk(main)


def test_a_stop_that_was_dropped_sells_nothing_that_is_bought_afterwards() -> None:
    async def main(desk: Desk) -> None:
        desk.usual = "denied"
        desk.protect("95")
        desk.trade(94.0)
        await desk.protector.drop("paper", BTCS, "the position is closed")
        desk.held_now[BTCS] += D(2)
        desk.usual = "fill"
        await asyncio.sleep(60)
        assert (desk.held_now[BTCS], desk.endings) == (3, ["the position is closed"])

    on_desk(main)


@pytest.mark.parametrize("dropped_again", [False, True])
def test_what_is_bought_while_the_fate_of_a_dropped_stops_sale_is_unknown_has_its_own_stop(dropped_again: bool) -> None:
    async def main(desk: Desk) -> None:
        desk.script = ["unknown"]
        desk.protect("95")
        desk.trade(90.0)
        await asyncio.sleep(1)
        await desk.protector.drop("paper", BTCS, "the position is being closed")
        assert "PROTECT-STOP-OPEN" in desk.alerts
        assert "PROTECT-TARGET-OPEN" not in desk.alerts
        desk.held_now[BTCS] += D(2)
        desk.protect("80")
        await asyncio.sleep(20)
        assert len(desk.log) == 1
        if dropped_again:
            await desk.protector.drop("paper", BTCS, "the position is being closed")
            desk.protect("80")
        (kept,) = desk.open()
        desk.fill(kept)
        await asyncio.sleep(60)
        assert (len(desk.log), desk.held_now[BTCS]) == (1, 2)
        desk.trade(79.0)
        await asyncio.sleep(6)
        assert desk.log[1:] == ["MARKET 2.0000 fill"]

    on_desk(main)


def test_a_position_that_could_not_be_closed_has_its_reached_stop_still() -> None:
    """It is dropped for the close and asked for again: what was reached stays reached, and sells once."""

    async def main(desk: Desk) -> None:
        desk.usual = "denied"
        desk.protect("95")
        desk.trade(94.0)
        await desk.protector.drop("paper", BTCS, "the position is being closed")
        desk.protect("95")
        assert len(desk.protector.stored()) == 1
        desk.trade(100.0)
        desk.usual = "fill"
        await asyncio.sleep(40)
        assert desk.log.count("MARKET 1.0000 fill") == 1
        assert desk.endings == ["stopped out"]

    on_desk(main)


def test_each_failure_waits_longer_and_is_told_once_a_minute() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.usual = "denied"
        desk.trade(94.0)
        await asyncio.sleep(50)
        assert 8 <= len(desk.log) <= 25
        assert desk.alerts.count("PROTECT-REFUSED") == 1
        desk.usual = "fill"
        await asyncio.sleep(40)
        assert desk.endings == ["stopped out"]

    on_desk(main)


# Trailing


def test_a_trailing_stop_follows_each_tick_and_never_goes_back() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95", trail=Trail(entry=D(100), fraction=0.02, from_fraction=0.05))
        desk.trade(104.0)
        assert desk.protector.status().watched[0].stop == 95
        desk.show(110.0)
        assert desk.protector.status().watched[0].stop == pytest.approx(107.8)
        desk.trade(108.0)
        assert desk.protector.status().watched[0].stop == pytest.approx(107.8)
        desk.trade(107.7)
        await asyncio.sleep(1)
        assert desk.log == ["MARKET 1.0000 fill"]

    on_desk(main)


def test_a_stale_price_does_not_lift_a_trailing_stop() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95", trail=Trail(entry=D(100), distance=2.0))
        desk.is_fresh = False
        desk.trade(500.0)
        desk.is_fresh = True
        desk.trade(100.0)
        await asyncio.sleep(1)
        assert not desk.log
        assert desk.protector.status().watched[0].stop == 98

    on_desk(main)


# Drop and change


def test_dropping_waits_until_the_target_is_gone() -> None:
    async def main(desk: Desk) -> None:
        desk.script = ["rest"]
        desk.protect("95", "110", target_rests=True)
        await asyncio.sleep(1)
        await desk.protector.drop("paper", BTCS, "sold by hand")
        assert not desk.open()
        assert desk.endings == ["sold by hand"]
        desk.trade(1.0)
        await asyncio.sleep(6)
        assert desk.log == ["LIMIT 1.0000 rest", "cancel target"]
        await desk.protector.drop("paper", BTCS, "again")

    on_desk(main)


def test_a_changed_stop_counts_from_the_next_tick() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.protect("90")
        desk.trade(94.0)
        await asyncio.sleep(1)
        assert not desk.log
        desk.protect("99")
        desk.trade(98.0)
        await asyncio.sleep(1)
        assert len(desk.log) == 1

    on_desk(main)


def test_a_position_that_was_closed_elsewhere_ends_its_protection() -> None:
    async def main(desk: Desk) -> None:
        desk.script = ["rest"]
        desk.protect("95", "110", target_rests=True)
        await asyncio.sleep(6)
        desk.held_now[BTCS] = ZERO
        await asyncio.sleep(6)
        assert desk.endings == ["nothing is held any more"]
        assert not desk.open()

    on_desk(main)


# Restart


@pytest.mark.parametrize("known_ms", [0, 777])
def test_a_stop_crossed_while_nobody_watched_is_sold_at_the_first_fresh_price_and_late(known_ms: int) -> None:
    async def main(desk: Desk) -> None:
        protection = Protection(account="paper", symbol=BTCS, stop=D(95))
        desk.protector.restore([Stored(protection=protection, crossed_ms=known_ms)])
        desk.is_fresh = False
        desk.trade(94.0)
        await asyncio.sleep(1)
        assert not desk.log
        desk.is_fresh = True
        desk.trade(100.0 if known_ms else 94.0)
        await asyncio.sleep(1)
        (kept,) = desk.orders.values()
        assert "late" in kept.terms.reason
        if known_ms:
            assert kept.terms.late_ms == known_ms
        else:
            assert kept.terms.late_ms > 0

    on_desk(main)


def test_after_a_restart_the_first_price_decides_whether_the_next_stop_is_late() -> None:
    async def main(desk: Desk) -> None:
        desk.protector.restore([Stored(protection=Protection(account="paper", symbol=BTCS, stop=D(95)))])
        desk.trade(100.0)
        desk.trade(94.0)
        await asyncio.sleep(1)
        (kept,) = desk.orders.values()
        assert kept.terms.late_ms == 0

    on_desk(main)


def test_an_order_that_was_sent_in_the_last_moment_is_known_again() -> None:
    async def main(desk: Desk) -> None:
        terms = OrderTerms(
            id="pt-before",
            account="paper",
            symbol=BTCS,
            side=Side.SELL,
            type=OrderType.MARKET,
            purpose=Purpose.STOP,
            created_ms=5,
            quantity=D(1),
        )
        kept = desk.orders[terms.id] = Kept(terms, S.UNKNOWN)
        desk.protector.restore([Stored(protection=Protection(account="paper", symbol=BTCS, stop=D(95)))], [terms])
        desk.trade(94.0)
        await asyncio.sleep(20)
        assert not desk.log
        desk.fill(kept)
        await asyncio.sleep(10)
        assert (desk.log, desk.held_now[BTCS]) == ([], 0)
        assert len(desk.endings) == 1

    on_desk(main)


def test_what_is_kept_for_a_restart_holds_the_crossing_and_the_trail() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95", trail=Trail(entry=D(100), fraction=0.02))
        desk.trade(120.0)
        (now,) = desk.protector.stored()
        assert (now.best, now.crossed_ms) == (120.0, 0)
        again = Desk(desk.world)
        again.protector.restore([now])
        assert again.protector.status().watched[0].stop == pytest.approx(117.6)
        desk.trade(117.0)
        assert desk.kept[-1].crossed_ms > 0
        await asyncio.sleep(1)

    on_desk(main)


# At the venue


def test_a_stop_at_the_venue_is_only_looked_on_until_it_is_gone() -> None:
    async def main(desk: Desk) -> None:
        terms = OrderTerms(
            id="pt-venue",
            account="paper",
            symbol=BTCS,
            side=Side.SELL,
            type=OrderType.STOP,
            purpose=Purpose.STOP,
            created_ms=5,
            quantity=D(1),
            stop=D(95),
        )
        kept = desk.orders[terms.id] = Kept(terms, S.ACCEPTED)
        desk.protect("95", venue_order="pt-venue")
        desk.trade(94.0)
        await asyncio.sleep(6)
        assert not desk.log
        assert desk.protector.status().watched[0].level == "venue"
        desk.move(kept, S.CANCELLED)
        await asyncio.sleep(1)
        assert desk.protector.status().watched[0].level == "local"
        assert desk.alerts == ["PROTECT-DOWNGRADED"]
        desk.trade(94.0)
        await asyncio.sleep(1)
        assert len(desk.log) == 1

    on_desk(main)


# Stop, start, status


def test_stopping_needs_its_words_blocks_entries_and_is_told() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        with pytest.raises(UsageError):
            desk.protector.stop("yes", "ann")
        assert desk.protector.blocks == ""
        desk.protector.stop(STOP_WORDS, "ann")
        assert "ann" in desk.protector.blocks
        assert desk.alerts == ["PROTECT-STOPPED", "PROTECT-DOWNGRADED"]
        desk.trade(90.0)
        await asyncio.sleep(6)
        assert not desk.log
        status = desk.protector.status()
        assert (status.running, status.watched[0].level) == (False, "none")
        desk.protector.start("ann")
        assert desk.protector.blocks == ""
        desk.trade(94.0)
        await asyncio.sleep(1)
        (kept,) = desk.orders.values()
        assert kept.terms.late_ms > 0

    on_desk(main)


def test_a_protector_that_does_not_run_blocks_entries() -> None:
    async def main(world: World) -> None:
        desk = Desk(world)
        desk.protect("95")
        assert desk.protector.blocks
        assert desk.protector.status().watched[0].level == "none"

    rig(main)


def test_status_says_how_old_and_how_slow() -> None:
    async def main(desk: Desk) -> None:
        desk.script = ["rest"]
        desk.protect("95", "110", target_rests=True)
        await asyncio.sleep(1)
        desk.trade(100.0)
        await asyncio.sleep(2)
        status = desk.protector.status()
        (watched,) = status.watched
        assert (watched.held, watched.level, watched.price, watched.price_age_ms) == (D(1), "local", 100.0, 2000)
        assert (status.running, status.worst_latency_ms, status.oldest_price_age_ms) == (True, None, 2000)
        assert status.last_sweep_ms <= desk.world.clock.wall_ms()
        desk.delay_s = 0.2
        desk.trade(94.0)
        await asyncio.sleep(2)
        # The target was cancelled first, which takes its time.
        assert desk.protector.status().worst_latency_ms == pytest.approx(200)

    on_desk(main)


def test_a_failing_sweep_and_a_silent_stream_lower_the_level_and_are_told_once() -> None:
    async def main(desk: Desk) -> None:
        desk.protect("95")
        desk.swept[BTCS] = 100.0
        await asyncio.sleep(6)
        desk.sweep_error, desk.is_fresh = Unreachable("nobody answers"), False
        await asyncio.sleep(40)
        assert desk.alerts == ["PROTECT-DOWNGRADED"]
        assert desk.protector.status().sweep_failures >= 5
        assert desk.protector.status().watched[0].level == "none"
        desk.sweep_error = ValueError("a defect must not end the watching")
        await asyncio.sleep(6)
        desk.sweep_error = None
        await asyncio.sleep(6)
        assert desk.protector.status().watched[0].level == "local"
        assert desk.sweeps > 8

    on_desk(main)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_no_more_is_sold_than_is_held_and_in_the_end_all_is(seed: int) -> None:
    """Random answers, fills and prices. `Desk.fill` fails when more is sold than is held."""

    async def main(desk: Desk) -> None:
        rng = desk.world.chance.child("chaos").generator()
        desk.delay_s = rng.random()
        answers = ["fill", "rest", "reject", "denied", "unknown", "lost before", "lost after", "part 0.1"]
        desk.script = [rng.choice(answers) for _ in range(25)]
        desk.protect("95", "110", target_rests=rng.random() < 0.5)
        for _ in range(40):
            desk.trade(rng.choice([94.0, 96.0, 100.0, 109.0, 111.0]))
            for kept in desk.open():
                lot = rng.random()
                free = desk.held_now[BTCS] - sum(
                    (other.terms.quantity or ZERO) - other.filled for other in desk.open() if other is not kept
                )
                assert kept.terms.quantity is not None
                assert free >= kept.terms.quantity - kept.filled, "two orders sell the same coins"
                if lot < 0.3:
                    desk.fill(kept)
                elif lot < 0.5:
                    desk.move(kept, S.CANCELLED)
            await asyncio.sleep(rng.random() * 2)
        desk.script.clear()
        desk.usual, desk.delay_s = "fill", 0.01
        for kept in desk.open():
            desk.move(kept, S.CANCELLED)
        desk.trade(94.0)
        await asyncio.sleep(90)
        assert desk.held_now[BTCS] == 0
        assert not desk.open()
        assert len(desk.endings) == 1

    on_desk(main, seed)


def test_after_a_halt_a_stop_that_waits_is_tried_at_once() -> None:
    """Refused all the while, it has come to wait half a minute between tries."""

    async def main(desk: Desk) -> None:
        desk.usual = "denied"
        desk.protect("95")
        desk.trade(94.0)
        await asyncio.sleep(600)
        desk.usual = "fill"
        desk.protector.hurry()
        await asyncio.sleep(0.1)
        assert desk.held_now[BTCS] == 0

    on_desk(main)
