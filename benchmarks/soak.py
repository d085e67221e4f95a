"""Many bots on a busy market: does the engine fall behind, does it grow, what does it cost?

`python -m benchmarks.soak [MINUTES] [BOTS]`, or `make soak`; too long to stand among the benchmarks.

The whole engine on the built-in exchange in a process of its own: a bot on each of 50 symbols, one-minute bars, as
many messages a second as the exchange's 50 busy markets send. Every ten seconds: messages, how late a timer of the
engine's loop fires (its 99th percentile and its worst), resident memory, processor time. The slope of memory and of
lateness is fitted after the first quarter. What the engine does once an hour, a snapshot of the ledger, it does at the
end of that quarter too: the first one after the start takes about 2 MB for good, those after it next to nothing.
Targets: no slope of the lag, memory at most 1 MB an hour.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness import child, engine_at, simulator, table

if TYPE_CHECKING:
    from polotui.engine.engine import Engine
    from polotui.engine.trading.service import Trading

MINUTES = 20.0
BOTS = 50
EVERY_SECONDS = 10.0
TICK_SECONDS = 0.01
#: Busy enough for about 5,000 messages a second over 50 symbols.
ACTIVITY = "115"
MOST_MB_AN_HOUR = 1.0


async def lateness(into: list[float]) -> None:
    """How much later than asked a timer of this loop fires, in milliseconds."""
    while True:
        asked = time.perf_counter() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        into.append((time.perf_counter() - asked) * 1e3)


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not say how much memory a process has")


async def begin(engine: Engine, bots: int) -> Trading:
    """A bot on each of the first `bots` symbols."""
    from polotui.api.lab_commands import NewStrategy
    from polotui.api.trade_commands import StartBot
    from polotui.core.errors import PolotuiError

    trading = engine.trading
    assert trading is not None
    while not trading.grids():
        await asyncio.sleep(0.05)
    await engine.handle(NewStrategy(source="sma-cross", name="soak"))
    for symbol in sorted(trading.grids())[:bots]:
        for again in range(200):
            try:
                params = {"fast_len": 5.0, "slow_len": 30.0}
                wish = StartBot(strategy="soak", symbols=[symbol], timeframe="1m", capital="150", params=params)
                await engine.handle(wish)
                break
            except PolotuiError:
                if again == 199:
                    raise
                await asyncio.sleep(0.1)
    return trading


async def work(port: int, minutes: float, bots: int) -> dict[str, float]:
    async with engine_at(port) as engine:
        trading = await begin(engine, bots)
        late: list[float] = []
        watching = asyncio.create_task(lateness(late))
        feed = engine.exchange.feed  # type: ignore[union-attr]
        rows: list[tuple[float, float, float, float, float]] = []
        begun, end = time.perf_counter(), time.perf_counter() + minutes * 60
        count, cpu, at = feed.stream.counters.messages, time.process_time(), begun
        warm = False
        while time.perf_counter() < end:
            await asyncio.sleep(EVERY_SECONDS)
            if not warm and time.perf_counter() - begun > minutes * 15:
                warm = True
                await trading.snapshots.make()
            now = time.perf_counter()
            seen, used = feed.stream.counters.messages, time.process_time()
            taken, late[:] = np.array(late), []
            gc.collect()
            rows.append(
                ((now - begun) / 3600, (seen - count) / (now - at), (used - cpu) / (now - at), resident_mb(),
                 float(np.percentile(taken, 99)))
            )  # fmt: skip
            count, cpu, at = seen, used, now
            print(f"{now - begun:6.0f} s {rows[-1][1]:8.0f} msg/s {rows[-1][2]:5.2f} cpu {rows[-1][3]:7.1f} MB "
                  f"{rows[-1][4]:7.2f} ms", file=sys.stderr, flush=True)  # fmt: skip
        watching.cancel()
        found = np.array(rows)
        steady = found[len(found) // 4 :]
        gaps = feed.state().counters.book_gaps + feed.state().counters.trades_lost
        lives = len(trading.bots.running())
    return {
        "messages": float(found[:, 1].mean()),
        "cpu": float(steady[:, 2].mean()),
        "memory": float(steady[:, 3].mean()),
        "growth": float(np.polyfit(steady[:, 0], steady[:, 3], 1)[0]),
        "late": float(np.median(steady[:, 4])),
        "late_first": float(np.median(steady[: len(steady) // 2, 4])),
        "late_last": float(np.median(steady[len(steady) // 2 :, 4])),
        "gaps": float(gaps),
        "bots": float(lives),
    }


def main(minutes: float = MINUTES, bots: int = BOTS) -> bool:
    with simulator("--activity", ACTIVITY, "--symbols", str(bots), "--seed", "3") as port:
        found = child(
            "benchmarks.soak", "work", str(port), str(minutes), str(bots), timeout=minutes * 60 + 300, tells=True
        )
    table(
        f"{found['bots']:.0f} bots on {bots} symbols for {minutes:g} minutes",
        [
            ("messages a second", f"{found['messages']:,.0f}"),
            ("processor time of the engine, of one core", f"{found['cpu'] * 100:.0f} %"),
            ("a timer of its loop is late, 99th percentile", f"{found['late']:.1f} ms"),
            ("… first and second half", f"{found['late_first']:.1f} and {found['late_last']:.1f} ms"),
            ("resident memory", f"{found['memory']:.0f} MB"),
            ("its growth after the first quarter (at most 1)", f"{found['growth']:+.2f} MB an hour"),
            ("gaps of books and tapes", f"{found['gaps']:.0f}"),
        ],
    )
    return found["growth"] <= MOST_MB_AN_HOUR


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        print(json.dumps(asyncio.run(work(int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))))
    else:
        asked = [float(word) for word in sys.argv[1:]]
        sys.exit(0 if main(*asked[:1], *[int(word) for word in asked[1:2]]) else 1)
