"""A trade on its candles: the bars around it, with every entry and exit of the run that falls on them.

Decided here: it is the desk's candle chart on bars that came with the run, so that crosshair and scale are the same;
nothing live is drawn into it.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api import lab_replies as lr
from polotui.core.text import clean
from polotui.model.candles import Timeframe
from polotui.tui import keys
from polotui.tui.series import Series
from polotui.tui.widgets.backtest.result_pane import ResultPane
from polotui.tui.widgets.candle_chart import CandleChart, ChartMark
from polotui.tui.widgets.candle_marks import Grid, Scale
from polotui.tui.widgets.painted import Line


class RunChart(CandleChart, ResultPane):
    """Over the curve while a trade is looked at; Esc gives the place back."""

    NAME = "Trade"
    ABOUT = "The bars around a trade: ▲ bought, ▼ sold. The crosshair stands on the entry; Esc closes the chart."
    SCOPES: tuple[str, ...] = ("result", "chart", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("result")
    TOPICS = frozenset({"bench", "link"})

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._series = Series("", "1h", ())
        self.trade = 0
        self._told: dict[int, str] = {}

    @property
    def series(self) -> Series:
        return self._series

    def wants(self, dirty: set[str]) -> bool:
        return bool(dirty & self.TOPICS)

    def put(self, reply: lr.RunChart, trade: int) -> None:
        """The bars of a trade; the crosshair goes to its entry, the view around it."""
        frame = Timeframe.parse(reply.timeframe)
        series = Series(clean(reply.symbol, 24), frame.value, ())
        series.candles = list(reply.candles)
        series.loaded = True
        self._series = series
        self.trade = trade
        self._scale, self._scale_of = None, ""
        self.marks = [
            ChartMark(mark.at_ms, mark.price, buy=(mark.kind == "entry") == (mark.side == "long"))
            for mark in reply.marks
        ]
        self._told = {
            frame.floor(mark.at_ms): clean(mark.text or f"{mark.kind} {mark.side}", 60) for mark in reply.marks
        }
        self.back, self.cross_back = 0, None
        focus = frame.floor(reply.focus_ms) if reply.focus_ms else 0
        place = next((index for index, candle in enumerate(series.candles) if candle.open_ms == focus), None)
        if place is not None:
            newer = len(series.candles) - 1 - place
            self.cross_back = newer
            self.back = max(0, newer - max(10, self.size.width - 12) // 2)
        self.repaint()

    def title(self, width: int) -> Line:
        series = self.series
        candle = self._crossed(series)
        what = f"trade {self.trade}" if self.trade else "last bars"
        head: Line = [(what, "accent"), (f" · {series.symbol} {series.timeframe}", "title")]
        if candle is None:
            return head
        told = self._told.get(candle.open_ms, "")
        rest = super().title(width - sum(len(text) for text, _ in head) - len(told) - 6)
        if told:
            head.append((f" · {told}", "accent"))
        return [*head, ("  ", ""), *rest] if len(series.symbol) < 30 and width > 70 else head

    def title_right(self) -> Line:
        return [("Esc closes", "muted")]

    def _last_line(self, grid: Grid, series: Series, scale: Scale, rows: int) -> None:
        """None: the last bar here is not the market's last price."""

    def _axis(self, series: Series, scale: Scale, rows: int, width: int, digits: int) -> dict[int, tuple[str, str]]:
        labels = super()._axis(series, scale, rows, width, digits)
        return {y: (text, "muted") for y, (text, tone) in labels.items() if tone != "last"}

    def escape(self) -> bool:
        self.backtest.close_chart()
        return True
