"""A small exchange for the feed's tests: books, trades, minutes and tickers of a few symbols, and faults on demand.

It lives on the loop's time and hands its frames to the feed's stream through a connector; no socket is involved.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from polotui.model.candles import Candle, Timeframe
from polotui.model.market import Trade
from polotui.poloniex.errors import NotReached
from polotui.poloniex.sockets import SocketFailed
from tests.poloniex.virtual import LoopClock

DEPTH = 20


class Side:
    """One side of a symbol."""

    def __init__(self, symbol: str, dice: random.Random) -> None:
        self.symbol = symbol
        self.dice = dice
        self.book_id = 1000
        self.bids = {round(100 - step * 0.5, 2): 1.0 for step in range(DEPTH)}
        self.asks = {round(101 + step * 0.5, 2): 1.0 for step in range(DEPTH)}
        self.trades: deque[Trade] = deque(maxlen=5000)
        self.trade_id = 500
        self.minutes: dict[int, list[Any]] = {}


class Connection:
    """The exchange's end of one socket."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()
        self.wanted: set[tuple[str, str]] = set()
        self.deaf = False
        self.mute: set[tuple[str, str]] = set()

    async def send(self, text: str) -> None:
        if not self.deaf:
            self.exchange.hear(self, json.loads(text))

    async def receive(self, on_frame: Callable[[bytes], None]) -> None:
        while (frame := await self.frames.get()) is not None:
            on_frame(frame.encode())
        raise SocketFailed("closed by the exchange")

    async def close(self) -> None:
        self.deaf = True
        if self in self.exchange.connections:
            self.exchange.connections.remove(self)

    def say(self, frame: dict[str, Any]) -> None:
        if not self.deaf:
            self.frames.put_nowait(json.dumps(frame))


class Exchange:
    """Symbols, connections and faults. `fault` is asked for each data frame and returns the frames to send instead."""

    def __init__(self, clock: LoopClock, symbols: tuple[str, ...], seed: int = 1) -> None:
        self.clock = clock
        self.dice = random.Random(seed)
        self.sides = {symbol: Side(symbol, self.dice) for symbol in symbols}
        self.connections: list[Connection] = []
        self.requests: list[dict[str, Any]] = []
        self.rest_calls: list[tuple[float, str, str]] = []
        self.fault: Callable[[dict[str, Any]], list[dict[str, Any]]] = lambda frame: [frame]
        self.refuse = False
        self.rest_down = False
        self.rest_hides = 0
        self.closed_minutes: dict[str, dict[int, Candle]] = {symbol: {} for symbol in symbols}

    def now_ms(self) -> int:
        return self.clock.wall_ms()

    # The stream's side

    async def __call__(self, url: str) -> Connection:
        await asyncio.sleep(0.05)
        if self.refuse:
            raise SocketFailed("refused")
        connection = Connection(self)
        self.connections.append(connection)
        return connection

    def hear(self, connection: Connection, frame: dict[str, Any]) -> None:
        if frame["event"] == "ping":
            connection.say({"event": "pong"})
            return
        self.requests.append(frame)
        for channel in frame["channel"]:
            connection.say({"event": frame["event"], "channel": channel, "symbols": frame["symbols"]})
            for symbol in frame["symbols"]:
                if frame["event"] == "unsubscribe":
                    connection.wanted.discard((channel, symbol))
                    continue
                connection.wanted.add((channel, symbol))
                if channel == "book_lv2":
                    self._tell(connection, channel, symbol, self._snapshot(self.sides[symbol]), action="snapshot")
                elif channel == "ticker":
                    self._tell(connection, channel, symbol, self._ticker(self.sides[symbol]))

    def _tell(self, connection: Connection, channel: str, symbol: str, row: dict[str, Any], **more: str) -> None:
        if (channel, symbol) in connection.wanted and (channel, symbol) not in connection.mute:
            for frame in self.fault({"channel": channel, "data": [row], **more}):
                connection.say(frame)

    def _all(self, channel: str, symbol: str, row: dict[str, Any], **more: str) -> None:
        for connection in list(self.connections):
            self._tell(connection, channel, symbol, row, **more)

    # What happens

    def trade(self, symbol: str, price: float | None = None) -> Trade:
        side = self.sides[symbol]
        side.trade_id += 1
        price = price or round(100 + self.dice.random(), 2)
        trade = Trade(
            side.trade_id, self.now_ms(), price, round(self.dice.uniform(0.01, 2), 4), self.dice.random() < 0.5
        )
        side.trades.append(trade)
        row = {
            "symbol": symbol,
            "id": str(trade.id),
            "price": str(price),
            "quantity": str(trade.quantity),
            "amount": "1",
            "takerSide": "buy" if trade.buy else "sell",
            "createTime": trade.ts_ms,
            "ts": self.now_ms(),
        }
        self._all("trades", symbol, row)
        start = trade.ts_ms - trade.ts_ms % 60_000
        minute = side.minutes.setdefault(start, [price, price, price, price, 0.0, 0])
        minute[1], minute[2], minute[3] = max(minute[1], price), min(minute[2], price), price
        minute[4] = round(minute[4] + trade.quantity, 8)
        minute[5] += 1
        self._all("candles_minute_1", symbol, self._candle(symbol, start))
        return trade

    def change(self, symbol: str) -> None:
        """One book update."""
        side = self.sides[symbol]
        levels = side.bids if self.dice.random() < 0.5 else side.asks
        price = self.dice.choice(list(levels))
        quantity = 0.0 if self.dice.random() < 0.3 and len(levels) > 3 else round(self.dice.uniform(0.1, 5), 3)
        if quantity:
            levels[price] = quantity
        else:
            del levels[price]
        self._publish_change(side, levels is side.bids, price, quantity)
        if len(levels) < DEPTH // 2:
            grid = (100 - step * 0.5 if levels is side.bids else 101 + step * 0.5 for step in range(2 * DEPTH))
            fresh = next(level for level in grid if level not in levels and level != price)
            levels[fresh] = 1.0
            self._publish_change(side, levels is side.bids, fresh, 1.0)

    def _publish_change(self, side: Side, is_bid: bool, price: float, quantity: float) -> None:
        last_id = side.book_id
        side.book_id += self.dice.choice([1, 1, 1, 3, 15])
        level = [[str(price), str(quantity)]]
        row = {
            "symbol": side.symbol,
            "bids": level if is_bid else [],
            "asks": [] if is_bid else level,
            "lastId": last_id,
            "id": side.book_id,
            "createTime": self.now_ms(),
            "ts": self.now_ms(),
        }
        self._all("book_lv2", side.symbol, row, action="update")

    def tick(self, symbol: str) -> None:
        self._all("ticker", symbol, self._ticker(self.sides[symbol]))

    async def live(self, seconds: float, *, each_s: float = 0.25, symbols: tuple[str, ...] | None = None) -> None:
        """Trades, book changes and tickers for a while."""
        ends = self.clock.monotonic() + seconds
        turn = 0
        while self.clock.monotonic() < ends:
            for symbol in symbols or tuple(self.sides):
                self.change(symbol)
                if turn % 2 == 0:
                    self.trade(symbol)
                if turn % 4 == 0:
                    self.tick(symbol)
            turn += 1
            await asyncio.sleep(each_s)

    # Rows

    def _snapshot(self, side: Side) -> dict[str, Any]:
        return {
            "symbol": side.symbol,
            "bids": [[str(price), str(side.bids[price])] for price in sorted(side.bids, reverse=True)],
            "asks": [[str(price), str(side.asks[price])] for price in sorted(side.asks)],
            "lastId": side.book_id - 1,
            "id": side.book_id,
            "createTime": self.now_ms(),
            "ts": self.now_ms(),
        }

    def _ticker(self, side: Side) -> dict[str, Any]:
        last = side.trades[-1] if side.trades else None
        return {
            "symbol": side.symbol,
            "open": "100",
            "high": "102",
            "low": "99",
            "close": str(last.price if last else 100),
            "quantity": "10",
            "amount": "1000",
            "tradeCount": side.trade_id,
            "dailyChange": "0.01",
            "markPrice": "100",
            "startTime": 0,
            "closeTime": last.ts_ms if last else 0,
            "ts": self.now_ms(),
        }

    def _candle(self, symbol: str, start: int) -> dict[str, Any]:
        first, high, low, last, volume, count = self.sides[symbol].minutes[start]
        return {
            "symbol": symbol,
            "open": str(first),
            "high": str(high),
            "low": str(low),
            "close": str(last),
            "quantity": str(volume),
            "amount": "1",
            "tradeCount": count,
            "startTime": start,
            "closeTime": start + 59_999,
            "ts": self.now_ms(),
        }

    def minute(self, symbol: str, start: int, *, closed: bool) -> Candle:
        first, high, low, last, volume, count = self.sides[symbol].minutes[start]
        return Candle(start, first, high, low, last, volume, 1.0, count, closed)

    # History, as the feed asks for it

    async def trades(self, symbol: str, *, limit: int = 500) -> list[Trade]:
        await self._answer("trades", symbol)
        known = list(self.sides[symbol].trades)
        if self.rest_hides:
            known = known[: -self.rest_hides]
        return known[-limit:]

    async def candles(
        self, symbol: str, frame: Timeframe, *, start_ms: int | None = None, limit: int = 500
    ) -> list[Candle]:
        await self._answer("candles", symbol)
        starts = sorted(start for start in self.sides[symbol].minutes if start >= (start_ms or 0))
        return [self.minute(symbol, start, closed=True) for start in starts][-limit:]

    async def _answer(self, what: str, symbol: str) -> None:
        self.rest_calls.append((self.clock.monotonic(), what, symbol))
        await asyncio.sleep(0.08)
        if self.rest_down:
            raise NotReached(what, "down")

    async def keep_time(self) -> None: ...

    def exchange_ms(self) -> int | None:
        return self.now_ms()
