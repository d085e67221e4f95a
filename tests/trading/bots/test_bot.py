"""What a bot does beside trading: catching up, pausing, stopping, edited stops, fees that are not as reckoned."""

from __future__ import annotations

import json
from decimal import Decimal as D
from typing import Any

import msgspec
import numpy as np
import pytest

from polotui.backtest.settings import Costs, Settings
from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError, UsageError
from polotui.model.orders import Execution, OrderState, OrderTerms, OrderType, Placement, Purpose, Side
from polotui.risk.values import Asked, Finding, RiskDecision
from polotui.strategy.document.templates import templates
from polotui.strategy.runtime.columns import Bars
from polotui.trading.bots.bot import Bot, BotTerms
from polotui.trading.bots.fitness import unsupported
from polotui.trading.bots.keeper import OcoKeeper
from polotui.trading.bots.notes import DecisionNote, RefusalNote, SignalNote, Silence, TradeNote
from polotui.trading.bots.replay import histories, moments, step
from polotui.trading.bots.steps import Steps
from polotui.trading.paper.bar import BarVenue
from tests.trading.parity.desk import MemoryDesk, Went
from tests.trading.parity.markets import HOUR, START
from tests.trading.parity.runs import Case, bot_of, case, venue_of

TEXT = """spec: 1
name: small
market: {symbols: [BTC_USDT], direction: long}
timeframe: 1h
entry: {long: "close > 100.5 and close[1] <= 100.5"}
exit: {long: "close > 150"}
stops:
  loss: {kind: percent, value: 5%}
  target: {kind: percent, value: 20%}
sizing: {kind: percent_equity, value: 50%}
"""
NO_COSTS = Costs(0.0, 0.0, slippage=0.0, half_spread=0.0, volume_share=0.0, tick=0.01, lot=0.001)


def bars_of(closes: list[float], lows: dict[int, float] | None = None) -> Bars:
    """Bars that open where the last one closed."""
    close = np.array(closes)
    open_ = np.concatenate((close[:1], close[:-1]))
    low = np.minimum(open_, close)
    for place, value in (lows or {}).items():
        low[place] = value
    high = np.maximum(open_, close)
    time = START + HOUR * np.arange(len(close), dtype=np.int64)
    return Bars(time, open_, high, low, close, np.full(len(close), 1e6), HOUR)


class Ears(Silence):
    def __init__(self) -> None:
        self.signals: list[SignalNote] = []
        self.refusals: list[RefusalNote] = []
        self.decisions: list[DecisionNote] = []
        self.trades: list[TradeNote] = []

    def on_signal(self, note: SignalNote) -> None:
        self.signals.append(note)

    def on_refusal(self, note: RefusalNote) -> None:
        self.refusals.append(note)

    def on_decision(self, note: DecisionNote) -> None:
        self.decisions.append(note)

    def on_trade(self, note: TradeNote) -> None:
        self.trades.append(note)


class Run:
    """A bot over bars, moment by moment."""

    def __init__(self, bars: Bars, text: str = TEXT, costs: Costs = NO_COSTS, **more: Any) -> None:
        settings = Settings(START + HOUR, START + HOUR * len(bars), costs=costs)
        self.case: Case = case(text, {"BTC_USDT": bars}, settings, name="small")
        self.desk, self.clock, self.ears = MemoryDesk(D(10_000)), FrozenClock(START), Ears()
        self.bot = bot_of(self.case, self.desk, self.clock, self.ears)
        self.venue: BarVenue = venue_of(self.case, self.desk)
        self.left = list(moments(self.case.bars, settings.from_ms, settings.to_ms))

    async def go(self, count: int) -> None:
        for _ in range(count):
            moment = self.left.pop(0)
            self.clock.advance((moment[0] - self.clock.wall_ms()) / 1000)
            await step(self.bot, self.venue, moment)

    @property
    def position(self) -> Any:
        return self.bot.hands["BTC_USDT"].position

    def orders(self, purpose: Purpose) -> list[OrderTerms]:
        return [terms for terms in self.desk.orders.values() if terms.purpose is purpose]


UP = [100.0, 100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0]


async def test_a_signal_says_what_and_why() -> None:
    run = Run(bars_of(UP))
    await run.go(3)
    (signal,) = run.ears.signals
    assert (signal.id, signal.kind, signal.bar_ms) == (f"sig-1-BTC_USDT-{START + 2 * HOUR}", "entry", START + 2 * HOUR)
    assert (signal.entry, signal.stop, signal.target) == (D("101.0"), D("95.95"), D("121.2"))
    assert signal.rule == "close > 100.5 and close[1] <= 100.5"
    (entry,) = run.orders(Purpose.ENTRY)
    assert (entry.type, entry.amount, entry.signal) == (OrderType.MARKET, D("5000.0"), signal.id)
    (stop,) = run.orders(Purpose.PROTECT)
    assert (stop.type, stop.quantity, stop.stop, stop.target) == (OrderType.OCO, D("49.504"), D("95.95"), D("121.20"))
    msgspec.json.encode(signal)


async def test_paused_it_does_not_enter_and_says_so() -> None:
    run = Run(bars_of(UP))
    run.bot.pause("lunch")
    await run.go(5)
    assert not run.desk.orders
    assert [(note.code, note.reason) for note in run.ears.refusals] == [("BOT-PAUSED", "the bot is paused")]
    run.bot.resume()
    with pytest.raises(UsageError):
        run.bot.resume()


async def test_paused_it_still_leaves() -> None:
    run = Run(bars_of([*UP[:5], 94.0, 94.0]))
    await run.go(3)
    run.bot.pause("lunch")
    await run.go(3)
    assert [trade.reason for trade in run.ears.trades] == ["stop"]


@pytest.mark.parametrize("close", [True, False])
async def test_stopped_it_sells_or_keeps(close: bool) -> None:
    run = Run(bars_of(UP))
    await run.go(4)
    run.bot.stop("enough", close=close)
    assert run.bot.state_name == ("stopping" if close else "stopped")
    await run.go(2)
    assert run.bot.state_name == "stopped"
    assert (run.position.quantity == 0.0) is close
    assert [trade.reason for trade in run.ears.trades] == (["stopped: enough"] if close else [])
    assert (run.desk.held("BTC_USDT") == 0) is close
    # Kept means kept with its stop.
    resting = [terms for id_, terms in run.desk.orders.items() if run.desk.states[id_] is OrderState.ACCEPTED]
    assert len(resting) == (0 if close else 1)


async def test_a_person_moves_the_stop() -> None:
    run = Run(bars_of([*UP, 103.0, 102.0]))
    await run.go(4)
    run.bot.edit_levels("BTC_USDT", stop=D("102.5"), target=D("130"))
    await run.bot.settle_all()
    last = run.orders(Purpose.PROTECT)[-1]
    assert (last.stop, last.target) == (D("102.5"), D("130"))
    await run.go(5)
    (trade,) = run.ears.trades
    assert (trade.reason, trade.exit_price) == ("stop", 102.5)
    with pytest.raises(UsageError):
        run.bot.edit_levels("BTC_USDT", stop=D("1"))


async def test_an_edited_stop_lies_below_the_price() -> None:
    run = Run(bars_of(UP))
    await run.go(4)
    for wrong in ({"stop": D(104)}, {"target": D(102)}):
        with pytest.raises(UsageError):
            run.bot.edit_levels("BTC_USDT", **wrong)


# -- while the engine was down ----------------------------------------------------------------------------------------


def again(run: Run) -> Bot:
    """The bot after a restart."""
    state = json.loads(json.dumps(run.bot.state()))
    known = {symbol: bars.slice(0, int((bars.time <= state["bar_ms"]).sum())) for symbol, bars in run.case.bars.items()}
    keeper = OcoKeeper(run.desk, run.clock, run.bot._chance)
    bot = Bot(
        run.bot.terms, run.case.bound, histories=known, steps=run.case.steps, orders=run.desk, keeper=keeper,
        purse=run.desk, clock=run.clock, chance=run.bot._chance, listener=run.ears,
    )  # fmt: skip
    bot.restore(state)
    for id_, terms in run.desk.orders.items():
        if terms.purpose is Purpose.PROTECT and run.desk.states[id_] is OrderState.ACCEPTED:
            keeper.adopt(terms, terms.quantity)
    run.desk.keeper, run.desk.bot, run.bot = keeper, bot, bot
    return bot


async def test_an_entry_that_was_missed_is_said_and_not_sent() -> None:
    run = Run(bars_of([100.0, 100.0, 100.0, 101.0, 102.0, 103.0, 104.0]))
    await run.go(2)
    bot = again(run)
    bot.catch_up([run.left.pop(0), run.left.pop(0)])
    assert [(note.code, note.bar_ms) for note in run.ears.refusals] == [("BOT-MISSED", START + 3 * HOUR)]
    await run.go(2)
    assert not run.desk.orders


async def test_an_entry_of_the_newest_bar_is_sent() -> None:
    run = Run(bars_of([100.0, 100.0, 100.0, 101.0, 102.0, 103.0]))
    await run.go(1)
    bot = again(run)
    bot.catch_up([run.left.pop(0), run.left.pop(0)])
    assert not run.ears.refusals
    await run.go(1)
    assert [terms.created_ms for terms in run.orders(Purpose.ENTRY)] == [START + 4 * HOUR]


async def test_a_wish_from_before_is_missed_too() -> None:
    run = Run(bars_of([100.0, 100.0, 101.0, 102.0, 103.0, 104.0]))
    await run.go(2)
    assert run.position.order == 1
    bot = again(run)
    bot.catch_up([run.left.pop(0)])
    assert [note.code for note in run.ears.refusals] == ["BOT-MISSED"]
    assert bot.hands["BTC_USDT"].position.order == 0


async def test_a_stop_that_was_crossed_is_a_late_exit() -> None:
    run = Run(bars_of([*UP[:4], 102.0, 102.0, 102.0, 102.0], lows={5: 90.0}))
    await run.go(3)
    bot = again(run)
    missed = [run.left.pop(0) for _ in range(3)]
    bot.catch_up(missed)
    assert [note.kind for note in run.ears.decisions] == ["late"]
    await run.go(1)
    terms, fill = run.desk.fills[-1]
    assert (fill.price, fill.late_ms, fill.at_ms) == (D(102), START + 5 * HOUR, START + 7 * HOUR)
    assert terms.reason == "stop, crossed while nobody watched"
    assert [trade.reason for trade in run.ears.trades] == [terms.reason]


async def test_bars_that_were_watched_cross_no_stop() -> None:
    """The guard saw each price. What the bar says of the time before the stop was moved, it says of no stop."""
    run = Run(bars_of([*UP[:4], 102.0, 102.0, 102.0, 102.0], lows={5: 90.0}))
    await run.go(3)
    run.bot.catch_up([run.left.pop(0) for _ in range(3)], watched=True)
    assert run.ears.decisions == []
    assert run.position.exit_reason == 0


async def test_a_bar_that_came_when_the_next_had_closed_was_not_watched() -> None:
    run = Run(bars_of([*UP[:4], 102.0, 102.0, 102.0, 102.0], lows={5: 90.0}))
    await run.go(3)
    run.bot.over = lambda at_ms: True
    run.bot.catch_up([run.left.pop(0) for _ in range(3)], watched=True)
    assert [note.kind for note in run.ears.decisions] == ["late"]


@pytest.mark.parametrize("field", ["edited_ms", "entered_ms"])
@pytest.mark.parametrize(("place", "crossed"), [(5, True), (6, False)])
async def test_a_bar_says_nothing_of_a_stop_that_did_not_stand_in_it_yet(field: str, place: int, crossed: bool) -> None:
    run = Run(bars_of([*UP[:4], 102.0, 102.0, 102.0, 102.0], lows={5: 90.0}))
    await run.go(3)
    bot = again(run)
    setattr(bot.hands["BTC_USDT"], field, START + place * HOUR)
    bot.catch_up([run.left.pop(0) for _ in range(3)])
    assert [note.kind for note in run.ears.decisions] == (["late"] if crossed else [])


async def test_it_remembers_when_a_person_moved_the_stop() -> None:
    run = Run(bars_of([*UP[:4], 102.0, 102.0, 102.0, 102.0], lows={5: 90.0}))
    await run.go(3)
    run.clock.advance(3 * 3600.0)
    run.bot.edit_levels("BTC_USDT", stop=D("99"))
    again(run).catch_up([run.left.pop(0) for _ in range(3)])
    assert run.ears.decisions == []


@pytest.mark.parametrize("over", [True, False])
async def test_nothing_is_entered_on_a_bar_when_the_next_has_closed(over: bool) -> None:
    run = Run(bars_of([100.0, 100.0, 100.0, 101.0, 102.0, 103.0]))
    await run.go(2)
    run.bot.over = lambda at_ms: over
    run.bot.catch_up([run.left.pop(0)], watched=True)
    await run.go(1)
    assert len(run.ears.signals) == 1
    assert [note.code for note in run.ears.refusals] == (["BOT-MISSED"] if over else [])
    assert bool(run.desk.orders) is not over


async def test_a_wish_whose_time_is_over_is_dropped_though_no_bar_is_known() -> None:
    """The candles of the time that it was down could not be had: it bought what an old bar asked for."""
    run = Run(bars_of([100.0, 100.0, 101.0, 102.0, 103.0, 104.0]))
    await run.go(2)
    bot = again(run)
    bot.over = lambda at_ms: True
    bot.catch_up([])
    assert [note.code for note in run.ears.refusals] == ["BOT-MISSED"]
    assert bot.hands["BTC_USDT"].position.order == 0


async def test_one_that_sells_everything_ends_when_no_entry_can_fill() -> None:
    run = Run(bars_of(UP))
    await run.go(4)
    entering = [True]
    run.bot.enters = lambda: entering[0]
    run.bot.stop("enough", close=True)
    await run.go(2)
    assert run.position.quantity == 0.0
    assert run.bot.state_name == "stopping"
    entering[0] = False
    run.bot.end_if_over()
    assert run.bot.state_name == "stopped"


async def test_the_stream_follows_missed_bars() -> None:
    """Caught up, it decides as if it had been there."""
    closes = [100.0 + 3 * np.sin(place / 3) for place in range(60)]
    text = (
        TEXT.replace("close > 100.5 and close[1] <= 100.5", "crosses_above(fast, slow)")
        .replace("close > 150", "crosses_below(fast, slow)")
        .replace("entry:", "indicators: {fast: {kind: ema, length: 3}, slow: {kind: ema, length: 8}}\nentry:")
    )
    whole, broken = Run(bars_of(closes), text), Run(bars_of(closes), text)
    await whole.go(59)
    await broken.go(18)
    assert broken.position.quantity == 0.0, "the gap must begin flat"
    again(broken).catch_up([broken.left.pop(0) for _ in range(5)])
    await broken.go(36)
    until = START + 24 * HOUR
    later = [(n.bar_ms, n.entry) for n in whole.ears.signals if n.bar_ms >= until]
    assert later
    assert [(n.bar_ms, n.entry) for n in broken.ears.signals if n.bar_ms >= until] == later


# -- fees, gates, places ----------------------------------------------------------------------------------------------


async def test_the_fee_that_was_taken_counts() -> None:
    """Booked is what a fill did cost, so that the bot's coins are the ledger's."""
    run = Run(bars_of(UP), costs=Costs(0.001, 0.002, slippage=0.0, half_spread=0.0, volume_share=0.0, tick=0.01,
                                       lot=0.001))  # fmt: skip
    real = run.desk.on_fill

    async def cheaper(execution: Execution) -> None:
        await real(msgspec.structs.replace(execution, fee=execution.fee / 2))

    run.desk.on_fill = cheaper  # type: ignore[method-assign]
    await run.go(3)
    assert run.position.quantity == pytest.approx(float(run.desk.held("BTC_USDT")), abs=1e-12)
    assert run.bot.cash == pytest.approx(float(run.desk.cash()), abs=1e-9)


async def test_money_that_comes_from_elsewhere_counts() -> None:
    run = Run(bars_of(UP))
    await run.go(1)
    run.desk.balances["USDT"] += 10_000
    await run.go(2)
    assert run.orders(Purpose.ENTRY)[0].amount == D(10_000)


class Gatekeeper(MemoryDesk):
    async def submit(self, asked: Asked, caller: str = "") -> Went:
        finding = Finding(code="RISK-DAILY-LOSS", refuses=True, text="too much was lost")
        denied = RiskDecision(
            approved=False, code=finding.code, findings=(finding,), warnings=(), checks=(), recommendation="Wait."
        )
        return Went(asked.terms.id, denied, OrderState.RISK_DENIED)


async def test_what_the_gate_refuses_is_a_refusal() -> None:
    run = Run(bars_of(UP))
    gate = Gatekeeper(D(10_000))
    run.bot._orders = gate
    await run.go(5)
    assert [(note.code, note.reason) for note in run.ears.refusals] == [
        ("BOT-DENIED", "RISK-DAILY-LOSS: too much was lost")
    ]
    assert run.position.order == 0


async def test_stale_data_blocks_the_entry() -> None:
    run = Run(bars_of(UP))
    run.bot.blocked = lambda symbol: f"{symbol}: no data for 40 s"
    await run.go(4)
    assert [(note.code, note.reason) for note in run.ears.refusals] == [("BOT-BLOCKED", "BTC_USDT: no data for 40 s")]


@pytest.mark.parametrize(
    ("name", "words"), [("breakout-both-ways", "cannot be short"), ("grid", "grid"), ("sma-cross", "")]
)
def test_what_a_spot_bot_cannot_trade(name: str, words: str) -> None:
    bars = bars_of(UP)
    bound = case(templates()[name].text, {"BTC_USDT": bars}, Settings(START, START + HOUR)).bound
    why = unsupported(bound)
    assert words in why
    assert bool(why) == bool(words)


# -- on a book --------------------------------------------------------------------------------------------------------


class Resting:
    """A venue on which orders rest until a test fills them."""

    account = "paper"

    async def place(self, terms: OrderTerms, token: object) -> Placement:
        return Placement(state=OrderState.ACCEPTED)

    async def cancel(self, terms: OrderTerms) -> Placement:
        return Placement(state=OrderState.CANCELLED)


LIMIT = TEXT.replace("sizing:", "orders: {entry: limit, limit_offset: 1%, expire_bars: 2}\nsizing:")


def live(run: Run) -> Bot:
    """The same bot on a book."""
    terms = BotTerms(1, "test", "paper/bot-1", ("BTC_USDT",), HOUR, run.case.settings, form="book")
    bot = Bot(
        terms, run.case.bound, histories=histories(run.case.bars, run.case.settings.from_ms), steps=run.case.steps,
        orders=run.desk, keeper=run.desk.keeper, purse=run.desk, clock=run.clock, chance=run.bot._chance,
        listener=run.ears,
    )  # fmt: skip
    run.desk.bot, run.desk.venue = bot, Resting()
    return bot


async def close_bar(run: Run, bot: Bot) -> None:
    at_ms, bars = run.left.pop(0)
    run.clock.advance((at_ms + HOUR - run.clock.wall_ms()) / 1000)
    bot.on_moment(at_ms, bars)
    await bot.settle_all()
    await bot.act({"BTC_USDT": bars["BTC_USDT"].close})


async def test_a_limit_rests_on_the_book_until_it_expires() -> None:
    run = Run(bars_of([100.0, 100.0, 101.0, 102.0, 103.0, 104.0]), LIMIT)
    bot = live(run)
    for _ in range(2):
        await close_bar(run, bot)
    (order,) = run.desk.orders.values()
    assert (order.type, order.quantity, order.price, order.amount) == (OrderType.LIMIT, D("50.005"), D("99.99"), None)
    assert order.expire_ms == run.clock.wall_ms() + 2 * HOUR
    await close_bar(run, bot)
    assert run.desk.states[order.id] is OrderState.ACCEPTED
    await close_bar(run, bot)
    assert run.desk.states[order.id] is OrderState.CANCELLED
    assert [note.code for note in run.ears.refusals] == ["BOT-EXPIRED"]
    assert len(run.desk.orders) == 1


async def test_fills_between_the_bars_are_protected_at_once() -> None:
    run = Run(bars_of([100.0, 100.0, 101.0, 102.0, 103.0]), LIMIT)
    bot = live(run)
    for _ in range(2):
        await close_bar(run, bot)
    (order,) = run.desk.orders.values()
    for number, part in enumerate(("20", "30.005"), 1):
        await run.desk.on_fill(
            Execution(id=f"t{number}", order_id=order.id, symbol="BTC_USDT", side=Side.BUY, price=D("99.99"),
                      quantity=D(part), fee=D(0), fee_currency="BTC", maker=True, at_ms=run.clock.wall_ms())
        )  # fmt: skip
        await bot.settle_all()
        protection = run.orders(Purpose.PROTECT)[-1]
        assert protection.quantity == run.desk.held("BTC_USDT")
    await run.desk.on_state(order.id, OrderState.FILLED)
    run.desk.states[order.id] = OrderState.FILLED
    bot.on_order(order, OrderState.FILLED)
    assert bot.hands["BTC_USDT"].position.order == 0
    assert not bot.on_fill(run.desk.fills[0][1], order, 0, number=1), "a fill that is told twice is booked once"


class Deferred(MemoryDesk):
    """Tells nothing while an order is being sent; a test tells it afterwards, as a queue does."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.later: list[Any] = []

    async def on_state(self, order_id: str, state: OrderState, **more: Any) -> None:
        bot, self.bot = self.bot, None
        await super().on_state(order_id, state, **more)
        self.bot = bot
        self.later.append(lambda: bot.on_order(self.orders[order_id], state, more.get("code", "")))

    async def on_fill(self, execution: Execution) -> None:
        bot, self.bot = self.bot, None
        await super().on_fill(execution)
        self.bot = bot
        terms, number = self.orders[execution.order_id], len(self.fills)
        self.later.append(lambda: bot.on_fill(execution, terms, execution.at_ms, number))

    def tell(self) -> None:
        for news in self.later:
            news()
        self.later.clear()


async def test_what_is_told_after_the_answer_counts_all_the_same() -> None:
    """Live, fills wait in a queue until the order has been answered: an entry is not sent twice."""
    run = Run(bars_of(UP), TEXT.replace("sizing:", "orders: {entry: market, expire_bars: 3}\nsizing:"))
    desk = Deferred(D(10_000))
    run.desk = desk
    bot = run.bot = bot_of(run.case, desk, run.clock, run.ears)
    venue = venue_of(run.case, desk)
    for at_ms, bars in run.left:
        venue.begin(at_ms, bars)
        bot.begin({symbol: bar.open for symbol, bar in bars.items()})
        await bot.exits()
        await bot.enter("BTC_USDT")
        desk.tell()
        await bot.settle_all()
        bot.on_moment(at_ms, bars)
    assert len(run.orders(Purpose.ENTRY)) == 1
    assert not run.ears.refusals


async def test_an_intent_that_could_not_be_stored_is_asked_again() -> None:
    run = Run(bars_of(UP))
    await run.go(3)
    run.bot.stop("enough", close=True)
    real, broken = run.desk.submit, [True]

    async def failing(asked: Asked, caller: str = "") -> Went:
        if broken.pop() if broken else False:
            raise StorageError("The disk is full.")
        return await real(asked, caller)

    run.desk.submit = failing  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        await run.go(1)
    await run.bot.exits()
    assert run.position.exit_reason != 0, "once a moment"
    await run.bot.exits(again=True)
    assert run.bot.state_name == "stopped"


async def test_steps_carry_every_bit() -> None:
    steps = Steps(D("0.01"), D("0.000001"))
    for count in (1, 7, 29, 10_005, 123_457, 797_589):
        assert steps.price_float(steps.price(count * 0.01)) == count * 0.01
        assert steps.quantity_float(steps.quantity(count * 1e-6)) == count * 1e-6
    assert steps.price(797_589 * 0.01) == D("7975.89")


@pytest.mark.parametrize("outcome", [OrderState.REJECTED, OrderState.CANCELLED])
async def test_what_an_exit_could_not_sell_is_protected_until_the_next_try(outcome: OrderState) -> None:
    run = Run(bars_of([100.0, 100.0, 101.0, 102.0, 151.0, 152.0]), LIMIT)
    bot = live(run)
    for _ in range(2):
        await close_bar(run, bot)
    (order,) = run.desk.orders.values()
    await run.desk.on_fill(
        Execution(id="t1", order_id=order.id, symbol="BTC_USDT", side=Side.BUY, price=D("99.99"),
                  quantity=order.quantity or D(0), fee=D(0), fee_currency="BTC", maker=True, at_ms=run.clock.wall_ms())
    )  # fmt: skip
    await close_bar(run, bot)

    class Refuses(Resting):
        async def place(self, terms: OrderTerms, token: object) -> Placement:
            if terms.purpose is not Purpose.EXIT:
                return await super().place(terms, token)
            return Placement(state=outcome, code="PAPER-STALE-BOOK")

    run.desk.venue = Refuses()
    await close_bar(run, bot)
    assert [terms.quantity for terms in run.orders(Purpose.EXIT)] == [run.desk.held("BTC_USDT")]
    taken_down, standing = run.orders(Purpose.PROTECT)[-2:]
    assert run.desk.states[taken_down.id] is OrderState.CANCELLED
    assert (run.desk.states[standing.id], standing.quantity) == (OrderState.ACCEPTED, run.desk.held("BTC_USDT"))
    await bot.keep_unsold()
    assert run.orders(Purpose.PROTECT)[-1] is standing
    # The next try takes it away again and sells.
    run.desk.venue = Resting()
    await bot.exits(again=True)
    assert run.desk.states[standing.id] is OrderState.CANCELLED
    assert len(run.orders(Purpose.EXIT)) == 2
