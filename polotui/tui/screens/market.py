"""Market: watchlist, order book, chart and tape of one symbol.

Decided here: below 100 columns either the watchlist or the chart with a narrow book has the room, and Tab goes
between them; below 30 rows the tape goes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from polotui.tui import keys
from polotui.tui.screens.base import DeskScreen
from polotui.tui.widgets.candle_chart import CandleChart
from polotui.tui.widgets.order_book import OrderBook
from polotui.tui.widgets.pane import Pane
from polotui.tui.widgets.tape import TradeTape
from polotui.tui.widgets.watchlist import Watchlist


class MarketScreen(DeskScreen):
    """Screen 1."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("market")
    DEFAULT_CSS = """
    MarketScreen .column { height: 1fr; }
    MarketScreen #left { width: 52; }
    MarketScreen #right { width: 1fr; }
    MarketScreen #watchlist { height: 1fr; }
    MarketScreen #book { height: 2fr; }
    MarketScreen #chart { height: 1fr; width: 1fr; }
    MarketScreen #tape { height: 11; }
    MarketScreen #side { display: none; width: 30; height: 1fr; }
    MarketScreen #charts { height: 1fr; }
    MarketScreen.-medium #left { width: 41; }
    MarketScreen.-low #tape { display: none; }
    MarketScreen.-narrow #left { display: none; width: 1fr; }
    MarketScreen.-narrow #book { display: none; }
    MarketScreen.-narrow #tape { display: none; }
    MarketScreen.-narrow #side { display: block; }
    MarketScreen.-narrow.-listing #left { display: block; }
    MarketScreen.-narrow.-listing #right { display: none; }
    MarketScreen #body .-away { display: none; }
    MarketScreen #body .-zoomed { display: block; width: 1fr; height: 1fr; }
    MarketScreen #body .column.-alone { display: block; width: 1fr; height: 1fr; }
    """

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="body"):
            with Vertical(id="left", classes="column"):
                yield Watchlist(id="watchlist")
                yield OrderBook(id="book")
            with Vertical(id="right", classes="column"):
                with Horizontal(id="charts", classes="column"):
                    yield CandleChart(id="chart")
                    yield OrderBook(id="side")
                yield TradeTape(id="tape")

    def first_focus(self) -> Pane:
        # Asked before the first layout, when the breakpoints' classes are not set yet.
        return self.query_one(CandleChart) if self.app.size.width < 100 else self.query_one(Watchlist)

    def topics(self) -> list[str]:
        view = self.desk.view
        return [f"book:{view.symbol}", f"trades:{view.symbol}", view.topic]

    def settle(self) -> None:
        narrow, alone = self.has_class("-narrow"), self.zoomed is not None
        low = self.has_class("-low")
        self.query_one(Watchlist).frames(joins_above=False, has_bottom=narrow or alone)
        self.query_one("#book", OrderBook).frames(joins_above=not narrow and not alone, has_bottom=True)
        self.query_one(CandleChart).frames(joins_above=False, has_bottom=narrow or low or alone)
        self.query_one(TradeTape).frames(joins_above=not alone, has_bottom=True)

    def reachable(self, pane: Pane) -> bool:
        narrow = self.has_class("-narrow")
        if pane.id == "side":
            return narrow
        if pane.id == "book":
            return not narrow
        if pane.id == "tape":
            return not narrow and not self.has_class("-low")
        return True

    def reveal(self, pane: Pane) -> None:
        self.set_class(pane.id == "watchlist", "-listing")

    def view_changed(self) -> None:
        self.query_one(CandleChart).view_changed()
        self.repaint_all()

    def action_timeframe(self, step: int) -> None:
        if self.desk.view.step_timeframe(step):
            self.desk.view_changed()

    def action_overlays(self) -> None:
        self.desk.choose_overlays()
