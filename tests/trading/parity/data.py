"""The five sets of bars of the parity run: three real ones, where the folder of market data is there, two made here.

Each set has up to three symbols on one frame. The real series of a single pair become three symbols as three stretches
of it that are laid over the same times: nothing in the prices is changed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from polotui.market.data_files import read_file
from polotui.model.candles import Timeframe
from polotui.strategy.runtime.columns import Bars, resample
from tests.trading.parity.markets import HOUR, walk

DATA = Path(os.environ.get("POLOTUI_DATA") or Path(__file__).parents[4] / "shared" / "data")
SYMBOLS = ("BTC_USDT", "ETH_USDT", "SOL_USDT")
Grids = dict[str, tuple[float, float]]


class NoDataError(Exception):
    """The folder of market data is not here."""


@dataclass(frozen=True)
class DataSet:
    """`bars` are on `frame`; `grids` has tick and lot of each symbol."""

    name: str
    frame: str
    bars: dict[str, Bars]
    grids: Grids


def _read(path: Path, frame: Timeframe) -> Bars:
    if not path.exists():
        raise NoDataError(f"no market data at {DATA}; POLOTUI_DATA names the folder")
    found = asyncio.run(read_file(path, "BTC_USD", frame)).candles
    columns = (found.open_ms, found.open, found.high, found.low, found.close, found.volume)
    return Bars(*(np.ascontiguousarray(column) for column in columns), frame.ms)


def _stretches(bars: Bars, size: int, offsets: tuple[int, ...]) -> dict[str, Bars]:
    """Stretches of one series, laid over the times of the first."""
    time = bars.time[:size]
    return {
        symbol: Bars(
            np.ascontiguousarray(time),
            *(
                np.ascontiguousarray(getattr(bars, name)[start : start + size])
                for name in ("open", "high", "low", "close", "volume")
            ),
            bars.frame_ms,
        )
        for symbol, start in zip(SYMBOLS, offsets, strict=True)
    }


@cache
def coinbase_hours() -> DataSet:
    """2017 to 2019, with a bubble and a crash."""
    bars = _read(DATA / "bars-1h" / "Coinbase_BTCUSD_1h.csv.gz", Timeframe.H1)
    assert len(set(np.diff(bars.time).tolist())) == 1
    return DataSet(
        "coinbase 1h", "1h", _stretches(bars, 6_000, (0, 6_000, 13_000)), dict.fromkeys(SYMBOLS, (0.01, 1e-6))
    )


@cache
def perpetual_minutes() -> DataSet:
    """January 2022 in five minutes, prices in whole dollars, so that levels are often met exactly."""
    bars = _read(DATA / "bars-1m" / "btc-perp-20211231-20220201_1m.csv.gz", Timeframe.M1)
    five = resample(bars, 5 * 60_000)
    return DataSet(
        "perpetual 5m", "5m", _stretches(five, 6_000, (0, 1_500, 3_000)), dict.fromkeys(SYMBOLS, (1.0, 1e-5))
    )


@cache
def coinbase_minutes() -> DataSet:
    """Three pairs over the same days, with the minutes missing in which nobody traded."""
    found: dict[str, Bars] = {}
    for symbol, pair in zip(SYMBOLS, ("btcusd", "ethusd", "ltcusd"), strict=True):
        days = [
            _read(path, Timeframe.M1) for path in sorted((DATA / "coinbase-2018-04" / pair).glob("*_trade.zip"))[:2]
        ]
        if not days:
            raise NoDataError(f"no market data at {DATA}; POLOTUI_DATA names the folder")
        found[symbol] = Bars(
            *(np.ascontiguousarray(np.concatenate([getattr(day, name) for day in days]))
              for name in ("time", "open", "high", "low", "close", "volume")),
            60_000,
        )  # fmt: skip
    grids = {"BTC_USDT": (0.01, 1e-6), "ETH_USDT": (0.01, 1e-5), "SOL_USDT": (0.01, 1e-4)}
    return DataSet("coinbase 1m", "1m", found, grids)


@cache
def trend() -> DataSet:
    """A rising market with noise, each symbol on a grid of its own."""
    grids = {"BTC_USDT": (0.01, 1e-6), "ETH_USDT": (0.5, 1e-3), "SOL_USDT": (1e-4, 1.0)}
    prices = {"BTC_USDT": 20_000.0, "ETH_USDT": 900.0, "SOL_USDT": 0.37}
    bars = {
        symbol: walk(f"trend {symbol}", 5_000, price=prices[symbol], tick=grids[symbol][0], drift=0.0008,
                     volume=3e6 / prices[symbol])
        for symbol in SYMBOLS
    }  # fmt: skip
    return DataSet("trend", "1h", bars, grids)


@cache
def thin_gaps() -> DataSet:
    """Little volume and missing bars: orders fill in parts, over several bars, or not at all."""
    grids = {"BTC_USDT": (0.01, 1e-4), "ETH_USDT": (0.1, 1e-2), "SOL_USDT": (1e-3, 1e-1)}
    prices = {"BTC_USDT": 300.0, "ETH_USDT": 80.0, "SOL_USDT": 9.0}
    bars = {
        symbol: walk(f"thin {symbol}", 5_000, frame_ms=HOUR, price=prices[symbol], tick=grids[symbol][0],
                     noise=0.012, volume=9_000.0 / prices[symbol], spread=1.8, gaps=0.07)
        for symbol in SYMBOLS
    }  # fmt: skip
    return DataSet("thin, with gaps", "1h", bars, grids)


DATA_SETS: tuple[Callable[[], DataSet], ...] = (coinbase_hours, perpetual_minutes, coinbase_minutes, trend, thin_gaps)
