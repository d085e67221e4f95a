"""The feed over real sockets: websockets and HTTP on loopback, with the REST client as its history."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.market.feed import FeedSettings, MarketFeed
from polotui.model.market import Trade
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.streams import StreamSettings
from tests.market.exchange import Exchange
from tests.market.test_feed import SYMBOLS, Listener
from tests.poloniex.peers import Asked, as_json, http_peer
from tests.poloniex.test_stream_wire import FRAMES, mutate


def _row(trade: Trade) -> dict[str, object]:
    return {
        "id": str(trade.id),
        "price": str(trade.price),
        "quantity": str(trade.quantity),
        "takerSide": "BUY" if trade.buy else "SELL",
        "createTime": trade.ts_ms,
        "ts": trade.ts_ms,
    }


class Watching(Listener):
    """A listener on which a test can wait."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    def on_feed_state(self, state: object) -> None:
        super().on_feed_state(state)  # type: ignore[arg-type]
        self.changed.set()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not true():
                self.changed.clear()
                await self.changed.wait()


def _serving(exchange: Exchange, open_sockets: list[ServerConnection]) -> Callable[[ServerConnection], Awaitable[None]]:
    async def serve_one(socket: ServerConnection) -> None:
        open_sockets.append(socket)
        connection = await exchange("")

        async def forward() -> None:
            while (frame := await connection.frames.get()) is not None:
                await socket.send(frame)

        task = asyncio.create_task(forward())
        try:
            async for text in socket:
                await connection.send(str(text))
        except ConnectionClosed:
            pass
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await connection.close()

    return serve_one


async def test_a_broken_connection_and_five_thousand_damaged_frames_leave_the_market_whole() -> None:
    exchange = Exchange(SystemClock(), SYMBOLS)  # type: ignore[arg-type]
    sockets: list[ServerConnection] = []

    async def answer(asked: Asked) -> bytes:
        if asked.path == "/timestamp":
            return as_json({"serverTime": exchange.now_ms()})
        symbol = asked.path.split("/")[2]
        if asked.path.endswith("/candles"):
            return b"[]"
        return as_json([_row(trade) for trade in reversed(exchange.sides[symbol].trades)])

    async with http_peer(answer) as peer, serve(_serving(exchange, sockets), "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/public"
        rest = SpotRest(clock=SystemClock(), chance=Chance(1), base_url=peer.url)
        listener = Watching()
        settings = FeedSettings(look_s=0.05, stream=StreamSettings(base_s=0.01))
        feed = MarketFeed(
            rest, listener, clock=SystemClock(), chance=Chance(2), url=url, symbols=SYMBOLS, settings=settings
        )
        task = asyncio.create_task(feed.run())
        exchange.trade("BTC_USDT")
        await listener.until(lambda: feed.state().phase == "live")

        def happen(times: int) -> None:
            for _ in range(times):
                for symbol in SYMBOLS:
                    exchange.change(symbol)
                    exchange.trade(symbol)

        happen(50)
        sockets[0].transport.abort()
        happen(50)
        await listener.until(lambda: feed.state().reconnects == 1 and feed.state().phase == "live")
        happen(50)
        dice = random.Random(5)
        damaged = [mutate(dice.choice(FRAMES), dice) for _ in range(5_000)]
        for frame in damaged:
            feed.stream._on_frame(frame)
        assert feed.stream.counters.malformed > 2_000
        happen(50)
        exchange.change("BTC_USDT")
        await listener.until(
            lambda: all(
                feed.fresh(symbol) and feed.book(symbol).id == side.book_id and len(listener.trades[symbol]) >= 200  # type: ignore[union-attr]
                for symbol, side in exchange.sides.items()
            )
        )
        for symbol, side in exchange.sides.items():
            view = feed.book(symbol).view(100)  # type: ignore[union-attr]
            assert dict(view.bids) == side.bids
            assert dict(view.asks) == side.asks
        assert [trade for trade in listener.trades["ETH_USDT"] if trade.id <= 700] == list(
            exchange.sides["ETH_USDT"].trades
        )
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await rest.close()
