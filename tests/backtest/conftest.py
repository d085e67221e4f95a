"""Random markets and runs for the backtester's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polotui.backtest import machine
from polotui.backtest.kernel import run
from polotui.backtest.kernel import shapes as k
from polotui.backtest.prepare import Prepared
from polotui.core.ids import Chance

HOUR = 3_600_000
START = 1_704_067_200_000  # 2024-01-01


def rules(**changes: Any) -> Any:
    """A record of all numbers: the whole equity long on the spot market, nothing costs anything, unless changed."""
    record = np.zeros(1, k.RULES).view(np.recarray)[0]
    numbers = {
        "capital": 10_000.0, "leverage": 1.0, "maintenance": 0.005, "symbols": 1, "spot": 1, "expire_bars": 1,
        "size_kind": k.BY_EQUITY, "size_value": 1.0, "kelly_fraction": 0.25, "kelly_trades": 30, "max_positions": 1,
    }  # fmt: skip
    for name, value in {**numbers, **changes}.items():
        record[name] = value
    return record


def prepared(
    market: k.Floats,
    signals: dict[int, list[int]] | k.Truths,
    *,
    symbols: int = 1,
    tick: float = 0.0,
    lot: float = 0.0,
    levels: k.Floats | None = None,
    detail: k.Floats | None = None,
    detail_of: k.Ints | None = None,
    **changes: Any,
) -> Prepared:
    """A run over `market` (rows open, high, low, close, volume). `signals` names the bars at which a rule is true."""
    size = market.shape[1]
    moments = size // symbols
    truths = signals
    if isinstance(signals, dict):
        truths = np.zeros((4, size), np.uint8)
        for row, bars in signals.items():
            truths[row, bars] = k.TRUE
    return Prepared(
        symbols=tuple(f"S{number}_USDT" for number in range(symbols)),
        time=START + HOUR * np.arange(moments),
        frame_ms=HOUR,
        market=np.ascontiguousarray(market),
        signals=truths,
        levels=np.empty((5, 0)) if levels is None else levels,
        detail=np.empty((3, 0)) if detail is None else detail,
        detail_of=np.empty((2, 0), np.int64) if detail_of is None else detail_of,
        code=np.zeros((4, 1), np.int32),
        constants=np.zeros((2, 1)),
        values=np.zeros((2, 1, 1)),
        depth=1,
        grids=np.array([[tick] * symbols, [lot] * symbols]),
        rules=rules(symbols=symbols, first=0, last=moments, **changes),
    )


def walk_market(seed: object, size: int, symbols: int = 1, gaps: float = 0.0) -> k.Floats:
    """Random bars; with `gaps` that share of a symbol's bars is missing."""
    chance = Chance(seed if isinstance(seed, int) else str(seed))
    random = np.random.Generator(np.random.PCG64(chance.generator().getrandbits(63)))
    close = 100.0 * np.exp(np.cumsum(random.normal(0, 0.01, (size, symbols)), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * (1 + random.normal(0, 0.002, (size, symbols)))
    high = np.maximum(open_, close) * (1 + np.abs(random.normal(0, 0.005, (size, symbols))))
    low = np.minimum(open_, close) * (1 - np.abs(random.normal(0, 0.005, (size, symbols))))
    volume = np.exp(random.normal(3, 1.5, (size, symbols)))
    market = np.stack([part.reshape(-1) for part in (open_, high, low, close, volume)])
    if gaps:
        market[:, random.random(size * symbols) < gaps] = np.nan
    return market


def random_signals(seed: object, size: int, share: float = 0.05) -> k.Truths:
    chance = Chance(f"signals {seed}")
    random = np.random.Generator(np.random.PCG64(chance.generator().getrandbits(63)))
    draws = random.random((4, size))
    return np.where(draws < share, k.TRUE, np.where(draws > 0.97, k.UNKNOWN, k.FALSE)).astype(np.uint8)


def random_rules(seed: object, symbols: int) -> dict[str, Any]:
    """Numbers for a run, so that over many seeds every branch of the kernel is walked."""
    draw = Chance(f"rules {seed}").generator()
    spot = draw.random() < 0.6
    return {
        "policy": draw.choice([0, 1, 2, 3]),
        "spot": int(spot),
        "shorts": int(not spot),
        "leverage": 1.0 if spot else draw.choice([1.0, 2.0, 5.0]),
        "maker_fee": draw.choice([0.0, 0.001]),
        "taker_fee": draw.choice([0.0, 0.002]),
        "fee_in_received": draw.choice([0, 1]),
        "half_spread": draw.choice([0.0, 0.0001]),
        "slippage": draw.choice([0.0, 0.0005]),
        "volume_share": draw.choice([0.0, 0.0, 0.1]),
        "least_amount": draw.choice([0.0, 1.0]),
        "borrow_per_bar": 0.0 if spot else draw.choice([0.0, 1e-5]),
        "loss_kind": draw.choice([k.NO_LEVEL, k.FRACTION]),
        "loss_value": 0.02,
        "target_kind": draw.choice([k.NO_LEVEL, k.FRACTION, k.MULTIPLE_OF_RISK]),
        "target_value": draw.choice([0.02, 0.05]),
        "trail_kind": draw.choice([k.NO_LEVEL, k.FRACTION]),
        "trail_value": 0.02,
        "trail_from": draw.choice([0.0, 0.01]),
        "time_bars": draw.choice([0, 0, 7]),
        "entry_kind": draw.choice([k.MARKET, k.MARKET, k.LIMIT, k.STOP_ENTRY]),
        "entry_offset": 0.003,
        "expire_bars": draw.choice([1, 3]),
        "size_kind": draw.choice([k.BY_RISK, k.BY_KELLY, k.BY_EQUITY, k.BY_AMOUNT]),
        "size_value": draw.choice([0.01, 0.5, 1.0]),
        "size_cap": draw.choice([0.0, 0.2, 1.0]),
        "max_positions": draw.choice([1, 2, 5]) if symbols > 1 else 1,
        "max_adds": draw.choice([0, 0, 2]),
        "cooldown": draw.choice([0, 5]),
    }


@pytest.fixture(scope="session")
def compiled_kernel(kernel_cache: Path) -> Callable[..., float]:
    return machine.kernel()


__all__ = ["run"]
