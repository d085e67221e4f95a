"""Trees by hand and at random, a bound document to run them, and indicators simple enough to be checked by eye."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from polotui.strategy.document.catalog import Kind
from polotui.strategy.document.functions import FUNCTIONS
from polotui.strategy.document.tree import (
    CLOCK,
    FACTS,
    PRICES,
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
    Span,
    Unary,
)

HERE = Span(0, 0)


def number(value: float) -> Number:
    return Number(value, HERE)


def price(name: str, frame: str = "") -> Price:
    return Price(name, frame, HERE)


def indicator(name: str, output: str = "", frame: str = "") -> Indicator:
    return Indicator(name, output, frame, HERE)


def lag(of: Node, bars: int) -> Lag:
    return Lag(of, bars, HERE)


def binary(op: Any, left: Node, right: Node) -> Binary:
    return Binary(op, left, right, HERE)


def call(name: str, *args: Node | int) -> Call:
    return Call(name, tuple(number(arg) if isinstance(arg, int) else arg for arg in args), HERE)


def fact(name: str) -> Fact:
    return Fact(name, HERE)


# -- a bound document ------------------------------------------------------------------------------------------------


def kind(name: str, *outputs: str) -> Kind:
    return Kind(name, name, ("source",), (), outputs, lambda _: 0, lambda _: 0)


KINDS = {
    "mean": kind("mean", "value"),
    "smooth": kind("smooth", "line", "distance"),
    "rsi": kind("rsi", "value"),
    "ema": kind("ema", "value"),
    "macd": kind("macd", "line", "signal", "hist"),
}


@dataclass(frozen=True)
class Declared:
    kind: Kind
    source: str
    settings: Mapping[str, int | float]


@dataclass(frozen=True)
class Bound:
    values: Mapping[str, float] = field(default_factory=dict)
    indicators: Mapping[str, Declared] = field(default_factory=dict)


DOCUMENT = Bound(
    {"length": 9.0, "floor": 100.5},
    {
        "mean": Declared(KINDS["mean"], "close", {"length": 7}),
        "smooth": Declared(KINDS["smooth"], "hlc3", {"length": 12}),
        "twice": Declared(KINDS["mean"], "smooth.distance", {"length": 3}),
    },
)


class Stub:
    """`mean` and `smooth` (recursive, two outputs); counts what it computes."""

    def __init__(self) -> None:
        self.computed: list[tuple[str, int]] = []

    def compute(self, kind_name: str, settings: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        self.computed.append((kind_name, len(inputs["source"])))
        handle = Handle(kind_name, settings)
        rows = [handle.update({"source": value}) for value in inputs["source"].tolist()]
        table = np.array(rows, np.float64).reshape(len(rows), len(KINDS[kind_name].outputs))
        return {name: table[:, place].copy() for place, name in enumerate(KINDS[kind_name].outputs)}

    def stream(self, kind_name: str, settings: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        handle = Handle(kind_name, settings)
        for value in inputs["source"].tolist():
            handle.update({"source": value})
        return handle


class Handle:
    """`mean` is a mean, `smooth` an exponential average with the distance to it, the others are made of those two."""

    def __init__(self, kind_name: str, settings: Mapping[str, Any]) -> None:
        self.kind_name = kind_name
        self.settings = settings
        self.length = int(settings.get("length", settings.get("slow", 0)))
        self.past: deque[float] = deque(maxlen=self.length)
        self.line = float("nan")

    def copy(self) -> Handle:
        other = Handle(self.kind_name, self.settings)
        other.past, other.line = self.past.copy(), self.line
        return other

    def peek(self, bar: Mapping[str, float]) -> tuple[float, ...]:
        return self.copy().update(bar)

    def update(self, bar: Mapping[str, float]) -> tuple[float, ...]:
        x = bar["source"]
        self.past.append(x)
        full = len(self.past) == self.length
        mean = sum(self.past) / self.length if full else float("nan")
        self.line = x if self.line != self.line else self.line + (x - self.line) * 2.0 / (self.length + 1)
        line = self.line if full else float("nan")
        return {
            "mean": (mean,),
            "smooth": (self.line, x - self.line),
            "rsi": (50.0 + 1_000.0 * (x - mean) / mean,),
            "ema": (line,),
            "macd": (line, mean, line - mean),
        }[self.kind_name]


# -- at random -------------------------------------------------------------------------------------------------------


class Grower:
    """Random trees of the grammar: everything that may stand at a place may be drawn there."""

    def __init__(self, seed: int, facts: bool = False, frames: tuple[str, ...] = ("", "5m", "15m", "1h")) -> None:
        self.random = random.Random(seed)
        self.facts = facts
        self.frames = frames

    def truth(self, depth: int, facts: bool | None = None) -> Node:
        facts = self.facts if facts is None else facts
        draw = self.random.random()
        if depth <= 0 or draw < 0.35:
            op = self.random.choice(("<", "<=", ">", ">=", "==", "!="))
            return binary(op, self.number(depth - 1, facts), self.number(depth - 1, facts))
        if draw < 0.6:
            op = self.random.choice(("and", "or"))
            return binary(op, self.truth(depth - 1, facts), self.truth(depth - 1, facts))
        if draw < 0.7:
            return Unary("not", self.truth(depth - 1, facts), HERE, "bool")
        if draw < 0.75:
            return lag(self.truth(depth - 1, False), self.random.choice((0, 1, 3, 40)))
        if draw < 0.78:
            return Clock("new_day", HERE, "bool")
        return self.call("bool", depth, facts)

    def number(self, depth: int, facts: bool | None = None) -> Node:
        facts = self.facts if facts is None else facts
        draw = self.random.random()
        if depth <= 0 or draw < 0.45:
            return self.leaf(facts)
        if draw < 0.65:
            op = self.random.choice(("+", "-", "*", "/"))
            return binary(op, self.number(depth - 1, facts), self.number(depth - 1, facts))
        if draw < 0.7:
            return Unary("-", self.number(depth - 1, facts), HERE)
        if draw < 0.78:
            return lag(self.number(depth - 1, False), self.random.choice((0, 1, 2, 30)))
        return self.call("number", depth, facts)

    def leaf(self, facts: bool) -> Node:
        draw = self.random.random()
        frame = self.random.choice(self.frames)
        if facts and draw < 0.3:
            return fact(self.random.choice(FACTS))
        if draw < 0.5:
            node: Node = price(self.random.choice(PRICES), frame)
        elif draw < 0.8:
            name, output = self.random.choice((("mean", ""), ("smooth", ""), ("smooth", "distance"), ("twice", "")))
            node = indicator(name, output, frame)
        elif draw < 0.9:
            return number(self.random.choice((0.0, 1.0, -2.5, 100.0, 99.5)))
        elif draw < 0.95:
            return Param(self.random.choice(("length", "floor")), HERE)
        else:
            return Clock(self.random.choice([name for name in CLOCK if name != "new_day"]), HERE)
        return lag(node, self.random.choice((1, 2, 25))) if self.random.random() < 0.25 else node

    def call(self, result: str, depth: int, facts: bool) -> Node:
        names = [name for name, row in FUNCTIONS.items() if row.result == result]
        if facts:
            names = [name for name in names if name in ("abs", "min", "max", "between")]
            if not names:
                return self.truth(depth - 1, facts)
        function = FUNCTIONS[self.random.choice(names)]
        args: list[Node] = []
        for argument in function.arguments:
            if argument == "window":
                plain = number(self.random.choice((function.least, 2, 5, 16, 60)))
                args.append(Param("length", HERE) if self.random.random() < 0.2 else plain)
            elif argument == "bool":
                args.append(self.truth(depth - 1, facts))
            else:
                args.append(self.number(depth - 1, facts))
        return Call(function.name, tuple(args), HERE)
