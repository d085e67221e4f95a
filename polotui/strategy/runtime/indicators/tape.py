"""How an indicator is written once and run in two forms: over whole columns, and bar by bar.

An indicator is one function `values(tape, bar, ...)`. In the batch form `bar` holds columns, in the live form numbers;
the function says the same in both: `tape("EMA", (bar["close"],), 20)` calls TA-Lib, `tape(Delay, (x,), 26)` a node of
our own, and `+ - *` and `tape.ratio` do the arithmetic. IEEE 754 makes that arithmetic the same bits in both forms, and
a node promises the same for itself.

Decided here:
* A node's state is made by running over the history once (`history`), never by replaying it bar by bar.
* A source may have holes: bars without a finite value. In a hole a node answers NaN and forgets; after it, it begins
  anew. TA-Lib itself leaves that case undefined.
* Nodes are matched by the order of calls, so `values` may not branch on numbers.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, Self
from weakref import WeakValueDictionary

import numpy as np

from polotui.strategy.runtime.talib_loader import talib

NAN = math.nan
Column = Any  # numpy.ndarray of float64
Answer = Any  # one column or number, or a tuple of them


class Node(Protocol):
    """One part with a memory. `history` runs over columns and leaves the state of their end."""

    def history(self, columns: Sequence[Column], keep: bool) -> Answer: ...
    def update(self, row: Sequence[float]) -> Answer: ...
    def peek(self, row: Sequence[float]) -> Answer: ...
    def copy(self) -> Self: ...


#: Columns that were looked at and had no hole, while they live. Columns are never written to once they are made.
_WHOLE: WeakValueDictionary[int, Column] = WeakValueDictionary()


def all_finite(column: Column) -> bool:
    """A sum is the quickest look at a whole column; one that overflows merely costs a second look. Many indicators read
    the same closes, so a column that was found whole is not looked at again."""
    if _WHOLE.get(id(column)) is column:
        return True
    with np.errstate(all="ignore"):
        whole = math.isfinite(column.sum())
    if whole:
        _WHOLE[id(column)] = column
    return whole


def stretches(columns: Sequence[Column]) -> Iterator[tuple[int, int]]:
    """The stretches [start, end) in which every column is finite; the last ends at the end or lies before a hole."""
    bars = len(columns[0])
    if all(map(all_finite, columns)):
        if bars:
            yield 0, bars
        return
    good = np.isfinite(columns[0])
    for column in columns[1:]:
        good &= np.isfinite(column)
    edges = np.flatnonzero(np.diff(good.view(np.int8), prepend=0, append=0)).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


class TaLib:
    """One TA-Lib function: its batch form, and its stream handle as soon as there are bars enough to open one."""

    def __init__(self, name: str, *parameters: float) -> None:
        self.name, self.parameters = name, parameters
        self.handle: Any = None
        self.waiting: list[tuple[float, ...]] = []
        self.width = 1

    def history(self, columns: Sequence[Column], keep: bool) -> Answer:
        bars = len(columns[0])
        found = list(stretches(columns))
        if len(found) == 1 and found[0] == (0, bars):
            return self._answer(self._run(columns, keep))
        pieces = [
            (start, end, self._run([column[start:end] for column in columns], keep and end == bars))
            for start, end in found or [(0, 0)]
        ]
        whole = []
        for which in range(self.width):
            column = np.full(bars, NAN)
            for start, end, parts in pieces:
                column[start:end] = parts[which]
            whole.append(column)
        return self._answer(whole)

    def _run(self, columns: Sequence[Column], keep: bool) -> list[Column]:
        module = talib()
        if keep:
            try:
                self.handle, parts = getattr(module.stream, self.name).open_and_fill(*columns, *self.parameters)
            except module.InsufficientHistory:
                self.waiting = list(zip(*(column.tolist() for column in columns), strict=True))
                keep = False
        if not keep:
            parts = getattr(module, self.name)(*columns, *self.parameters)
        result = [p.astype(float, copy=False) for p in (parts if isinstance(parts, tuple) else (parts,))]
        self.width = len(result)
        return result

    def _answer(self, parts: list[Any]) -> Answer:
        return parts[0] if self.width == 1 else tuple(parts)

    def _open(self, rows: list[tuple[float, ...]]) -> Any:
        try:
            columns = (np.array(column) for column in zip(*rows, strict=True))
            return getattr(talib().stream, self.name)(*columns, *self.parameters)
        except talib().InsufficientHistory:
            return None

    def _unknown(self) -> Answer:
        return self._answer([NAN] * self.width)

    def _numbers(self, answer: Answer) -> Answer:
        return tuple(map(float, answer)) if isinstance(answer, tuple) else float(answer)

    def update(self, row: Sequence[float]) -> Answer:
        if not all(map(math.isfinite, row)):
            self.handle = None
            self.waiting = []
            return self._unknown()
        if self.handle is not None:
            return self._numbers(self.handle.update(*row))
        self.waiting.append(tuple(row))
        self.handle = self._open(self.waiting)
        if self.handle is None:
            return self._unknown()
        self.waiting = []
        return self._numbers(self.handle.value)

    def peek(self, row: Sequence[float]) -> Answer:
        if not all(map(math.isfinite, row)):
            return self._unknown()
        if self.handle is not None:
            return self._numbers(self.handle.peek(*row))
        handle = self._open([*self.waiting, tuple(row)])
        return self._unknown() if handle is None else self._numbers(handle.value)

    def copy(self) -> TaLib:
        twin = TaLib(self.name, *self.parameters)
        twin.width = self.width
        twin.waiting = list(self.waiting)
        twin.handle = None if self.handle is None else self.handle.copy()
        return twin


class Delay:
    """The value `bars` bars ago, at least one."""

    def __init__(self, bars: int) -> None:
        self.bars = bars
        self.held: deque[float] = deque([NAN] * bars, bars)

    def history(self, columns: Sequence[Column], keep: bool) -> Column:
        (column,) = columns
        if keep:
            self.held.extend(column[-self.bars :].tolist())
        return np.concatenate((np.full(self.bars, NAN), column))[: len(column)]

    def update(self, row: Sequence[float]) -> float:
        value = self.held[0]
        self.held.append(row[0])
        return value

    def peek(self, row: Sequence[float]) -> float:
        return self.held[0]

    def copy(self) -> Delay:
        twin = Delay(self.bars)
        twin.held.extend(self.held)
        return twin


class Sequential:
    """A node of our own that looks at one bar after another: a scalar `step` and the same over whole columns."""

    def __init__(self) -> None:
        self.state: Any = None

    def step(self, state: Any, row: Sequence[float]) -> tuple[Any, Answer]:
        """The state after this bar, and its answer. `state` is never changed in place; None is the beginning."""
        raise NotImplementedError

    def columns(self, columns: Sequence[Column]) -> tuple[Any, Answer]:
        """The same as a step for every bar, to the bit, and the state of the end."""
        raise NotImplementedError

    def history(self, columns: Sequence[Column], keep: bool) -> Answer:
        self.state, answer = self.columns(columns)
        return answer

    def update(self, row: Sequence[float]) -> Answer:
        self.state, answer = self.step(self.state, row)
        return answer

    def peek(self, row: Sequence[float]) -> Answer:
        return self.step(self.state, row)[1]

    def copy(self) -> Self:
        return copy.copy(self)


class Columns:
    """The tape of the batch form; with `keep` its nodes are ready to go on bar by bar."""

    def __init__(self, keep: bool = False) -> None:
        self.keep = keep
        self.nodes: list[Node] = []

    def __call__(self, what: str | Callable[..., Node], inputs: Sequence[Column], *parameters: float) -> Answer:
        node: Node = TaLib(what, *parameters) if isinstance(what, str) else what(*parameters)
        if self.keep:
            self.nodes.append(node)
        return node.history(inputs, self.keep)

    @staticmethod
    def ratio(above: Column, below: Column) -> Column:
        """`above / below`; NaN where that is no number."""
        with np.errstate(all="ignore"):
            result: Column = above / below
        if not all_finite(result):
            result[~np.isfinite(result)] = NAN
        return result

    @staticmethod
    def where(gate: Column, value: Column) -> Column:
        """`value` where the gate is above zero, else NaN."""
        return np.where(gate > 0, value, NAN) if gate.size and not gate.min() > 0 else value

    @staticmethod
    def flag(truth: Column) -> Column:
        """1 for true, 0 for false."""
        return truth.astype(float)

    @staticmethod
    def root(value: Column) -> Column:
        """The square root, 0 of what lies below zero."""
        return np.sqrt(np.where(value <= 0, 0.0, value))


class Numbers:
    """The tape of the live form: the nodes of a finished `Columns(keep=True)`, one bar at a time."""

    def __init__(self, nodes: list[Node], commit: bool) -> None:
        self.nodes = nodes
        self.commit = commit
        self.at = 0

    def __call__(self, what: str | Callable[..., Node], inputs: Sequence[float], *parameters: float) -> Answer:
        node = self.nodes[self.at]
        self.at += 1
        return node.update(inputs) if self.commit else node.peek(inputs)

    @staticmethod
    def ratio(above: float, below: float) -> float:
        if below == 0:
            return NAN
        result = above / below
        return result if math.isfinite(result) else NAN

    @staticmethod
    def where(gate: float, value: float) -> float:
        return value if gate > 0 else NAN

    @staticmethod
    def flag(truth: bool) -> float:
        return float(truth)

    @staticmethod
    def root(value: float) -> float:
        return 0.0 if value <= 0 else math.sqrt(value)
