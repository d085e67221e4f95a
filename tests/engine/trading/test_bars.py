"""Bars that reach a running bot late, twice or not at all: its moments stay those of the market."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import pytest

from polotui.api import lab_commands as lc
from polotui.api import trade_commands as tc
from polotui.core.clock import FrozenClock
from polotui.engine.trading.arrivals import HOLE_SECONDS, LATE_SECONDS, Arrivals
from polotui.engine.trading.bot_events import Closed
from polotui.engine.trading.livebot import LiveBot
from polotui.engine.trading.moments import split
from polotui.engine.trading.service import Trading
from polotui.market.history import ChartSeries, History
from polotui.model.candles import Candle, Timeframe
from polotui.simulator.faults import Rule
from polotui.strategy.runtime.columns import Bars
from polotui.trading.bot_rows import StoredBot
from tests.campaign.trading.desk import Desk, on_desk

TEXT = """spec: 1
name: two
market: {symbols: [BTC_USDT, ETH_USDT], direction: long}
timeframe: 1m
entry: {long: "close > 0"}
exit: {long: "close < 0"}
stops:
  loss: {kind: percent, value: 9%}
  time: {bars: 5}
sizing: {kind: fixed_quote, amount: 100}
limits: {max_positions: 2}
"""
Tell = Callable[[LiveBot, str, Timeframe, Candle], None]


async def begin(desk: Desk, text: str = TEXT, name: str = "two") -> LiveBot:
    """A bot that has read its past."""
    await desk.ask(lc.SaveStrategy(text=text))
    number = (await desk.ask(tc.StartBot(strategy=name, capital="1000"))).bot.id
    return await runs(desk, number)


async def runs(desk: Desk, number: int) -> LiveBot:
    def there() -> bool:
        live = desk.trading.bots.live(number)
        return live is not None and live.bot is not None

    await desk.until(there, 120, what="the bot runs")
    live = desk.trading.bots.live(number)
    assert live is not None
    return live


@contextmanager
def told_by(tell: Callable[[Tell, LiveBot, str, Candle], None]) -> Iterator[None]:
    """Bars of the bot's own timeframe reach it through `tell`."""
    real = LiveBot.on_closed

    def told(self: LiveBot, symbol: str, frame: Timeframe, candle: Candle) -> None:
        if frame is self.frame:
            tell(real, self, symbol, candle)

    with patch.object(LiveBot, "on_closed", told):
        yield


def test_a_symbol_whose_bars_are_late_makes_no_moments_of_its_own() -> None:
    """Each late bar was a moment more: time stops came early, and what came late was traded."""

    def nine_seconds_late(real: Tell, live: LiveBot, symbol: str, candle: Candle) -> None:
        if symbol == "ETH_USDT":
            asyncio.get_running_loop().call_later(9, real, live, symbol, live.frame, candle)
        else:
            real(live, symbol, live.frame, candle)

    async def work(desk: Desk) -> None:
        live = await begin(desk)
        assert live.bot is not None
        bot, first = live.bot, live.closed_ms
        for _ in range(10):
            before = bot.bar_ms
            await desk.until(lambda before=before: bot.bar_ms > before, 120)
            await desk.until(lambda: live._arrivals.last["ETH_USDT"] == bot.bar_ms, 30)
            assert bot.shared.index <= (bot.bar_ms - first) // live.frame.ms
        orders = (await desk.ask(tc.ListOrders(bot=live.stored.id, open=False))).orders
        assert {order.symbol for order in orders} == {"BTC_USDT"}
        signals = (await desk.ask(tc.ListSignals(bot=live.stored.id, symbol="ETH_USDT", limit=50))).signals
        assert signals
        assert all("BOT-MISSED" in signal.ending for signal in signals)
        (trade,) = (await desk.ask(tc.ListTrades(bot=live.stored.id))).trades[:1]
        assert trade.reason == "time"
        assert trade.exit_ms - trade.entry_ms > 4.8 * live.frame.ms

    with told_by(nine_seconds_late):
        on_desk(work)


# -- before the first bar has closed ------------------------------------------------------------------------------

SLOW = TEXT.replace("timeframe: 1m", "timeframe: 15m").replace("name: two", "name: slow")


@pytest.mark.parametrize("whole", [True, False], ids=["the engine", "the bot alone"])
def test_a_bot_that_is_started_again_before_its_first_bar_has_only_its_past(whole: bool) -> None:
    """It caught up with its own warm-up: signals of bars before it was there, and an entry on the newest of them."""

    async def work(desk: Desk) -> None:
        live = await begin(desk, SLOW, "slow")
        number, old = live.stored.id, live.bot
        assert old is not None
        if whole:
            await desk.lives.stop()
            await desk.lives.start()
            await desk.until(desk.works, 120)
            live = await runs(desk, number)
        else:
            live._events.put_nowait(Closed("BTC_USDT", None))  # type: ignore[arg-type]  # fails, and is begun anew
            await desk.until(lambda: live.bot is not old, 60)
        await asyncio.sleep(30)
        assert live.bot is not None
        assert (live.bot.shared.index, live.bot.bar_ms) == (0, 0)
        assert (await desk.ask(tc.ListSignals(bot=number))).signals == []
        assert (await desk.ask(tc.ListOrders(bot=number, open=False))).orders == []
        told = [item.text for item in (await desk.ask(tc.GetFeed(bot=number, limit=100))).items]
        assert not [text for text in told if "meanwhile" in text]
        # What closes from now on is decided.
        await desk.until(lambda: live.bot.shared.index == 1, 1000)
        assert (await desk.ask(tc.ListSignals(bot=number))).signals

    on_desk(work)


MINUTE = Timeframe.M1.ms


def past(count: int) -> Bars:
    column = np.ones(count)
    return Bars(MINUTE * np.arange(1, count + 1, dtype=np.int64), column, column, column, column, column, MINUTE)


def missed(state: dict[str, Any], started_ms: int) -> dict[int, list[str]]:
    known, found = split({"BTC_USDT": past(9), "ETH_USDT": past(8)}, MINUTE, state, started_ms)
    told = {at_ms // MINUTE: sorted(bars) for at_ms, bars in found}
    for symbol, bars in known.items():
        assert [at for at, symbols in told.items() if symbol in symbols] == [
            *range(len(bars) + 1, 10 if symbol == "BTC_USDT" else 9)
        ]
    return told


def test_each_symbol_goes_on_after_its_own_last_bar() -> None:
    """One was decided and the other's bar had not come: after a restart it is followed, and not left out."""
    state = {"bar_ms": 7 * MINUTE, "hands": {"BTC_USDT": {"bar_ms": 7 * MINUTE}, "ETH_USDT": {"bar_ms": 6 * MINUTE}}}
    assert missed(state, MINUTE) == {7: ["ETH_USDT"], 8: ["BTC_USDT", "ETH_USDT"], 9: ["BTC_USDT"]}


@pytest.mark.parametrize("hands", [{}, {"BTC_USDT": {"bar_ms": 5 * MINUTE}, "ETH_USDT": {"bar_ms": 0}}])
def test_before_the_first_moment_what_had_closed_at_the_start_is_known(hands: dict[str, Any]) -> None:
    assert missed({"bar_ms": 0, "hands": hands}, 8 * MINUTE + 5) == {8: ["BTC_USDT", "ETH_USDT"], 9: ["BTC_USDT"]}


def test_a_state_of_an_earlier_version_counts_for_all_symbols() -> None:
    assert missed({"bar_ms": 7 * MINUTE, "hands": {}}, MINUTE) == {8: ["BTC_USDT", "ETH_USDT"], 9: ["BTC_USDT"]}


# -- bars that are missing ----------------------------------------------------------------------------------------

ONE = TEXT.replace("[BTC_USDT, ETH_USDT]", "[BTC_USDT]").replace("name: two", "name: one")
ONE = ONE.replace("close > 0", "close > 1e9")


class Away:
    """Candles that no history gives: the exchange cannot be asked for them, or has not got them."""

    def __init__(self, problem: str = "the exchange cannot be reached") -> None:
        self.problem = problem
        self.opens: set[int] = set()
        self.asked = 0

    @contextmanager
    def hidden(self) -> Iterator[None]:
        real = History.ensure

        async def ensure(history: History, symbol: str, *more: Any, **named: Any) -> ChartSeries:
            found = await real(history, symbol, *more, **named)
            left = [candle for candle in found.candles if symbol != "BTC_USDT" or candle.open_ms not in self.opens]
            self.asked += len(left) < len(found.candles)
            return replace(found, candles=left, problem=self.problem if len(left) < len(found.candles) else "")

        with patch.object(History, "ensure", ensure):
            yield

    def drop(self, real: Tell, live: LiveBot, symbol: str, candle: Candle) -> None:
        """They do not come by the stream either, nor when its holes are filled."""
        if candle.open_ms not in self.opens:
            real(live, symbol, live.frame, candle)

    def swallow(self, count: int) -> Callable[[Tell, LiveBot, str, Candle], None]:
        """The next `count` bars of BTC_USDT do not reach the bot."""

        def tell(real: Tell, live: LiveBot, symbol: str, candle: Candle) -> None:
            if symbol == "BTC_USDT" and len(self.opens) < count and live.bot is not None:
                self.opens.add(candle.open_ms)
            else:
                real(live, symbol, live.frame, candle)

        return tell


async def lines(desk: Desk, number: int) -> list[str]:
    return [item.text for item in (await desk.ask(tc.GetFeed(bot=number, limit=200))).items]


def test_bars_that_cannot_be_fetched_are_waited_for() -> None:
    """They were skipped for good: the bot went on with indicators and time stops that had a hole."""
    away = Away()

    async def work(desk: Desk) -> None:
        live = await begin(desk, ONE, "one")
        bot, first = live.bot, live.closed_ms
        assert bot is not None
        await desk.until(lambda: away.asked > 3, 600)
        await asyncio.sleep(65)
        assert bot.shared.index == (live.closed_ms - first) // live.frame.ms
        assert live.closed_ms < min(away.opens), "what is behind the hole is not decided"
        assert bot.blocked("BTC_USDT") == "bars are missing"
        assert desk.trading.bots.row(live.stored.id).blocked == "bars of BTC_USDT are missing"
        away.opens.clear()
        await desk.until(lambda: not bot.blocked("BTC_USDT"), 30)
        await desk.until(lambda: bot.bar_ms > first + 4 * live.frame.ms, 60)
        assert live.bot is bot
        assert bot.shared.index == (bot.bar_ms - first) // live.frame.ms
        told = await lines(desk, live.stored.id)
        assert "one: waits for 3 missing bars of BTC_USDT, which the exchange cannot be asked for" in told
        assert "one: has the missing bars of BTC_USDT and goes on" in told

    with told_by(away.swallow(3)), away.hidden():
        on_desk(work)


def test_it_does_not_wait_for_ever_and_begins_anew_when_they_came() -> None:
    """Exits by rule go on after a while; entries wait, and in the end its streams have seen all bars."""
    away = Away()

    async def work(desk: Desk) -> None:
        live = await begin(desk, ONE, "one")
        bot = live.bot
        assert bot is not None
        await desk.until(lambda: len(away.opens) == 2, 300)
        await desk.until(lambda: bot.bar_ms > max(away.opens), 120 + HOLE_SECONDS)
        assert bot.blocked("BTC_USDT") == "bars are missing"
        before = bot.shared.index
        await asyncio.sleep(120)
        assert bot.shared.index == before + 2
        assert bot.blocked("BTC_USDT") == "bars are missing"
        away.opens.clear()
        await desk.until(lambda: live.bot is not bot, 60)
        assert live.bot is not None
        assert (live.bot.blocked("BTC_USDT"), live.bot.shared.index) == ("", bot.shared.index)
        told = await lines(desk, live.stored.id)
        assert [text for text in told if text.startswith("one: goes on without 2 missing bars of BTC_USDT")]
        assert "one: reads its bars anew: some of BTC_USDT came after all" in told

    with told_by(away.swallow(2)), away.hidden():
        on_desk(work)


def test_what_the_exchange_does_not_have_is_not_waited_for() -> None:
    away = Away(problem="")

    async def work(desk: Desk) -> None:
        live = await begin(desk, ONE, "one")
        bot = live.bot
        assert bot is not None
        await desk.until(lambda: bool(away.opens), 120)
        await desk.until(lambda: bot.bar_ms > max(away.opens), 75)
        assert bot.blocked("BTC_USDT") == ""
        assert not [text for text in await lines(desk, live.stored.id) if "missing" in text]

    with told_by(away.swallow(1)), away.hidden():
        on_desk(work)


def test_another_symbol_is_not_held_up() -> None:
    away = Away()

    async def work(desk: Desk) -> None:
        live = await begin(desk, TEXT.replace("close > 0", "close > 1e9"))
        bot = live.bot
        assert bot is not None
        await desk.until(lambda: away.asked > 3, 300)
        await desk.until(lambda: bot.bar_ms > max(away.opens) + live.frame.ms, 120)
        hands = bot.hands
        assert hands["BTC_USDT"].bar_ms < min(away.opens) < max(away.opens) < hands["ETH_USDT"].bar_ms
        assert (bot.blocked("BTC_USDT"), bot.blocked("ETH_USDT")) == ("bars are missing", "")
        away.opens.clear()
        await desk.until(lambda: hands["BTC_USDT"].bar_ms == hands["ETH_USDT"].bar_ms, 30)
        await desk.until(lambda: not bot.blocked("BTC_USDT"), 10)

    with told_by(away.swallow(2)), away.hidden():
        on_desk(work)


def test_a_bot_that_starts_again_does_not_leap_over_what_is_missing() -> None:
    """What lies behind the hole is not followed at the start either, and is when the hole is filled."""
    away = Away()

    async def work(desk: Desk) -> None:
        live = await begin(desk, ONE, "one")
        number, first = live.stored.id, live.closed_ms
        await desk.until(lambda: live.closed_ms == first + live.frame.ms, 120)
        await desk.lives.stop()
        away.opens = {first + 2 * live.frame.ms}
        await asyncio.sleep(180)
        await desk.lives.start()
        await desk.until(desk.works, 120)
        live = await runs(desk, number)
        assert live.bot is not None
        assert live.bot.bar_ms == first + live.frame.ms
        await asyncio.sleep(70)
        away.opens.clear()
        await desk.until(lambda: live.bot.bar_ms > first + 4 * live.frame.ms, 120)
        assert live.bot.shared.index == (live.bot.bar_ms - first) // live.frame.ms

    with told_by(away.drop), away.hidden():
        on_desk(work)


def test_a_restart_remembers_what_was_missing_in_its_past() -> None:
    """Its streams have a hole there, and enter nothing until it is filled."""
    away = Away()

    async def work(desk: Desk) -> None:
        live = await begin(desk, ONE, "one")
        number, frame_ms = live.stored.id, live.frame.ms
        await desk.until(lambda: live.bot is not None and live.bot.shared.index == 2, 200)
        assert live.bot is not None
        before = live.bot.bar_ms
        await desk.lives.stop()
        away.opens = {before - 20 * frame_ms}
        await desk.lives.start()
        await desk.until(desk.works, 120)
        live = await runs(desk, number)
        bot = live.bot
        assert bot is not None
        assert bot.blocked("BTC_USDT") == "bars are missing"
        assert bot.bar_ms >= before, "what the state knows is not followed again"
        away.opens.clear()
        await desk.until(lambda: live.bot is not bot, 60)
        assert live.bot is not None
        assert live.bot.blocked("BTC_USDT") == ""

    with away.hidden():
        on_desk(work)


def test_a_bar_whose_moment_is_over_waits_for_nobody() -> None:
    clock = FrozenClock()
    stored = SimpleNamespace(symbols=("BTC_USDT", "ETH_USDT"), timeframe="1m")
    arrivals = Arrivals(cast("Trading", SimpleNamespace(clock=clock)), cast("StoredBot", stored))
    bar = Candle(3 * MINUTE, 1, 1, 1, 1, 1, 1, 1)
    arrivals.add("BTC_USDT", bar)
    assert arrivals.due(2 * MINUTE) == 0
    clock.advance(LATE_SECONDS)
    assert arrivals.due(2 * MINUTE) == 3 * MINUTE
    arrivals._waiting.clear()
    arrivals.add("ETH_USDT", bar)
    assert arrivals.due(3 * MINUTE) == 3 * MINUTE


def test_bars_that_come_long_after_their_close_are_followed_and_not_traded() -> None:
    """They came in one burst after an outage, each in its turn, and the oldest was bought on at today's price."""
    held: list[tuple[Tell, LiveBot, str, Candle]] = []
    holding = [False]

    def tell(real: Tell, live: LiveBot, symbol: str, candle: Candle) -> None:
        if holding[0] and symbol == "BTC_USDT":
            held.append((real, live, symbol, candle))
        else:
            real(live, symbol, live.frame, candle)

    async def work(desk: Desk) -> None:
        live = await begin(desk, ONE.replace("close > 1e9", "close > 0"), "one")
        holding[0] = True
        await desk.until(lambda: len(held) == 4, 300)
        holding[0] = False
        for real, *told in held:
            real(told[0], told[1], live.frame, told[2])
        await asyncio.sleep(10)
        assert live.bot is not None
        assert live.bot.shared.index == 4
        orders = (await desk.ask(tc.ListOrders(bot=live.stored.id, open=False))).orders
        assert [order.side for order in orders] == ["BUY"]
        signals = (await desk.ask(tc.ListSignals(bot=live.stored.id))).signals
        by_age = sorted(signals, key=lambda signal: signal.latency_ms)
        assert ["BOT-MISSED" in signal.ending for signal in by_age] == [False, True, True, True]
        assert by_age[0].latency_ms < 60_000 < by_age[1].latency_ms

    with told_by(tell):
        on_desk(work)


def test_a_restart_does_not_forget_that_bars_are_missing() -> None:
    """Entries were allowed again, and what had been decided before was bought ten minutes later."""
    away = Away()
    fresh = [False]
    prices = LiveBot._prices

    def told(live: LiveBot) -> dict[str, float]:
        return {symbol: price if fresh[0] else float("nan") for symbol, price in prices(live).items()}

    async def work(desk: Desk) -> None:
        live = await begin(desk, ONE.replace("close > 1e9", "close > 0"), "one")
        bot = live.bot
        assert bot is not None
        await desk.until(lambda: bot.hands["BTC_USDT"].position.order != 0, 120)
        await desk.lives.stop()
        away.opens = {bot.bar_ms + place * live.frame.ms for place in range(1, 60)}
        fresh[0] = True
        await asyncio.sleep(600)
        await desk.lives.start()
        await desk.until(desk.works, 120)
        again = await runs(desk, live.stored.id)
        assert again.bot is not None
        assert again.bot.bar_ms == bot.bar_ms
        assert again.bot.blocked("BTC_USDT") == "bars are missing"
        assert desk.trading.bots.row(live.stored.id).blocked == "bars of BTC_USDT are missing"
        await asyncio.sleep(5)
        assert (await desk.ask(tc.ListOrders(bot=live.stored.id, open=False))).orders == []
        (signal,) = (await desk.ask(tc.ListSignals(bot=live.stored.id))).signals
        assert "BOT-MISSED" in signal.ending
        # They come without a bar that closes meanwhile.
        away.opens.clear()
        await desk.until(lambda: again.bot.bar_ms > bot.bar_ms + 8 * live.frame.ms, 10)
        assert again.bot.blocked("BTC_USDT") == ""

    with told_by(away.drop), away.hidden(), patch.object(LiveBot, "_prices", told):
        on_desk(work)


def test_a_slow_exchange_holds_up_no_other_symbol_and_no_person() -> None:
    """Each question for the missing bars stopped the whole bot for as long as the exchange took to answer."""
    away = Away()
    late: list[int] = []
    real = History.ensure

    async def slow(history: History, symbol: str, *more: Any, **named: Any) -> ChartSeries:
        found = await real(history, symbol, *more, **named)
        if symbol == "BTC_USDT" and any(candle.open_ms in away.opens for candle in found.candles):
            away.asked += 1
            await asyncio.sleep(60)
            return replace(found, candles=[c for c in found.candles if c.open_ms not in away.opens], problem="slow")
        return found

    async def work(desk: Desk) -> None:
        live = await begin(desk, TEXT.replace("close > 0", "close > 1e9"))
        bot = live.bot
        assert bot is not None
        await desk.until(lambda: away.asked > 0, 300)
        for _ in range(3):
            before = bot.hands["ETH_USDT"].bar_ms
            await desk.until(lambda before=before: bot.hands["ETH_USDT"].bar_ms > before, 120)
            late.append(desk.trading.clock.wall_ms() - bot.hands["ETH_USDT"].bar_ms - live.frame.ms)
        assert max(late) < 10_000
        assert (await desk.ask(tc.PauseBot(bot=live.stored.id))).bot.state == "paused"
        away.opens.clear()
        await desk.until(lambda: bot.hands["BTC_USDT"].bar_ms == bot.hands["ETH_USDT"].bar_ms, 120)

    with told_by(away.swallow(2)), patch.object(History, "ensure", slow):
        on_desk(work)


def test_a_bot_whose_past_cannot_be_read_begins_when_it_can() -> None:
    """Its task was given up after three tries, for an outage of minutes."""

    async def work(desk: Desk) -> None:
        desk.simulator.faults.load([Rule(kind="error", path="/markets/BTC_USDT/candles", rate=1.0, status=503)])
        # Of a timeframe that no stored candle helps with.
        await desk.ask(lc.SaveStrategy(text=ONE.replace("timeframe: 1m", "timeframe: 4h")))
        number = (await desk.ask(tc.StartBot(strategy="one", capital="1000"))).bot.id
        await asyncio.sleep(180)
        row = desk.trading.bots.row(number)
        assert row.state == "running"
        assert row.blocked.startswith("Bars of BTC_USDT cannot be had: Poloniex has a fault of its own")
        told = [text for text in await lines(desk, number) if "cannot begin" in text]
        assert len(told) == 1, "it is said once"
        desk.simulator.faults.load([])
        live = await runs(desk, number)
        await asyncio.sleep(10)
        assert desk.trading.bots.row(number).blocked == ""
        assert live.bot is not None
        assert (live.bot.shared.index, live.bot.bar_ms) == (0, 0)

    on_desk(work)
