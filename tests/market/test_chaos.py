"""Nine minutes of market with drawn faults, then peace: everything that was told must equal what happened.

`POLOTUI_SEEDS` runs more of them (`POLOTUI_SEEDS=200 pytest tests/market/test_chaos.py`).
"""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from polotui.market.feed import BOOK, CANDLES, TICKER, TRADES
from tests.market.exchange import Exchange
from tests.market.test_feed import SYMBOLS, Stage, damage, staged
from tests.poloniex.virtual import run

SEEDS = int(os.environ.get("POLOTUI_SEEDS", "8"))
KINDS = ("deaf", "close", "refuse", "rest", "mute", "peace")


def strike(exchange: Exchange, kind: str, dice: random.Random) -> None:
    """One fault of the connection or of REST."""
    exchange.refuse = kind == "refuse"
    exchange.rest_down = kind == "rest"
    for connection in exchange.connections[-1:]:
        if kind == "deaf":
            connection.deaf = True
        elif kind == "mute":
            connection.mute.add((dice.choice([TICKER, BOOK, TRADES, CANDLES]), dice.choice(SYMBOLS)))
        elif kind != "peace":
            connection.frames.put_nowait(None)


async def suffer(stage: Stage, dice: random.Random, seed: int) -> None:
    exchange = stage.exchange
    exchange.fault = damage(random.Random(seed), dice.choice([0.0, 0.002, 0.01, 0.03]))
    for _ in range(6):
        living = asyncio.create_task(exchange.live(90, each_s=dice.choice([0.1, 0.5, 2.0])))
        await asyncio.sleep(dice.uniform(0, 40))
        strike(exchange, dice.choice(KINDS), dice)
        await asyncio.sleep(dice.uniform(0, 30))
        strike(exchange, "peace", dice)
        await living
    for connection in exchange.connections:
        connection.mute.clear()
    exchange.fault = lambda frame: [frame]
    await exchange.live(120, each_s=0.2)
    await asyncio.sleep(2)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_drawn_faults_the_market_is_whole(seed: int) -> None:
    async def main() -> None:
        async with staged(seed) as stage:
            await stage.until(stage.is_live)
            await suffer(stage, random.Random(f"chaos-{seed}"), seed)
            assert stage.is_live()
            stage.check_whole()
            assert stage.feed.state().counters.trades_lost == 0
            for symbol in SYMBOLS:
                closed = [candle for candle in stage.listener.candles[symbol] if candle.closed]
                starts = [candle.open_ms for candle in closed]
                assert starts == list(range(starts[0], starts[0] + 60_000 * len(starts), 60_000))
                assert closed == [stage.exchange.minute(symbol, start, closed=True) for start in starts]

    run(main())
