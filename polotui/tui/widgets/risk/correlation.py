"""The correlation heat map: every pair as a number in a coloured cell, what is unknown marked as such.

Decided here: the colour says only how strong, the number and its sign say the rest; a pair with too little history is
«?» in a tone of its own, because it counts as correlated and must not look like an empty cell.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_replies import Correlations
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.risk.base import RiskPane

_CELL = 7


def value_words(value: float | None) -> str:
    return "?" if value is None else f"{value:+.2f}".replace("-", "−")


class CorrelationPane(RiskPane):
    """Symbols × symbols."""

    NAME = "Correlation"
    ABOUT = (
        "How alike the prices move: +1 together, 0 apart, −1 against each other. ● is held. ? is unknown, and an "
        "unknown pair counts as correlated. Arrows go from cell to cell; its figures stand below."
    )
    SCOPES = ("figures", "risk")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("figures")
    TOPICS = frozenset({"riskwork", "link"})

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.x = 0
        self.y = 1

    def title(self, width: int) -> Line:
        found = self.work.correlations
        line: Line = [(self.NAME, "title")]
        if found is not None:
            above, unknown = _counted(found)
            line.append((f" · {above} above {found.threshold:.2f}", "warn" if above else "muted"))
            if unknown:
                line.append((f" · {unknown} unknown", "warn"))
        return line

    def body(self, width: int, height: int) -> list[Line]:
        found = self.work.correlations
        if found is None:
            return self.nothing(width, "correlations", "Loading the correlations …")
        count = len(found.symbols)
        if count < 2:
            return [[], [(" A correlation needs two symbols: hold or watch a second one.", "muted")]]
        self.x, self.y = min(self.x, count - 1), min(self.y, count - 1)
        names = [clean(symbol.removesuffix("_USDT"), 12) for symbol in found.symbols]
        label = max(len(name) for name in names) + 3
        foot = self._foot(found, width)
        fits, rows = max(1, (width - label - 1) // _CELL), max(1, height - len(foot) - 2)
        left, top = _first(self.x, fits, count), _first(self.y, rows, count)
        head: Line = [(" " * label, "")]
        head += [(fit(name, _CELL - 1, "right") + " ", "muted") for name in names[left : left + fits]]
        lines = [[*head, ("›" if left + fits < count else "", "muted")]]
        for y in range(top, min(count, top + rows)):
            line: Line = [("●" if found.held[y] else " ", "accent"), (fit(names[y], label - 1), "")]
            for x in range(left, min(count, left + fits)):
                line += self._cell(found, x, y)
            lines.append(line)
        lines += self._strongest(found, width, height - len(lines) - len(foot) - 1)
        lines += [[] for _ in range(height - len(lines) - len(foot))]
        return lines + foot

    def _strongest(self, found: Correlations, width: int, room: int) -> list[Line]:
        """The pairs that count, strongest first, where the matrix leaves room."""
        pairs = [(row[x], y, x) for y, row in enumerate(found.matrix) for x in range(y)]
        count = [pair for pair in pairs if pair[0] is None or pair[0] >= found.threshold]
        count.sort(key=lambda pair: -2.0 if pair[0] is None else -pair[0])
        if not count or room < 3:
            return []
        lines: list[Line] = [[], [(" pairs that count as correlated", "muted")]]
        for value, y, x in count[: room - 2]:
            names = f"{clean(found.symbols[y], 24)} · {clean(found.symbols[x], 24)}"
            why = f"only {found.bars[y][x]} bars in common" if value is None else f"{found.bars[y][x]} bars"
            both = "both held" if found.held[y] and found.held[x] else ""
            lines.append(
                [
                    (f" {fit(names, 24)}", ""),
                    (" " * (6 - len(value_words(value))), ""),
                    (value_words(value), _tone(value, found.threshold)),
                    (f"  {' · '.join(part for part in (why, both) if part)}", "muted"),
                ]
            )
        return lines

    def _cell(self, found: Correlations, x: int, y: int) -> Line:
        mark = "▸" if self.has_focus and (x, y) == (self.x, self.y) else " "
        value = found.matrix[y][x]
        if x == y or value is None:
            sign, tone = ("·", "faint") if x == y else ("?", "caution")
            return [(mark.rjust(_CELL - 2), "accent"), (sign, tone), (" ", "")]
        return [(f"{mark}{value_words(value)} ".rjust(_CELL), _tone(value, found.threshold))]

    def _foot(self, found: Correlations, width: int) -> list[Line]:
        """The chosen cell in words, and how it was computed."""
        one, two = clean(found.symbols[self.y], 24), clean(found.symbols[self.x], 24)
        lines: list[Line] = []
        if self.x != self.y:
            value, bars = found.matrix[self.y][self.x], found.bars[self.y][self.x]
            line: Line = [(f" {one} · {two}  ", ""), (value_words(value), _tone(value, found.threshold))]
            counts = value is None or value >= found.threshold
            told = f"only {bars} bars: counts as well" if value is None else f"{bars} bars" + ": counts" * counts
            lines.append([*line, (f"  {told}", "warn" if counts else "muted")])
        return [*lines, *([(f" {part}", "muted")] for part in wrapped(clean(found.text, 300), width - 2))]

    def action_move(self, x: int, y: int) -> None:
        found = self.work.correlations
        if found is not None and found.symbols:
            self.x = max(0, min(self.x + x, len(found.symbols) - 1))
            self.y = max(0, min(self.y + y, len(found.symbols) - 1))
            self.repaint()

    def export(self) -> Exported | None:
        found = self.work.correlations
        if found is None:
            return None
        rows = [
            [symbol, *("" if value is None else f"{value:.4f}" for value in row)]
            for symbol, row in zip(found.symbols, found.matrix, strict=True)
        ]
        return Exported("correlation", ["symbol", *found.symbols], rows)

    def copied(self) -> tuple[str, str] | None:
        found = self.work.correlations
        if found is None or not found.symbols:
            return None
        pair = f"{found.symbols[self.y]} {found.symbols[self.x]}"
        return "correlation", f"{pair} {value_words(found.matrix[self.y][self.x])}"


def _tone(value: float | None, threshold: float) -> str:
    """Three strengths to the threshold; what moves against has its own colour."""
    if value is None:
        return "caution"
    if value >= threshold:
        return "loss3"
    if value <= -0.3:
        return "gain2"
    if value >= threshold * 0.7:
        return "loss2"
    return "loss1" if value >= threshold * 0.4 else "muted"


def _first(chosen: int, room: int, count: int) -> int:
    return max(0, min(chosen - room // 2, count - room))


def _counted(found: Correlations) -> tuple[int, int]:
    """Pairs at or above the threshold, and unknown ones; each pair once."""
    pairs = [row[x] for y, row in enumerate(found.matrix) for x in range(y)]
    above = sum(1 for value in pairs if value is not None and value >= found.threshold)
    return above, sum(1 for value in pairs if value is None)
