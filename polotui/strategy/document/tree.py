"""The typed tree that a rule text becomes.

Decided here:
* Nodes are values: equal when they mean the same, wherever they stand in the text. So a runtime can compute a part that
  occurs twice only once. Where a node stands (`at`) takes no part in the comparison.
* There are two types, «bool» and «number». Truth has three values: false, true and unknown (warm-up, division by zero).
* Every window and lag counts bars of the document's own timeframe, but for a lag directly on a series of another
  frame: `fast@4h[1]` is the value of the 4h bar before the last closed one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Type = Literal["bool", "number"]

PRICES = ("open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4")
#: Known only while a position is open, hence in exit rules only. Money facts are fractions: 0.03 is 3 %.
FACTS = ("entry_price", "bars_in_position", "position_pnl_pct", "highest_since_entry", "lowest_since_entry")
#: Of the bar's open time, UTC. `weekday` is 0 on Monday; `new_day` is true on the first bar of a UTC day.
CLOCK = ("hour", "minute", "weekday", "new_day")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of the rule text, counted from 0."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Number:
    value: float
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


@dataclass(frozen=True, slots=True)
class Param:
    """A declared parameter; its value is bound when the tree is run, so that a sweep reuses the tree."""

    name: str
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


@dataclass(frozen=True, slots=True)
class Price:
    """One of PRICES; `frame` "" is the document's own timeframe."""

    name: str
    frame: str
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


@dataclass(frozen=True, slots=True)
class Indicator:
    """A declared indicator's output; `output` "" is its first one."""

    name: str
    output: str
    frame: str
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """One of FACTS."""

    name: str
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


@dataclass(frozen=True, slots=True)
class Clock:
    """One of CLOCK."""

    name: str
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


@dataclass(frozen=True, slots=True)
class Lag:
    """The value `bars` bars ago."""

    of: Node
    bars: int
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    op: Literal["-", "not"]
    of: Node
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    op: Literal["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "and", "or"]
    left: Node
    right: Node
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the table in `functions.py`; window arguments are Number or Param nodes."""

    name: str
    args: tuple[Node, ...]
    at: Span = field(compare=False)
    type: Type = field(default="number", compare=False)


Node = Number | Param | Price | Indicator | Fact | Clock | Lag | Unary | Binary | Call


def children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Binary):
        return (node.left, node.right)
    if isinstance(node, Call):
        return node.args
    if isinstance(node, Lag | Unary):
        return (node.of,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, from the left."""
    yield node
    for child in children(node):
        yield from walk(child)
