"""The candle chart: half-cell candles, volume, overlays, price scale, time axis, crosshair.

Decided here: one column a candle, newest at the right edge. Scrolling and the crosshair are in bars from the newest,
so the view stands still while new candles arrive. Older pages are asked for before the left edge is reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from polotui.core.text import clean
from polotui.model.candles import Candle
from polotui.tui import keys
from polotui.tui.numbers import compact, moment, percent, price, tone_of
from polotui.tui.series import Series
from polotui.tui.view import OVERLAYS
from polotui.tui.widgets.candle_marks import (
    Grid,
    Scale,
    column,
    decimals_of,
    joined,
    line_dots,
    scale_for,
    time_labels,
    volume_cells,
)
from polotui.tui.widgets.painted import Line, clip, fit, width_of
from polotui.tui.widgets.pane import Exported, Pane


@dataclass(frozen=True)
class ChartMark:
    """A trade of one's own on the chart: ▲ bought, ▼ sold."""

    at_ms: int
    price: float
    buy: bool


class CandleChart(Pane):
    """One symbol's candles."""

    NAME = "Chart"
    ABOUT = "Candles of the chosen symbol, with volume below. Crosshair: arrow keys; its bar is read in the title."
    SCOPES: tuple[str, ...] = ("market", "chart")
    TOPICS = frozenset({"chart", "watch", "link", "second", "view"})
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("chart")

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.back = 0
        """Bars between the right edge and the newest."""
        self.cross_back: int | None = None
        """Bars between the crosshair and the newest."""
        self._scale: Scale | None = None
        self._scale_of = ""
        self.marks: list[ChartMark] = []
        """Entries and exits to show, for whoever has some."""
        self._columns = 60
        self._count = 0

    @property
    def series(self) -> Series:
        view = self.desk.view
        return self.desk.store.chart(view.symbol, view.timeframe, view.overlays)

    def wants(self, dirty: set[str]) -> bool:
        mine = f"chart:{self.desk.view.symbol}"
        return mine in dirty or bool(dirty & {"link", "second", "view", "watch"})

    def view_changed(self) -> None:
        """Another symbol or timeframe."""
        self.back, self.cross_back, self._scale = 0, None, None
        self.repaint()

    # titles

    def title(self, width: int) -> Line:
        series = self.series
        candle = self._crossed(series)
        head: Line = [(clean(series.symbol, 24), "title"), (f" · {series.timeframe}", "muted")]
        if candle is None:
            bars = f" · {len(series.candles):,} bars" if series.candles else ""
            head.append((bars, "muted"))
            for index, name in enumerate(series.overlays):
                head.append((f"  {OVERLAYS.get(name, '·')} {name}", f"line{index % 4 + 1}"))
            return head
        figures, rest = self._figures(candle)
        when: Line = [(moment(candle.open_ms), "")]
        for line in ([*head, (" · ", "muted"), *when, *figures, *rest], [*when, *figures, *rest], [*when, *figures]):
            if width_of(line) <= width:
                return line
        return figures[1:]

    def _figures(self, candle: Candle) -> tuple[Line, Line]:
        """Open to close, and volume and change: the second goes into the picture when the title has no room."""
        scale = self.desk.store.scale_of(self.series.symbol)
        change = candle.close / candle.open - 1 if candle.open else None
        figures: Line = []
        named = (("O", candle.open), ("H", candle.high), ("L", candle.low), ("C", candle.close))
        for letter, value in named:
            figures += [("  ", ""), (f"{letter} ", "muted"), (price(value, scale), "")]
        rest = [("  V ", "muted"), (compact(candle.volume), ""), (f"  {percent(change)}", tone_of(change))]
        return figures, rest

    def title_right(self) -> Line:
        series = self.series
        mark = self.stale_mark(series.stale_since_ms)
        if mark:
            return mark
        if series.loading:
            return [("loading …", "muted")]
        return [(f"{self.back} bars back", "muted")] if self.back else []

    def _crossed(self, series: Series) -> Candle | None:
        if self.cross_back is None or not series.candles:
            return None
        return series.candles[max(0, len(series.candles) - 1 - self.cross_back)]

    # drawing

    def body(self, width: int, height: int) -> list[Line]:
        series = self.series
        if not series.candles:
            words = series.fault or ("Loading candles …" if not series.loaded else "The exchange has no candles here.")
            return [[], [(f" {clean(words, 300)}", "warn" if series.fault else "muted")]]
        self._follow(series)
        scale_digits = self.desk.store.scale_of(series.symbol)
        axis = max(9, len(price(max(candle.high for candle in series.candles[-50:]), scale_digits)) + 2)
        columns = max(10, width - axis)
        self._columns = columns
        volume_rows = 0 if height < 9 else max(2, height // 7)
        rows = max(2, height - volume_rows - 1)
        end = len(series.candles) - self.back
        start = max(0, end - columns)
        candles = series.candles[start:end]
        scale = self._scaled(series, candles, start, end, rows)
        grid = self._candles(candles, scale, rows)
        self._overlays(grid, series, start, end, scale, rows)
        self._last_line(grid, series, scale, rows)
        self._marked(grid, candles, scale, rows)
        if volume_rows:
            grid += volume_cells(candles, volume_rows)
        self._crosshair(grid, series, start, end)
        pad = columns - len(candles)
        labels = self._axis(series, scale, rows, axis, scale_digits)
        lines: list[Line] = []
        for y, cells in enumerate(grid):
            label = labels.get(y, ("│" + " " * (axis - 1), "faint"))
            lines.append([(" " * pad, ""), *joined(cells), label])
        crossed = self._crossed(series)
        if crossed is not None and not any(text == "  V " for text, _ in self.title(width - 4)):
            told = self._figures(crossed)[1]
            lines[0] = [*told, *clip(lines[0], width_of(told))]
        if volume_rows:
            lines[rows][-1] = (fit(f"│ {compact(candles[-1].volume)}", axis), "faint")
        lines.append(self._times(candles, series.step_ms, pad, columns))
        return lines

    def _follow(self, series: Series) -> None:
        """A view away from the newest bar stands still when a bar is added."""
        name = f"{series.symbol} {series.timeframe}"
        if self._scale_of != name:
            self._scale, self._scale_of = None, name
            self._count = series.candles[-1].open_ms
        added = (series.candles[-1].open_ms - self._count) // series.step_ms
        if added > 0:
            if self.back:
                self.back += added
            if self.cross_back is not None:
                self.cross_back += added
        self._count = series.candles[-1].open_ms
        self.back = max(0, min(self.back, len(series.candles) - 2))

    def _scaled(self, series: Series, candles: list[Candle], start: int, end: int, rows: int) -> Scale:
        low = min(candle.low for candle in candles)
        high = max(candle.high for candle in candles)
        reach = (high - low) * 0.5 or 1.0
        for values in series.lines.values():
            inside = [value for value in values[start:end] if value is not None and low - reach < value < high + reach]
            if inside:
                low, high = min(low, min(inside)), max(high, max(inside))
        self._scale = scale_for(low, high, rows, self._scale)
        return self._scale

    def _candles(self, candles: list[Candle], scale: Scale, rows: int) -> Grid:
        grid: Grid = [[(" ", "")] * len(candles) for _ in range(rows)]
        for x, candle in enumerate(candles):
            tone = "up" if candle.close >= candle.open else "down"
            for y, character in enumerate(column(candle, scale.low, scale.high, rows)):
                if character != " ":
                    grid[y][x] = (character, tone)
        return grid

    def _overlays(self, grid: Grid, series: Series, start: int, end: int, scale: Scale, rows: int) -> None:
        for index, overlay in enumerate(series.overlays):
            tone = f"line{index % 4 + 1}"
            glyph = OVERLAYS.get(overlay, "·")
            for name, values in series.lines.items():
                if series.owner.get(name) != overlay:
                    continue
                part = values[start:end]
                if glyph in "⠒⠂":
                    marks = line_dots(part, scale, rows, solid=glyph == "⠒")
                else:
                    marks = {(x, scale.row(value, rows)): glyph for x, value in enumerate(part) if value is not None}
                for (x, y), character in marks.items():
                    if 0 <= y < rows and grid[y][x][0] == " ":
                        grid[y][x] = (character, tone)

    def _last_line(self, grid: Grid, series: Series, scale: Scale, rows: int) -> None:
        y = scale.row(series.candles[-1].close, rows)
        if 0 <= y < rows:
            grid[y] = [("┄", "faint") if cell[0] == " " else cell for cell in grid[y]]

    def _marked(self, grid: Grid, candles: list[Candle], scale: Scale, rows: int) -> None:
        places = {candle.open_ms: x for x, candle in enumerate(candles)}
        step = self.series.step_ms
        for mark in self.marks:
            x, y = places.get(mark.at_ms - mark.at_ms % step), scale.row(mark.price, rows)
            if x is not None and 0 <= y < rows:
                grid[y][x] = ("▲" if mark.buy else "▼", "accent")

    def _crosshair(self, grid: Grid, series: Series, start: int, end: int) -> None:
        if self.cross_back is None:
            return
        x = len(series.candles) - 1 - self.cross_back - start
        if not 0 <= x < end - start:
            return
        for row in grid:
            row[x] = ("┊", "cross") if row[x][0] in " ┄" else (row[x][0], "accent")

    def _axis(self, series: Series, scale: Scale, rows: int, width: int, digits: int) -> dict[int, tuple[str, str]]:
        places = decimals_of(scale.step, digits)
        labels: dict[int, tuple[str, str]] = {}
        for value in scale.labels():
            y = scale.row(value, rows)
            if 0 <= y < rows:
                labels[y] = (fit(f"┤ {price(value, places)}", width), "muted")
        last = series.candles[-1].close
        y = scale.row(last, rows)
        if 0 <= y < rows:
            labels[y] = (
                fit(f"┤{price(last, digits)}", width),
                "muted" if self.stale_mark(series.stale_since_ms) else "last",
            )
        return labels

    def _times(self, candles: list[Candle], step_ms: int, pad: int, columns: int) -> Line:
        text = [" "] * columns
        for index, label in time_labels([candle.open_ms for candle in candles], step_ms, 11):
            if pad + index + len(label) <= columns:
                text[pad + index : pad + index + len(label)] = label
        return [("".join(text), "muted")]

    # keys

    def action_cross(self, step: int) -> None:
        """Moves the crosshair; it starts at the right edge and takes the view with it."""
        count = len(self.series.candles)
        if not count:
            return
        here = self.back if self.cross_back is None else self.cross_back - step
        self.cross_back = max(0, min(count - 1, here))
        if self.cross_back < self.back:
            self.back = self.cross_back
        elif self.cross_back >= self.back + self._columns:
            self.back = self.cross_back - self._columns + 1
        self._moved()

    def action_scroll_bars(self, step: int) -> None:
        self.back = max(0, min(len(self.series.candles) - 2, self.back - step * self._columns // 2))
        if self.cross_back is not None:
            self.cross_back = max(self.back, min(self.cross_back, self.back + self._columns - 1))
        self._moved()

    def action_oldest(self) -> None:
        self.back = max(0, len(self.series.candles) - self._columns)
        self.cross_back = None
        self._moved()

    def action_newest(self) -> None:
        self.back, self.cross_back = 0, None
        self._moved()

    def escape(self) -> bool:
        if self.cross_back is None and not self.back:
            return False
        self.action_newest()
        return True

    def _moved(self) -> None:
        self.repaint()
        series = self.series
        if series.more and not series.loading and len(series.candles) - self.back - self._columns < 100:
            self.desk.load_older(series)

    def on_click(self, event: events.Click) -> None:
        """The crosshair goes to the bar under the mouse."""
        drawn = min(self._columns, len(self.series.candles) - self.back)
        from_right = self._columns - (event.x - 1) - 1
        if 0 <= from_right < drawn:
            self.cross_back = self.back + from_right
            self._moved()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scroll(5)
        event.stop()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scroll(-5)
        event.stop()

    def _scroll(self, bars: int) -> None:
        self.back = max(0, min(len(self.series.candles) - 2, self.back + bars))
        self._moved()

    # giving out

    def export(self) -> Exported | None:
        series = self.series
        names = list(series.lines)
        head = ["open_ms", "open", "high", "low", "close", "volume", "amount", "closed", *names]
        rows = [
            [
                *(str(value) for value in (c.open_ms, c.open, c.high, c.low, c.close, c.volume, c.amount, c.closed)),
                *("" if (value := series.lines[name][index]) is None else str(value) for name in names),
            ]
            for index, c in enumerate(series.candles)
        ]
        return Exported(f"candles {series.symbol} {series.timeframe}", head, rows) if rows else None

    def copied(self) -> tuple[str, str] | None:
        series = self.series
        if not series.candles:
            return None
        candle = self._crossed(series) or series.candles[-1]
        text = f"{series.symbol} {series.timeframe} {moment(candle.open_ms)} "
        return ("bar", text + f"O {candle.open} H {candle.high} L {candle.low} C {candle.close} V {candle.volume}")
