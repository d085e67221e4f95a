"""What the kernel's decision reads of a bar: the columns of the backtest, one bar wide, filled from the live stream.

Decided here: the same names and the same arithmetic as `backtest.prepare`, so that a decision at a bar's close has the
bits of the column at that bar. A property test compares the two over whole histories.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from polotui.backtest.kernel import shapes as k
from polotui.backtest.prepare import realised_volatility
from polotui.strategy.document.bind import Bound, Dca
from polotui.strategy.document.tree import Indicator, Node, Span
from polotui.strategy.runtime.columns import Bar, Bars, bars_of
from polotui.strategy.runtime.entries import confirm_of, filters_of, rules_of
from polotui.strategy.runtime.program import compile_rule, uses_facts
from polotui.strategy.runtime.stream import Live, Moment

_SIDES = (("exit_long", k.LONG_OUT, "program_long"), ("exit_short", k.SHORT_OUT, "program_short"))


class Inputs:
    """One symbol's stream and its row of inputs. `rules` gets the lengths of the exit programs."""

    def __init__(self, bound: Bound, rules: Any, history: Bars) -> None:
        self._bound = bound
        self._levels = _levels(bound)
        named = {**rules_of(bound), **{f"level {row}": node for row, (node, _) in self._levels.items()}}
        self._live = Live(bound, history, named, None, confirm_of(bound), filters_of(bound))
        self._frame_ms = history.frame_ms
        self._closes: deque[Bar] = deque(maxlen=1)
        if _wants_volatility(bound):
            assert bound.sizing is not None
            self._closes = deque(maxlen=bound.sizing.vol_bars + 1)
            self._closes.extend(history.bar(i) for i in range(max(0, len(history) - bound.sizing.vol_bars - 1),
                                                              len(history)))  # fmt: skip
        self.signals = np.full((4, 1), k.FALSE, np.uint8)
        self.levels = np.full((5, 1), math.nan)
        self._programs(rules)
        self.facts = np.empty(5)
        self.moment: Moment | None = None

    def _programs(self, rules: Any) -> None:
        """The exit programs in common arrays, as the backtest lays them."""
        codes = {
            side: compile_rule(node, self._bound.values)
            for side, (name, _, _) in enumerate(_SIDES)
            if (node := getattr(self._bound.rules, name)) is not None and uses_facts(node)
        }
        there = list(codes.values())
        self._sides = tuple(codes)
        self.code: Any = np.zeros((4, max([1, *(len(code.ops) for code in there)])), np.int32)
        self.constants = np.zeros((2, max([1, *(len(code.constants) for code in there)])))
        self.values = np.full((2, 1, max([1, *(len(code.parts) for code in there)])), math.nan)
        self.stack = np.empty(max([1, *(code.depth for code in there)]))
        for side, code in codes.items():
            length = len(code.ops)
            setattr(rules, _SIDES[side][2], length)
            self.code[2 * side, :length], self.code[2 * side + 1, :length] = code.ops, code.operand
            self.constants[side, : len(code.constants)] = code.constants

    def close(self, bar: Bar) -> Moment:
        """Takes a closed bar: signals, levels and values are those at its close."""
        moment = self.moment = self._live.close(bar)
        bound = self._bound
        self._closes.append(bar)
        if isinstance(bound.executor, Dca):
            self.signals[k.LONG_IN, 0] = self._buys(bound.executor, bar, moment)
            return moment
        if bound.rules.entry_long is not None:
            self.signals[k.LONG_IN, 0] = moment.entry("long")
        if bound.rules.entry_short is not None:
            self.signals[k.SHORT_IN, 0] = moment.entry("short")
        for side, (name, row, _) in enumerate(_SIDES):
            if side in self._sides:
                parts = moment.row(name)
                self.values[side, 0, : len(parts)] = parts
            elif getattr(bound.rules, name) is not None:
                self.signals[row, 0] = moment.truth(name)
        for row, (_, multiple) in self._levels.items():
            unit = moment.value(f"level {row}")
            self.levels[row, 0] = unit if multiple == 1.0 else unit * multiple
        if self._closes.maxlen != 1:
            self.levels[k.SIZE, 0] = self._volatility()
        return moment

    def _buys(self, executor: Dca, bar: Bar, moment: Moment) -> int:
        due = k.TRUE if bar.time // self._frame_ms % executor.interval == 0 else k.FALSE
        return due if self._bound.rules.dip is None else min(due, moment.truth("dip"))

    def _volatility(self) -> float:
        assert self._bound.sizing is not None
        last = bars_of(list(self._closes), self._frame_ms)
        return float(realised_volatility(last, self._bound.sizing.vol_bars)[-1])


def _wants_volatility(bound: Bound) -> bool:
    return bound.executor is None and bound.sizing is not None and bound.sizing.kind == "vol_target"


def _levels(bound: Bound) -> dict[int, tuple[Node, float]]:
    """What stops, targets and adds are measured with, and how many times."""
    if bound.executor is not None:
        return {}
    stops, limits, rules = bound.stops, bound.limits, bound.rules
    found: dict[int, tuple[Node, float]] = {}
    if stops.loss.kind == "atr":
        found[k.LOSS] = _unit(stops.loss.indicator), stops.loss.multiple
    elif stops.loss.kind == "price_expr" and rules.loss_price is not None:
        found[k.LOSS] = rules.loss_price, 1.0
    if stops.target.kind == "price_expr" and rules.target_price is not None:
        found[k.TARGET_PRICE] = rules.target_price, 1.0
    if stops.trail.kind == "atr":
        found[k.TRAIL] = _unit(stops.trail.indicator), stops.trail.multiple
    if limits.add_step is not None:
        found[k.ADD_UNIT] = _unit(limits.add_indicator or ""), 1.0
    return found


def _unit(name: str) -> Node:
    base, _, output = name.partition(".")
    return Indicator(base, output, "", Span(0, 0))
