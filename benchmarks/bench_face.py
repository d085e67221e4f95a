"""The face under load: loop lag and key-to-paint at 0 and 5,000 messages a second, side by side, in a real terminal.

The messages go through the whole chain: the built-in exchange, the engine, its socket, the face, the terminal. «0» is
the same market left to itself (about 60 messages a second).
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks.bench_ingest import burst
from benchmarks.harness import short_folder, table
from benchmarks.terminal import Terminal

SECONDS = 12.0
PRESSES = 30
RATE = 5_000


@contextmanager
def load(port: int, rate: int) -> Iterator[None]:
    """`rate` book messages a second in five portions, until the block ends."""
    ended = threading.Event()

    def push() -> None:
        while not ended.wait(0.2):
            burst(port, "book_lv2", rate // 5)

    thread = threading.Thread(target=push, daemon=True)
    if rate:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if rate:
            thread.join()


def measure(home: str, during: AbstractContextManager[None]) -> dict[str, float]:
    """The face's figures while `during` lasts."""
    result = short_folder() / "lag.json"
    with during:
        face = Terminal([sys.executable, "-m", "benchmarks.face_probe", home, str(result), str(SECONDS)])
        face.until("Watchlist")
        face.drain(3.2)
        before, begun = face.bytes, time.perf_counter()
        paints = []
        for number in range(PRESSES):
            face.drain(0.15)
            face.send("?" if number % 2 == 0 else "\x1b")
            paints.append(face.until("Help" if number % 2 == 0 else "Order book") * 1000)
        sent = (face.bytes - before) / (time.perf_counter() - begun) / 1024
        while not result.exists():
            face.drain(0.2)
        face.close()
    paints.sort()
    key = {"key p50": statistics.median(paints), "key p95": paints[int(len(paints) * 0.95) - 1], "kib_s": sent}
    return json.loads(result.read_text()) | key


def main() -> bool:
    home = str(short_folder())
    keeper = Terminal([sys.executable, "-m", "polotui", "demo", "--home", home])
    keeper.until("DEMO")
    keeper.drain(5)
    from pathlib import Path

    port = json.loads((Path(home) / "data" / "simulator.json").read_text())["port"]
    keeper.close()
    calm, busy = measure(home, load(port, 0)), measure(home, load(port, RATE))
    calm2, busy2 = measure(home, load(port, 0)), measure(home, load(port, RATE))
    rows = [(f"{'':<10} at rest · at 5,000 messages/s", "(two rounds each)")]
    for name, unit in (("p50", "ms"), ("p99", "ms"), ("max", "ms"), ("cpu", "%"), ("key p50", "ms"), ("key p95", "ms")):
        label = name if name.startswith(("key", "cpu")) else f"loop lag {name}"
        left, right = (calm[name] + calm2[name]) / 2, (busy[name] + busy2[name]) / 2
        rows.append((label, f"{left:7.1f} {unit}   {right:7.1f} {unit}"))
    rows.append(("to the terminal", f"{calm['kib_s']:7.1f} KiB/s {busy['kib_s']:7.1f} KiB/s"))
    table("The face at 120x36", rows)
    return (busy["p99"] + busy2["p99"]) / 2 < 50


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
