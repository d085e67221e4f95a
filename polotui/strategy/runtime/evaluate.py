"""Rules over a whole history: every part of a rule becomes a column, once.

Decided here:
* A column belongs to the meaning of a node, not to its place in the text: what occurs twice, in whatever rules, is
  computed once. Parameters are bound by value, so a sweep reuses the trees; what doesn't depend on the swept parameter
  it reuses through a shared `Series`.
* What never changes stays one number and is folded as it would be bar by bar.
* A lag directly on a series of another frame counts that frame's bars; every other lag counts base bars.
* A rule is answered for each bar at its close. What to do on the next one is the backtest's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from polotui.core.errors import UsageError
from polotui.model.candles import DAY_MS, MINUTE_MS
from polotui.strategy.document.functions import FUNCTIONS, LONGEST_WINDOW
from polotui.strategy.document.tree import (
    Binary,
    Call,
    Clock,
    Fact,
    Indicator,
    Lag,
    Node,
    Number,
    Param,
    Price,
    Unary,
    children,
)
from polotui.strategy.runtime.columns import FRAME_MS, Bars, Integers
from polotui.strategy.runtime.frames import BoundIndicator, Provider, Series, Source, Spec, specs
from polotui.strategy.runtime.functions import COLUMNS, lagged, lagged_truth
from polotui.strategy.runtime.program import ExitProgram, compile_rule, uses_facts
from polotui.strategy.runtime.truth import (
    ARITHMETIC,
    COMPARISONS,
    FALSE,
    NAN,
    SCALAR,
    TRUE,
    UNKNOWN,
    Floats,
    Truths,
    and_,
    arithmetic,
    between,
    compare,
    larger,
    not_,
    or_,
    smaller,
)


class Bound(Protocol):
    """What of a bound document the runtime reads."""

    @property
    def values(self) -> Mapping[str, float]: ...
    @property
    def indicators(self) -> Mapping[str, BoundIndicator]: ...


#: Functions that look at one bar only; they are the same for one number and for the next.
PLAIN: dict[str, Callable[..., Any]] = {"abs": abs, "min": smaller, "max": larger, "between": between}

#: Of a bar's open in milliseconds UTC; ints and columns alike. The epoch was a Thursday.
CLOCKS: dict[str, Callable[[Any], Any]] = {
    "minute": lambda time: time // MINUTE_MS % 60,
    "hour": lambda time: time // (60 * MINUTE_MS) % 24,
    "weekday": lambda time: (time // DAY_MS + 3) % 7,
}


def is_truth(node: Node) -> bool:
    """Whether a node is a truth. The tree says it too, but equal nodes need not say it alike."""
    if isinstance(node, Binary):
        return node.op not in ARITHMETIC
    if isinstance(node, Unary):
        return node.op == "not"
    if isinstance(node, Call):
        return FUNCTIONS[node.name].result == "bool"
    if isinstance(node, Lag):
        return is_truth(node.of)
    return isinstance(node, Clock) and node.name == "new_day"


def series_of(node: Node, base: str, meant: Mapping[str, Spec]) -> tuple[Source, str, int] | None:
    """What a leaf of the tree reads: source, frame and lag within that frame; None for any other node."""
    lag = 0
    if isinstance(node, Lag):
        lag, node = node.bars, node.of
        if not isinstance(node, Price | Indicator) or node.frame in ("", base):
            return None
    if isinstance(node, Price):
        return node.name, node.frame or base, lag
    if isinstance(node, Indicator):
        spec = meant[node.name]
        return (spec, node.output or spec.outputs[0]), node.frame or base, lag
    return None


def window_of(node: Call, place: int, values: Mapping[str, float]) -> int:
    """The whole number of bars that a window argument stands for."""
    argument = node.args[place]
    found = argument.value if isinstance(argument, Number) else values[getattr(argument, "name", "")]
    least = FUNCTIONS[node.name].least
    if found != int(found) or not least <= found <= LONGEST_WINDOW:
        raise UsageError(
            f"{node.name}() cannot look at {found:g} bars.",
            next_step=f"Give it a whole number from {least} to {LONGEST_WINDOW}.",
        )
    return int(found)


def new_day(time: Integers) -> Truths:
    """True on the first bar of a UTC day; unknown for a first bar that opens within one."""
    day = time // DAY_MS
    truth = np.empty(len(time), np.uint8)
    truth[1:] = np.where(day[1:] != day[:-1], TRUE, FALSE)
    truth[:1] = np.where(time[:1] % DAY_MS == 0, TRUE, UNKNOWN)
    return truth


class Evaluation:
    """A bound document over `bars`. Pass `series` to share columns with other evaluations of the same bars."""

    def __init__(
        self, bound: Bound, bars: Bars, indicators: Provider | None = None, series: Series | None = None
    ) -> None:
        if series is not None and series.bars is not bars:
            raise ValueError("the shared series belong to other bars")
        self.bars = bars
        self.series = series if series is not None else Series(bars, indicators)
        self._values = bound.values
        self._meant = specs(bound.indicators)
        self._base = next(name for name, ms in FRAME_MS.items() if ms == bars.frame_ms)
        self._memo: dict[Node, Any] = {}

    def number(self, node: Node) -> Floats:
        """The number at each bar's close; unknown is NaN."""
        value = self.value(node)
        return value if isinstance(value, np.ndarray) else np.full(len(self.bars), value, np.float64)

    def truth(self, node: Node) -> Truths:
        """The truth at each bar's close: FALSE, UNKNOWN or TRUE."""
        value = self.value(node)
        return value if isinstance(value, np.ndarray) else np.full(len(self.bars), value, np.uint8)

    def exit_program(self, node: Node) -> ExitProgram:
        """A rule that may ask for facts of the position, ready for the backtest's loop."""
        code = compile_rule(node, self._values)
        columns = np.empty((len(self.bars), len(code.parts)))
        for place, part in enumerate(code.parts):
            columns[:, place] = self.value(part)
        decided = self._decided(node)
        return ExitProgram(code.ops, code.operand, code.constants, columns, code.depth, code.uses_facts, decided)

    def _decided(self, node: Node) -> Truths:
        """A rule's truth while no fact is known."""
        values = self._whatever(node) if is_truth(node) else UNKNOWN
        return values if isinstance(values, np.ndarray) else np.full(len(self.bars), values, np.uint8)

    def _whatever(self, node: Node) -> Any:
        if isinstance(node, Fact):
            return NAN
        if not uses_facts(node):
            return self.value(node)
        parts = [self._whatever(part) for part in children(node)]
        if isinstance(node, Unary):
            return self._unary(node.op, *parts)
        if isinstance(node, Binary):
            return self._binary(node.op, *parts)
        return self._apply(node.name, parts, []) if isinstance(node, Call) else NAN

    def value(self, node: Node) -> Any:
        """A column, or one float or int for what is the same at every bar."""
        found = self._memo.get(node)
        if found is None:
            found = self._memo[node] = self._compute(node)
        return found

    def _compute(self, node: Node) -> Any:
        leaf = series_of(node, self._base, self._meant)
        if leaf is not None:
            return self._series(*leaf)
        match node:
            case Number():
                return float(node.value)
            case Param():
                return float(self._values[node.name])
            case Clock():
                if node.name == "new_day":
                    return new_day(self.bars.time)
                return CLOCKS[node.name](self.bars.time).astype(np.float64)
            case Lag():
                past = lagged_truth(self.truth(node.of), node.bars) if is_truth(node) else None
                return lagged(self.number(node.of), node.bars) if past is None else past
            case Unary():
                return self._unary(node.op, self.value(node.of))
            case Binary():
                return self._binary(node.op, self.value(node.left), self.value(node.right))
            case Call():
                return self._call(node)
            case Fact():
                raise UsageError(f"{node.name} is known only while a position is open, so it has no column.")
        raise TypeError(f"not a node of a rule: {type(node).__name__}")

    def _series(self, source: Source, frame: str, lag: int) -> Floats:
        return self.series.seen(self.series.column(source, frame), frame, lag)

    def _unary(self, op: str, value: Any) -> Any:
        if op == "-":
            return -value
        return not_(value) if isinstance(value, np.ndarray) else 2 - value

    def _binary(self, op: str, left: Any, right: Any) -> Any:
        if not isinstance(left, np.ndarray) and not isinstance(right, np.ndarray):
            return SCALAR[op](left, right)
        if op in COMPARISONS:
            return compare(op, left, right)
        if op in ARITHMETIC:
            return arithmetic(op, left, right)
        size = len(self.bars)
        truths = (part if isinstance(part, np.ndarray) else np.full(size, part, np.uint8) for part in (left, right))
        return and_(*truths) if op == "and" else or_(*truths)

    def _call(self, node: Call) -> Any:
        arguments: list[Any] = []
        windows: list[int] = []
        for place, kind in enumerate(FUNCTIONS[node.name].arguments):
            if kind == "window":
                windows.append(window_of(node, place, self._values))
            else:
                arguments.append(self.value(node.args[place]))
        return self._apply(node.name, arguments, windows)

    def _apply(self, name: str, arguments: list[Any], windows: list[int]) -> Any:
        if not any(isinstance(value, np.ndarray) for value in arguments):
            if name in PLAIN:
                return PLAIN[name](*arguments)
            kind = FUNCTIONS[name].arguments[0]
            arguments[0] = np.full(len(self.bars), arguments[0], np.uint8 if kind == "bool" else np.float64)
        return COLUMNS[name](*arguments, *windows)
