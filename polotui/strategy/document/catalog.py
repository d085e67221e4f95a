"""The indicators a document may declare: one row each. No numpy here: the face reads it for completion and forms.

A row names its inputs («source» is any price field or an earlier indicator's output, the others are the bar's own
fields), its parameters with default and limits, its outputs in their order (the first is what the bare name means), and
how many bars pass before the first value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Number = int | float


@dataclass(frozen=True)
class Parameter:
    """`whole` parameters count bars (or name a choice of TA-Lib's moving averages)."""

    name: str
    default: Number
    least: Number
    most: Number
    whole: bool = True


@dataclass(frozen=True)
class Kind:
    """One kind of indicator. `warmup` gives the bars without a value for given parameters; `settle` the bars until a
    recursive one no longer depends on where it began (relative difference below 1e-9)."""

    name: str
    says: str
    inputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    warmup: Callable[[Mapping[str, Number]], int]
    settle: Callable[[Mapping[str, Number]], int]
    group: str = "other"
