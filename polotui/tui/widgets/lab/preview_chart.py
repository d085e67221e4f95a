"""Where the text in the editor would have entered and left: the chart of the market screen with the marks of the rules.

Decided here: ▲ stands below the bar where something was bought, ▼ above the bar where it was sold, so that no mark
covers a candle. All bars are shown, several to a column when there are more than columns, because a rule acts seldom;
`a` shows each bar by itself. While the text has errors the last picture stays, and the line below says so.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.lab_values import StrategyPreview
from polotui.api.replies import CandleSeries, Source
from polotui.core.text import clean
from polotui.model.candles import Candle
from polotui.tui import keys
from polotui.tui.numbers import percent
from polotui.tui.series import Series
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.candle_chart import CandleChart, ChartMark
from polotui.tui.widgets.candle_marks import Grid, Scale
from polotui.tui.widgets.lab.work import LabWork
from polotui.tui.widgets.painted import Line

_NOTHING = Series("BTC_USDT", "1h", ())
#: Columns that the price scale takes, at least.
_AXIS = 12
#: Bars to a column: multiples that meet round hours and days.
_TOGETHER = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 168, 336)


class Merged(Series):
    """A series with `factor` bars to a candle, cut at round times, so that marks and times find their column."""

    def __init__(self, series: Series, factor: int) -> None:
        super().__init__(series.symbol, series.timeframe, series.overlays)
        self._step = series.step_ms * factor
        groups: dict[int, list[int]] = {}
        for index, candle in enumerate(series.candles):
            groups.setdefault(candle.open_ms - candle.open_ms % self._step, []).append(index)
        self.candles = [merged(at, [series.candles[index] for index in group]) for at, group in groups.items()]
        self.lines = {name: [values[group[-1]] for group in groups.values()] for name, values in series.lines.items()}
        self.owner = series.owner
        self.loaded = True

    @property
    def step_ms(self) -> int:
        return self._step


def merged(open_ms: int, candles: list[Candle]) -> Candle:
    """Neighbouring candles as one."""
    return Candle(
        open_ms,
        candles[0].open,
        max(candle.high for candle in candles),
        min(candle.low for candle in candles),
        candles[-1].close,
        sum(candle.volume for candle in candles),
        sum(candle.amount for candle in candles),
        sum(candle.trades for candle in candles),
        candles[-1].closed,
    )


class PreviewChart(CandleChart):
    """Draws `work.preview`."""

    NAME = "Preview"
    ABOUT = (
        "Where the text in the editor would have acted: ▲ bought, ▼ sold, on the newest bars. [ and ] change the bars, "
        "i the symbol. It is a picture of the rules and no backtest: without fees, sizing and fills."
    )
    SCOPES = ("lab", "chart", "preview")
    TOPICS = frozenset({"link", "engine"})
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("preview")

    def __init__(self, work: LabWork, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.work = work
        self._whole = _NOTHING
        self._series = _NOTHING
        self._each = False
        """Each bar in a column of its own."""
        self._factor = 1
        self._of: StrategyPreview | None = None

    @property
    def series(self) -> Series:
        return self._series

    def wants(self, dirty: set[str]) -> bool:
        return bool(dirty & self.TOPICS)

    def take(self, preview: StrategyPreview | None) -> None:
        """Another answer. One without candles leaves the picture as it is."""
        if preview is None:
            self._whole = self._series = _NOTHING
            self._of, self.marks = None, []
        elif preview.candles:
            old = self._whole
            names = tuple(dict.fromkeys(line.overlay for line in preview.lines))
            series = Series(preview.symbol, preview.timeframe, names)
            series.replace(
                CandleSeries(
                    symbol=preview.symbol, timeframe=preview.timeframe, candles=preview.candles, lines=preview.lines,
                    source=Source(name="store"),
                )
            )  # fmt: skip
            if (old.symbol, old.timeframe) != (series.symbol, series.timeframe):
                self.back, self.cross_back, self._scale = 0, None, None
            self._whole, self._of = series, preview
            self._factor = 0
            self.marks = [
                ChartMark(mark.at_ms, mark.price, (mark.kind == "entry") == (mark.side == "long"))
                for mark in preview.marks
            ]
        self.repaint()

    def draw(self, width: int, height: int) -> list[Line]:
        if self._whole.candles:
            # Before the title, which tells how many bars stand in a column.
            self._merge(width - 2 - _AXIS)
        return super().draw(width, height)

    def title(self, width: int) -> Line:
        if self.cross_back is not None and self._series.candles:
            return super().title(width)
        shown = self._of
        head: Line = [(self.NAME, "title")]
        if shown is not None:
            # «26 × 12 bars»: columns, and bars in each.
            bars = f" · {len(self._series.candles):,} × {self._factor} bars"
            if self._factor <= 1:
                bars = f" · {len(shown.candles):,} bars"
            head.append((f" · {clean(shown.symbol, 24)} {clean(shown.timeframe, 6)}{bars}", "muted"))
        return head

    def title_right(self) -> Line:
        if self.work.previewing and self._of is None:
            return [("asking …", "muted")]
        return [(f"{self.back} bars back", "muted")] if self.back else self.stale_mark(0)

    def body(self, width: int, height: int) -> list[Line]:
        if self.work.document is None:
            return [
                [],
                *([(f" {line}", "muted")] for line in wrapped("Open a strategy to see where it acts.", width - 2)),
            ]
        words, tone = self._summary()
        told: list[Line] = [[(f" {line}", tone)] for line in wrapped(words, max(10, width - 2))[:2]]
        if not self._whole.candles:
            return [[], *told]
        return [*super().body(width, height - len(told)), *told]

    def _merge(self, columns: int) -> None:
        needed = 1 if self._each else -(-len(self._whole.candles) // max(1, columns))
        # One more column than groups of equal size: the first and the last are cut at round times.
        factor = next((many for many in _TOGETHER if many > needed or many == needed == 1), _TOGETHER[-1])
        if factor != self._factor:
            self._factor = factor
            self._series = self._whole if factor == 1 else Merged(self._whole, factor)
            self.back, self.cross_back, self._scale = 0, None, None

    def action_fit(self) -> None:
        self._each = not self._each
        self.repaint()

    def _summary(self) -> tuple[str, str]:
        work, shown = self.work, self._of
        if work.preview_fault:
            return f"No preview: {clean(work.preview_fault, 300)}", "warn"
        newest = work.preview
        if newest is None:
            return ("Asking the engine …" if work.previewing else "No preview yet."), "muted"
        if newest is not shown:
            tail = " The picture is of the text before." if shown is not None else ""
            return f"{clean(newest.note, 200) or 'Nothing to show.'}{tail}", "warn"
        if newest.note and not newest.marks:
            return clean(newest.note, 300), "warn"
        entries = "1 entry" if newest.entries == 1 else f"{newest.entries} entries"
        parts = [entries, "1 exit" if newest.exits == 1 else f"{newest.exits} exits"]
        if newest.in_market is not None:
            parts.append(f"{newest.in_market * 100:.0f} % in market")
        if newest.worst_bar is not None:
            parts.append(f"worst bar {percent(newest.worst_bar, 1)}")
        return " · ".join(parts) + (f" · {clean(newest.note, 200)}" if newest.note else ""), ""

    def _marked(self, grid: Grid, candles: list[Candle], scale: Scale, rows: int) -> None:
        step = self.series.step_ms
        places = {candle.open_ms: x for x, candle in enumerate(candles)}
        for mark in self.marks:
            x = places.get(mark.at_ms - mark.at_ms % step)
            if x is None:
                continue
            y = scale.row(candles[x].low, rows) + 1 if mark.buy else scale.row(candles[x].high, rows) - 1
            grid[max(0, min(y, rows - 1))][x] = ("▲" if mark.buy else "▼", "accent" if mark.buy else "warn")
