"""polotui's side of `bench_backtest`, in a process of its own: one line on stdin, one measured run, one line back."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.backtest_market import CAPITAL, DOCUMENT, FEE, PLACES, PLAIN, SLIPPAGE, times
from benchmarks.backtest_timing import Steps, serve
from polotui.backtest import documents, machine
from polotui.backtest.kernel import shapes as k
from polotui.backtest.prepare import Prepared, prepare
from polotui.backtest.settings import POLICIES, Costs, Settings
from polotui.backtest.work import Axis, Document, SweepWork
from polotui.strategy.runtime.columns import Bars

COSTS = Costs(FEE, FEE, "quote", SLIPPAGE, 0.0, 0.0, least_amount=0.0)
FRESH = count()


def bars_of(rows: np.ndarray) -> Bars:
    return Bars(times(rows.shape[1]), *rows, 60_000)


def settings_of(bars: Bars, costs: Costs = COSTS) -> Settings:
    return Settings(int(bars.time[0]), int(bars.time[-1]) + 1, capital=CAPITAL, costs=costs)


class Own:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.buffers = machine.Buffers()
        self.year = bars_of(np.load(folder / "year.npy"))
        self._many: dict[str, Bars] = {}
        self._sweep: Any = None

    @property
    def many(self) -> dict[str, Bars]:
        if not self._many:
            rows = np.load(self.folder / "many.npy")
            self._many = {f"S{place:02}_USDT": bars_of(one) for place, one in enumerate(rows)}
        return self._many

    def w2(self, steps: Steps, *, new_text: bool = False) -> dict[str, float]:
        """From the document's text to equity and trades. `new_text`: one that was never seen before."""
        text = f"{DOCUMENT}# {next(FRESH)}\n" if new_text else DOCUMENT
        bound = documents.bound(Document(text=text))
        steps.done("check_bind")
        prepared = prepare(bound, {"BTC_USDT": self.year}, settings_of(self.year))
        steps.done("signals")
        found = machine.execute(prepared, POLICIES["pessimistic"], buffers=self.buffers, copy=False)
        steps.done("kernel")
        return {"final": float(found.equity[-1]), "trades": len(found.trades)}

    def w2_new(self, steps: Steps) -> dict[str, float]:
        return self.w2(steps, new_text=True)

    def sweep(self, steps: Steps, fast: list[float], slow: list[float]) -> dict[str, float]:
        """Through the search that the worker runs; `fast` and `slow` are least, most and step."""
        from polotui.backtest.gauge import Gauge
        from polotui.backtest.sweeps import sweep

        axes = [
            Axis(name=name, least=axis[0], most=axis[1], step=axis[2])
            for name, axis in (("fast_len", fast), ("slow_len", slow))
        ]
        work = SweepWork(
            document=Document(text=PLAIN), settings=settings_of(self.year, COSTS), axes=axes, method="grid", trials=0,
            objective="total_return", holdout=0.0, seed=1,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            gauge = Gauge.create(Path(folder) / "gauge")
            done = asyncio.run(sweep(work, Shelf(self.year), gauge, lambda _: None))  # type: ignore[arg-type]
        steps.done("sweep")
        shown = next(row for row in done.value["best"])
        return {"pairs": done.value["done"], "best": shown["figures"]["total_return"]}

    def symbols(self, steps: Steps) -> dict[str, float]:
        """20 symbols, at most 5 positions; then the other three policies over the same signals."""
        prepared = self._prepared_many()
        steps.done("prepare")
        trades = len(machine.execute(prepared, POLICIES["pessimistic"], buffers=self.buffers, copy=False).trades)
        steps.done("kernel")
        for policy in ("adaptive", "optimistic", "detail"):
            machine.execute(prepared, POLICIES[policy], buffers=self.buffers, copy=False)
        steps.done("band")
        return {"trades": trades}

    def _prepared_many(self) -> Prepared:
        bound = documents.bound(Document(text=PLACES, symbols=list(self.many)))
        return prepare(bound, self.many, settings_of(next(iter(self.many.values()))))

    def read(self, steps: Steps) -> dict[str, float]:
        """Every open, high, low and close once: by numpy, and by a compiled loop in strict order."""
        import numba

        prices = np.stack([self.year.open, self.year.high, self.year.low, self.year.close])
        if self._sweep is None:
            self._sweep = numba.njit(nogil=True)(added)
            self._sweep(prices)
        steps.begin()
        total = float(prices.sum())
        steps.done("numpy")
        total += self._sweep(prices)
        steps.done("loop")
        return {"total": total}


def added(prices: np.ndarray) -> float:
    total = 0.0
    for place in range(prices.shape[1]):
        total += prices[0, place] + prices[1, place] + prices[2, place] + prices[3, place]
    return total


class Shelf:
    """Candles in memory, as the store gives them."""

    def __init__(self, bars: Bars) -> None:
        from polotui.storage.columns import CandleArrays

        columns = [bars.open, bars.high, bars.low, bars.close, bars.volume, bars.volume]
        self.candles = CandleArrays.from_columns(bars.time, columns, np.ones(len(bars), np.int64))

    async def coverage(self) -> list[Any]:
        from types import SimpleNamespace

        from polotui.model.candles import Timeframe

        time = self.candles.open_ms
        return [
            SimpleNamespace(
                symbol="BTC_USDT", timeframe=Timeframe.M1, from_ms=int(time[0]), to_ms=int(time[-1]) + 60_000
            )
        ]

    async def load_arrays(self, symbol: str, frame: Any, from_ms: int = 0, to_ms: int = 2**62) -> Any:
        return self.candles


def once(folder: Path) -> None:
    """A whole process: import, load, run W2, say what came out."""
    from benchmarks.backtest_timing import say_end

    say_end(Own(folder).w2(Steps()))


if __name__ == "__main__":
    place = Path(sys.argv[2])
    if sys.argv[1] == "once":
        once(place)
    else:
        own = Own(place)
        assert k.TRUE == 2
        serve({"w2": own.w2, "w2_new": own.w2_new, "sweep": own.sweep, "symbols": own.symbols, "read": own.read})
