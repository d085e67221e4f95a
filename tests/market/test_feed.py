"""The feed against a small exchange with faults, under virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from polotui.core.ids import Chance
from polotui.market.book import Applied, GapCheck, OrderBook
from polotui.market.feed import BOOK, TICKER, TRADES, MarketFeed
from polotui.market.state import FeedState
from polotui.market.trade_log import TradeLog
from polotui.model.candles import Candle
from polotui.model.market import Ticker, Trade
from tests.market.exchange import Exchange
from tests.poloniex.virtual import LoopClock, run

SYMBOLS = ("BTC_USDT", "ETH_USDT")


class Listener:
    """Keeps what the feed told."""

    def __init__(self) -> None:
        self.tickers: list[Ticker] = []
        self.trades: dict[str, list[Trade]] = {symbol: [] for symbol in SYMBOLS}
        self.candles: dict[str, list[Candle]] = {symbol: [] for symbol in SYMBOLS}
        self.states: list[FeedState] = []
        self.books = 0

    def on_ticker(self, ticker: Ticker) -> None:
        self.tickers.append(ticker)

    def on_trades(self, symbol: str, trades: list[Trade]) -> None:
        self.trades[symbol].extend(trades)

    def on_book(self, symbol: str) -> None:
        self.books += 1

    def on_candle(self, symbol: str, candle: Candle) -> None:
        self.candles[symbol].append(candle)

    def on_feed_state(self, state: FeedState) -> None:
        self.states.append(state)


class Stage:
    """An exchange, a feed and its listener."""

    def __init__(self, seed: int = 1, feed: type[MarketFeed] = MarketFeed) -> None:
        self.clock = LoopClock()
        self.exchange = Exchange(self.clock, SYMBOLS, seed)
        self.listener = Listener()
        self.feed = feed(
            self.exchange,
            self.listener,
            clock=self.clock,
            chance=Chance(seed),
            connector=self.exchange,
            symbols=SYMBOLS,
        )

    async def until(self, true: Callable[[], object], within_s: float = 60.0) -> float:
        """Seconds until `true()` held, looked at each 10 ms of virtual time."""
        started = self.clock.monotonic()
        while not true():
            assert self.clock.monotonic() - started < within_s, "it never happened"
            await asyncio.sleep(0.01)
        return self.clock.monotonic() - started

    def is_live(self) -> bool:
        return self.feed.state().phase == "live"

    def check_whole(self) -> None:
        """What the feed tells equals what the exchange did."""
        for symbol, side in self.exchange.sides.items():
            book = self.feed.book(symbol)
            assert book is not None
            assert book.ready
            assert book.id == side.book_id
            view = book.view(100)
            assert dict(view.bids) == side.bids
            assert dict(view.asks) == side.asks
            assert view.bids == sorted(view.bids, reverse=True)
            told = self.listener.trades[symbol]
            assert told == [trade for trade in side.trades if trade.id >= told[0].id]
            assert sum(trade.quantity for trade in told) == pytest.approx(
                sum(trade.quantity for trade in side.trades if trade.id >= told[0].id)
            )


@asynccontextmanager
async def staged(seed: int = 1, feed: type[MarketFeed] = MarketFeed) -> AsyncIterator[Stage]:
    stage = Stage(seed, feed)
    task = asyncio.create_task(stage.feed.run())
    try:
        yield stage
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert stage.feed.state().phase == "closed"


def test_live_is_said_after_the_books_and_the_missed_trades() -> None:
    async def main() -> None:
        async with staged() as stage:
            for _ in range(30):
                stage.exchange.trade("BTC_USDT")
            stage.exchange.rest_down = True
            await asyncio.sleep(3)
            assert stage.feed.book("BTC_USDT").ready  # type: ignore[union-attr]
            assert stage.feed.state().phase == "backfilling"
            assert not stage.feed.fresh("BTC_USDT")
            stage.exchange.rest_down = False
            await stage.until(stage.is_live)
            assert stage.feed.fresh("BTC_USDT")
            assert [trade.id for trade in stage.listener.trades["BTC_USDT"]] == list(range(501, 531))
            phases = [state.symbols["BTC_USDT"] for state in stage.listener.states]
            assert sorted(set(phases), key=phases.index) == ["connecting", "backfilling", "live"]

    run(main())


def test_live_waits_for_the_book_too() -> None:
    async def main() -> None:
        async with staged() as stage:
            stage.exchange.fault = lambda frame: [] if frame["channel"] == BOOK else [frame]
            await asyncio.sleep(1)
            assert stage.feed.state().phase == "backfilling"
            stage.exchange.fault = lambda frame: [frame]
            await stage.until(stage.is_live, 20)

    run(main())


def test_a_quiet_minute_of_market_is_told_exactly() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            await stage.exchange.live(150)
            stage.check_whole()
            counters = stage.feed.state().counters
            assert (counters.book_gaps, counters.trade_gaps, counters.duplicates, counters.malformed) == (0, 0, 0, 0)
            assert stage.feed.state().stale == ()
            closed = [candle for candle in stage.listener.candles["BTC_USDT"] if candle.closed]
            assert len(closed) >= 2
            assert closed == [stage.exchange.minute("BTC_USDT", candle.open_ms, closed=True) for candle in closed]

    run(main())


def damage(dice: random.Random, rate: float) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    """Loses, doubles, swaps and spoils data frames."""
    held: list[dict[str, Any]] = []

    def fault(frame: dict[str, Any]) -> list[dict[str, Any]]:
        if held:
            return [frame, held.pop()]
        draw = dice.random()
        if draw < rate:
            return []
        if draw < 2 * rate:
            return [frame, frame]
        if draw < 3 * rate:
            held.append(frame)
            return []
        if draw < 4 * rate:
            return [{"channel": frame["channel"], "data": [{**frame["data"][0], "symbol": 7}]}]
        return [frame]

    return fault


@pytest.mark.parametrize("seed", range(6))
def test_losses_repeats_swaps_and_damage_are_repaired(seed: int) -> None:
    async def main() -> None:
        async with staged(seed) as stage:
            await stage.until(stage.is_live)
            stage.exchange.fault = damage(random.Random(seed), 0.01)
            await stage.exchange.live(240, each_s=0.1)
            stage.exchange.fault = lambda frame: [frame]
            await stage.exchange.live(20, each_s=0.1)
            await asyncio.sleep(2)
            stage.check_whole()
            state = stage.feed.state()
            assert state.phase == "live"
            assert min(state.counters.book_gaps, state.counters.trade_gaps, state.counters.malformed) > 5
            assert state.counters.trades_lost == 0
            assert state.counters.resync_ms_worst <= 3_500

    run(main())


def test_a_hole_in_one_book_renews_only_that_book() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            stage.exchange.requests.clear()
            stage.exchange.fault = lambda frame: []
            stage.exchange.change("BTC_USDT")
            stage.exchange.fault = lambda frame: [frame]
            stage.exchange.change("BTC_USDT")
            await asyncio.sleep(0.005)
            assert stage.exchange.requests == [
                {"event": "unsubscribe", "channel": [BOOK], "symbols": ["BTC_USDT"]},
                {"event": "subscribe", "channel": [BOOK], "symbols": ["BTC_USDT"]},
            ]
            await asyncio.sleep(0.1)
            assert stage.feed.book("BTC_USDT").ready  # type: ignore[union-attr]
            assert stage.feed.fresh("ETH_USDT")
            counters = stage.feed.state().counters
            assert (counters.book_gaps, counters.resyncs) == (1, 1)

    run(main())


def test_while_a_book_waits_for_its_snapshot_it_is_stale() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            stage.exchange.fault = lambda frame: []
            stage.exchange.change("BTC_USDT")
            stage.exchange.fault = lambda frame: [frame] if frame.get("action") != "snapshot" else []
            stage.exchange.change("BTC_USDT")
            await asyncio.sleep(0.5)
            assert not stage.feed.fresh("BTC_USDT")
            assert (BOOK, "BTC_USDT") in [(stale.channel, stale.symbol) for stale in stage.feed.state().stale]
            stage.exchange.fault = lambda frame: [frame]
            took = await stage.until(lambda: stage.feed.fresh("BTC_USDT"), 10)
            assert took <= 3.5

    run(main())


def test_after_a_reconnection_trades_and_minutes_have_no_hole() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            await stage.exchange.live(100)
            stage.exchange.refuse = True
            for connection in list(stage.exchange.connections):
                connection.frames.put_nowait(None)
            await asyncio.sleep(0.1)
            assert stage.feed.state().phase == "connecting"
            assert not stage.feed.fresh("BTC_USDT")
            await stage.exchange.live(150)
            stage.exchange.refuse = False
            await stage.until(stage.is_live)
            await stage.exchange.live(130)
            await asyncio.sleep(1)
            stage.check_whole()
            for symbol in SYMBOLS:
                closed = [candle for candle in stage.listener.candles[symbol] if candle.closed]
                starts = [candle.open_ms for candle in closed]
                assert starts == list(range(starts[0], starts[0] + 60_000 * len(starts), 60_000))
                assert len(starts) >= 5
                assert closed == [stage.exchange.minute(symbol, start, closed=True) for start in starts]
            assert stage.feed.state().reconnects == 1
            assert stage.feed.state().counters.trades_lost == 0

    run(main())


def test_more_missed_trades_than_rest_keeps_are_counted_as_lost() -> None:
    async def main() -> None:
        async with staged() as stage:
            stage.exchange.trade("BTC_USDT")
            await stage.until(stage.is_live)
            stage.exchange.fault = lambda frame: []
            for _ in range(1500):
                stage.exchange.trade("BTC_USDT")
            stage.exchange.fault = lambda frame: [frame]
            stage.exchange.trade("BTC_USDT")
            await asyncio.sleep(5)
            state = stage.feed.state()
            assert state.counters.trades_lost == 501
            told = stage.listener.trades["BTC_USDT"]
            assert len(told) == 1001
            assert len({trade.id for trade in told}) == 1001

    run(main())


def test_a_rest_answer_that_lags_behind_the_stream_is_asked_for_again() -> None:
    async def main() -> None:
        async with staged() as stage:
            stage.exchange.trade("BTC_USDT")
            await stage.until(stage.is_live)
            stage.exchange.rest_hides = 3
            stage.exchange.fault = lambda frame: []
            stage.exchange.trade("BTC_USDT")
            stage.exchange.fault = lambda frame: [frame]
            stage.exchange.trade("BTC_USDT")
            await asyncio.sleep(0.6)
            stage.exchange.rest_hides = 0
            await asyncio.sleep(3)
            assert [trade.id for trade in stage.listener.trades["BTC_USDT"]] == [501, 502, 503]
            assert stage.feed.state().counters.trades_lost == 0

    run(main())


def test_a_half_open_connection_is_left_and_the_market_is_whole_again() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            await stage.exchange.live(20)
            stage.exchange.connections[0].deaf = True
            broke = stage.clock.monotonic()
            living = asyncio.create_task(stage.exchange.live(60))
            await stage.until(lambda: stage.feed.state().phase != "live")
            assert stage.clock.monotonic() - broke <= 15
            await stage.until(stage.is_live)
            assert stage.clock.monotonic() - broke <= 20
            await living
            await asyncio.sleep(1)
            stage.check_whole()

    run(main())


@pytest.mark.parametrize("channel", [TICKER, BOOK, TRADES])
def test_one_silent_channel_of_one_symbol_is_noticed_and_renewed_alone(channel: str) -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            await stage.exchange.live(60)
            stage.exchange.requests.clear()
            connection = stage.exchange.connections[0]
            connection.mute.add((channel, "BTC_USDT"))
            living = asyncio.create_task(stage.exchange.live(40))
            took = await stage.until(lambda: stage.feed.state().stale)
            assert took <= 7
            assert {(stale.channel, stale.symbol) for stale in stage.feed.state().stale} == {(channel, "BTC_USDT")}
            assert not stage.feed.fresh("BTC_USDT", channel)
            assert stage.feed.fresh("ETH_USDT", channel)
            await asyncio.sleep(1.1)
            assert {(frame["channel"][0], *frame["symbols"]) for frame in stage.exchange.requests} == {
                (channel, "BTC_USDT")
            }
            connection.mute.clear()
            await stage.until(lambda: stage.feed.fresh("BTC_USDT", channel))
            await living
            await asyncio.sleep(2)
            stage.check_whole()
            assert stage.feed.state().reconnects == 0

    run(main())


def test_a_book_that_stays_silent_after_several_renewals_ends_the_connection() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            await stage.exchange.live(60)
            stage.exchange.connections[0].mute.add((BOOK, "BTC_USDT"))
            await stage.exchange.live(60)
            await stage.until(stage.is_live)
            assert stage.feed.state().reconnects == 1
            assert any("stays silent" in state.reason for state in stage.listener.states)

    run(main())


def test_a_dead_trades_channel_of_a_quiet_symbol_is_betrayed_by_the_ticker() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            stage.exchange.connections[0].mute.add((TRADES, "BTC_USDT"))
            for turn in range(60):
                if turn == 30:
                    stage.exchange.trade("BTC_USDT")
                for symbol in SYMBOLS:
                    stage.exchange.tick(symbol)
                await asyncio.sleep(1)
            assert [trade.id for trade in stage.listener.trades["BTC_USDT"]] == [501]
            renewed = [frame for frame in stage.exchange.requests[4:] if frame["channel"] == [TRADES]]
            assert {symbol for frame in renewed for symbol in frame["symbols"]} == {"BTC_USDT"}

    run(main())


def test_a_quiet_market_with_a_ticker_is_never_stale_and_only_its_books_are_asked_for_again() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            asked = len(stage.exchange.requests)
            for _ in range(300):
                for symbol in SYMBOLS:
                    stage.exchange.tick(symbol)
                await asyncio.sleep(1)
            assert stage.feed.state().stale == ()
            assert all(stage.feed.fresh(symbol) for symbol in SYMBOLS)
            again = stage.exchange.requests[asked:]
            assert {channel for frame in again for channel in frame["channel"]} == {"book_lv2"}
            # Every 20 s and a bit, each an unsubscribe and a subscribe, for two symbols.
            assert len(again) <= 300 // 20 * 4

    run(main())


def test_data_that_arrives_late_is_stale() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)

            def old(frame: dict[str, Any]) -> list[dict[str, Any]]:
                return [{**frame, "data": [{**frame["data"][0], "ts": frame["data"][0]["ts"] - 6_000}]}]

            stage.exchange.fault = old
            stage.exchange.change("BTC_USDT")
            await asyncio.sleep(0.01)
            assert not stage.feed.fresh("BTC_USDT")
            assert any("late" in stale.why for stale in stage.feed.state().stale)
            stage.exchange.fault = lambda frame: [frame]
            stage.exchange.change("BTC_USDT")
            await asyncio.sleep(0.01)
            assert stage.feed.fresh("BTC_USDT")

    run(main())


def test_wanted_symbols_come_and_go() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            stage.feed.want(["ETH_USDT"])
            assert stage.feed.book("BTC_USDT") is None
            await asyncio.sleep(0.1)
            told = len(stage.listener.trades["BTC_USDT"])
            await stage.exchange.live(5)
            assert len(stage.listener.trades["BTC_USDT"]) == told
            assert {symbol for _, symbol in stage.exchange.connections[0].wanted} == {"ETH_USDT"}
            stage.feed.want(SYMBOLS)
            assert stage.feed.state().phase == "connecting"
            await stage.until(stage.is_live)
            assert stage.feed.fresh("BTC_USDT")

    run(main())


# Planted defects: each shows that the checks above bite.


class BlindCheck(GapCheck):
    def judge(self, book_id: int, last_id: int, new_id: int) -> Applied:
        return Applied.APPLIED


class NoGapCheck(MarketFeed):
    def make_book(self, symbol: str) -> OrderBook:
        return OrderBook(symbol, BlindCheck())


class MaxIdLog(TradeLog):
    def add(self, trade: Trade) -> list[Trade]:
        if self._high is not None and trade.id > self._high:
            self._high = trade.id
            return [trade]
        return super().add(trade)


class MaxId(MarketFeed):
    def make_trade_log(self) -> TradeLog:
        return MaxIdLog()


class EchoLog(TradeLog):
    def is_duplicate(self, trade: Trade) -> bool:
        return False

    def add(self, trade: Trade) -> list[Trade]:
        return [trade] if self._high is not None and trade.id <= self._high else super().add(trade)


class NoDedupe(MarketFeed):
    def make_trade_log(self) -> TradeLog:
        return EchoLog()


@pytest.mark.parametrize("defect", [NoGapCheck, MaxId, NoDedupe])
def test_a_planted_defect_is_noticed(defect: type[MarketFeed]) -> None:
    async def main() -> None:
        async with staged(3, defect) as stage:
            await stage.until(stage.is_live)
            stage.exchange.fault = damage(random.Random(3), 0.01)
            await stage.exchange.live(240, each_s=0.1)
            stage.exchange.fault = lambda frame: [frame]
            await stage.exchange.live(20, each_s=0.1)
            await asyncio.sleep(2)
            with pytest.raises(AssertionError):
                stage.check_whole()

    run(main())


def test_a_defect_in_the_listener_ends_the_feed() -> None:
    async def main() -> None:
        stage = Stage()
        task = asyncio.create_task(stage.feed.run())
        await stage.until(stage.is_live)

        def broken(symbol: str) -> None:
            raise KeyError("a defect")

        stage.listener.on_book = broken  # type: ignore[method-assign]
        stage.exchange.change("BTC_USDT")
        with pytest.raises(ExceptionGroup) as caught:
            await task
        assert caught.value.subgroup(KeyError) is not None
        assert stage.feed.state().phase == "closed"

    run(main())


def test_what_is_kept_can_be_asked_for_and_strangers_are_ignored() -> None:
    async def main() -> None:
        async with staged() as stage:
            await stage.until(stage.is_live)
            stage.exchange.tick("BTC_USDT")
            stage.exchange.trade("BTC_USDT")
            await asyncio.sleep(0.01)
            feed = stage.feed
            assert feed.ticker("BTC_USDT").last == 100  # type: ignore[union-attr]
            assert feed.trades("BTC_USDT").high_water() == 501  # type: ignore[union-attr]
            assert feed.forming("BTC_USDT").trades == 1  # type: ignore[union-attr]
            assert feed.symbols() == SYMBOLS
            assert (feed.ticker("X_Y"), feed.trades("X_Y"), feed.book("X_Y"), feed.forming("X_Y")) == (None,) * 4
            assert not feed.fresh("X_Y")
            stage.exchange.connections[0].say({"event": "error", "message": "no valid symbols"})
            await asyncio.sleep(0.01)
            assert feed.state().counters.errors == 1
            assert feed.state().reason == "no valid symbols"

    run(main())
