"""What is likely not meant although it is allowed: warnings and hints for a document without errors."""

from __future__ import annotations

from collections.abc import Iterator

from polotui.strategy.document.always import Known, bounds, decided, decided_parts
from polotui.strategy.document.bind import bound_indicators, warmup_bars
from polotui.strategy.document.diagnostics import Notebook, Severity
from polotui.strategy.document.functions import FUNCTIONS
from polotui.strategy.document.hashing import written
from polotui.strategy.document.limits import FRAME_MS, LONG_WARMUP
from polotui.strategy.document.located import Path
from polotui.strategy.document.meaning import references
from polotui.strategy.document.rules import Rules
from polotui.strategy.document.spec import Dca, Grid, StrategyDocument, shown
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
    Span,
    Unary,
    walk,
)
from polotui.strategy.document.values import defaults, numbers, resolved, series

#: Two fills at 0.2 % each, and 5 bp slippage and 1 bp half-spread on both: the defaults of the fill policy.
ROUND_TRIP = 2 * (0.002 + 0.0005 + 0.0001)
_EDGES = ("crosses_above", "crosses_below", "crosses", "first", "rising", "falling", "bars_since")
_CLOCK_MS = {"minute": 60_000, "hour": 3_600_000, "weekday": 86_400_000}
_COUNTS = ("count", "bars_since")
#: Facts and functions that are fractions: 5 would be 500 %.
_FRACTIONS = ("position_pnl_pct", "pct_change")


def advise(document: StrategyDocument, rules: Rules, notebook: Notebook) -> None:
    _Adviser(document, rules, notebook).run()


class _Adviser:
    def __init__(self, document: StrategyDocument, rules: Rules, notebook: Notebook) -> None:
        self.document = document
        self.rules = rules
        self.notebook = notebook
        self.values = defaults(document)
        self.known = Known(
            {name: spec.kind for name, spec in document.indicators.items()},
            {name: (spec.min, spec.max) for name, spec in document.params.items()},
        )

    def run(self) -> None:
        self.unused()
        for path, node in self.rules.placed():
            self.rule(path, node)
        for side in ("long", "short"):
            node = getattr(self.rules, f"entry_{side}")
            if node is not None:
                self.level(("entry", side), node)
        self.warmup()
        self.param_steps()
        if self.document.executor is None:
            self.stops()
            self.exits()
        else:
            self.executor(self.document.executor)

    def say(self, severity: Severity, code: str, path: Path, message: str, suggestion: str = "") -> None:
        self.notebook.add(severity, code, self.notebook.value(path), message, suggestion)

    def say_in(self, severity: Severity, code: str, path: Path, at: Span, message: str, suggestion: str = "") -> None:
        self.notebook.add(severity, code, self.notebook.in_rule(path, at), message, suggestion)

    # Names.

    def unused(self) -> None:
        document = self.document
        parts = [part for node in self.rules.all() for part in walk(node)]
        params = {part.name for part in parts if isinstance(part, Param)}
        params |= {value for _, value, _ in numbers(document) if isinstance(value, str)}
        used = {part.name for part in parts if isinstance(part, Indicator)}
        used |= {series(text)[0] for _, text in references(document)}
        waiting = list(used)
        while waiting:
            spec = document.indicators.get(waiting.pop())
            below = series(spec.source)[0] if spec is not None else ""
            if below in document.indicators and below not in used:
                used.add(below)
                waiting.append(below)
        for name, spec in document.indicators.items():
            params |= {value for value in spec.settings.values() if isinstance(value, str)}
            if name not in used:
                self.unused_name(("indicators", name), f"the indicator {name} is not used")
        for name in document.params:
            if name not in params:
                self.unused_name(("params", name), f"the param {name} is not used")

    def unused_name(self, path: Path, message: str) -> None:
        self.notebook.add("warning", "unused", self.notebook.key(path), message, "delete it, or use it in a rule")

    def param_steps(self) -> None:
        for name, spec in self.document.params.items():
            steps = (spec.default - spec.min) / spec.step
            if abs(steps - round(steps)) > 1e-6:
                self.say("info", "param-step", ("params", name, "default"),
                         f"a sweep of {name} does not meet its default {shown(spec.default)}",
                         f"steps of {shown(spec.step)} are counted from {shown(spec.min)}")  # fmt: skip

    # Rules.

    def rule(self, path: Path, node: Node) -> None:
        for part, verdict in decided_parts(node, self.known):
            word, code = ("true", "always-true") if verdict else ("false", "always-false")
            whole = decided(node, self.known)
            what = f"this is always {word}"
            if part != node and whole is not None:
                what += f", which makes the whole rule always {'true' if whole else 'false'}"
            self.say_in("warning", code, path, part.at, what, self.why(part))
        for part in walk(node):
            if isinstance(part, Binary) and part.op in ("==", "!="):
                self.equality(path, part)
            if isinstance(part, Binary) and part.op in ("<", "<=", ">", ">="):
                self.percent(path, part)
            self.higher_frame(path, part)

    @staticmethod
    def why(part: Node) -> str:
        for inner in walk(part):
            if isinstance(inner, Call) and inner.name in ("highest", "lowest"):
                return f"{inner.name} counts this bar, too; compare with {written(inner)}[1]"
        return "it decides nothing"

    def equality(self, path: Path, node: Binary) -> None:
        if (self.exact(node.left) and self.exact(node.right)) or self.same_series(node.left, node.right):
            return
        self.say_in("warning", "float-equality", path, node.at,
                    "computed numbers are hardly ever exactly equal",
                    "use between(x, low, high), or abs(x - y) < a small number")  # fmt: skip

    def exact(self, node: Node) -> bool:
        """True for what is counted, not computed."""
        if isinstance(node, Number):
            return node.value.is_integer()
        if isinstance(node, Param):
            return self.document.params[node.name].type == "int"
        if isinstance(node, Fact):
            return node.name == "bars_in_position"
        if isinstance(node, Call):
            inner = node.args if node.name in ("abs", "min", "max") else node.args[:1]
            return node.name in _COUNTS or (
                node.name in ("abs", "min", "max", "highest", "lowest", "change") and all(map(self.exact, inner))
            )
        if isinstance(node, Lag | Unary):
            return self.exact(node.of)
        if isinstance(node, Binary):
            return node.op in "+-*" and self.exact(node.left) and self.exact(node.right)
        return isinstance(node, Clock) or (isinstance(node, Indicator) and node.output == "direction")

    def same_series(self, left: Node, right: Node) -> bool:
        """`lowest(x, n) == x[1]` compares a value with itself."""
        return self.root(left) == self.root(right) and any(
            isinstance(side, Call) and side.name in ("highest", "lowest") for side in (left, right)
        )

    def root(self, node: Node) -> Node:
        while isinstance(node, Lag) or (isinstance(node, Call) and node.name in ("highest", "lowest")):
            node = node.of if isinstance(node, Lag) else node.args[0]
        return node

    def percent(self, path: Path, node: Binary) -> None:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            name = getattr(one, "name", "")
            low, high = bounds(other, self.known)
            if name in _FRACTIONS and isinstance(other, Number | Unary) and low == high and abs(low) >= 1:
                self.say_in("warning", "percent", path, other.at,
                            f"{name} is a fraction, so {shown(low)} means {shown(100 * low)} %",
                            f"write {shown(low)}%")  # fmt: skip

    def higher_frame(self, path: Path, node: Node) -> None:
        if isinstance(node, Call) and FUNCTIONS[node.name].back.startswith("window"):
            framed = next(iter(_framed(node.args[0])), None)
            if framed is not None:
                name = written(framed)
                self.say_in("warning", "window-over-frame", path, node.at,
                            f"{node.name} counts bars of {self.document.timeframe}, on which {name} changes seldom",
                            f"compare with a lag, which counts bars of the frame: {name}[1]")  # fmt: skip
        if isinstance(node, Lag) and not isinstance(node.of, Price | Indicator):
            framed = next(iter(_framed(node.of)), None)
            if framed is not None and node.bars:
                self.say_in("warning", "window-over-frame", path, node.at,
                            f"this lag counts bars of {self.document.timeframe}",
                            f"to count bars of the frame put it directly behind {written(framed)}")  # fmt: skip

    def level(self, path: Path, node: Node) -> None:
        parts = list(walk(node))
        clocks = {part.name for part in parts if isinstance(part, Clock)}
        series_parts = [part for part in parts if isinstance(part, Price | Indicator)]
        edged = any(isinstance(part, Call) and part.name in _EDGES for part in parts)
        if clocks and not series_parts and not edged and "new_day" not in clocks:
            finest = min(clocks, key=_CLOCK_MS.__getitem__)
            bars = _CLOCK_MS[finest] // FRAME_MS[self.document.timeframe]
            if bars > 1:
                self.say("warning", "level", path, f"this is true on every one of the {bars} bars of that {finest}",
                         f"write first({written(node)}) to mean the first of them")  # fmt: skip
            return
        if series_parts and not edged and not any(isinstance(part, Lag) for part in parts):
            message = "this holds for many bars in a row, so after an exit it enters again at once"
            hint = "if the moment is meant, use crosses_above(x, y) or first(condition); or set filters.cooldown_bars"
            self.say("info", "level", path, message, hint)

    # Money.

    def stops(self) -> None:
        stops = self.document.stops
        if stops.loss.kind == "none" and stops.trail.kind == "none":
            at = ("stops",) if self.notebook.known(("stops",)) else ("sizing",)
            self.notebook.add("warning", "no-stop", self.notebook.key(at), "nothing limits a loss",
                              "add stops: {loss: {kind: percent, value: 3%}}")  # fmt: skip
        loss = resolved(stops.loss.value, self.values) if stops.loss.value is not None else None
        if stops.target.value is not None:
            self.too_close(("stops", "target", "value"), resolved(stops.target.value, self.values), "target")
        elif stops.target.multiple is not None and loss is not None:
            self.too_close(
                ("stops", "target", "multiple"), loss * resolved(stops.target.multiple, self.values), "target"
            )
        if loss is not None and loss <= ROUND_TRIP:
            message = f"the stop at {shown(100 * loss)} % is closer than the costs of {shown(100 * ROUND_TRIP)} %"
            self.say("info", "near-stop", ("stops", "loss", "value"), message)

    def too_close(self, path: Path, distance: float, what: str) -> None:
        if distance <= ROUND_TRIP:
            self.say("warning", "target-fees", path,
                     f"the {what} at {shown(100 * distance)} % does not pay for the round trip: fees and slippage take "
                     f"{shown(100 * ROUND_TRIP)} %", "set it further away")  # fmt: skip

    def exits(self) -> None:
        stops = self.document.stops
        kept = stops.target.kind == "none" and stops.trail.kind == "none" and stops.time is None
        for side in ("long", "short"):
            if kept and getattr(self.rules, f"entry_{side}") and getattr(self.rules, f"exit_{side}") is None:
                self.say("warning", "no-exit", ("entry", side), "nothing but the loss stop ends this position",
                         f"add exit: {side}:, a target, a trail or a time stop")  # fmt: skip

    def executor(self, executor: Grid | Dca) -> None:
        if executor.stop is None:
            self.notebook.add("info", "no-stop", self.notebook.key(("executor",)), "nothing limits a loss", "add stop:")
        if isinstance(executor, Dca):
            if executor.take_profit is not None:
                profit = resolved(executor.take_profit, self.values)
                self.too_close(("executor", "take_profit"), profit, "take_profit")
            return
        lower, upper, levels = (float(resolved(value, self.values))
                                for value in (executor.lower, executor.upper, executor.levels))  # fmt: skip
        narrowest = (upper - lower) / (levels - 1) / upper
        if executor.spacing == "geometric":
            narrowest = (upper / lower) ** (1 / (levels - 1)) - 1
        self.too_close(("executor", "levels"), narrowest, "next level")

    def warmup(self) -> None:
        indicators = bound_indicators(self.document, self.values)
        bars = warmup_bars(self.document, self.rules, indicators, self.values)
        if bars > LONG_WARMUP:
            self.say("warning", "long-warmup", ("timeframe",),
                     f"{bars} bars of {self.document.timeframe} pass before the first decision",
                     "use shorter lengths, or a longer timeframe")  # fmt: skip


def _framed(node: Node) -> Iterator[Price | Indicator]:
    return (part for part in walk(node) if isinstance(part, Price | Indicator) and part.frame)
