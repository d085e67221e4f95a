"""From a bound document and candles to what the kernel takes.

Decided here:
* Rules become columns once for all policies: only how fills happen differs between them.
* One symbol's candles are handed over as they lie in memory, warm-up included; the run begins at its first moment.
* Several symbols share a grid of all their times; a symbol without a candle has NaN there, is not traded in that bar,
  and is valued at its last close.
* An entry counts only where the confirmation and the filters allow it as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from polotui.backtest.kernel import shapes as k
from polotui.backtest.rules import record
from polotui.backtest.settings import Settings
from polotui.core.errors import UsageError
from polotui.model.candles import DAY_MS
from polotui.strategy.document.bind import Bound, Dca, Grid
from polotui.strategy.document.tree import Indicator, Node, Span
from polotui.strategy.runtime.columns import Bars
from polotui.strategy.runtime.entries import entry
from polotui.strategy.runtime.evaluate import Evaluation
from polotui.strategy.runtime.frames import Series
from polotui.strategy.runtime.program import ExitProgram, uses_facts

_PRICES = ("open", "high", "low", "close", "volume")
_YEAR_MS = 365 * DAY_MS
#: Moments that are laid beside each other at a time.
_PART = 2_048


@dataclass
class Prepared:
    """All inputs of the kernel but the policy. `time` holds the open of each moment."""

    symbols: tuple[str, ...]
    time: k.Ints
    frame_ms: int
    market: k.Floats
    signals: k.Truths
    levels: k.Floats
    detail: k.Floats
    detail_of: k.Ints
    code: Any
    constants: k.Floats
    values: k.Floats
    depth: int
    grids: k.Floats
    rules: Any
    #: The first moment at which the entry rules of all symbols were known; the run's end when they never were.
    known_from: int = 0
    missing_detail: float = 0.0
    grid: Grid | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def first(self) -> int:
        return int(self.rules["first"])

    @property
    def last(self) -> int:
        return int(self.rules["last"])

    def with_policy(self, policy: int) -> Any:
        """The rules under another fill policy."""
        rules = self.rules.copy()
        rules["policy"] = policy
        return rules


@dataclass
class _Symbol:
    """One symbol's columns on its own bars."""

    bars: Bars
    entries: dict[int, k.Truths]
    exits: dict[int, k.Truths]
    programs: dict[int, ExitProgram]
    levels: dict[int, tuple[k.Floats, float]]


@dataclass(frozen=True)
class Base:
    """What candles and settings alone decide: made once, however many documents or values run over it."""

    bars: Mapping[str, Bars]
    settings: Settings
    time: k.Ints
    places: list[Any]
    first: int
    last: int
    market: k.Floats
    detail: k.Floats
    detail_of: k.Ints
    missing_detail: float
    grids: k.Floats

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self.bars)

    @property
    def size(self) -> int:
        return len(self.time) * len(self.bars)


class Room:
    """Memory for signals and levels, used again by the next values of one document. One thread's own.

    Rows that the document does not use keep what they had at first, so it must not go from one document to another.
    """

    def __init__(self) -> None:
        self.signals = np.empty((4, 0), np.uint8)
        self.levels = np.empty((5, 0))

    def hold(self, size: int, levels: bool) -> None:
        if self.signals.shape[1] != size:
            self.signals = np.zeros((4, size), np.uint8)
        if levels and self.levels.shape[1] != size:
            self.levels = np.full((5, size), np.nan)


def prepare(
    bound: Bound,
    bars: Mapping[str, Bars],
    settings: Settings,
    detail: Mapping[str, Bars] | None = None,
    series: Mapping[str, Series] | None = None,
    *,
    confirmed: bool = True,
) -> Prepared:
    """`series` shares columns between runs; `confirmed` False leaves the document's confirmation out.

    Raises UsageError when the data or the settings cannot be run.
    """
    evaluations = {name: Evaluation(bound, bars[name], series=series[name] if series else None) for name in bars}
    return fill(base(bars, settings, detail), bound, evaluations, confirmed=confirmed)


def base(bars: Mapping[str, Bars], settings: Settings, detail: Mapping[str, Bars] | None = None) -> Base:
    """Raises UsageError when the data or the settings cannot be run."""
    settings.check()
    if not bars or not all(len(column) for column in bars.values()):
        raise UsageError("There are no candles to run over.", safe="Nothing was run.", code="no-data")
    each = list(bars.values())
    time, places = _grid(each)
    first, last = (int(place) for place in np.searchsorted(time, (settings.from_ms, settings.to_ms)))
    if first >= last:
        raise UsageError("No candle opens within the span.", safe="Nothing was run.", code="no-data")
    size = len(time) * len(bars)
    lower, lower_of, missing = _detail(tuple(bars), detail, each, places, size)
    return Base(
        bars=bars,
        settings=settings,
        time=time,
        places=places,
        first=first,
        last=last,
        market=_market(each, places, size),
        detail=lower,
        detail_of=lower_of,
        missing_detail=missing,
        grids=np.array([settings.grid(name) for name in bars], np.float64).T.copy(),
    )


def fill(
    base: Base,
    bound: Bound,
    evaluations: Mapping[str, Evaluation],
    *,
    confirmed: bool = True,
    room: Room | None = None,
) -> Prepared:
    """The kernel's inputs for a bound document. With `room` they are good until it is used again."""
    symbols = base.symbols
    if bound.executor is not None and len(symbols) > 1:
        raise UsageError(
            f"A {bound.executor.kind} trades one symbol; the run has {len(symbols)}.",
            safe="Nothing was run.",
            next_step="Choose one of them.",
        )
    parts = [_columns(bound, evaluations[name], confirmed) for name in symbols]
    room = room or Room()
    with_levels = any(part.levels for part in parts)
    room.hold(base.size, with_levels)
    for place, part in zip(base.places, parts, strict=True):
        for row, column in (*part.entries.items(), *part.exits.items()):
            room.signals[row, place] = column
        for row, (unit, multiple) in part.levels.items():
            room.levels[row, place] = unit if multiple == 1.0 else unit * multiple
    frame_ms = parts[0].bars.frame_ms
    rules = record(bound, base.settings, len(symbols), base.first, base.last, frame_ms)
    code, constants, values, depth = _programs(parts, base.places, base.size, rules)
    return Prepared(
        symbols=symbols,
        time=base.time,
        frame_ms=frame_ms,
        market=base.market,
        signals=room.signals,
        levels=room.levels if with_levels else np.empty((5, 0)),
        detail=base.detail,
        detail_of=base.detail_of,
        code=code,
        constants=constants,
        values=values,
        depth=depth,
        grids=base.grids,
        rules=rules,
        known_from=_known_from(parts, base.places, len(symbols), base.first, base.last),
        missing_detail=base.missing_detail,
        grid=bound.executor if isinstance(bound.executor, Grid) else None,
    )


# ── one symbol ───────────────────────────────────────────────────────────────────────────────────────────────────


def _columns(bound: Bound, evaluation: Evaluation, confirmed: bool) -> _Symbol:
    rules = bound.rules
    part = _Symbol(evaluation.bars, {}, {}, {}, {})
    if isinstance(bound.executor, Dca):
        part.entries[k.LONG_IN] = dca_buys(bound.executor, evaluation, rules.dip)
        return part
    for row, side in ((k.LONG_IN, "long"), (k.SHORT_IN, "short")):
        truth = entry(evaluation, bound, side, confirmed)  # type: ignore[arg-type]
        if truth is not None:
            part.entries[row] = truth
    for row, node in ((k.LONG_OUT, rules.exit_long), (k.SHORT_OUT, rules.exit_short)):
        if node is not None:
            if uses_facts(node):
                part.programs[row] = evaluation.exit_program(node)
            else:
                part.exits[row] = evaluation.truth(node)
    _level_columns(bound, evaluation, part)
    return part


def dca_buys(executor: Dca, evaluation: Evaluation, dip: Node | None) -> k.Truths:
    """True where a purchase is due: each `interval` bars by the clock, so that a later start buys on the same bars."""
    bars = evaluation.bars
    due = np.where(bars.time // bars.frame_ms % executor.interval == 0, k.TRUE, k.FALSE).astype(np.uint8)
    return due if dip is None else np.minimum(due, evaluation.truth(dip))


def _level_columns(bound: Bound, evaluation: Evaluation, part: _Symbol) -> None:
    stops, sizing, limits = bound.stops, bound.sizing, bound.limits
    rules = bound.rules

    def unit(name: str) -> k.Floats:
        base, _, output = name.partition(".")
        return evaluation.number(Indicator(base, output, "", Span(0, 0)))

    if stops.loss.kind == "atr":
        part.levels[k.LOSS] = unit(stops.loss.indicator), stops.loss.multiple
    elif stops.loss.kind == "price_expr":
        part.levels[k.LOSS] = _price(evaluation, rules.loss_price), 1.0
    if stops.target.kind == "price_expr":
        part.levels[k.TARGET_PRICE] = _price(evaluation, rules.target_price), 1.0
    if stops.trail.kind == "atr":
        part.levels[k.TRAIL] = unit(stops.trail.indicator), stops.trail.multiple
    if sizing is not None and sizing.kind == "vol_target":
        window = sizing.vol_bars
        scatter = evaluation.series.kept(
            ("volatility", window), lambda: {"": realised_volatility(evaluation.bars, window)}
        )
        part.levels[k.SIZE] = scatter[""], 1.0
    if limits.add_step is not None:
        part.levels[k.ADD_UNIT] = unit(limits.add_indicator or ""), 1.0


def _price(evaluation: Evaluation, node: Node | None) -> k.Floats:
    assert node is not None
    return evaluation.number(node)


def realised_volatility(bars: Bars, window: int) -> k.Floats:
    """Standard deviation (ddof 1) of the last `window` log returns, a year. NaN until there are so many."""
    result = np.full(len(bars.close), np.nan)
    if len(bars.close) > window:
        returns = np.diff(np.log(bars.close))
        windows = np.lib.stride_tricks.sliding_window_view(returns, window)
        result[window:] = windows.std(axis=1, ddof=1) * np.sqrt(_YEAR_MS / bars.frame_ms)
    return result


# ── all symbols ──────────────────────────────────────────────────────────────────────────────────────────────────


def _grid(each: list[Bars]) -> tuple[k.Ints, list[Any]]:
    """All times, and where each symbol's bars lie in the flat rows."""
    time, count = each[0].time, len(each)
    if all(np.array_equal(bars.time, time) for bars in each[1:]):
        return time, [slice(number, None, count) for number in range(count)]
    time = np.unique(np.concatenate([bars.time for bars in each]))
    return time, [np.searchsorted(time, bars.time) * len(each) + number for number, bars in enumerate(each)]


def _market(each: list[Bars], places: list[Any], size: int) -> k.Floats:
    if len(each) == 1:
        return _as_rows(each[0])
    if isinstance(places[0], slice):
        return _beside(each, size)
    market = np.full((5, size), np.nan)
    for place, bars in zip(places, each, strict=True):
        for row, name in enumerate(_PRICES):
            market[row, place] = getattr(bars, name)
    return market


def _beside(each: list[Bars], size: int) -> k.Floats:
    """Symbols with the same times, bar beside bar. In parts that stay in the processor's cache until they are full."""
    market, count = np.empty((5, size)), len(each)
    for row, name in enumerate(_PRICES):
        columns = [getattr(bars, name) for bars in each]
        table = market[row].reshape(-1, count)
        for start in range(0, len(table), _PART):
            part = table[start : start + _PART]
            for number, column in enumerate(columns):
                part[:, number] = column[start : start + _PART]
    return market


def _as_rows(bars: Bars) -> k.Floats:
    """The five columns as one block: without a copy when they lie one after the other, as stored candles do."""
    columns = [getattr(bars, name) for name in _PRICES]
    size = len(bars.time)
    starts = [column.__array_interface__["data"][0] for column in columns]
    together = all(start == starts[0] + row * size * 8 for row, start in enumerate(starts))
    # Numba compiles anew for memory that may not be written to.
    if together and columns[0].flags.writeable:
        return as_strided(columns[0], shape=(5, size), strides=(size * 8, 8))
    return np.stack(columns)


def _programs(parts: list[_Symbol], places: list[Any], size: int, rules: Any) -> tuple[Any, k.Floats, k.Floats, int]:
    """The exit programs of both sides in common arrays; their code is the same for all symbols."""
    sides = [parts[0].programs.get(row) for row in (k.LONG_OUT, k.SHORT_OUT)]
    there = [program for program in sides if program is not None]
    if not there:
        return np.zeros((4, 1), np.int32), np.zeros((2, 1)), np.zeros((2, 1, 1)), 1
    code = np.zeros((4, max(len(program.ops) for program in there)), np.int32)
    constants = np.zeros((2, max(1, *(len(program.constants) for program in there))))
    width = max(1, *(program.columns.shape[1] for program in there))
    values = np.full((2, size, width), np.nan)
    for side, (row, name) in enumerate(((k.LONG_OUT, "program_long"), (k.SHORT_OUT, "program_short"))):
        program = sides[side]
        if program is None:
            continue
        length = len(program.ops)
        rules[name] = length
        code[2 * side, :length], code[2 * side + 1, :length] = program.ops, program.operand
        constants[side, : len(program.constants)] = program.constants
        for place, part in zip(places, parts, strict=True):
            columns = part.programs[row].columns
            values[side, place, : columns.shape[1]] = columns
    return code, constants, values, max(program.depth for program in there)


def _detail(
    symbols: tuple[str, ...],
    detail: Mapping[str, Bars] | None,
    each: list[Bars],
    places: list[Any],
    size: int,
) -> tuple[k.Floats, k.Ints, float]:
    """Lower bars behind each other, which of them belong to each bar, and the share of bars without any."""
    if not detail:
        return np.empty((3, 0)), np.empty((2, 0), np.int64), 1.0
    there = [detail[name] for name in symbols if name in detail]
    lower = np.concatenate([np.stack([bars.open, bars.high, bars.low]) for bars in there], 1)
    lower_of = np.zeros((2, size), np.int64)
    offset, lacking, total = 0, 0, 0
    for name, place, bars in zip(symbols, places, each, strict=True):
        total += len(bars.time)
        if name not in detail:
            lacking += len(bars.time)
            continue
        time, step = detail[name].time, bars.frame_ms
        start, end = (np.searchsorted(time, bars.time + shift) for shift in (0, step))
        lower_of[k.FROM, place], lower_of[k.TO, place] = start + offset, end + offset
        offset += len(time)
        lacking += int(np.count_nonzero(end - start < step // detail[name].frame_ms))
    return lower, lower_of, lacking / max(total, 1)


def _known_from(parts: list[_Symbol], places: list[Any], count: int, first: int, last: int) -> int:
    """The first moment from which on every symbol's entry rules had been known once."""
    found = first
    for place, part in zip(places, parts, strict=True):
        for column in part.entries.values():
            if isinstance(place, slice):
                known = column[first:last] != k.UNKNOWN
                at = int(known.argmax()) if len(known) else 0
                found = max(found, first + at if len(known) and known[at] else last)
                continue
            moments = place // count
            seen = np.flatnonzero((column != k.UNKNOWN) & (moments >= first) & (moments < last))
            found = max(found, int(moments[seen[0]]) if len(seen) else last)
    return found


def grid_prices(executor: Grid) -> k.Floats:
    """The levels of a grid, rising."""
    if executor.spacing == "geometric":
        return np.geomspace(executor.lower, executor.upper, executor.levels)
    return np.linspace(executor.lower, executor.upper, executor.levels)
