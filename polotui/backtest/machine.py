"""The compiled kernel, its buffers, and one run of it.

Decided here: fresh memory costs a page fault for every 4 KiB, which for a year of minutes takes longer than the run
itself. So a worker keeps the buffers of its last run, and a process that runs kernels keeps freed columns, up to a
limit, instead of giving them back and asking again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from polotui.backtest import compiling
from polotui.backtest.kernel import grid, run
from polotui.backtest.kernel import shapes as k
from polotui.backtest.prepare import Prepared, grid_prices
from polotui.core.errors import Refused

#: First guess of how many fills a bar makes; a run whose log was too short is done again with a longer one.
_FILLS_A_MOMENT = 0.25
_LEAST_ROOM = 4_096
#: glibc's numbers for `mallopt`: from which size on memory is mapped singly, and how much free memory stays.
_MAPPED_FROM, _KEPT = -3, -1
_MAPPED_FROM_BYTES, _KEPT_BYTES = 32 << 20, 256 << 20


class Cancelled(Refused):
    """The run was asked to stop."""

    code = "cancelled"


@cache
def keep_memory() -> bool:
    """Lets the allocator keep up to 256 MiB of freed columns. Whether it listens: only glibc's knows how."""
    try:
        adjust = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(adjust(_MAPPED_FROM, _MAPPED_FROM_BYTES) and adjust(_KEPT, _KEPT_BYTES))


@cache
def kernel() -> Callable[..., float]:
    """The compiled `simulate`. The first call ever compiles (some seconds), later processes load it from disk."""
    keep_memory()
    compiling.use_cache()
    return compiling.compiled(run.simulate)  # type: ignore[no-any-return]


@cache
def grid_kernel() -> Callable[..., float]:
    """The compiled `simulate_grid`."""
    compiling.use_cache()
    return compiling.compiled(grid.simulate_grid)  # type: ignore[no-any-return]


def warm_up() -> None:
    """Compiles or loads the kernel by running it over a few empty bars."""
    bars, rules = 4, np.zeros(1, k.RULES).view(np.recarray)[0]
    rules["symbols"], rules["last"], rules["leverage"] = 1, bars, 1.0
    nothing = Prepared(
        symbols=("",),
        time=np.arange(bars),
        frame_ms=1,
        market=np.ones((5, bars)),
        signals=np.zeros((4, bars), np.uint8),
        levels=np.empty((5, 0)),
        detail=np.empty((3, 0)),
        detail_of=np.empty((2, 0), np.int64),
        code=np.zeros((4, 1), np.int32),
        constants=np.zeros((2, 1)),
        values=np.zeros((2, 1, 1)),
        depth=1,
        grids=np.zeros((2, 1)),
        rules=rules,
    )
    execute(nothing, 0)


@dataclass
class Outcome:
    """What one run of the kernel left. Arrays are the caller's own."""

    curve: k.Floats
    fills: Any
    trades: Any
    counts: k.Ints
    cash: float

    @property
    def equity(self) -> k.Floats:
        row: k.Floats = self.curve[k.EQUITY]
        return row

    @property
    def notional(self) -> k.Floats:
        row: k.Floats = self.curve[k.NOTIONAL]
        return row

    def refusals(self) -> dict[str, int]:
        """Entries that were asked for and not taken, by reason."""
        found = self.counts[k.REFUSED :].tolist()
        return {words: count for words, count in zip(k.REFUSALS, found, strict=True) if count}


class Buffers:
    """Room for runs, kept between them. One thread's own."""

    def __init__(self) -> None:
        self.curve = np.empty((2, 0))
        self.fills = np.empty(0, k.FILL).view(np.recarray)
        self.trades = np.empty(0, k.TRADE).view(np.recarray)

    def hold(self, moments: int, fills: int, trades: int) -> None:
        if self.curve.shape[1] != moments:
            self.curve = np.empty((2, moments))
        if len(self.fills) < fills:
            self.fills = np.empty(fills, k.FILL).view(np.recarray)
        if len(self.trades) < trades:
            self.trades = np.empty(trades, k.TRADE).view(np.recarray)


def execute(
    prepared: Prepared,
    policy: int,
    *,
    buffers: Buffers | None = None,
    counts: k.Ints | None = None,
    simulate: Callable[..., float] | None = None,
    walk: bool = True,
    copy: bool = True,
) -> Outcome:
    """One run. `counts` may be memory that another process watches and sets the cancel flag in.

    With `copy` False the arrays are the buffers' own, good until the next run. Raises Cancelled.
    """
    room = buffers or Buffers()
    ledger = np.zeros(k.COUNTS, np.int64) if counts is None else counts
    moments = len(prepared.time)
    need = max(_LEAST_ROOM, int(moments * len(prepared.symbols) * _FILLS_A_MOMENT))
    while True:
        room.hold(moments, need, need)
        for place in range(k.COUNTS):
            if place != k.CANCEL:
                ledger[place] = 0
        cash = _call(simulate or kernel(), prepared, policy, room, ledger, walk)
        if ledger[k.CANCEL]:
            raise Cancelled("The run was cancelled.", safe="Nothing was stored.")
        if not ledger[k.FULL]:
            break
        need = 2 * max(int(ledger[k.FILLS]), int(ledger[k.TRADES]))
    whole = slice(prepared.first, prepared.last)
    outcome = Outcome(
        curve=room.curve[:, whole],
        fills=room.fills[: ledger[k.FILLS]],
        trades=room.trades[: ledger[k.TRADES]],
        counts=ledger,
        cash=cash,
    )
    if copy:
        outcome.curve, outcome.fills, outcome.trades = (
            outcome.curve.copy(),
            outcome.fills.copy(),
            outcome.trades.copy(),
        )
        outcome.counts = ledger.copy()
    return outcome


def _call(
    simulate: Callable[..., float], prepared: Prepared, policy: int, room: Buffers, counts: k.Ints, walk: bool
) -> float:
    if prepared.grid is not None:
        return _call_grid(prepared, policy, room, counts)
    book = np.zeros(len(prepared.symbols), k.POSITION).view(np.recarray)
    return simulate(
        book,
        room.fills,
        room.trades,
        counts,
        room.curve,
        prepared.with_policy(policy),
        prepared.grids,
        prepared.market,
        prepared.signals,
        prepared.levels,
        prepared.detail,
        prepared.detail_of,
        prepared.code,
        prepared.constants,
        prepared.values,
        np.empty(5),
        np.empty(max(prepared.depth, 1)),
        walk,
    )


def _call_grid(prepared: Prepared, policy: int, room: Buffers, counts: k.Ints) -> float:
    assert prepared.grid is not None
    prices = grid_prices(prepared.grid)
    stop = prepared.grid.stop or 0.0
    cash: float = grid_kernel()(
        np.zeros((len(prices), 6)),
        prices,
        room.fills,
        room.trades,
        counts,
        room.curve,
        prepared.with_policy(policy),
        prepared.grids,
        prepared.market,
        float(prepared.grid.per_level),
        float(stop),
    )
    return cash
