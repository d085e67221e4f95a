"""Candles as characters, and the price scale beside them: pure functions of numbers.

Decided here: two steps of height a character, thin wicks beside thick bodies, a scale on round steps (1-2-5) that
stays until a price leaves it or uses less than half of it. Without that, each new high would move every cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from polotui.model.candles import DAY_MS, Candle
from polotui.tui.numbers import at
from polotui.tui.widgets.sparkline import BLOCKS

#: Rows of cells: a character and its tone.
Grid = list[list[tuple[str, str]]]

_CELL = {
    (0, 0): " ",
    (1, 0): "╵",
    (0, 1): "╷",
    (1, 1): "│",
    (2, 0): "╹",
    (0, 2): "╻",
    (2, 2): "┃",
    (1, 2): "╽",
    (2, 1): "╿",
}


def column(candle: Candle, low: float, high: float, rows: int) -> list[str]:
    """One candle as `rows` characters, top to bottom. Parts outside the scale are cut."""
    steps = rows * 2
    factor = (steps - 1) / ((high - low) or 1.0)

    def place(value: float) -> int:
        return max(0, min(steps - 1, int((high - value) * factor + 0.5)))

    marks = [0] * steps
    first, last = place(candle.high), place(candle.low)
    marks[first : last + 1] = [1] * (last - first + 1)
    first, last = place(max(candle.open, candle.close)), place(min(candle.open, candle.close))
    marks[first : last + 1] = [2] * (last - first + 1)
    return [_CELL[marks[index], marks[index + 1]] for index in range(0, steps, 2)]


@dataclass(frozen=True)
class Scale:
    """Bottom, top and the step of the labels."""

    low: float
    high: float
    step: float

    def row(self, value: float, rows: int) -> int:
        """The character row of a price; outside 0..rows-1 when it is off the scale."""
        return math.floor((self.high - value) * (rows * 2 - 1) / ((self.high - self.low) or 1.0) + 0.5) // 2

    def labels(self) -> list[float]:
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return [index * self.step for index in range(first, min(last, first + 60) + 1)]


def round_step(span: float, parts: int) -> float:
    """The 1-2-5 step that cuts `span` into about `parts`."""
    rough = max(span, 1e-12) / max(1, parts)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((power * factor for factor in (1, 2, 5) if power * factor >= rough), power * 10)


def scale_for(low: float, high: float, rows: int, old: Scale | None = None) -> Scale:
    """A scale that holds [low, high]: the old one while it fits well."""
    if high <= low:
        pad = abs(high) * 0.001 or 1.0
        low, high = low - pad, high + pad
    if old is not None and old.low <= low and high <= old.high and (high - low) * 2 > (old.high - old.low):
        return old
    step = round_step(high - low, max(2, rows // 3))
    edge = step / 2
    # A product may miss the price it was made from by the last bit (1.7 / 0.1 * 0.1): the scale must still hold it.
    return Scale(min(low, math.floor(low / edge) * edge), max(high, math.ceil(high / edge) * edge), step)


def decimals_of(step: float, most: int) -> int:
    """Decimals that tell two labels `step` apart."""
    return max(0, min(most, -math.floor(math.log10(step) + 1e-9)))


_SPACINGS = (
    *(minutes * 60_000 for minutes in (5, 10, 15, 30)),
    *(hours * 3_600_000 for hours in (1, 2, 3, 6, 12)),
    *(days * DAY_MS for days in (1, 2, 5, 7, 14, 30, 90, 365)),
)


def time_labels(opens: Sequence[int], step_ms: int, least: int = 9) -> list[tuple[int, str]]:
    """(index, label) at round times, at least `least` columns apart."""
    spacing = next((size for size in _SPACINGS if size >= step_ms * least), _SPACINGS[-1])
    labels: list[tuple[int, str]] = []
    last = -least
    day = ""
    for index, open_ms in enumerate(opens):
        if open_ms % spacing or index - last < least:
            continue
        moment = at(open_ms)
        today = moment.strftime("%d %b")
        if spacing >= DAY_MS:
            text = today if spacing < 90 * DAY_MS else moment.strftime("%b %Y")
        else:
            text = moment.strftime("%H:%M") if today == day else today
        day = today
        labels.append((index, text))
        last = index
    return labels


_UP = (0x01, 0x02, 0x04, 0x40)
_DOWN = (0x08, 0x10, 0x20, 0x80)


def line_dots(values: Sequence[float | None], scale: Scale, rows: int, *, solid: bool) -> dict[tuple[int, int], str]:
    """An overlay as braille: (x, row) to character. Solid lines join their points, others are single dots."""
    dots: dict[tuple[int, int], int] = {}
    levels = rows * 4
    factor = (levels - 1) / ((scale.high - scale.low) or 1.0)

    def level(value: float) -> int:
        return int((scale.high - value) * factor + 0.5)

    for x, value in enumerate(values):
        if value is None or not math.isfinite(value):
            continue
        here = level(value)
        after = values[x + 1] if x + 1 < len(values) else None
        _dot(dots, x, here, _UP, levels)
        if solid:
            half = here if after is None or not math.isfinite(after) else (here + level(after)) // 2
            _dot(dots, x, half, _DOWN, levels)
    return {place: chr(0x2800 + bits) for place, bits in dots.items()}


def _dot(dots: dict[tuple[int, int], int], x: int, level: int, bits: tuple[int, ...], levels: int) -> None:
    if 0 <= level < levels:
        place = (x, level // 4)
        dots[place] = dots.get(place, 0) | bits[level % 4]


def volume_cells(candles: Sequence[Candle], rows: int) -> Grid:
    """Volume bars in eighths, in the soft tone of their candle."""
    most = max((candle.volume for candle in candles), default=0.0) or 1.0
    grid: Grid = [[(" ", "")] * len(candles) for _ in range(rows)]
    for x, candle in enumerate(candles):
        level = round(candle.volume / most * rows * 8)
        tone = "up-soft" if candle.close >= candle.open else "down-soft"
        for y in range(rows):
            part = min(8, level - (rows - 1 - y) * 8)
            if part > 0:
                grid[y][x] = (BLOCKS[part - 1], tone)
    return grid


def joined(cells: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one tone as one span."""
    line: list[tuple[str, str]] = []
    for character, tone in cells:
        if line and line[-1][1] == tone:
            line[-1] = (line[-1][0] + character, tone)
        else:
            line.append((character, tone))
    return line
