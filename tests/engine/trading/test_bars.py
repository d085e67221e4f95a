"""Bars that reach a running bot late, twice or not at all: its moments stay those of the market."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from polotui.api import lab_commands as lc
from polotui.api import trade_commands as tc
from polotui.engine.trading.livebot import LiveBot
from polotui.model.candles import Candle, Timeframe
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

    def six_seconds_late(real: Tell, live: LiveBot, symbol: str, candle: Candle) -> None:
        if symbol == "ETH_USDT":
            asyncio.get_running_loop().call_later(6, real, live, symbol, live.frame, candle)
        else:
            real(live, symbol, live.frame, candle)

    async def work(desk: Desk) -> None:
        live = await begin(desk)
        assert live.bot is not None
        bot, first = live.bot, live.closed_ms
        for _ in range(10):
            before = bot.bar_ms
            await desk.until(lambda before=before: bot.bar_ms > before, 120)
            await desk.until(lambda: live._last_bar["ETH_USDT"] == bot.bar_ms, 30)
            assert bot.shared.index <= (bot.bar_ms - first) // live.frame.ms
        orders = (await desk.ask(tc.ListOrders(bot=live.stored.id, open=False))).orders
        assert {order.symbol for order in orders} == {"BTC_USDT"}
        signals = (await desk.ask(tc.ListSignals(bot=live.stored.id, symbol="ETH_USDT", limit=50))).signals
        assert signals
        assert all("BOT-MISSED" in signal.ending for signal in signals)
        (trade,) = (await desk.ask(tc.ListTrades(bot=live.stored.id))).trades[:1]
        assert trade.reason == "time"
        assert trade.exit_ms - trade.entry_ms > 4.8 * live.frame.ms

    with told_by(six_seconds_late):
        on_desk(work)
