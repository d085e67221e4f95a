"""Burst ingestion: the engine's own socket to what a face receives, against ccxt's streaming client doing its part.

Ours is the whole engine: stream, decoding, sequence check, book, tape, hub, and the frames written to a face in another
process that reads them. Theirs is `watch_order_book` or `watch_trades`, which decode and keep a book or a cache. Both
read the same burst from the built-in exchange; the figure is the reader's own CPU time for a message.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request

from benchmarks.harness import child, engine_at, interleaved, simulator, table

MESSAGES = 60_000
TARGET = 3.0
SYMBOL = "BTC_USDT"
QUIET = ("--activity", "0.02", "--symbols", "1", "--seed", "3")


def burst(port: int, channel: str, messages: int) -> None:
    body = json.dumps({"messages": messages, "symbol": SYMBOL, "channel": channel}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/_simulator/burst", data=body, headers={"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).read()


async def ours(port: int, channel: str, messages: int) -> dict[str, float]:
    async with engine_at(port) as engine:
        socket = str(engine.home.socket)
        face = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.bench_ingest", "face", socket, stdout=asyncio.subprocess.DEVNULL
        )
        feed = engine.exchange.feed  # type: ignore[union-attr]
        while engine.server.faces < 1 or feed.state().phase != "live":
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        before, cpu, wall = feed.stream.counters.messages, time.process_time(), time.perf_counter()
        await asyncio.to_thread(burst, port, channel, messages)
        while feed.stream.counters.messages - before < messages:
            await asyncio.sleep(0.01)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        count = feed.stream.counters.messages - before
        gaps = feed.state().counters.book_gaps + feed.state().counters.trades_lost
        face.terminate()
        await face.wait()
    return {"us": cpu / count * 1e6, "wall_s": wall, "messages": count, "gaps": gaps}


async def face(path: str) -> None:
    from pathlib import Path

    from polotui.api.socket_link import SocketLink

    link = await SocketLink.connect(Path(path), face="bench")
    async for _ in link.events(["engine", "watch", f"book:{SYMBOL}", f"trades:{SYMBOL}"], rate=10):
        pass


async def theirs(port: int, channel: str, messages: int) -> dict[str, float]:
    import ccxt.pro

    base = f"127.0.0.1:{port}"
    urls = {"spot": f"http://{base}", "swap": f"http://{base}"}
    urls["ws"] = {"public": f"ws://{base}/ws/public", "private": f"ws://{base}/ws/private"}  # type: ignore[assignment]
    exchange = ccxt.pro.poloniex({"urls": {"api": urls}})
    await exchange.load_markets()
    watch = exchange.watch_order_book if channel == "book_lv2" else exchange.watch_trades
    handler = "handle_order_book" if channel == "book_lv2" else "handle_trade"
    inner, seen = getattr(exchange, handler), [0]

    def counted(client, message):
        seen[0] += 1
        return inner(client, message)

    setattr(exchange, handler, counted)
    await watch("BTC/USDT")

    async def consume() -> None:
        while True:
            await watch("BTC/USDT")

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(0.5)
    before, cpu, wall = seen[0], time.process_time(), time.perf_counter()
    await asyncio.to_thread(burst, port, channel, messages)
    while seen[0] - before < messages:
        await asyncio.sleep(0.01)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    count = seen[0] - before
    consumer.cancel()
    await asyncio.gather(consumer, return_exceptions=True)
    await exchange.close()
    return {"us": cpu / count * 1e6, "wall_s": wall, "messages": count}


def main() -> bool:
    good = True
    for channel in ("book_lv2", "trades"):

        def run(side: str, channel: str = channel) -> dict[str, float]:
            with simulator(*QUIET) as port:
                return child("benchmarks.bench_ingest", side, str(port), channel, str(MESSAGES))

        found = interleaved(3, ours=lambda: run("ours"), ccxt=lambda: run("ccxt"))
        ratio = found["ccxt"]["us"] / found["ours"]["us"]
        good = good and ratio >= TARGET
        table(
            f"Burst ingestion, {channel}, {MESSAGES:,} messages, CPU of the reader, medians of 3",
            [
                ("polotui's engine with a face attached", f"{found['ours']['us']:.2f} µs a message"),
                ("ccxt's streaming client", f"{found['ccxt']['us']:.2f} µs a message"),
                ("ratio (target ≥ 3)", f"{ratio:.1f} ×"),
            ],
        )
    return good


if __name__ == "__main__":
    side = sys.argv[1]
    if side == "face":
        asyncio.run(face(sys.argv[2]))
    else:
        work = ours if side == "ours" else theirs
        print(json.dumps(asyncio.run(work(int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))))
