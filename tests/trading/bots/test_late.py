"""A bar whose moment was decided without it: followed in the moment that it belongs to, not traded."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import numpy as np
import pytest

from polotui.backtest.settings import Costs, Settings
from polotui.core.clock import FrozenClock
from polotui.strategy.runtime.columns import Bars
from polotui.trading.bots.replay import moments
from tests.trading.bots.test_bot import Ears
from tests.trading.parity.desk import MemoryDesk
from tests.trading.parity.markets import HOUR, START
from tests.trading.parity.runs import bot_of, case, told, venue_of

TEXT = """spec: 1
name: two
market: {symbols: [BTC_USDT, ETH_USDT], direction: long}
timeframe: 1h
entry: {long: "close > close[1]"}
exit: {long: "bars_in_position >= 8 or close > 200"}
stops:
  loss: {kind: percent, value: 30%}
  trail: {kind: percent, value: 4%}
  time: {bars: 6}
sizing: {kind: fixed_quote, amount: 100}
limits: {max_positions: 2}
"""
NO_COSTS = Costs(0.0, 0.0, slippage=0.0, half_spread=0.0, volume_share=0.0, tick=0.01, lot=0.001)
SYMBOLS = ("BTC_USDT", "ETH_USDT")


def wave(phase: float, count: int = 60) -> Bars:
    close = np.round(100 + 4 * np.sin(np.arange(count) / 4 + phase), 2)
    open_ = np.concatenate((close[:1], close[:-1]))
    time = START + HOUR * np.arange(count, dtype=np.int64)
    return Bars(
        time, open_, np.maximum(open_, close), np.minimum(open_, close), close, np.full(count, 1e6), HOUR
    )  # fmt: skip


class Run:
    """A bot on two symbols; `late` are the moments whose second bar comes after the first was decided alone."""

    def __init__(self, text: str = TEXT) -> None:
        bars = {symbol: wave(phase) for symbol, phase in zip(SYMBOLS, (0.0, 0.4), strict=True)}
        settings = Settings(START + HOUR, START + HOUR * 60, costs=NO_COSTS)
        self.case = case(text, bars, settings, name="two")
        self.desk, self.clock, self.ears = MemoryDesk(D(10_000)), FrozenClock(START), Ears()
        self.bot = bot_of(self.case, self.desk, self.clock, self.ears)
        self.venue = venue_of(self.case, self.desk)
        self.left = list(moments(self.case.bars, settings.from_ms, settings.to_ms))

    async def opens(self, at_ms: int, bars: Any) -> None:
        self.clock.advance((at_ms - self.clock.wall_ms()) / 1000)
        self.venue.begin(at_ms, bars, None)
        self.bot.begin({symbol: bar.open for symbol, bar in bars.items()})
        await self.bot.exits()
        for symbol in self.bot.hands:
            await self.bot.enter(symbol)
            await self.bot.settle(symbol)
        for symbol in self.bot.hands:
            await self.venue.inside(self.bot.terms.account, symbol)
            await self.bot.settle(symbol)

    async def go(self, count: int, *, late: bool = False) -> None:
        for _ in range(count):
            at_ms, bars = self.left.pop(0)
            await self.opens(at_ms, bars)
            if late:
                self.bot.on_moment(at_ms, {"BTC_USDT": bars["BTC_USDT"]})
                self.bot.on_moment(at_ms, {"ETH_USDT": bars["ETH_USDT"]})
            else:
                self.bot.on_moment(at_ms, bars)
            await self.bot.settle_all()

    def story(self) -> list[Any]:
        return [told(fill) for _, fill in self.desk.fills]


async def test_a_late_bar_is_not_another_moment() -> None:
    run = Run()
    await run.go(10, late=True)
    assert run.bot.shared.index == 10
    assert run.bot.bar_ms == START + 10 * HOUR


async def test_what_is_held_leaves_by_a_late_bar_as_by_one_in_time() -> None:
    """Time stop, trailing stop and facts count the same bars, whether the second symbol's came in time or not."""
    whole, late = Run(), Run()
    await whole.go(3)
    await late.go(3)
    assert all(hand.held for hand in whole.bot.hands.values())
    for _ in range(6):
        await whole.go(1)
        await late.go(1, late=True)
        assert late.bot.state()["hands"] == whole.bot.state()["hands"]
        assert late.story() == whole.story()
    assert {note.reason for note in late.ears.trades} == {"time"}


async def test_nothing_is_entered_on_a_late_bar() -> None:
    run = Run()
    await run.go(6, late=True)
    assert {fill.symbol for fill in run.story()} == {"BTC_USDT"}
    refused = [note for note in run.ears.refusals if note.code == "BOT-MISSED"]
    assert {note.symbol for note in refused} == {"ETH_USDT"}
    assert {note.bar_ms for note in refused} <= {note.bar_ms for note in run.ears.signals}


async def test_a_bar_that_is_older_still_does_not_turn_the_time_back() -> None:
    run = Run()
    await run.go(3)
    (first, one), (second, other) = run.left[:2]
    run.bot.on_moment(first, {"BTC_USDT": one["BTC_USDT"]})
    run.bot.on_moment(second, {"BTC_USDT": other["BTC_USDT"]})
    run.bot.on_moment(first, {"ETH_USDT": one["ETH_USDT"]})
    assert (run.bot.bar_ms, run.bot.shared.index) == (second, 5)


async def test_what_an_older_bar_asked_for_is_refused_under_its_own_time() -> None:
    run = Run()
    (first, one), (second, other) = run.left[:2]
    run.bot.on_moment(first, {"BTC_USDT": one["BTC_USDT"]})
    run.bot.on_moment(second, {"BTC_USDT": other["BTC_USDT"]})
    run.bot.on_moment(first, {"ETH_USDT": one["ETH_USDT"]})
    assert [(note.code, note.bar_ms) for note in run.ears.refusals if note.symbol == "ETH_USDT"] == [
        ("BOT-MISSED", first)
    ]


@pytest.mark.parametrize("ordered", [True, False], ids=["tested already", "not tested"])
async def test_an_entry_that_waits_is_not_counted_down_by_a_late_bar(ordered: bool) -> None:
    """The next moment may have tested it before the late bar of the last one came: it keeps the bars that it has."""
    text = TEXT.replace("sizing:", "orders: {entry: limit, limit_offset: 20%, expire_bars: 2}\nsizing:")
    run = Run(text)
    await run.go(1)
    hand = run.bot.hands["ETH_USDT"]
    at_ms, bars = run.left.pop(0)
    await run.opens(at_ms, bars)
    assert (hand.position.order, hand.position.order_left) == (1, 1)
    run.bot.on_moment(at_ms, {"BTC_USDT": bars["BTC_USDT"]})
    if ordered:
        await run.opens(*run.left[0])
    run.bot.on_moment(at_ms, {"ETH_USDT": bars["ETH_USDT"]})
    expired = [note.symbol for note in run.ears.refusals if note.code == "BOT-EXPIRED"]
    assert "ETH_USDT" not in expired
    run.bot.on_moment(*run.left.pop(0))
    expired = [note.symbol for note in run.ears.refusals if note.code == "BOT-EXPIRED"]
    assert ("ETH_USDT" in expired) is ordered


async def test_a_late_bar_says_nothing_of_what_was_bought_after_it() -> None:
    """A bar that closed before the entry neither moves its highest price nor ends it."""
    text = TEXT.replace("bars_in_position >= 8 or close > 200", "close > 0").replace("close > close[1]", "close < 0")
    run = Run(text)
    await run.go(2)
    at_ms, bars = run.left.pop(0)
    run.bot.on_moment(at_ms, {"BTC_USDT": bars["BTC_USDT"]})
    position = run.bot.hands["ETH_USDT"].position
    position.quantity, position.entry_price, position.entered = 1.0, 50.0, run.bot.shared.index
    position.highest = position.lowest = 50.0
    run.bot.on_moment(at_ms, {"ETH_USDT": bars["ETH_USDT"]})
    assert (position.exit_reason, position.highest) == (0, 50.0)
    run.bot.on_moment(*run.left.pop(0))
    assert position.exit_reason != 0
    assert position.highest > 50.0
