"""The face on a fake engine, to look at: `python -m tests.tui.demo_app [--live] [--theme NAME] [--screen NAME]`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from polotui.api.events import TradesBatch, WatchState
from polotui.core.clock import SystemClock
from polotui.core.face_settings import FaceSettings
from polotui.model.candles import Candle, Timeframe
from polotui.tui.app import PolotuiApp
from tests.tui import fake_engine as fe
from tests.tui.fake_lab import lab_engine


async def live(engine: fe.FakeEngine, app: PolotuiApp) -> None:
    """A market that moves: five ticks a second."""
    step = 0
    last_candle: dict[str, Candle] = {}
    while True:
        await asyncio.sleep(0.2)
        if not engine.links or app.store.link != "live":
            continue
        step += 1
        symbol = app.view.symbol
        base, scale = {**fe.PRICES, **fe.MORE}[symbol]
        price = round(base * (1 + 0.0004 * fe.wave(step)), scale)
        events = [fe.heartbeat(engine.clock, **engine.state)] if step % 5 == 0 else []
        events.append(fe.make_book(symbol, step, price - base))
        events.append(WatchState(row=fe.watch_row(symbol, last=price)))
        events.append(TradesBatch(symbol=symbol, trades=fe.make_trades(symbol, 2, 1000 + step * 2)))
        series = app.store.charts.get(app.view.topic)
        if series is not None and series.candles:
            old = last_candle.get(app.view.topic, series.candles[-1])
            frame = Timeframe.parse(app.view.timeframe)
            if frame.floor(engine.clock.wall_ms()) > old.open_ms:
                old = Candle(frame.floor(engine.clock.wall_ms()), price, price, price, price, 0.0, closed=False)
            made = Candle(
                old.open_ms, old.open, max(old.high, price), min(old.low, price), price, old.volume + 1, closed=False
            )
            last_candle[app.view.topic] = made
            events.append(fe.tail(app.view.topic, [made]))
        engine.push(*events)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--theme", default="polotui-dark")
    parser.add_argument("--screen")
    parser.add_argument("--symbol")
    parser.add_argument("--mode", default="DEMO")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--exports", default="/tmp/polotui-demo-exports")
    options = parser.parse_args()
    clock = SystemClock() if options.live else fe.frozen()
    engine = lab_engine(clock=clock)
    engine.state["mode"] = options.mode
    app = PolotuiApp(
        engine.connect, clock=clock, settings=FaceSettings(theme=options.theme), read_only=options.read_only,
        screen=options.screen, symbol=options.symbol, exports=Path(options.exports),
    )  # fmt: skip

    async def run() -> None:
        task = asyncio.create_task(live(engine, app)) if options.live else None
        try:
            await app.run_async(mouse=True)
        finally:
            if task is not None:
                task.cancel()

    asyncio.run(run())
    print(app.farewell)
    sys.exit(app.return_code or 0)


if __name__ == "__main__":
    main()
