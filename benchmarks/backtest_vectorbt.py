"""vectorbt's side of `bench_backtest`, called the fastest way that we found: its compiled engine by name, plain arrays,
crossings by numpy. One line on stdin, one measured run, one line back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import vectorbt as vbt

from benchmarks.backtest_market import CAPITAL, FAST, FEE, SLIPPAGE, SLOW
from benchmarks.backtest_timing import Steps, say_end, serve

vbt.settings["engine"] = "rust"
#: Of its stops only one, fixed or trailing: the trail lies above the stop.
W2 = {"sl_stop": 0.015, "sl_trail": True, "tp_stop": 0.04, "slippage": SLIPPAGE, "stop_entry_price": "fillprice"}


def crossings(fast: np.ndarray, slow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries and exits on the bar after the crossing, whose open fills them."""
    above, below, known = fast > slow, fast < slow, np.isfinite(slow)
    entries, exits = np.zeros(fast.shape, bool), np.zeros(fast.shape, bool)
    entries[2:] = above[1:-1] & ~above[:-2] & known[:-2]
    exits[2:] = below[1:-1] & ~below[:-2] & known[:-2]
    return entries, exits


class Theirs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.year = np.load(folder / "year.npy")
        self._many: Any = None

    def portfolio(self, rows: Any, entries: Any, exits: Any, **more: Any) -> Any:
        open_, high, low, close = rows[0], rows[1], rows[2], rows[3]
        return vbt.Portfolio.from_signals(
            close, entries, exits, price=open_, open=open_, high=high, low=low, init_cash=CAPITAL, fees=FEE,
            freq="1min", engine="rust", **more,
        )  # fmt: skip

    def w2(self, steps: Steps) -> dict[str, float]:
        close = self.year[3]
        averages = vbt.MA.run(close, [FAST, SLOW]).ma.to_numpy()
        steps.done("averages")
        entries, exits = crossings(np.ascontiguousarray(averages[:, 0]), np.ascontiguousarray(averages[:, 1]))
        steps.done("signals")
        portfolio = self.portfolio(self.year, entries, exits, **W2)
        steps.done("from_signals")
        value = np.asarray(portfolio.value())
        steps.done("value")
        trades = portfolio.trades.records
        steps.done("trades")
        return {"final": float(value.reshape(-1)[-1]), "trades": len(trades)}

    def sweep(self, steps: Steps, pairs: list[list[int]], batch: int = 10) -> dict[str, float]:
        """Final value and depth of each pair, ten columns at a time."""
        close, best = self.year[3], -np.inf
        for start in range(0, len(pairs), batch):
            part = pairs[start : start + batch]
            fast, slow = (vbt.MA.run(close, [pair[side] for pair in part]).ma.to_numpy() for side in (0, 1))
            entries, exits = crossings(fast, slow)
            open_, high, low, close_ = (row[:, None] for row in self.year[:4])
            portfolio = self.portfolio((open_, high, low, close_), entries, exits, slippage=SLIPPAGE)
            best = max(best, float(np.max(portfolio.total_return().to_numpy())))
            portfolio.max_drawdown()
        steps.done("sweep")
        return {"pairs": len(pairs), "best": best}

    def symbols(self, steps: Steps) -> dict[str, float]:
        """Cash shared, a fifth of it each, no cap on positions: not our rule, which it does not have."""
        if self._many is None:
            self._many = np.ascontiguousarray(np.load(self.folder / "many.npy").transpose(1, 2, 0))
            steps.begin()
        rows = self._many
        fast, slow = (vbt.MA.run(rows[3], window).ma.to_numpy() for window in (FAST, SLOW))
        entries, exits = crossings(fast, slow)
        portfolio = self.portfolio(
            rows, entries, exits, **W2, cash_sharing=True, group_by=True, size=0.2, size_type="percent", call_seq="auto"
        )
        portfolio.value()
        trades = portfolio.trades.records
        steps.done("run")
        return {"trades": len(trades)}


if __name__ == "__main__":
    theirs = Theirs(Path(sys.argv[2]))
    if sys.argv[1] == "once":
        say_end(theirs.w2(Steps()))
    else:
        serve({"w2": theirs.w2, "sweep": theirs.sweep, "symbols": theirs.symbols})
