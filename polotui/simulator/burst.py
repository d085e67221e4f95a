"""As many updates as a socket takes, for benchmarks.

Decided here: a burst makes real changes: it resizes background quotes inside the published window, or prints
tiny trades, and publishes each through the ordinary path, so a client's book stays right. It works in
slices and pauses while any subscriber's send buffer is full, so nothing is lost and memory stays bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polotui.core.ids import Chance
from polotui.simulator.exchange import Exchange, Later, Timer
from polotui.simulator.market import Market
from polotui.simulator.matching import BUY

if TYPE_CHECKING:
    from polotui.simulator.streams import Streams

_SLICE = 200
_PAUSE = 0.0005


class Burst:
    """One running burst; a new one replaces it."""

    def __init__(self, exchange: Exchange, streams: Streams, chance: Chance, later: Later) -> None:
        self._exchange = exchange
        self._streams = streams
        self._later = later
        self._rng = chance.child("burst").generator()
        self._timer: Timer | None = None
        self.left = 0
        self.done = 0

    def start(self, market: Market, channel: str, messages: int) -> None:
        self.stop()
        self.left, self.done = messages, 0
        self._timer = self._later(0.0, lambda: self._slice(market, channel))

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _slice(self, market: Market, channel: str) -> None:
        self._timer = None
        if self._streams.all_writable(channel, market.symbol):
            step = self._resize if channel == "book_lv2" else self._print
            listeners = self._streams.listeners(channel, market.symbol)
            for socket in listeners:
                socket.hold()
            for _ in range(min(_SLICE, self.left)):
                step(market)
                self.left -= 1
                self.done += 1
            for socket in listeners:
                socket.release()
        if self.left > 0:
            self._timer = self._later(_PAUSE, lambda: self._slice(market, channel))

    def _resize(self, market: Market) -> None:
        draw = self._rng.random()
        side = int(draw * 2)
        window = market.window[side]
        if window:
            price = window[int(draw * 7919) % len(window)][0]
            level = market.book.levels[side].get(price)
            if level is not None:
                for order in level.queue.values():
                    if order.order is None:
                        market.book.resize(order, max(1, order.left + (1 if order.left % 2 else -1)))
                        break
        self._exchange.publish(market)

    def _print(self, market: Market) -> None:
        trade = market.print_trade(market.last_price, 1, BUY, self._exchange.time.now_ms())
        self._streams.traded(market, trade)
