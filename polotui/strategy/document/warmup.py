"""How many bars a strategy has to see before its rules can be known, and roughly what a bar of it costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from polotui.strategy.document.functions import FUNCTIONS
from polotui.strategy.document.limits import FRAME_MS, frame_ratio
from polotui.strategy.document.tree import Call, Indicator, Lag, Node, Number, Param, Price, children, walk

Numbers = Mapping[str, int | float]
_WINDOW_COST = 4


class Warmup:
    """`settled` gives each indicator's bars in its own frame, its source's included; `sessions` the milliseconds that
    one of sessions (a day's average) needs besides, whatever the frame."""

    def __init__(
        self, timeframe: str, settled: Mapping[str, int], values: Numbers, sessions: Mapping[str, int] | None = None
    ) -> None:
        self.sessions = sessions or {}
        self.timeframe = timeframe
        self.settled = settled
        self.values = values

    def rules(self, nodes: Iterable[Node]) -> int:
        return max((self.node(node) for node in nodes), default=0)

    def node(self, node: Node) -> int:
        """Bars of the base frame before the node's first settled value."""
        if isinstance(node, Price):
            return self.framed(node.frame, 0)
        if isinstance(node, Indicator):
            return self.framed(node.frame, self.indicator(node.name, node.frame or self.timeframe))
        if isinstance(node, Lag) and isinstance(node.of, Price | Indicator) and node.of.frame:
            return self.node(node.of) + node.bars * frame_ratio(self.timeframe, node.of.frame)
        below = max((self.node(child) for child in children(node)), default=0)
        if isinstance(node, Lag):
            return below + node.bars
        if isinstance(node, Call):
            return below + self.back(node)
        return below

    def indicator(self, name: str, frame: str) -> int:
        return max(self.settled.get(name, 0), -(-self.sessions.get(name, 0) // FRAME_MS[frame]))

    def framed(self, frame: str, bars: int) -> int:
        """Bars of a higher frame in bars of the base: one more, since a run may begin in the middle of one."""
        return (bars + 1) * frame_ratio(self.timeframe, frame) if frame else bars

    def back(self, call: Call) -> int:
        function = FUNCTIONS[call.name]
        if function.back in ("none", "since"):
            return 0
        if function.back == "one":
            return 1
        window = self.window(call)
        return window if function.back == "window" else window - 1

    def window(self, call: Call) -> int:
        place = FUNCTIONS[call.name].arguments.index("window")
        node = call.args[place]
        if isinstance(node, Param):
            return int(self.values[node.name])
        return int(node.value) if isinstance(node, Number) else 0


def cost(nodes: Iterable[Node], outputs: int) -> int:
    """Columns that a run computes: one for each different part of the rules, windows counting more, and for each output
    of an indicator."""
    parts = {part for node in nodes for part in walk(node)}
    windows = sum(isinstance(part, Call) and FUNCTIONS[part.name].back.startswith("window") for part in parts)
    return len(parts) + (_WINDOW_COST - 1) * windows + _WINDOW_COST * outputs
