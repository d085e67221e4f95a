"""Opening a year of 1-minute candles: blocks of columns against rows, in one interleaved run.

    python benchmarks/bench_candles.py [--days 365] [--rounds 7]

Prints the median of each, their ratio, and what compressing the blocks would cost. The same store code reads both;
the second file was filled as rows only.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.model.candles import DAY_MS, MINUTE_MS, Timeframe
from polotui.storage.candles import CandleStore
from polotui.storage.columns import CandleArrays
from polotui.storage.database import Connection, Database

START_MS = 1_672_531_200_000


@dataclass(frozen=True)
class Figures:
    """Medians in ms, and the sizes in MB."""

    candles: int
    blocks_ms: float
    rows_ms: float
    zlib_ms: float
    blocks_mb: float
    rows_mb: float
    zlib_mb: float

    @property
    def ratio(self) -> float:
        return self.rows_ms / self.blocks_ms


def walk(days: int) -> CandleArrays:
    """A random walk on a tick of 0.01, so that compression has what a market gives it."""
    draw = np.random.default_rng(7)
    count = days * DAY_MS // MINUTE_MS
    close = np.round(40_000 * np.exp(np.cumsum(draw.normal(0, 0.0004, count))), 2)
    open_ = np.append(40_000.0, close[:-1])
    high = np.round(np.maximum(open_, close) + draw.exponential(5, count), 2)
    low = np.round(np.minimum(open_, close) - draw.exponential(5, count), 2)
    volume = np.round(draw.exponential(0.7, count), 6)
    times = np.arange(count, dtype=np.int64) * MINUTE_MS + START_MS
    trades = draw.integers(0, 900, count)
    return CandleArrays.from_columns(times, [open_, high, low, close, volume, np.round(volume * close, 6)], trades)


async def compare(folder: Path, days: int = 365, rounds: int = 7) -> Figures:
    """Fills two files, then opens both in turn."""
    candles = walk(days)
    # Blocks: the clock says that all days are past. Rows: it says that none is.
    after, before = FrozenClock(START_MS + (days + 1) * DAY_MS), FrozenClock(START_MS)
    options = {"chance": Chance(1), "schema": "market", "synchronous": "NORMAL"}
    async with (
        Database(folder / "blocks.db", clock=after, **options) as block_file,
        Database(folder / "rows.db", clock=before, **options) as row_file,
    ):
        blocks, rows = CandleStore(block_file, after), CandleStore(row_file, before)
        for store in (blocks, rows):
            await store.put_arrays("BTC_USDT", Timeframe.M1, candles, "benchmark")
        packed = [zlib.compress(day, 1) for day in await block_file.read(_all_blobs)]
        times: dict[str, list[float]] = {"blocks": [], "rows": [], "zlib": []}
        for _ in range(rounds):
            for name, store in (("blocks", blocks), ("rows", rows)):
                started = time.perf_counter()
                found = await store.load_arrays("BTC_USDT", Timeframe.M1)
                times[name].append(time.perf_counter() - started)
                assert found.sha256() == candles.sha256()
                del found
            started = time.perf_counter()
            CandleArrays.from_blobs((zlib.decompress(day) for day in packed), len(candles))
            times["zlib"].append(time.perf_counter() - started)
        middle = {name: statistics.median(taken) * 1000 for name, taken in times.items()}
        block_mb, row_mb = (_megabytes(file) for file in (block_file, row_file))
    packed_mb = sum(map(len, packed)) / 1e6
    return Figures(len(candles), middle["blocks"], middle["rows"], middle["zlib"], block_mb, row_mb, packed_mb)


def _all_blobs(connection: Connection) -> list[bytes]:
    return [row[0] for row in connection.execute("SELECT columns FROM candle_days ORDER BY day_ms")]


def _megabytes(database: Database) -> float:
    health = database.health()
    return max(health.file_bytes, health.wal_bytes) / 1e6


TARGET = 20.0


def main(words: list[str] | None = None) -> bool:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args(words or [])
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(compare(Path(folder), arguments.days, arguments.rounds))
    print(f"{figures.candles:,} one-minute candles into numpy, medians of {arguments.rounds}, interleaved")
    print(f"  blocks, one a day    {figures.blocks_ms:8.1f} ms   {figures.blocks_mb:6.1f} MB")
    print(f"  rows                 {figures.rows_ms:8.1f} ms   {figures.rows_mb:6.1f} MB")
    print(f"  blocks under zlib 1  {figures.zlib_ms:8.1f} ms   {figures.zlib_mb:6.1f} MB   (unpacking alone)")
    print(f"  ratio rows / blocks  {figures.ratio:8.1f}   (target ≥ {TARGET:g})")
    return figures.ratio >= TARGET


if __name__ == "__main__":
    raise SystemExit(0 if main(sys.argv[1:]) else 1)
