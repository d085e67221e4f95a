"""Who gets which frame: subscriptions, acknowledgements and the encoding of every channel.

Decided here: a frame is encoded once, and only when somebody listens; its bytes go to every subscriber. Every data
frame carries exactly one element. Acknowledgements come one per channel, before any data of the same request.
Prices are padded in snapshots and bare in updates, as the real exchange mixes both. `ts` is a few milliseconds
after the event. Faults are asked only when a plan is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from polotui.simulator import shapes
from polotui.simulator.accounts import Account
from polotui.simulator.candles import INTERVALS, Candle, bucket_start
from polotui.simulator.exchange import Exchange, Later, Timer, Watcher
from polotui.simulator.market import BookChange, Market, Trade
from polotui.simulator.orders import Order
from polotui.simulator.socket import Socket, text_frame

if TYPE_CHECKING:
    from polotui.simulator.faults import Faults

encode = msgspec.json.Encoder().encode
CANDLE_CHANNELS = {f"candles_{interval.lower()}": interval for interval in INTERVALS}
_SYMBOL_CHANNELS = frozenset({"trades", "ticker", "book", "book_lv2", "symbols", *CANDLE_CHANNELS})
PUBLIC_CHANNELS = _SYMBOL_CHANNELS | {"currencies", "exchange"}
PRIVATE_CHANNELS = frozenset({"orders", "balances"})
ALL = "all"


class Streams(Watcher):
    """Turns what happens into frames."""

    def __init__(self, exchange: Exchange, faults: Faults, later: Later) -> None:
        self.exchange = exchange
        self._faults = faults
        self._later = later
        self._topics: dict[tuple[str, str], dict[Socket, None]] = {}
        self._candles: dict[tuple[str, str], Candle] = {}
        self._ticker_timer: Timer | None = None
        self.frames = 0
        self.on_private: Callable[[], None] | None = None
        exchange.watcher = self

    # Subscribing

    def subscribe(self, socket: Socket, channel: str, names: list[str]) -> list[str]:
        """Adds a socket to a channel; returns the concrete names it now gets."""
        concrete = list(self.exchange.markets) if ALL in names and channel in _SYMBOL_CHANNELS else names
        for name in concrete:
            self._topics.setdefault((channel, name), {})[socket] = None
            socket.topics[channel].add(name)
        if channel == "ticker":
            self._arm_ticker()
        return concrete

    def unsubscribe(self, socket: Socket, channel: str, names: list[str]) -> None:
        mine = socket.topics.get(channel, set())
        for name in list(mine) if ALL in names or not names else names:
            mine.discard(name)
            listeners = self._topics.get((channel, name))
            if listeners is not None:
                listeners.pop(socket, None)
                if not listeners:
                    del self._topics[(channel, name)]
                    if channel in CANDLE_CHANNELS:
                        self._candles.pop((channel, name), None)
        if not mine:
            socket.topics.pop(channel, None)

    def forget(self, socket: Socket) -> None:
        for channel in list(socket.topics):
            self.unsubscribe(socket, channel, [])

    def all_writable(self, channel: str, symbol: str) -> bool:
        """Whether every listener's send buffer has room."""
        return all(socket.writable for socket in self._topics.get((channel, symbol), ()))

    def listeners(self, channel: str, symbol: str) -> list[Socket]:
        return list(self._topics.get((channel, symbol), ()))

    def has_listeners(self, channel: str, symbol: str) -> bool:
        """Whether anybody is subscribed; private channels know `all` and, for balances, an empty name."""
        return bool(self._topics.get((channel, symbol)))

    def stop(self) -> None:
        if self._ticker_timer is not None:
            self._ticker_timer.cancel()
            self._ticker_timer = None

    # First data after a subscription

    def greet(self, socket: Socket, channel: str, names: Iterable[str]) -> None:
        """What a channel sends right after its acknowledgement."""
        now = self.exchange.time.now_ms()
        if channel == "exchange":
            self._to(socket, channel, "", shapes.exchange_row(self.exchange), action="snapshot")
        elif channel == "currencies":
            for row in shapes.currency_stream_rows(self.exchange, set(names)):
                self._to(socket, channel, "", row, action="snapshot")
        elif channel in _SYMBOL_CHANNELS:
            for name in names:
                market = self.exchange.markets[name]
                if channel == "book_lv2":
                    self._to(socket, channel, name, shapes.book_snapshot(market, now), action="snapshot")
                elif channel == "book":
                    self._to(socket, channel, name, shapes.book_row(market, socket.depth, now))
                elif channel == "ticker":
                    self._to(socket, channel, name, shapes.ticker_stream_row(market, now))
                elif channel == "symbols":
                    self._to(socket, channel, name, shapes.symbol_stream_row(market), action="snapshot")

    # What happened

    def traded(self, market: Market, trade: Trade) -> None:
        symbol = market.spec.symbol
        topics = self._topics
        listeners = topics.get(("trades", symbol))
        if listeners:
            self._fan("trades", symbol, listeners, shapes.trade_stream_row(market.spec, trade))
        for channel, interval in CANDLE_CHANNELS.items():
            listeners = topics.get((channel, symbol))
            if listeners:
                candle = self._running_candle(channel, interval, market, trade)
                row = shapes.candle_stream_row(market.spec, interval, candle, trade.created_ms)
                self._fan(channel, symbol, listeners, row)

    def _running_candle(self, channel: str, interval: str, market: Market, trade: Trade) -> Candle:
        key = (channel, market.spec.symbol)
        candle = self._candles.get(key)
        start = bucket_start(interval, trade.created_ms)
        if candle is None or candle.start != start:
            candle = market.running(interval, trade.created_ms) or Candle.at(start, trade.price)
            self._candles[key] = candle
        else:
            candle.trade(trade.price, trade.quantity, trade.taker_side == 0)
        return candle

    def book_changed(self, market: Market, change: BookChange) -> None:
        symbol = market.spec.symbol
        listeners = self._topics.get(("book_lv2", symbol))
        if listeners:
            row = shapes.book_change_row(market.spec, change)
            self._fan("book_lv2", symbol, listeners, row, action="update")
        listeners = self._topics.get(("book", symbol))
        if listeners:
            for depth in {socket.depth for socket in listeners}:
                row = shapes.book_row(market, depth, change.created_ms)
                group = {socket: None for socket in listeners if socket.depth == depth}
                self._fan("book", symbol, group, row)

    def book_replaced(self, market: Market) -> None:
        """An unsolicited snapshot to everybody, as after a resynchronisation."""
        listeners = self._topics.get(("book_lv2", market.symbol))
        if listeners:
            row = shapes.book_snapshot(market, self.exchange.time.now_ms())
            self._fan("book_lv2", market.symbol, listeners, row, action="snapshot")

    def order_event(self, order: Order, event: dict[str, object]) -> None:
        for name in (order.spec.symbol, ALL):
            listeners = self._topics.get(("orders", name))
            if listeners:
                mine = {socket: None for socket in listeners if socket.account is order.account}
                if name == ALL:
                    mine = {socket: None for socket in mine if order.spec.symbol not in socket.topics["orders"]}
                self._fan("orders", order.spec.symbol, mine, event)

    def balance_changed(self, account: Account, currency: str, event: str) -> None:
        listeners = self._topics.get(("balances", ""))
        if listeners:
            mine = {socket: None for socket in listeners if socket.account is account}
            now = self.exchange.time.now_ms()
            row = shapes.balance_stream_row(account, currency, event, self.exchange.next_id(), now)
            self._fan("balances", "", mine, row)

    def market_changed(self, market: Market) -> None:
        listeners = self._topics.get(("symbols", market.symbol))
        if listeners:
            self._fan("symbols", market.symbol, listeners, shapes.symbol_stream_row(market), action="update")

    def mode_changed(self) -> None:
        listeners = self._topics.get(("exchange", ""))
        if listeners:
            self._fan("exchange", "", listeners, shapes.exchange_row(self.exchange), action="update")

    def _arm_ticker(self) -> None:
        if self._ticker_timer is None:
            self._ticker_timer = self._later(1.0, self._tick)

    def _tick(self) -> None:
        self._ticker_timer = None
        now = self.exchange.time.now_ms()
        heard = False
        for symbol, market in self.exchange.markets.items():
            listeners = self._topics.get(("ticker", symbol))
            if listeners:
                heard = True
                self._fan("ticker", symbol, listeners, shapes.ticker_stream_row(market, now))
        if heard:
            self._arm_ticker()

    # Sending

    def _to(self, socket: Socket, channel: str, symbol: str, row: object, *, action: str = "") -> None:
        self._fan(channel, symbol, {socket: None}, row, action=action)

    def _fan(self, channel: str, symbol: str, listeners: dict[Socket, None], row: object, *, action: str = "") -> None:
        if not listeners:
            return
        message: dict[str, object] = {"channel": channel, "data": [row]}
        if action:
            message["action"] = action
        frame = text_frame(encode(message))
        self.frames += len(listeners)
        if self._faults.has_frame_rules:
            for socket in list(listeners):
                self._faults.pass_frame(socket, channel, symbol, frame)
            return
        for socket in list(listeners):
            socket.send(frame)
