"""Indicators at work: `compute` over columns for backtests and charts, `stream` bar by bar for live trading. Same bits.

A new indicator is one line in the catalogue (`polotui/strategy/document/catalog.py`) when TA-Lib has it, or one file in
`own/` with a function `values(tape, bar, ...)` and one line when it has not. `tape.py` says how such a function is
written; nothing else is touched: documents, charts, completion and docs/indicators.md read the catalogue.

Decided here:
* Every output begins on the same bar, `warmup` bars after the first: an indicator is known whole or not at all.
* An infinite value is NaN, and so is a value that divides by zero.
* Bars are handed over without gaps, as stored: price fields and volume are finite on every bar, and a missing candle is
  the caller's to fill or to end the run at. Only `source` may have holes, since it may be another indicator's output;
  after a hole the indicator warms up again.
* A stream begins with its history's first bar. It is equal to the batch from the same first bar, bit for bit, and to a
  batch from another one only as far as `settle` says.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from polotui.core.errors import UsageError
from polotui.strategy.document.catalog import KINDS, Kind, Number
from polotui.strategy.runtime.indicators.tape import NAN, Column, Columns, Node, Numbers, all_finite, stretches

Values = Callable[..., Any]


@cache
def _own(name: str) -> Values:
    values: Values = importlib.import_module(f"{__name__}.own.{name}").values
    return values


def _checked(kind: Kind, given: Mapping[str, Number]) -> dict[str, Number]:
    """Every setting as its parameter wants it, the default where none is given. Raises UsageError."""
    unknown = set(given) - {parameter.name for parameter in kind.parameters}
    if unknown:
        raise UsageError(f"{kind.name} has no setting {min(unknown)!r}.", next_step="docs/indicators.md names them.")
    settings: dict[str, Number] = {}
    for parameter in kind.parameters:
        value = given.get(parameter.name, parameter.default)
        if not parameter.least <= value <= parameter.most or (parameter.whole and value != int(value)):
            raise UsageError(
                f"{parameter.name} of {kind.name} cannot be {value}.",
                next_step=f"A {'whole ' if parameter.whole else ''}number from {parameter.least} to {parameter.most}.",
            )
        settings[parameter.name] = int(value) if parameter.whole else float(value)
    return settings


def _outputs(kind: Kind, settings: Mapping[str, Number], tape: Any, bar: Mapping[str, Any]) -> Sequence[Any]:
    """The outputs in the catalogue's order, warm-up not yet hidden."""
    numbers = [settings[word] if isinstance(word, str) else word for word in kind.arguments]
    if kind.call.isupper():
        found = tape(kind.call, [bar[name] for name in kind.inputs], *numbers)
    else:
        found = _own(kind.call)(tape, bar, *numbers)
    parts = found if isinstance(found, tuple) else (found,)
    return [parts[place] for place in kind.order] if kind.order else parts


def _known_for(columns: Sequence[Column]) -> tuple[Column | None, int]:
    """For columns with holes how many bars each bar's stretch has lasted, else None; and the same for the last bar."""
    bars = len(columns[0])
    found = list(stretches(columns))
    if found == [(0, bars)]:
        return None, bars
    lasted = np.zeros(bars, np.int64)
    for start, end in found:
        lasted[start:end] = np.arange(1, end - start + 1)
    return lasted, int(lasted[-1]) if bars else 0


def _run(
    kind: Kind, settings: Mapping[str, Number], inputs: Mapping[str, Column], tape: Columns
) -> tuple[list[Column], int]:
    used = {name: np.ascontiguousarray(inputs[name], np.int64 if name == "time" else float) for name in kind.inputs}
    warmup = kind.warmup(settings)
    outputs = list(_outputs(kind, settings, tape, used))
    lasted, last = _known_for([used["source"]] if "source" in used else [next(iter(used.values()))])
    for column in outputs:  # each one a column of its own, never one of the inputs: a test holds every kind to it
        if lasted is None:
            column[:warmup] = NAN
        else:
            column[lasted <= warmup] = NAN
        if not all_finite(column[warmup:]):
            column[~np.isfinite(column)] = NAN
    return outputs, last


def compute(kind_name: str, settings: Mapping[str, Number], inputs: Mapping[str, Column]) -> dict[str, Column]:
    """Every output of an indicator over whole columns, which are of one length and at least the kind's inputs."""
    kind = KINDS[kind_name]
    outputs, _ = _run(kind, _checked(kind, settings), inputs, Columns())
    return dict(zip(kind.outputs, outputs, strict=True))


class Handle:
    """An indicator that goes on bar by bar. `values` are the outputs of the last closed bar, in the kind's order."""

    def __init__(self, kind: Kind, settings: Mapping[str, Number], nodes: list[Node], lasted: int) -> None:
        self.kind = kind
        self.settings = dict(settings)
        self.values: tuple[float, ...] = (NAN,) * len(kind.outputs)
        self._nodes = nodes
        self._lasted = lasted
        self._warmup = kind.warmup(settings)

    def update(self, bar: Mapping[str, float]) -> tuple[float, ...]:
        """Takes a closed bar in and gives its outputs."""
        self._lasted = self._lasted + 1 if math.isfinite(bar.get("source", 0.0)) else 0
        self.values = self._at(bar, self._lasted, True)
        return self.values

    def peek(self, bar: Mapping[str, float]) -> tuple[float, ...]:
        """What `update` would give for the forming bar; nothing is kept."""
        return self._at(bar, self._lasted + 1 if math.isfinite(bar.get("source", 0.0)) else 0, False)

    def copy(self) -> Handle:
        """An independent handle at the same bar."""
        twin = Handle(self.kind, self.settings, [node.copy() for node in self._nodes], self._lasted)
        twin.values = self.values
        return twin

    def _at(self, bar: Mapping[str, float], lasted: int, commit: bool) -> tuple[float, ...]:
        outputs = _outputs(self.kind, self.settings, Numbers(self._nodes, commit), bar)
        if lasted <= self._warmup:
            return (NAN,) * len(self.kind.outputs)
        return tuple(value if math.isfinite(value) else NAN for value in outputs)


def stream(kind_name: str, settings: Mapping[str, Number], inputs: Mapping[str, Column]) -> Handle:
    """A handle that has seen the bars of `inputs` (which may be none) and goes on from there."""
    kind = KINDS[kind_name]
    checked = _checked(kind, settings)
    tape = Columns(keep=True)
    outputs, lasted = _run(kind, checked, inputs, tape)
    handle = Handle(kind, checked, tape.nodes, lasted)
    if len(outputs[0]):
        handle.values = tuple(float(column[-1]) for column in outputs)
    return handle
