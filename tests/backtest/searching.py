"""Candles, documents and works for the tests of searches, analyses and examinations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polotui.backtest.gauge import Gauge
from polotui.backtest.settings import Costs, Settings
from polotui.backtest.work import Axis, Document, Part, SweepWork
from polotui.core.ids import Chance
from polotui.model.candles import Timeframe
from polotui.storage.columns import CandleArrays

HOUR = 3_600_000
START = 1_704_067_200_000  # 2024-01-01
BARS = 6_000

CROSS = """
spec: 1
name: cross
market: {symbols: [BTC_USDT]}
timeframe: 1h
params:
  fast_len: {type: int, default: 8, min: 2, max: 40, step: 1}
  slow_len: {type: int, default: 30, min: 5, max: 120, step: 1}
  stop_pct: {type: float, default: 0.02, min: 0.005, max: 0.1, step: 0.005}
indicators:
  fast: {kind: sma, length: fast_len}
  slow: {kind: sma, length: slow_len}
  range: {kind: atr, length: 14}
entry: {long: "crosses_above(fast, slow) and close@4h > ema_slow@4h"}
exit: {long: "crosses_below(fast, slow)"}
stops:
  loss: {kind: percent, value: stop_pct}
  trail: {kind: atr, indicator: range, multiple: 4}
sizing: {kind: percent_equity, value: 50%}
filters: {sessions: ["02:00-23:00"]}
notes: {thesis: "Trends go on.", fails_when: "They do not."}
""".replace("  range:", "  ema_slow: {kind: ema, length: 20}\n  range:")


@dataclass
class Stored:
    """What `CandleStore.coverage` says of one series."""

    symbol: str
    timeframe: Timeframe
    from_ms: int
    to_ms: int


class Shelf:
    """Candles in memory, as a `CandleStore` gives them."""

    def __init__(self, series: dict[tuple[str, Timeframe], CandleArrays]) -> None:
        self.series = series

    async def coverage(self) -> list[Stored]:
        return [
            Stored(symbol, frame, int(one.open_ms[0]), int(one.open_ms[-1]) + frame.ms)
            for (symbol, frame), one in self.series.items()
        ]

    async def load_arrays(self, symbol: str, frame: Timeframe, from_ms: int = 0, to_ms: int = 2**62) -> CandleArrays:
        found = self.series.get((symbol, frame), CandleArrays.empty())
        inside = (found.open_ms >= from_ms) & (found.open_ms < to_ms)
        columns = [found.open, found.high, found.low, found.close, found.volume, found.amount]
        return CandleArrays.from_columns(
            found.open_ms[inside], [column[inside] for column in columns], found.trades[inside]
        )


def candles(seed: int = 1, size: int = BARS, step: int = HOUR) -> CandleArrays:
    """A walk with waves, so that crossings pay in some places and not in others."""
    rng = np.random.Generator(np.random.PCG64(Chance(f"candles {seed}").generator().getrandbits(63)))
    time = START + step * np.arange(size, dtype=np.int64)
    wave = 0.04 * np.sin(np.arange(size) / 37.0)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.006, size)) + wave)
    open_ = np.concatenate((close[:1], close[:-1]))
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.003, size)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.003, size)))
    volume = np.exp(rng.normal(8, 0.5, size))
    return CandleArrays.from_columns(
        time, [open_, high, low, close, volume, volume * close], np.ones(size, dtype=np.int64)
    )


def shelf(seed: int = 1, symbols: Sequence[str] = ("BTC_USDT",), size: int = BARS) -> Shelf:
    return Shelf({(name, Timeframe.H1): candles(seed + place, size) for place, name in enumerate(symbols)})


def settings(**changes: Any) -> Settings:
    costs = Costs(maker_fee=0.0005, taker_fee=0.0005, slippage=0.0002, volume_share=0.0)
    return Settings(**{"from_ms": 0, "to_ms": START + BARS * HOUR, "costs": costs, **changes})


def work(**changes: Any) -> SweepWork:
    """24 combinations."""
    asked: dict[str, Any] = {
        "document": Document(text=CROSS),
        "settings": settings(),
        "axes": [Axis(name="fast_len", least=4, most=10, step=2), Axis(name="slow_len", least=20, most=70, step=10)],
        "method": "grid",
        "trials": 0,
        "objective": "sharpe",
        "holdout": 0.3,
        "seed": 1,
        "threads": 1,
    }
    return SweepWork(**{**asked, **changes})


def gauge(folder: Path) -> Gauge:
    return Gauge.create(folder / "gauge")


@dataclass
class Heard:
    """Parts of a work. `then` is called with each."""

    parts: list[Part]
    then: Callable[[Part], None] = lambda part: None

    def __call__(self, part: Part) -> None:
        self.parts.append(part)
        self.then(part)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for part in self.parts for row in part.value["rows"]]
