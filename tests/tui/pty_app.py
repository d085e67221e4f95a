"""The face in a pty on a fake engine, steered by the test: `python -m tests.tui.pty_app MODE [ARGUMENT]`.

Modes: still (nothing changes), ticks N (N frames of a live-like market, then a mark), cells N (five changed cells a
frame), flood N (frames for ever while the test does not read; the loop's turns are counted), hostile FILE.
Lines that start with «@» on the file descriptor 9 tell the test what happened.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from polotui.api.events import AccountsState, Fact, SymbolsState, TradesBatch, WatchState
from polotui.core.errors import PolotuiError
from polotui.core.face_settings import FaceSettings
from polotui.tui import run as face
from tests.tui import fake_engine as fe

REPORT = int(os.environ.get("REPORT_FD", "0"))


def tell(**what: Any) -> None:
    if REPORT:
        os.write(REPORT, json.dumps(what).encode() + b"\n")


def market(step: int, symbol: str = "BTC_USDT") -> list[Any]:
    """What a busy symbol changes in a tenth of a second."""
    base, scale = fe.PRICES[symbol]
    # The best price moves twice a second, quantities with each frame.
    price = round(base + (step // 5 % 9) * 0.4, scale)
    events: list[Any] = [fe.make_book(symbol, step, round(price - base, scale))]
    events.append(WatchState(row=fe.watch_row(symbol, last=price)))
    events.append(WatchState(row=fe.watch_row("ETH_USDT", last=2684.07 + (step % 7) / 100)))
    if step % 5 == 0:
        events.append(TradesBatch(symbol=symbol, trades=fe.make_trades(symbol, 1, 1000 + step)))
    return events


def cells(step: int) -> list[Any]:
    return [WatchState(row=fe.watch_row(s, last=fe.PRICES[s][0] + step % 10 / 100)) for s in list(fe.PRICES)[:4]] + [
        WatchState(row=fe.watch_row("BTC_USDT", last=61873.41 + step % 10 / 100, change=0.0214 + step % 2 / 1000))
    ]


async def steer(app: Any, engine: fe.FakeEngine, mode: str, argument: str) -> None:
    while app.store.link != "live" or not app.store.charts[app.view.topic].loaded:
        await asyncio.sleep(0.01)
    while app.store.is_dirty:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    tell(ready=True)
    if mode in ("ticks", "cells"):
        for step in range(1, int(argument) + 1):
            engine.clock.advance(0.1)  # type: ignore[attr-defined]
            frames = app.frames
            engine.push(fe.heartbeat(engine.clock), *(market(step) if mode == "ticks" else cells(step)))
            while app.frames == frames:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        tell(frames=int(argument))
    elif mode == "flood":
        for step in range(1, int(argument) + 1):
            engine.clock.advance(0.02)  # type: ignore[attr-defined]
            engine.push(fe.heartbeat(fe.frozen()), *market(step), fe.make_book("BTC_USDT", step, step % 900))
            await asyncio.sleep(0.02)
        tell(turns=int(argument), skipped=app.skipped_frames)
    elif mode == "hostile":
        await hostile(app, engine, json.loads(Path(argument).read_text()))
    elif mode == "still":
        await asyncio.sleep(1.5)
        tell(frames=app.frames)


async def hostile(app: Any, engine: fe.FakeEngine, texts: list[str]) -> None:
    """Each text in every place that shows text from outside."""
    app.pwned = 0
    app.action_pwn = lambda: setattr(app, "pwned", app.pwned + 1)
    state = dict(engine.state)
    for number, text in enumerate(texts, 1):
        infos = [fe.info(symbol) for symbol in fe.PRICES]
        symbol = text or "X"
        rows = [fe.asset(text, "1", "0", "1", "1", "0.5", "0.1", account=text)]
        lost = fe.unknown(text, text, text)
        rows.append(fe.AssetRow(account=text, currency=text + "2", available=lost, hold=lost, price=lost, value=lost,
                                share=lost, change_24h=lost))  # fmt: skip
        account = fe.AccountState(account="spot", title=text, note=text, total=lost, change_24h=lost,
                                  change_24h_ratio=lost, rows=rows)  # fmt: skip
        stream = fe.StreamStatus(name=text, phase=text, detail=text)
        beat = fe.heartbeat(fe.frozen(), **(state | {"venue": text, "note": text, "busy": [text], "streams": [stream]}))
        row = fe.WatchRow(symbol=symbol, last=1.0, price_scale=2)
        engine.push(
            beat,
            SymbolsState(symbols=infos, watched=[symbol]),
            WatchState(row=row),
            AccountsState(accounts=[account]),
            Fact(number=number, kind=text, level="error", text=text, symbol=text),
            fe.BookState(symbol=app.view.symbol, id=number, ts_ms=1, bids=[], asks=[], reason=text),
        )
        frames = app.frames
        while app.frames == frames:
            await asyncio.sleep(0.005)
        if number % 10 == 0:
            app.tell(text, "error", title=text)
            app.store.chart(app.view.symbol, app.view.timeframe, app.view.overlays).fault = text
            app.action_notices()
            await asyncio.sleep(0.05)
            app.close_dialogs()
            app._status()
            await asyncio.sleep(0.05)
            app.close_dialogs()
            app.go_to("balance" if app.current_name == "market" else "market")
            app.clear_notifications()
    tell(done=len(texts), pwned=app.pwned, failed=app.failed_panes, hits=app._guard.hits)
    app.exit(0)


def main() -> None:
    mode, argument = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else "")
    clock = fe.frozen()
    engine = fe.FakeEngine(clock)
    from polotui.tui import app as module

    class Steered(module.PolotuiApp):
        def on_mount(self) -> None:
            super().on_mount()
            self.animation_level = "none"
            self.run_worker(steer(self, engine, mode, argument), exit_on_error=True)

    module.PolotuiApp = Steered  # type: ignore[misc]
    try:
        sys.exit(face.show_desk(FaceSettings(), engine.connect, clock=clock))
    except PolotuiError as error:
        print(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
